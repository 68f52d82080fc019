//! The values of a chunk: the flags of its points and what each of them holds.

use model::wire::put_varint;

use super::bytes::{Cursor, Damaged};
use super::column::{Decoder, put_doubles, put_integers, put_plain_doubles, put_plain_integers};
use super::distributions::{DistributionDecoder, Messages, put_distributions, put_whole_distributions};
use super::{Effort, MAX_POINTS};

/// What a point holds. The numbers are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    None = 0,
    Integer = 1,
    Double = 2,
    Distribution = 3,
}

impl Kind {
    fn from_number(number: u8) -> Result<Self, Damaged> {
        Ok(match number {
            0 => Kind::None,
            1 => Kind::Integer,
            2 => Kind::Double,
            3 => Kind::Distribution,
            other => return Err(Damaged::new(format!("points have no kind {other}"))),
        })
    }
}

/// In the place of the kind of all points: runs of points of different kinds follow.
const MIXED: u8 = 4;
/// Added to it: a column of flags comes first. Without, all are zero.
const HAS_FLAGS: u8 = 0x80;

/// The points of a chunk. Integers, doubles and distributions are those of the points of that kind.
#[derive(Default)]
pub(super) struct Points<'a> {
    pub(super) kinds: Vec<Kind>,
    pub(super) flags: Vec<u32>,
    pub(super) integers: Vec<i64>,
    pub(super) doubles: Vec<f64>,
    pub(super) distributions: Vec<&'a [u8]>,
}

/// Appends the values of `points`, of which there must be one at least.
pub(super) fn put_values(out: &mut Vec<u8>, points: &Points<'_>, effort: Effort) {
    let Some(first) = points.kinds.first() else { return };
    let is_mixed = points.kinds.iter().any(|kind| kind != first);
    let has_flags = points.flags.iter().any(|flags| *flags != 0);
    out.push(if is_mixed { MIXED } else { *first as u8 } | if has_flags { HAS_FLAGS } else { 0 });
    if has_flags {
        put_integers(out, &points.flags.iter().map(|flags| i64::from(*flags)).collect::<Vec<_>>());
    }
    if is_mixed {
        put_varint(out, points.kinds.chunk_by(|a, b| a == b).count() as u64);
        for run in points.kinds.chunk_by(|a, b| a == b) {
            out.push(run[0] as u8);
            put_varint(out, run.len() as u64);
        }
    }
    match effort {
        Effort::Little => {
            put_plain_integers(out, &points.integers);
            put_plain_doubles(out, &points.doubles);
            put_whole_distributions(out, &points.distributions);
        }
        Effort::Much => {
            put_integers(out, &points.integers);
            put_doubles(out, &points.doubles);
            put_distributions(out, &points.distributions);
        }
    }
}

/// The values of a chunk, decoded; to be used again.
#[derive(Default)]
pub(super) struct Values {
    /// Points in a row of one kind, and how many.
    pub(super) runs: Vec<(Kind, usize)>,
    /// Of all points, or none when all are zero.
    pub(super) flags: Vec<i64>,
    pub(super) integers: Vec<i64>,
    pub(super) doubles: Vec<f64>,
    pub(super) distributions: Messages,
}

/// Decodes values, with the memory that this needs.
#[derive(Default)]
pub(super) struct ValuesDecoder {
    pub(super) columns: Decoder,
    distributions: DistributionDecoder,
}

impl ValuesDecoder {
    /// Replaces `values` by those of the `n` points in `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8], n: usize, values: &mut Values) -> Result<(), Damaged> {
        values.runs.clear();
        values.flags.clear();
        values.integers.clear();
        values.doubles.clear();
        values.distributions.clear();
        let mut from = Cursor(bytes);
        self.head(&mut from, n, values)?;
        let n_of = |wanted: Kind| values.runs.iter().filter(|run| run.0 == wanted).map(|run| run.1).sum();
        let (n_integers, n_doubles, n_distributions) =
            (n_of(Kind::Integer), n_of(Kind::Double), n_of(Kind::Distribution));
        self.columns.integers(&mut from, n_integers, &mut values.integers)?;
        self.columns.doubles(&mut from, n_doubles, &mut values.doubles)?;
        self.distributions.read(&mut self.columns, &mut from, n_distributions, &mut values.distributions)?;
        from.end()
    }

    /// Appends the doubles of the `n` points in `bytes` to `out`, if they are nothing else and have no flags; says
    /// whether it did. On an error `out` may have some of them.
    pub(super) fn plain_doubles(&mut self, bytes: &[u8], n: usize, out: &mut Vec<f64>) -> Result<bool, Damaged> {
        let Some((first, rest)) = bytes.split_first() else { return Ok(false) };
        if *first != Kind::Double as u8 {
            return Ok(false);
        }
        let mut from = Cursor(rest);
        self.columns.doubles(&mut from, n, out)?;
        from.end()?;
        Ok(true)
    }

    fn head(&mut self, from: &mut Cursor<'_>, n: usize, values: &mut Values) -> Result<(), Damaged> {
        let first = from.byte()?;
        if first & HAS_FLAGS != 0 {
            self.columns.integers(from, n, &mut values.flags)?;
            if let Some(flags) = values.flags.iter().find(|flags| u32::try_from(**flags).is_err()) {
                return Err(Damaged::new(format!("the flags {flags}")));
            }
        }
        let kind = first & !HAS_FLAGS;
        if kind != MIXED {
            values.runs.push((Kind::from_number(kind)?, n));
            return Ok(());
        }
        let mut left = n;
        for _ in 0..from.count(MAX_POINTS)? {
            let kind = Kind::from_number(from.byte()?)?;
            let len = from.count(left)?;
            values.runs.push((kind, len));
            left -= len;
        }
        if left > 0 {
            return Err(Damaged::new(format!("the kinds of {left} points are missing")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
