//! The index against a naive scan, and against damage.

mod damage;

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

fn build<'a>(bodies: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, TextError> {
    build_within(bodies, 64 << 20)
}

fn build_within<'a>(bodies: impl Iterator<Item = &'a str>, memory: usize) -> Result<Vec<u8>, TextError> {
    let mut builder = Builder::new(Vec::new(), memory)?;
    for body in bodies {
        builder.push(body)?;
    }
    let (blobs, tail) = builder.finish()?;
    Ok([blobs, tail].concat())
}

fn open(bytes: &[u8]) -> Result<Arc<Index>, TextError> {
    Index::open(Arc::new(BundleFile::new("logs/7.text", file_of(bytes), bytes.len() as u64))).map(Arc::new)
}

fn index_of(bodies: &[impl AsRef<str>]) -> Arc<Index> {
    open(&build(bodies.iter().map(AsRef::as_ref)).unwrap()).unwrap()
}

fn scan(bodies: &[impl AsRef<str>], wanted: &[String]) -> Vec<u32> {
    let holds_all = |body: &str| {
        let mut held = vec![false; wanted.len()];
        tokens(body, |token| wanted.iter().zip(&mut held).for_each(|(it, held)| *held |= it == token));
        held.into_iter().all(|held| held)
    };
    (0..).zip(bodies).filter(|(_, body)| holds_all(body.as_ref())).map(|(row, _)| row).collect()
}

fn look_up(index: &Arc<Index>, wanted: &[String]) -> Result<Matches, TextError> {
    index.search(wanted)?.rows(0..index.rows())
}

/// What a search must say: nothing that matches is missing, what is sure matches, and of words everything is sure.
#[track_caller]
fn check(index: &Arc<Index>, bodies: &[impl AsRef<str>], wanted: &[String]) {
    check_rows(index, wanted, &scan(bodies, wanted));
}

#[track_caller]
fn check_rows(index: &Arc<Index>, wanted: &[String], expected: &[u32]) {
    let matching: HashSet<u32> = expected.iter().copied().collect();
    let mut found = look_up(index, wanted).unwrap();
    let left: HashSet<u32> = found.iter().collect();
    let unsure: HashSet<u32> = found.unsure().iter().collect();
    for row in expected {
        assert!(left.contains(row), "{wanted:?}: row {row} is missing");
    }
    for row in left.difference(&unsure) {
        assert!(matching.contains(row), "{wanted:?}: row {row} is not sure");
    }
    if !wanted.is_empty() && wanted.iter().all(|it| !tokenizer::is_id(it)) {
        assert_eq!(unsure.len(), 0, "{wanted:?}");
        let n = index.search(wanted).unwrap().count(0..index.rows()).unwrap();
        assert_eq!(n, (wanted.len() == 1).then_some(expected.len() as u64), "{wanted:?}");
    }
    found.decide(|row| matching.contains(&row));
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{wanted:?}");
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
        let wanted = query_tokens(phrase);
        assert_eq!(scan(&BODIES, &wanted), *rows, "{phrase:?}");
        check(&index, &BODIES, &wanted);
    }
}

#[test]
fn takes_no_rows_and_rows_without_tokens() {
    for bodies in [&[][..], &["", "", "", "!"][..]] {
        let index = index_of(bodies);
        assert_eq!(index.rows() as usize, bodies.len());
        check(&index, bodies, &strings(&["a"]));
        index.verify().unwrap();
    }
}

#[test]
fn same_rows_give_the_same_bytes() {
    assert_eq!(build(BODIES.into_iter()).unwrap(), build(BODIES.into_iter()).unwrap());
}

#[test]
fn rows_without_tokens_cost_no_bytes() {
    let size = |rows: usize| build(std::iter::repeat_n("", rows)).unwrap().len();
    assert_eq!(size(100_000), size(10));
}

/// Enough rows for skip lists, for parts of many checksum blocks, and for several groups of ids.
fn many_bodies() -> Vec<String> {
    let slow = |row: u32| if row.is_multiple_of(7) { "slow" } else { "" };
    let port = |row: u32| if row > 50_000 { 8080 } else { 80 };
    let body =
        |row: u32| format!("request {row:05} of user{} took {} ms {} :{}", row % 977, row % 13, slow(row), port(row));
    (0..150_000).map(body).collect()
}

const MANY_PHRASES: [&str; 12] = [
    "user5",
    "user5 slow",
    "12 ms",
    "slow",
    "took 3 ms slow user17",
    "19999",
    "request",
    "request 3 slow",
    "user977",
    "8080",
    "8080 slow 110001",
    "00007",
];

#[test]
fn agrees_with_a_scan_over_many_rows_in_one_word_index_and_in_several() {
    let bodies = many_bodies();
    let indexes = [(64 << 20, false), (400 << 10, true)].map(|(memory, several)| {
        let index = open(&build_within(bodies.iter().map(String::as_str), memory).unwrap()).unwrap();
        assert_eq!(index.n_word_indexes() > 3, several, "{}", index.n_word_indexes());
        index.verify().unwrap();
        index
    });
    for phrase in MANY_PHRASES {
        let wanted = query_tokens(phrase);
        let expected = scan(&bodies, &wanted);
        indexes.iter().for_each(|index| check_rows(index, &wanted, &expected));
    }
}

#[test]
fn stretches_of_rows_in_any_order_give_what_the_whole_gives() {
    let bodies = many_bodies();
    let bytes = build_within(bodies.iter().map(String::as_str), 400 << 10).unwrap();
    let index = open(&bytes).unwrap();
    let mut stretches: Vec<_> = (0..150_000).step_by(7_919).map(|start| start..150_000.min(start + 7_919)).collect();
    stretches.reverse();
    stretches.rotate_left(7);
    for phrase in MANY_PHRASES {
        let wanted = query_tokens(phrase);
        let whole = look_up(&index, &wanted).unwrap();
        let unsure = whole.unsure();
        let mut search = index.search(&wanted).unwrap();
        let mut n = 0;
        for stretch in &stretches {
            let found = search.rows(stretch.clone()).unwrap();
            let part =
                |rows: &mut dyn Iterator<Item = u32>| rows.filter(|row| stretch.contains(row)).collect::<Vec<_>>();
            assert_eq!(found.iter().collect::<Vec<_>>(), part(&mut whole.iter()), "{phrase:?} {stretch:?}");
            assert_eq!(found.unsure().iter().collect::<Vec<_>>(), part(&mut unsure.iter()), "{phrase:?} {stretch:?}");
            let count = search.count(stretch.clone()).unwrap();
            assert!(count.is_none_or(|count| count == found.len() as u64), "{phrase:?} {stretch:?}");
            n += count.unwrap_or(found.len() as u64);
        }
        assert_eq!(n, whole.len() as u64, "{phrase:?}");
    }
}

#[test]
fn ids_select_few_rows_and_frequent_ones_are_as_good_as_words() {
    let bodies = many_bodies();
    let index = index_of(&bodies);
    let rare = look_up(&index, &strings(&["123456"])).unwrap();
    assert!(rare.len() <= 3 * 4096, "{}", rare.len());
    let frequent = look_up(&index, &strings(&["8080"])).unwrap();
    assert!(frequent.n_sure() > 60_000, "{} of 99,999", frequent.n_sure());
    assert!(frequent.len() - frequent.n_sure() < 40_000, "{}", frequent.len() - frequent.n_sure());
}

#[test]
fn rows_with_huge_bodies_are_left_over_by_every_search() {
    let huge = "needle ".repeat(MAX_INDEXED_BODY / 7 + 1);
    let mut bodies = vec!["straw"; 20];
    bodies[3] = &huge;
    bodies[9] = "needle";
    let index = index_of(&bodies);
    for (token, left, unsure) in [("needle", vec![3, 9], vec![3]), ("absent", vec![3], vec![3])] {
        let found = look_up(&index, &strings(&[token])).unwrap();
        assert_eq!((found.iter().collect(), found.unsure().iter().collect()), (left, unsure), "{token}");
        assert_eq!(index.search(&strings(&[token])).unwrap().count(0..20).unwrap(), None);
        assert_eq!(index.search(&strings(&[token])).unwrap().count(4..20).unwrap(), Some(u64::from(token == "needle")));
    }
}

/// The sample was written by the first version; bundles like it are on users' disks.
#[test]
fn reads_the_sample_of_version_1() {
    let index = open(include_bytes!("sample-v1.text")).unwrap();
    index.verify().unwrap();
    for body in BODIES {
        let wanted = query_tokens(body);
        let found = look_up(&index, &wanted).unwrap();
        assert_eq!(
            found.iter().collect::<Vec<_>>(),
            if wanted.is_empty() { (0..8).collect() } else { scan(&BODIES, &wanted) }
        );
    }
}

#[test]
fn index_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Index>();
    shared::<TextError>();
}

/// Few characters, so that words of one body turn up in others.
const TEXT: &str = "[abAB_19é결제支ー ./✅🔥\u{200d}\u{307}ΣİK]{0,14}";

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
            check(&index, &bodies, &wanted);
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
    fn a_phrase_of_one_token_is_in_the_texts_that_hold_the_token(body in TEXT, phrase in "[abA_1é결제支ー K]{1,3}", long in 58usize..70) {
        for phrase in [phrase.clone(), body.chars().take(2).collect(), "a".repeat(long), format!("{}é", "a".repeat(long))] {
            let one = Phrase::new(&phrase);
            if one.is_one_token() {
                let wanted = query_tokens(&phrase);
                prop_assert_eq!(wanted.len(), 1);
                for body in [body.clone(), format!("{body} {phrase}"), format!("{phrase}a"), format!("é{phrase}{body}")] {
                    prop_assert_eq!(one.matches(&body), HoldsAll::new(&wanted).matches(&body), "{:?} in {:?}", phrase, body);
                }
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
