//! Damage to a bundle is an error that names its place, or makes no difference.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::super::*;
use super::{BODIES, build, file_of, look_up, many_bodies, open};

fn look_up_all<T: AsRef<str>>(index: &Arc<Index>, bodies: &[T]) -> Result<Vec<Matches>, TextError> {
    bodies.iter().map(|it| look_up(index, &query_tokens(it.as_ref()))).collect()
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
            match Index::open(Arc::new(file)).map(Arc::new) {
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
fn a_flipped_bit_is_an_error_or_makes_no_difference() {
    flip_bits(&BODIES, &BODIES, 1);
    let bodies = &many_bodies()[..60_000];
    assert!(flip_bits(bodies, &bodies[..20], 4003) > 0);
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
    let error = look_up_all(&Arc::new(index), &BODIES).unwrap_err().to_string();
    assert!(error.starts_with("text index logs/7.text: file: ends before byte "), "{error}");
}

#[test]
fn errors_name_the_file_the_part_and_the_damage() {
    let good = build(BODIES.into_iter()).unwrap();
    let end = good.len();
    let cases: [(usize, &str); 4] = [
        (0, "text index logs/7.text: header: is not that of a text index"),
        (8, "text index logs/7.text: words 0, idx: "),
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
    newer[end - 12] = 3;
    let error = open(&newer).err().unwrap().to_string();
    assert_eq!(error, "text index logs/7.text: format version 3; this version of haechi reads version 2");
}
