//! The index against a naive scan, and against damage.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn file_of(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Index, TextError> {
    Index::open(Arc::new(BundleFile::new("logs/7.text", file_of(bytes), bytes.len() as u64)))
}

fn index_of(bodies: &[impl AsRef<str>]) -> Index {
    open(&build(bodies.iter().map(AsRef::as_ref)).unwrap()).unwrap()
}

fn scan(bodies: &[impl AsRef<str>], wanted: &[String]) -> Vec<u32> {
    let holds_all = |body: &str| {
        let mut held = HashSet::new();
        tokens(body, |it| {
            held.insert(it.to_owned());
        });
        wanted.iter().all(|it| held.contains(it))
    };
    (0..).zip(bodies).filter(|(_, body)| holds_all(body.as_ref())).map(|(row, _)| row).collect()
}

fn expected(bodies: &[impl AsRef<str>], wanted: &[String]) -> Candidates {
    let rows = scan(bodies, wanted);
    if wanted.is_empty() || rows.len() * 3 > bodies.len() { Candidates::All } else { Candidates::Rows(rows) }
}

fn strings(tokens: &[&str]) -> Vec<String> {
    tokens.iter().map(|it| (*it).to_owned()).collect()
}

const BODIES: [&str; 8] = [
    "Payment failed: card declined, order_id=17",
    "GET /api/v1/cart 200 in 12 ms",
    "결제가 실패했습니다 (order_id=17)",
    "支付失败 order 18",
    "",
    "cache miss for key cart:17",
    "Café opened ✅",
    "retry 3 of 5: payment gateway timeout",
];

#[test]
fn finds_the_rows_that_hold_every_token() {
    let index = index_of(&BODIES);
    assert_eq!(index.rows(), 8);
    let table: &[(&str, &[u32])] = &[
        ("payment", &[0, 7]),
        ("PAYMENT failed", &[0]),
        ("order_id", &[0, 2]),
        ("cart", &[1, 5]),
        ("/api/v1/cart", &[1]),
        ("결제", &[2]),
        ("실패", &[2]),
        ("실패했습니다", &[2]),
        ("결실", &[]),
        ("失败", &[3]),
        ("café", &[6]),
        ("cafe", &[]),
        ("payment absent", &[]),
    ];
    for (phrase, rows) in table {
        let found = index.rows_with_all(&query_tokens(phrase)).unwrap();
        assert_eq!(found, Candidates::Rows(rows.to_vec()), "{phrase:?}");
    }
}

#[test]
fn answers_all_when_the_tokens_do_not_select() {
    let index = index_of(&["a x", "a y", "a z", "b", "b c", "c"]);
    assert_eq!(index.rows_with_all(&[]).unwrap(), Candidates::All);
    assert_eq!(index.rows_with_all(&strings(&["a"])).unwrap(), Candidates::All);
    assert_eq!(index.rows_with_all(&strings(&["b"])).unwrap(), Candidates::Rows(vec![3, 4]));
    // Each of many rows, both of few.
    let bodies: Vec<String> = (0..100)
        .map(|it| format!("{} {}", if it < 60 { "low" } else { "" }, if it >= 58 { "high" } else { "" }))
        .collect();
    let index = index_of(&bodies);
    assert_eq!(index.rows_with_all(&strings(&["low"])).unwrap(), Candidates::All);
    assert_eq!(index.rows_with_all(&strings(&["low", "high"])).unwrap(), Candidates::Rows(vec![58, 59]));
}

#[test]
fn takes_no_rows_and_rows_without_tokens() {
    for bodies in [&[][..], &["", "", "", "!"][..]] {
        let index = index_of(bodies);
        assert_eq!(index.rows() as usize, bodies.len());
        assert_eq!(index.rows_with_all(&strings(&["a"])).unwrap(), Candidates::Rows(vec![]));
        index.verify().unwrap();
    }
}

#[test]
fn same_rows_give_the_same_bytes() {
    assert_eq!(build(BODIES.into_iter()).unwrap(), build(BODIES.into_iter()).unwrap());
}

#[test]
fn costs_no_bytes_for_stored_documents() {
    let size = |rows: usize| build(std::iter::repeat_n("", rows)).unwrap().len();
    assert!(size(10_000) < size(10) + 16, "{} and {}", size(10_000), size(10));
}

/// Enough rows for skip lists and for parts of many checksum blocks.
fn many_bodies() -> Vec<String> {
    let slow = |row: u32| if row.is_multiple_of(7) { "slow" } else { "" };
    (0..20_000).map(|it| format!("request {it} of user{} took {} ms {}", it % 977, it % 13, slow(it))).collect()
}

#[test]
fn agrees_with_a_scan_over_many_rows() {
    let bodies = many_bodies();
    let bytes = build(bodies.iter().map(String::as_str)).unwrap();
    assert!(bytes.len() > 6 * 16 * 1024, "{}", bytes.len());
    let index = open(&bytes).unwrap();
    index.verify().unwrap();
    for phrase in [
        "user5",
        "user5 slow",
        "12 ms",
        "slow",
        "took 3 ms slow user17",
        "19999",
        "request",
        "request 3 slow",
        "user977",
    ] {
        let wanted = query_tokens(phrase);
        assert_eq!(index.rows_with_all(&wanted).unwrap(), expected(&bodies, &wanted), "{phrase:?}");
    }
}

#[test]
fn rows_with_huge_bodies_are_candidates_of_every_search() {
    let huge = "needle ".repeat(MAX_INDEXED_BODY / 7 + 1);
    let mut bodies = vec!["straw"; 20];
    bodies[3] = &huge;
    bodies[9] = "needle";
    let index = index_of(&bodies);
    assert_eq!(index.rows_with_all(&strings(&["needle"])).unwrap(), Candidates::Rows(vec![3, 9]));
    assert_eq!(index.rows_with_all(&strings(&["absent"])).unwrap(), Candidates::Rows(vec![3]));
    assert_eq!(index.rows_with_all(&strings(&["straw"])).unwrap(), Candidates::All);
}

/// The sample was written by the first version; bundles like it are on users' disks.
#[test]
fn reads_the_sample_of_version_1() {
    let index = open(include_bytes!("sample-v1.text")).unwrap();
    index.verify().unwrap();
    for body in BODIES {
        let wanted = query_tokens(body);
        assert_eq!(index.rows_with_all(&wanted).unwrap(), expected(&BODIES, &wanted), "{body:?}");
    }
}

fn look_up_all<T: AsRef<str>>(index: &Index, bodies: &[T]) -> Result<Vec<Candidates>, TextError> {
    bodies.iter().map(|it| index.rows_with_all(&query_tokens(it.as_ref()))).collect()
}

/// Flips bits in every `step`-th byte, one byte at a time; returns how often a look-up was the first to notice.
fn flip_bits(bodies: &[impl AsRef<str>], looked_up: &[impl AsRef<str>], step: usize) -> usize {
    let good = build(bodies.iter().map(AsRef::as_ref)).unwrap();
    let right = look_up_all(&open(&good).unwrap(), looked_up).unwrap();
    let file = file_of(&good);
    let mut noticed_by_reading = 0;
    let named = |error: TextError| assert!(error.to_string().starts_with("text index logs/7.text: "), "{error}");
    for at in (0..good.len()).step_by(step) {
        for mask in [1u8, 0x80, 0xff] {
            file.write_all_at(&[good[at] ^ mask], at as u64).unwrap();
            let file = BundleFile::new("logs/7.text", file.try_clone().unwrap(), good.len() as u64);
            match Index::open(Arc::new(file)) {
                Ok(index) => {
                    match look_up_all(&index, looked_up) {
                        Ok(found) => assert_eq!(found, right, "byte {at} mask {mask}"),
                        Err(error) => {
                            named(error);
                            noticed_by_reading += 1;
                        }
                    }
                    named(index.verify().unwrap_err());
                }
                Err(error) => named(error),
            }
        }
        file.write_all_at(&[good[at]], at as u64).unwrap();
    }
    noticed_by_reading
}

#[test]
fn a_flipped_bit_anywhere_is_an_error() {
    // Each part is one block, so that opening notices all.
    assert_eq!(flip_bits(&BODIES, &BODIES, 1), 0);
}

#[test]
fn a_flipped_bit_where_only_a_look_up_reads_is_an_error_or_makes_no_difference() {
    let bodies = many_bodies();
    assert!(flip_bits(&bodies, &bodies[..20], 2003) > 0);
}

#[test]
fn a_truncated_bundle_is_an_error() {
    let good = build(BODIES.into_iter()).unwrap();
    for length in 0..good.len() {
        let error = open(&good[..length]).err().unwrap();
        assert!(matches!(error, TextError::Damaged { .. }), "{length}: {error}");
    }
}

#[test]
fn a_bundle_cut_short_while_open_is_an_error() {
    let good = build(BODIES.into_iter()).unwrap();
    let file = file_of(&good);
    let index =
        Index::open(Arc::new(BundleFile::new("logs/7.text", file.try_clone().unwrap(), good.len() as u64))).unwrap();
    file.set_len(4).unwrap();
    let error = look_up_all(&index, &BODIES).unwrap_err().to_string();
    assert!(error.starts_with("text index logs/7.text: file: ends before byte "), "{error}");
}

#[test]
fn errors_name_the_file_the_part_and_the_damage() {
    let good = build(BODIES.into_iter()).unwrap();
    let end = good.len();
    let cases: [(usize, &str); 4] = [
        (0, "text index logs/7.text: header: is not that of a text index"),
        (8, "text index logs/7.text: idx: "),
        (end - 32, "text index logs/7.text: footer: does not have the checksum it records"),
        (end - 33, "text index logs/7.text: directory: does not have the checksum recorded in the footer"),
    ];
    for (at, message) in cases {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let error = open(&bad).and_then(|it| it.verify()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let mut newer = good;
    newer[end - 12] = 2;
    let error = open(&newer).err().unwrap().to_string();
    assert_eq!(error, "text index logs/7.text: format version 2; this version of haechi reads version 1");
}

#[test]
fn index_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Index>();
    shared::<TextError>();
}

/// Few characters, so that words of one body turn up in others.
const TEXT: &str = "[abAB_1é결제支ー ./✅\u{307}ΣİK]{0,14}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_a_scan(
        bodies in prop::collection::vec(TEXT, 1..40),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..6), 1..12),
        strangers in prop::collection::vec(TEXT, 0..4),
    ) {
        let index = index_of(&bodies);
        let parts = picks.iter().map(|(body, start, length)| {
            let characters: Vec<char> = body.get(&bodies).chars().collect();
            let start = if characters.is_empty() { 0 } else { start.index(characters.len()) };
            characters.iter().skip(start).take(*length).collect::<String>()
        });
        for phrase in parts.chain(strangers.iter().cloned()).chain(bodies.iter().cloned()) {
            let wanted = query_tokens(&phrase);
            prop_assert_eq!(index.rows_with_all(&wanted).unwrap(), expected(&bodies, &wanted), "{:?}", phrase);
        }
    }

    #[test]
    fn a_body_that_matches_a_phrase_holds_all_its_tokens(body in TEXT, phrase in TEXT, start in 0usize..14, length in 0usize..8) {
        let part: String = body.chars().skip(start).take(length).collect();
        for phrase in [phrase, part] {
            if Phrase::new(&phrase).matches(&body) {
                prop_assert_eq!(scan(&[&body], &query_tokens(&phrase)), vec![0], "{:?} in {:?}", phrase, body);
            }
        }
    }

    #[test]
    fn every_text_matches_itself_as_a_phrase(text in "\\PC{0,40}") {
        prop_assert!(Phrase::new(&text).matches(&text));
        prop_assert!(Phrase::new(&text.to_uppercase()).matches(&text) || !text.is_ascii());
    }

    #[test]
    fn any_text_gives_bounded_tokens(text in any::<String>()) {
        tokens(&text, |it| assert!(!it.is_empty() && it.len() <= MAX_TOKEN_BYTES));
    }

    #[test]
    fn bytes_that_are_no_bundle_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes).is_err());
    }
}
