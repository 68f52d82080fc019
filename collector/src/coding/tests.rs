use std::io::Read;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::{DeflateEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;
use crate::fairness::{Peer, Shares};
use crate::testing::gzip;

fn all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 3).unwrap()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    all(ZlibEncoder::new(data, Compression::default()))
}

fn snappy_block(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).unwrap()
}

fn snappy_framed(data: &[u8]) -> Vec<u8> {
    all(snap::read::FrameEncoder::new(data))
}

type Encode = fn(&[u8]) -> Vec<u8>;

const ALL: [(Coding, Encode); 5] = [
    (Coding::Gzip, gzip),
    (Coding::Zstd, zstd),
    (Coding::Deflate, deflate),
    (Coding::Snappy, snappy_block),
    (Coding::Snappy, snappy_framed),
];

/// Decompresses with a limit and a budget, both in bytes.
fn undo(coding: Coding, body: &[u8], limit: usize, budget: usize) -> Result<Bytes, Refusal> {
    let mut admission = Admission::new(Arc::new(Shares::new(budget)), Peer::default());
    decompress(Bytes::copy_from_slice(body), coding, limit, &mut admission)
}

const MIB: usize = 1 << 20;

#[test]
fn every_body_ends_where_its_coding_ends() {
    let data: Vec<u8> = (0..200_000_u32).flat_map(|i| (i.wrapping_mul(i) >> 7).to_le_bytes()).collect();
    for (coding, encode) in ALL {
        let name = coding.name();
        let encoded = encode(&data);
        assert_eq!(undo(coding, &encoded, MIB, 16 * MIB).unwrap(), data, "{name}");
        assert_eq!(undo(coding, &encode(b""), MIB, MIB).unwrap(), &b""[..], "{name}");
        let refused = |body: &[u8], what: &str, expected: &str| {
            let error = undo(coding, body, MIB, 16 * MIB).expect_err(&format!("{name}: {what}")).to_string();
            assert_eq!(error, expected, "{name}: {what}");
        };
        let invalid = format!("body is not valid {name} data");
        let ends = format!("body ends before its {name} data does, or its checksum is wrong");
        // A block of Snappy has no end of its own.
        let is_block = encode(b"").len() == 1;
        let short = if is_block { &invalid } else { &ends };
        refused(&encoded[..encoded.len() - 1], "a byte short", short);
        refused(&encoded[..encoded.len() / 2], "half", short);
        refused(&[&encoded, &b"a rest that is none of it"[..]].concat(), "with a rest", &invalid);
        refused(b"\x05plainly not compressed", "plain text", &invalid);
    }
}

#[test]
fn frames_and_members_are_read_one_after_another() {
    for (coding, encode) in [(Coding::Gzip, gzip as Encode), (Coding::Zstd, zstd), (Coding::Snappy, snappy_framed)] {
        let body = [encode(b"first, "), encode(b""), encode(b"second")].concat();
        assert_eq!(undo(coding, &body, MIB, MIB).unwrap(), &b"first, second"[..], "{}", coding.name());
    }
}

#[test]
fn members_that_hold_nothing_are_not_read_without_end() {
    let many = [gzip(b"some"), gzip(b"").repeat(1_000)].concat();
    assert_eq!(undo(Coding::Gzip, &many, MIB, MIB).unwrap(), &b"some"[..]);
    let error = undo(Coding::Gzip, &gzip(b"").repeat(1_025), MIB, MIB).unwrap_err();
    assert!(matches!(error, Refusal::GzipMembers(1_024)), "{error}");
}

#[test]
fn the_first_byte_over_the_limit_or_the_budget_refuses() {
    for (coding, encode) in ALL {
        let name = coding.name();
        let body = encode(&vec![0; MIB]);
        assert!(undo(coding, &body, MIB, 4 * MIB).is_ok(), "{name}");
        assert!(matches!(undo(coding, &body, MIB - 1, 4 * MIB), Err(Refusal::TooLarge { .. })), "{name}");
        assert!(matches!(undo(coding, &body, MIB, MIB / 2), Err(Refusal::Overloaded)), "{name}");
    }
}

#[test]
fn a_claimed_size_is_believed_by_nobody() {
    // Four GiB less one, as the preamble of a block of one byte (the pattern of CVE-2026-42154).
    let block = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, b'x'];
    assert!(matches!(undo(Coding::Snappy, &block, 64 * MIB, 256 * MIB), Err(Refusal::TooLarge { .. })));
    // A claim within the limit that the bytes do not keep.
    let block = [0x80, 0x80, 0x04, 0x00, b'x'];
    assert!(matches!(undo(Coding::Snappy, &block, 64 * MIB, 256 * MIB), Err(Refusal::Compressed("snappy"))));
    // A zstd frame of a window of 1 GiB: only the header, and refused before anything is allocated for it.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (30 - 10) << 3, 0x01, 0x00, 0x00];
    assert!(matches!(undo(Coding::Zstd, &frame, 64 * MIB, 256 * MIB), Err(Refusal::ZstdWindow)));
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (25 - 10) << 3, 0x01, 0x00, 0x00];
    assert_eq!(undo(Coding::Zstd, &frame, 64 * MIB, 256 * MIB).unwrap(), &b""[..], "32 MiB is as large as it gets");
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (25 - 10) << 3 | 1, 0x01, 0x00, 0x00];
    assert!(matches!(undo(Coding::Zstd, &frame, 64 * MIB, 256 * MIB), Err(Refusal::ZstdWindow)));
}

#[test]
fn a_large_window_takes_from_the_budget_for_as_long_as_it_is_used() {
    let data: Vec<u8> = (0..200_000_u32).flat_map(|i| (i.wrapping_mul(i) >> 7).to_le_bytes()).collect();
    let of_window = |log| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(log).unwrap();
        std::io::Write::write_all(&mut encoder, &data).unwrap();
        encoder.finish().unwrap()
    };
    for (log, window) in [(23, 8), (24, 16), (25, 32)] {
        let body = of_window(log);
        assert_eq!(zstd_window(&body), window * MIB);
        let beside = if log > 23 { window * MIB } else { 0 };
        assert_eq!(undo(Coding::Zstd, &body, 64 * MIB, beside + 4 * MIB).unwrap(), data, "{window}");
        let two = [body.as_slice(), &body].concat();
        assert_eq!(undo(Coding::Zstd, &two, 64 * MIB, beside + 6 * MIB).unwrap().len(), 2 * data.len(), "{window}");
    }
    let shares = Arc::new(Shares::new(40 * MIB));
    let admission = || Admission::new(Arc::clone(&shares), Peer::default());
    let body = Bytes::from(of_window(25));
    let mut first = admission();
    decompress(body.clone(), Coding::Zstd, 64 * MIB, &mut first).unwrap();
    assert!(shares.held() < 2 * MIB, "the window is given back");
    first.cover(10 * MIB).unwrap();
    let refused = decompress(body.clone(), Coding::Zstd, 64 * MIB, &mut admission());
    assert!(matches!(refused, Err(Refusal::Overloaded)), "it fits once the other has ended");
    let budget = |budget| undo(Coding::Zstd, &body, 64 * MIB, budget);
    assert!(matches!(budget(32 * MIB), Err(Refusal::ZstdWindow)), "it never fits");
    assert!(matches!(budget(20 * MIB), Err(Refusal::ZstdWindow)), "nor does the window");
    let single = zstd::bulk::compress(&data[..1000], 3).unwrap();
    assert_eq!(zstd_window(&single), 744 + 256, "the size of the content, in two bytes");
}

#[test]
fn raw_deflate_is_not_what_http_calls_deflate() {
    let raw = all(DeflateEncoder::new(&b"some text, some text"[..], Compression::default()));
    assert!(matches!(undo(Coding::Deflate, &raw, MIB, MIB), Err(Refusal::Compressed("deflate"))));
}

#[test]
fn names_are_those_of_http_grpc_and_the_collector() {
    for (name, coding) in [
        ("", Some(Coding::Identity)),
        ("identity", Some(Coding::Identity)),
        ("GZIP", Some(Coding::Gzip)),
        ("x-gzip", Some(Coding::Gzip)),
        (" zstd ", Some(Coding::Zstd)),
        ("deflate", Some(Coding::Deflate)),
        ("zlib", Some(Coding::Deflate)),
        ("snappy", Some(Coding::Snappy)),
        ("x-snappy-framed", Some(Coding::Snappy)),
        ("br", None),
        ("gzip, gzip", None),
    ] {
        assert_eq!(Coding::parse(name), coding, "{name:?}");
    }
    for name in ACCEPTED.split(',') {
        assert_eq!(Coding::parse(name).map(Coding::name), Some(name));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_refusal(bytes: Vec<u8>, framed: bool) {
        for (coding, _) in ALL {
            let prefix: &[u8] = match coding {
                Coding::Gzip if framed => &[0x1f, 0x8b, 8, 0],
                Coding::Zstd if framed => &[0x28, 0xb5, 0x2f, 0xfd],
                Coding::Deflate if framed => &[0x78, 0x9c],
                Coding::Snappy if framed => SNAPPY_STREAM,
                _ => &[],
            };
            let out = undo(coding, &[prefix, &bytes].concat(), 4096, MIB);
            prop_assert!(out.map_or(true, |out| out.len() <= 4096));
        }
    }
}
