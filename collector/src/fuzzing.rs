//! What must hold for any bytes, as functions that panic when it does not: the targets of `fuzz/`, and of tests.
//!
//! The oracle is prost over the generated types, with the rules about items written a second time.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use model::Nanos;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogramDataPoint, HistogramDataPoint, SummaryDataPoint};
use prost::Message;
use store::Rows;

use crate::coding::{Coding, decompress};
use crate::fairness::{Peer, Shares};
use crate::limits::Admission;
use crate::otlp::{Context, decode};
use crate::refusal::Refusal;
use crate::remote_write::Version;
use crate::signal::{BodyKind, Signal};
use crate::{decode_for_replay, json, remote_write};

pub(crate) mod dump;
pub(crate) mod generate;
mod oracle;
#[cfg(test)]
mod tests;

use dump::dump;
use generate::Tape;

/// 2025-01-01T00:00:00Z.
pub(crate) const NOW: Nanos = 1_735_689_600_000_000_000;

pub(crate) const KEEP_ALL: Context = Context { received_at: NOW, oldest_accepted: Nanos::MIN };

/// What prost makes of `body`, as rows and as the number of items.
pub(crate) fn by_prost(signal: Signal, body: &[u8]) -> Option<(Rows, u64)> {
    Some(match signal {
        Signal::Traces => oracle::traces(&ExportTraceServiceRequest::decode(body).ok()?),
        Signal::Metrics => oracle::metrics(&ExportMetricsServiceRequest::decode(body).ok()?),
        Signal::Logs => oracle::logs(&ExportLogsServiceRequest::decode(body).ok()?),
    })
}

/// A request of `signal` drawn from `tape`, in protobuf.
pub(crate) fn request(signal: Signal, tape: &[u8]) -> Vec<u8> {
    let mut tape = Tape::new(tape);
    match signal {
        Signal::Traces => generate::traces(&mut tape).encode_to_vec(),
        Signal::Metrics => generate::metrics(&mut tape).encode_to_vec(),
        Signal::Logs => generate::logs(&mut tape).encode_to_vec(),
    }
}

/// The same request in JSON.
pub(crate) fn request_in_json(signal: Signal, tape: &[u8]) -> Vec<u8> {
    let mut tape = Tape::new(tape);
    let json = match signal {
        Signal::Traces => serde_json::to_vec(&generate::traces(&mut tape)),
        Signal::Metrics => serde_json::to_vec(&generate::metrics(&mut tape)),
        Signal::Logs => serde_json::to_vec(&generate::logs(&mut tape)),
    };
    json.unwrap_or_default()
}

/// How the bytes of a fuzzer are used: as a body, or as the tape of a generated request and what then damages it. The
/// second kind is deep in the messages at once, where the first takes days to get.
fn input<'a>(data: &'a [u8], generate: fn(Signal, &[u8]) -> Vec<u8>) -> Option<(Signal, Cow<'a, [u8]>)> {
    let (&selector, rest) = data.split_first()?;
    let signal = Signal::ALL[usize::from(selector) % 3];
    if selector < 128 {
        return Some((signal, rest.into()));
    }
    let (damage, tape) = rest.split_at(rest.len().min(usize::from(selector >> 2 & 3) * 3));
    let mut body = generate(signal, tape);
    for change in damage.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % body.len().max(1);
        if let Some(byte) = body.get_mut(at) {
            *byte = change[2];
        }
    }
    Some((signal, body.into()))
}

/// A target: [`protobuf`] of a body or of a generated request.
pub fn otlp_protobuf(data: &[u8]) {
    if let Some((signal, body)) = input(data, request) {
        protobuf(signal, &body);
    }
}

/// A target: [`json`] of a body or of a generated request.
pub fn otlp_json(data: &[u8]) {
    if let Some((signal, body)) = input(data, request_in_json) {
        json(signal, &body);
    }
}

/// A target: [`decompressed`] by the coding that the first byte selects.
pub fn compressed(data: &[u8]) {
    if let Some((&selector, body)) = data.split_first() {
        decompressed([Coding::Gzip, Coding::Zstd, Coding::Deflate, Coding::Snappy][usize::from(selector) % 4], body);
    }
}

/// A target: a body of Remote-Write of either version is decoded or refused, every item counted once, and replay gives the same rows.
/// What prost makes of a body is compared in the tests of the decoder.
pub fn remote_write(data: &[u8]) {
    let Some((&selector, body)) = data.split_first() else { return };
    let version = if selector < 128 { Version::V1 } else { Version::V2 };
    match remote_write::decode(version, body, KEEP_ALL) {
        Ok(decoded) => {
            assert!(decoded.rejected() <= decoded.n_items);
            let kind = BodyKind::RemoteWrite(version).number();
            let again = decode_for_replay(Rows::default(), kind, body, NOW).expect("replay takes what was stored");
            assert_eq!(dump(again), dump(decoded.rows));
        }
        Err(error) => assert!(error.to_string().len() < 4096),
    }
}

/// The walker takes what prost takes, with the same rows; it counts every item once; replay gives the same rows again.
fn protobuf(signal: Signal, body: &[u8]) {
    let decoded = decode(signal, body, KEEP_ALL);
    let expected = by_prost(signal, body);
    let decoded = match (decoded, &expected) {
        (Ok(decoded), _) => decoded,
        (Err(error), Some(_)) => panic!("refused what prost takes: {error}"),
        (Err(error), None) => {
            assert!(error.to_string().len() < 4096, "an error is no longer than a person reads");
            return;
        }
    };
    let n_rows = decoded.rows.spans.len() + decoded.rows.logs.len() + decoded.rows.metrics.len();
    assert_eq!(decoded.accepted() as usize, n_rows);
    assert!(decoded.services.iter().map(|sent| sent.accepted).sum::<u64>() <= decoded.accepted());
    assert_eq!(decoded.rejected() > 0, decoded.report.findings().iter().any(|finding| finding.rejected));
    let rows = dump(decoded.rows);
    if let Some((expected, n_items)) = expected {
        assert_eq!(decoded.n_items, n_items);
        compare(&rows, &dump(expected));
    }
    let again = decode_for_replay(Rows::default(), signal.kind(), body, NOW).expect("replay takes what was stored");
    assert_eq!(dump(again), rows);
}

/// Compares dumps but for the ids of series: those are of the bytes of a resource as sent, which prost writes anew.
fn compare(rows: &str, expected: &str) {
    let (rows, expected) = (without_ids(rows), without_ids(expected));
    let same = rows.iter().zip(&expected).take_while(|(row, expected)| row == expected).count();
    assert_eq!(rows.get(same), expected.get(same), "line {same} of {} and {}", rows.len(), expected.len());
}

/// The lines of a dump with each series in place of its id, and each series once. Descriptions are left out: resources
/// that are equal but for their bytes are two series here and one to prost, which has the first description only.
fn without_ids(dump: &str) -> Vec<String> {
    let id = |line: &str| Some(line[line.find("SeriesId(")?..].split_once(')')?.0.to_owned());
    let (series, mut lines): (Vec<_>, Vec<_>) = dump.lines().partition(|line| line.starts_with("series "));
    let name = |line: &str| Some((id(line)?, without_description(line.split_once(") ")?.1)));
    let names: HashMap<_, _> = series.iter().filter_map(|line| name(line)).collect();
    let mut unique: Vec<_> = names.values().map(String::as_str).collect();
    unique.sort_unstable();
    unique.dedup();
    lines.extend(unique);
    let named = |line: &str| match id(line).and_then(|id| Some((names.get(&id)?, line.split_once(") ")?.1))) {
        Some((name, rest)) => format!("{} of {name}", without_defaults(rest, name)),
        None => line.to_owned(),
    };
    lines.into_iter().map(named).collect()
}

/// The line of a series but for its description.
fn without_description(series: &str) -> String {
    let Some((before, after)) = series.split_once(" description=\"") else { return series.to_owned() };
    let mut is_escaped = false;
    let end = after.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    format!("{before}{}", &after[end.map_or(after.len(), |end| end + 1)..])
}

/// The line of a point whose bytes of a distribution are as prost writes them. A field that is sent with its default value is kept
/// as it came; prost, rightly too, leaves it out.
fn without_defaults(line: &str, series: &str) -> String {
    let Some((before, (hex, after))) = line.split_once('[').and_then(|(a, b)| Some((a, b.split_once(']')?))) else {
        return line.to_owned();
    };
    let bytes: Vec<u8> = hex.split(", ").filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let again = if series.contains(" exponential_histogram ") {
        ExponentialHistogramDataPoint::decode(&bytes[..]).map(|it| it.encode_to_vec())
    } else if series.contains(" histogram ") {
        HistogramDataPoint::decode(&bytes[..]).map(|it| it.encode_to_vec())
    } else {
        SummaryDataPoint::decode(&bytes[..]).map(|it| it.encode_to_vec())
    };
    format!("{before}{again:02x?}{after}")
}

/// What is transcoded from JSON is a body that the decoder takes, and within the limit.
fn json(signal: Signal, body: &[u8]) {
    const LIMIT: usize = 64 << 10;
    if let Ok(transcoded) = json::transcode(signal, body, LIMIT) {
        assert!(transcoded.body.len() <= LIMIT);
        protobuf(signal, &transcoded.body);
        decode(signal, &transcoded.body, KEEP_ALL).expect("transcoded bodies are well-formed");
    }
}

/// Any body of any coding is decompressed within the limit and the budget, or refused.
fn decompressed(coding: Coding, body: &[u8]) {
    const LIMIT: usize = 256 << 10;
    let shares = Arc::new(Shares::new(1 << 20));
    let mut admission = Admission::new(Arc::clone(&shares), Peer::default());
    match decompress(Bytes::copy_from_slice(body), coding, LIMIT, &mut admission) {
        Ok(out) => assert!(out.len() <= LIMIT),
        Err(
            Refusal::TooLarge { .. }
            | Refusal::Compressed(_)
            | Refusal::CutShort(_)
            | Refusal::ZstdWindow
            | Refusal::GzipMembers(_),
        ) => {}
        Err(other) => panic!("{other}"),
    }
    drop(admission);
    assert_eq!(shares.held(), 0);
}
