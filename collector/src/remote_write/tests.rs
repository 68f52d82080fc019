//! The decoder against prost: the same rows from any request of either version, the same verdict on damaged ones. And the rules
//! that only concern some series or samples.

use proptest::prelude::*;
use prost::Message;
use store::Rows;

use super::{Version, decode};
use crate::BodyKind;
use crate::testing::{KEEP_ALL, NOW, dump};

mod histograms;
mod items;
mod oracle;
pub(crate) mod prompb;

fn body(version: Version, tape: &[u8]) -> Vec<u8> {
    let request = prompb::draw(tape);
    match version {
        Version::V1 => request.encode_to_vec(),
        Version::V2 => prompb::v2(&request).encode_to_vec(),
    }
}

/// What prost makes of `body`, as rows and as the number of items.
fn by_prost(version: Version, body: &[u8]) -> Option<(Rows, u64)> {
    Some(match version {
        Version::V1 => oracle::v1(&prompb::WriteRequest::decode(body).ok()?),
        Version::V2 => oracle::v2(&prompb::Request::decode(body).ok()?),
    })
}

/// The points as they are, and the series by id: which of them comes first depends on the order of fields.
fn in_order(dump: &str) -> Vec<String> {
    let (mut lines, mut series): (Vec<_>, Vec<_>) =
        dump.lines().map(str::to_owned).partition(|line| !line.starts_with("series"));
    series.sort_unstable();
    lines.append(&mut series);
    lines
}

fn versions() -> impl Strategy<Value = Version> {
    prop::sample::select(&[Version::V1, Version::V2][..])
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..1500)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_decoder_gives_the_rows_that_prost_gives(version in versions(), tape in tape()) {
        let body = body(version, &tape);
        let (expected, n_items) = by_prost(version, &body).unwrap();
        let n_points = expected.metrics.len() as u64;
        let n_exemplars = expected.exemplars.len() as u64;
        let decoded = decode(version, &body, KEEP_ALL).unwrap();
        let written = decoded.written;
        prop_assert_eq!((decoded.n_items, written.exemplars), (n_items, n_exemplars));
        prop_assert_eq!(decoded.accepted(), written.samples + written.histograms);
        prop_assert!(decoded.accepted() <= n_points, "descriptions are points, but no items");
        prop_assert_eq!(decoded.services.iter().map(|sent| sent.accepted).sum::<u64>(), decoded.accepted());
        prop_assert_eq!(in_order(&dump(decoded.rows)), in_order(&dump(expected)));
    }

    #[test]
    fn damaged_bodies_get_the_verdict_of_prost_or_a_milder_one(
        version in versions(),
        tape in tape(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = body(version, &tape);
        for (at, byte) in damage {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        let decoded = decode(version, &body, KEEP_ALL);
        if let Some((_, n_items)) = by_prost(version, &body) {
            let decoded = decoded.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(decoded.n_items, n_items);
        }
    }

    #[test]
    fn replay_gives_the_same_rows(version in versions(), tape in tape()) {
        let body = body(version, &tape);
        let first = dump(decode(version, &body, KEEP_ALL).unwrap().rows);
        let kind = BodyKind::RemoteWrite(version).number();
        prop_assert_eq!(dump(crate::decode_for_replay(Rows::default(), kind, &body, NOW).unwrap()), first);
    }
}

#[test]
fn a_body_cut_anywhere_is_refused_or_decoded_but_never_panics() {
    for version in [Version::V1, Version::V2] {
        let tapes = (1u8..).map(|seed| (0..2000u32).map(|i| (i * 7919 % 251) as u8 ^ seed).collect::<Vec<_>>());
        let body = tapes.map(|tape| body(version, &tape)).find(|body| body.len() > 600).unwrap();
        let mut refused = 0;
        for length in 0..body.len() {
            let cut = decode(version, &body[..length], KEEP_ALL);
            if by_prost(version, &body[..length]).is_some() {
                assert!(cut.is_ok(), "{version:?} cut at {length}");
            }
            refused += usize::from(cut.is_err());
        }
        assert!(refused > body.len() / 2, "{refused} of {}", body.len());
    }
}

#[test]
fn numbers_of_bodies_in_the_log_never_change() {
    assert_eq!(BodyKind::ALL.map(BodyKind::number), [1, 2, 3, 4, 5]);
    assert_eq!(BodyKind::from_number(6), None);
}
