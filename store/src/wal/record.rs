//! One record of the log.
//!
//! `length u32 | crc32 u32 | lsn u64 | received_at i64 | tenant u32 | kind u8 | encoding u8 | 0 u16 | raw length u32 |
//! body hash u128 | body | decisions`, little-endian. `length` counts what follows the checksum, `raw length` the body; the
//! checksum covers the file's salt and all that `length` counts. Before version 4 of a file there are no decisions.

/// What precedes the checksummed part.
pub(super) const PREFIX: usize = 8;
/// The checksummed part before the body.
pub(super) const HEAD: usize = 44;

/// What a record has beside its body.
pub(crate) const RECORD_OVERHEAD: usize = PREFIX + HEAD;

/// The body is stored as it is.
const IDENTITY: u8 = 0;

/// What the log knows of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    /// Log sequence number; consecutive.
    pub(crate) lsn: u64,
    pub(crate) received_at: i64,
    /// The receiver's own byte for what the body is.
    pub(crate) kind: u8,
    /// Of the body; 0 for a body that may be stored again when it is sent again.
    pub(crate) hash: u128,
}

/// A request as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) head: RecordHead,
    pub(crate) body: &'a [u8],
    /// What was decided of it, as [`crate::rows::Decisions`] has it.
    pub(crate) decisions: &'a [u8],
}

fn checksum(salt: u64, part: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(part);
    hasher.finalize()
}

/// Appends a record to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, salt: u64, record: &Record<'_>) {
    let Record { head, body, decisions } = record;
    let start = out.len();
    out.extend_from_slice(&((HEAD + body.len() + decisions.len()) as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&head.lsn.to_le_bytes());
    out.extend_from_slice(&head.received_at.to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes()); // the only tenant
    out.extend_from_slice(&[head.kind, IDENTITY, 0, 0]);
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(&head.hash.to_le_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(decisions);
    let crc = checksum(salt, &out[start + PREFIX..]);
    out[start + 4..start + PREFIX].copy_from_slice(&crc.to_le_bytes());
}

/// Bytes that are a record if their checksum is right.
pub(super) struct Claim<'a> {
    pub(super) record: Record<'a>,
    pub(super) checksum: u32,
    /// What the checksum is of, beside the salt.
    pub(super) part: &'a [u8],
}

impl<'a> Claim<'a> {
    /// What the start of `bytes` claims to be; `None` when it is no record with any checksum.
    pub(super) fn at(bytes: &'a [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (checksum, rest) = rest.split_first_chunk::<4>()?;
        let part = rest.get(..u32::from_le_bytes(*length) as usize).filter(|part| part.len() >= HEAD)?;
        let (lsn, rest) = part.split_first_chunk::<8>()?;
        let (received_at, rest) = rest.split_first_chunk::<8>()?;
        let ([0, 0, 0, 0, kind, IDENTITY, 0, 0], rest) = rest.split_first_chunk::<8>()? else { return None };
        let (raw_length, rest) = rest.split_first_chunk::<4>()?;
        let (hash, rest) = rest.split_first_chunk::<16>()?;
        let (body, decisions) = rest.split_at_checked(u32::from_le_bytes(*raw_length) as usize)?;
        let head = RecordHead {
            lsn: u64::from_le_bytes(*lsn),
            received_at: i64::from_le_bytes(*received_at),
            kind: *kind,
            hash: u128::from_le_bytes(*hash),
        };
        let checksum = u32::from_le_bytes(*checksum);
        Some(Claim { record: Record { head, body, decisions }, checksum, part })
    }
}

/// The record at the start of `bytes`, and its length there; `None` when there is none with this salt.
pub(super) fn decode(bytes: &[u8], salt: u64) -> Option<(Record<'_>, usize)> {
    let Claim { record, checksum, part } = Claim::at(bytes)?;
    (self::checksum(salt, part) == checksum).then(|| (record, PREFIX + part.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record<'_> = Record {
        head: RecordHead { lsn: 3, received_at: -5, kind: 2, hash: 77 },
        body: b"body",
        decisions: b"decisions",
    };

    #[test]
    fn reads_back_what_it_wrote_with_the_same_salt_only() {
        for record in [RECORD, Record { decisions: &[], ..RECORD }] {
            let mut bytes = Vec::new();
            encode(&mut bytes, 9, &record);
            assert_eq!(decode(&bytes, 9), Some((record, bytes.len())));
            assert!(decode(&bytes, 8).is_none());
        }
    }

    #[test]
    fn a_flipped_or_missing_byte_is_no_record() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 9, &RECORD);
        for i in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[i] ^= 0x40;
            assert!(decode(&flipped, 9).is_none(), "flipped byte {i}");
            assert!(decode(&bytes[..i], 9).is_none(), "cut at {i}");
        }
    }
}
