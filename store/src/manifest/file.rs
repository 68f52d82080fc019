//! The bytes of a manifest file, and what is done with a file that is damaged.

use std::io;
use std::path::Path;

use super::{FORMAT, Record, State};
use crate::files;

/// Bytes whose checksums may be wrong in the search for records after damage.
const SEARCH_BYTES: usize = 64 << 20;

/// Keeps a damaged manifest under a name that no earlier one has; by a link where that is possible, which a full disk does not
/// refuse.
pub(super) fn keep(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut number = 1;
    let kept = loop {
        let kept = dir.join(format!("manifest.damaged-{number}"));
        if !kept.exists() {
            break kept;
        }
        number += 1;
    };
    match std::fs::hard_link(path, &kept) {
        Ok(()) => files::sync_dir(dir),
        Err(_) => files::replace(&kept, bytes),
    }
}

pub(super) fn encode(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    let known = Record {
        format: Some(FORMAT),
        low_water: Some(state.low_water),
        next_segment: Some(state.next_segment),
        ..Record::default()
    };
    for entry in state.segments.values() {
        encode_record(&mut bytes, &Record { add: vec![entry.clone()], ..known.clone() });
    }
    encode_record(&mut bytes, &Record { segments: Some(state.segments.len()), ..known });
    bytes
}

pub(super) fn encode_record(bytes: &mut Vec<u8>, record: &Record) {
    let json = serde_json::to_vec(record).expect("a record has string keys and finite numbers only");
    bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
    bytes.extend_from_slice(&json);
}

/// The records of a file, and whether they are all of it.
pub(super) fn decode(bytes: &[u8]) -> (Vec<Record>, bool) {
    let (mut records, mut whole) = (Vec::new(), true);
    let (mut offset, mut budget) = (0, SEARCH_BYTES);
    while offset < bytes.len() {
        let next = (offset..bytes.len()).find_map(|at| Some((at, record_at(&bytes[at..], &mut budget)?)));
        let Some((at, (record, length))) = next else { return (records, false) };
        whole &= at == offset;
        records.push(record);
        offset = at + length;
    }
    (records, whole)
}

/// The record at the start of `bytes`, and its length there. What looks like one and is not takes its length from `budget`, and
/// what is longer than the budget is none.
fn record_at(bytes: &[u8], budget: &mut usize) -> Option<(Record, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let json = rest.get(..u32::from_le_bytes(*length) as usize).filter(|json| json.starts_with(b"{"))?;
    if *budget < json.len() {
        return None;
    }
    if crc32fast::hash(json) != u32::from_le_bytes(*crc) {
        *budget -= json.len();
        return None;
    }
    Some((serde_json::from_slice(json).ok()?, 8 + json.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_for_records_in_hostile_bytes_ends() {
        let hostile: Vec<u8> = [0, 0, 1, 0, 0, 0, 0, 0, b'{'].repeat(100_000);
        assert!(matches!(decode(&hostile), (records, false) if records.is_empty()));
    }
}
