//! The stored form of [`Counts`]: that of [`Buckets`] for an SLO without groups; with groups a file of several of them, version 1.
//! Numbers are little-endian; a text is its length as u16 and its bytes.
//!
//! ```text
//! magic        8 bytes   "HAEGRP" 0x00 0x01 (the last two are the version)
//! rings        u32       how many follow
//! ring         …         kind u8: 0 all events, 1 a group, 2 the rest of the groups
//!                        of a group: u8 values, each a text
//!                        length u32, and so many bytes of the form of one ring
//! crc          u32       CRC-32 (IEEE) of everything before
//! ```

use super::{Counts, capacity};
use crate::buckets::{Buckets, DecodeError};
use crate::groups::Group;
use crate::spec::Slo;

const MAGIC: &[u8; 8] = b"HAEGRP\x00\x01";

impl Counts {
    /// The stored form.
    pub fn encode(&self, slo: &Slo) -> Vec<u8> {
        let fingerprint = slo.counting_fingerprint();
        if self.max_groups.is_none() {
            return self.all.encode(fingerprint);
        }
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&(self.rings.len() as u32 + 1).to_le_bytes());
        for (group, ring) in std::iter::once((&Group::All, &self.all)).chain(&self.rings) {
            put_group(&mut out, group);
            let bytes = ring.encode(fingerprint);
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Reads what [`Counts::encode`] wrote for an SLO that counts the same; `ahead` as in [`Counts::new`].
    ///
    /// Fails if the bytes are damaged, of another format, or of an SLO that counts something else.
    pub fn decode(bytes: &[u8], slo: &Slo, ahead: usize) -> Result<Self, DecodeError> {
        let (fingerprint, width, capacity) = (slo.counting_fingerprint(), slo.bucket_width(), capacity(slo, ahead));
        let ring = |bytes: &[u8]| Buckets::decode(bytes, fingerprint, width, capacity);
        if !bytes.starts_with(&MAGIC[..6]) {
            if slo.by.is_some() && ring(bytes).is_ok() {
                return Err(DecodeError::OtherDefinition);
            }
            return Ok(Self::of(ring(bytes)?, slo));
        }
        let damaged = DecodeError::Damaged;
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(damaged("shorter than its checksum"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err(damaged("wrong checksum"));
        }
        if body.get(6..8) != Some(&MAGIC[6..8]) {
            let version = body.get(6..8).and_then(|it| it.try_into().ok()).map_or(0, u16::from_be_bytes);
            return Err(DecodeError::OtherFormat(version));
        }
        if slo.by.is_none() {
            return Err(DecodeError::OtherDefinition);
        }
        let mut input = Input(&body[8..]);
        let n_rings = u32::from_le_bytes(input.array()?);
        let mut all = None;
        let mut rings = Vec::new();
        for _ in 0..n_rings {
            let group = input.group()?;
            let len = u32::from_le_bytes(input.array()?) as usize;
            let one = ring(input.take(len)?)?;
            match group {
                Group::All => all = Some(one),
                group => rings.push((group, one)),
            }
        }
        let mut counts = Self::of(all.ok_or(damaged("without the ring of all events"))?, slo);
        let covered = counts.all.covered();
        if !input.0.is_empty() || rings.iter().any(|(_, ring)| ring.covered() != covered) {
            return Err(damaged("rings that do not belong together"));
        }
        counts.rings = rings.into_iter().collect();
        Ok(counts)
    }
}

fn put_group(out: &mut Vec<u8>, group: &Group) {
    match group {
        Group::All => out.push(0),
        Group::Rest => out.push(2),
        Group::Values(values) => {
            // At most four values of at most 200 bytes.
            out.extend_from_slice(&[1, values.len() as u8]);
            for value in values {
                out.extend_from_slice(&(value.len() as u16).to_le_bytes());
                out.extend_from_slice(value.as_bytes());
            }
        }
    }
}

/// The bytes still to be read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Damaged("ends within a ring"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(DecodeError::Damaged("ends within a ring"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn group(&mut self) -> Result<Group, DecodeError> {
        let [kind] = self.array()?;
        match kind {
            0 => Ok(Group::All),
            2 => Ok(Group::Rest),
            1 => {
                let [n_values] = self.array()?;
                let mut values = Vec::new();
                for _ in 0..n_values {
                    let len = u16::from_le_bytes(self.array()?);
                    let text = std::str::from_utf8(self.take(len.into())?);
                    values.push(text.map_err(|_| DecodeError::Damaged("a value that is no text"))?.to_owned());
                }
                Ok(Group::Values(values))
            }
            _ => Err(DecodeError::Damaged("a ring of an unknown kind")),
        }
    }
}
