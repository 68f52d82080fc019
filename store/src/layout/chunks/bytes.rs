//! A cursor over the bytes of a chunk, and the writers that go with it. What it reads may be damaged.

use model::wire::{put_varint, zigzag};
use thiserror::Error;

/// Why the bytes of a chunk cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Damaged(pub(super) String);

impl Damaged {
    pub(super) fn new(what: impl ToString) -> Self {
        Damaged(what.to_string())
    }
}

pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Damaged> {
        let Some((head, rest)) = self.0.split_at_checked(n) else {
            return Err(Damaged::new(format!("{n} bytes wanted, {} left", self.0.len())));
        };
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let Some((head, rest)) = self.0.split_first_chunk::<N>() else {
            return Err(Damaged::new(format!("{N} bytes wanted, {} left", self.0.len())));
        };
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn varint(&mut self) -> Result<u64, Damaged> {
        let mut reader = model::wire::Reader::new(self.0);
        let value = reader.varint().map_err(Damaged::new)?;
        self.0 = reader.rest();
        Ok(value)
    }

    /// A varint that counts something of which there may be `most`.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, Damaged> {
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(Damaged::new(format!("a count of {count} where {most} is the most"))),
        }
    }

    pub(super) fn signed(&mut self) -> Result<i64, Damaged> {
        self.varint().map(zigzag)
    }

    pub(super) fn double(&mut self) -> Result<f64, Damaged> {
        self.array().map(f64::from_le_bytes)
    }

    pub(super) fn end(&self) -> Result<(), Damaged> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(Damaged::new(format!("{left} bytes left over"))),
        }
    }
}

/// The inverse of [`zigzag`], as a varint.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}
