//! The bytes of a manifest file.

use super::{FORMAT, Record, State};

/// Bytes whose checksums may be wrong in the search for records after damage.
const SEARCH_BYTES: usize = 64 << 20;

/// The file that says `state` as the publication of this number.
pub(super) fn encode(state: &State, publication: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let known = Record {
        format: Some(FORMAT),
        publication: Some(publication),
        low_water: Some(state.low_water),
        next_segment: Some(state.next_segment),
        segments: Some(state.segments.len()),
        ..Record::default()
    };
    for entry in state.segments.values() {
        encode_record(&mut bytes, &Record { add: vec![entry.clone()], ..known.clone() });
    }
    encode_record(&mut bytes, &known);
    bytes
}

pub(super) fn encode_record(bytes: &mut Vec<u8>, record: &Record) {
    let json = serde_json::to_vec(record).expect("a record has string keys and finite numbers only");
    bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
    bytes.extend_from_slice(&json);
}

/// What the bytes of a file are.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) records: Vec<Record>,
    /// The parts that are no records: offset and length.
    pub(super) damage: Vec<(usize, usize)>,
}

pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let (mut offset, mut budget) = (0, SEARCH_BYTES);
    while offset < bytes.len() {
        let next = (offset..bytes.len()).find_map(|at| Some((at, record_at(&bytes[at..], &mut budget)?)));
        let at = next.as_ref().map_or(bytes.len(), |(at, _)| *at);
        if at > offset {
            decoded.damage.push((offset, at - offset));
        }
        let Some((_, (record, length))) = next else { break };
        decoded.records.push(record);
        offset = at + length;
    }
    decoded
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
        let decoded = decode(&hostile);
        assert!(decoded.records.is_empty());
        assert_eq!(decoded.damage, [(0, hostile.len())]);
    }
}
