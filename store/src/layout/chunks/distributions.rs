//! The distributions of a chunk: runs of messages of one shape, each number of them a column of its own.
//!
//! Buckets are transposed, one column for each: from one point to the next a bucket hardly changes.

use model::metric::distribution::ExponentialBuckets;
use model::wire::put_varint;

use super::bytes::{Cursor, Damaged, put_signed};
use super::column::{Decoder, put_doubles, put_integers};
use super::messages::{Has, MAX_BUCKETS, Numbers, Shape, put_together, take_apart};

/// The numbers in buckets that one chunk may hold; an encoder ends a chunk before.
pub(super) const MAX_VALUES: usize = 1 << 20;

// Kinds of a run.
const WHOLE: u8 = 0;
const EXPLICIT: u8 = 1;
const EXPONENTIAL: u8 = 2;
const SUMMARY: u8 = 3;

// What a histogram has, in bits.
const SUM: u8 = 1;
const MIN: u8 = 2;
const MAX: u8 = 4;
/// The count is the sum of the buckets, and not kept.
const COUNT_IS_SUM: u8 = 8;
const POSITIVE: u8 = 16;
const NEGATIVE: u8 = 32;

/// Messages one after the other.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) bytes: Vec<u8>,
    /// Where each message ends.
    pub(super) ends: Vec<usize>,
}

impl Messages {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Appends `messages`; their number is kept elsewhere.
pub(super) fn put_distributions(out: &mut Vec<u8>, messages: &[&[u8]]) {
    let apart: Vec<_> = messages.iter().map(|message| take_apart(message)).collect();
    let mut start = 0;
    for run in apart.chunk_by(|a, b| a.0 == b.0) {
        put_varint(out, run.len() as u64);
        put_run(out, run, &messages[start..start + run.len()]);
        start += run.len();
    }
}

/// As [`put_distributions`], without looking at what the messages hold.
pub(super) fn put_whole_distributions(out: &mut Vec<u8>, messages: &[&[u8]]) {
    if !messages.is_empty() {
        put_varint(out, messages.len() as u64);
        put_whole(out, messages);
    }
}

fn put_whole(out: &mut Vec<u8>, messages: &[&[u8]]) {
    out.push(WHOLE);
    put_integers(out, &messages.iter().map(|message| message.len() as i64).collect::<Vec<_>>());
    messages.iter().for_each(|message| out.extend_from_slice(message));
}

fn put_run(out: &mut Vec<u8>, run: &[(Shape, Numbers)], messages: &[&[u8]]) {
    let Some((shape, _)) = run.first() else { return };
    let numbers = || run.iter().map(|(_, numbers)| numbers);
    let integers = |out: &mut Vec<u8>, of: fn(&Numbers) -> u64| {
        put_integers(out, &numbers().map(|it| of(it) as i64).collect::<Vec<_>>());
    };
    let doubles = |out: &mut Vec<u8>, has: bool, of: fn(&Numbers) -> f64| {
        if has {
            put_doubles(out, &numbers().map(of).collect::<Vec<_>>());
        }
    };
    let count_is_sum = || if numbers().all(|it| it.count == it.in_buckets()) { COUNT_IS_SUM } else { 0 };
    match shape {
        Shape::Whole => put_whole(out, messages),
        Shape::Explicit { has, bounds, n_counts } => {
            let flags = bits(*has) | count_is_sum();
            out.extend_from_slice(&[EXPLICIT, flags]);
            put_bits(out, bounds);
            put_varint(out, *n_counts as u64);
            if flags & COUNT_IS_SUM == 0 {
                integers(out, |it| it.count);
            }
            doubles(out, has.sum, |it| it.sum);
            doubles(out, has.min, |it| it.min);
            doubles(out, has.max, |it| it.max);
            for bucket in 0..*n_counts {
                put_integers(out, &numbers().map(|it| it.sides[0].counts[bucket] as i64).collect::<Vec<_>>());
            }
        }
        Shape::Exponential { has, sides, scale, zero_threshold } => {
            let sides_bits = [POSITIVE, NEGATIVE].iter().zip(sides).map(|(bit, has)| if *has { *bit } else { 0 });
            let flags = bits(*has) | count_is_sum() | sides_bits.sum::<u8>();
            out.extend_from_slice(&[EXPONENTIAL, flags]);
            put_signed(out, i64::from(*scale));
            out.extend_from_slice(&zero_threshold.to_le_bytes());
            if flags & COUNT_IS_SUM == 0 {
                integers(out, |it| it.count);
            }
            doubles(out, has.sum, |it| it.sum);
            doubles(out, has.min, |it| it.min);
            doubles(out, has.max, |it| it.max);
            integers(out, |it| it.zero_count);
            for side in (0..2).filter(|side| sides[*side]) {
                put_side(out, &numbers().map(|it| &it.sides[side]).collect::<Vec<_>>());
            }
        }
        Shape::Summary { quantiles } => {
            out.push(SUMMARY);
            put_bits(out, quantiles);
            integers(out, |it| it.count);
            doubles(out, true, |it| it.sum);
            for quantile in 0..quantiles.len() {
                put_doubles(out, &numbers().map(|it| it.values[quantile]).collect::<Vec<_>>());
            }
        }
    }
}

fn bits(has: Has) -> u8 {
    u8::from(has.sum) * SUM + u8::from(has.min) * MIN + u8::from(has.max) * MAX
}

fn put_bits(out: &mut Vec<u8>, values: &[u64]) {
    put_varint(out, values.len() as u64);
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// Offsets, lengths, and for each bucket that any point has the counts of the points that have it.
fn put_side(out: &mut Vec<u8>, points: &[&ExponentialBuckets]) {
    put_integers(out, &points.iter().map(|it| i64::from(it.offset)).collect::<Vec<_>>());
    put_integers(out, &points.iter().map(|it| it.counts.len() as i64).collect::<Vec<_>>());
    let places = by_bucket(points.iter().map(|it| (it.offset, it.counts.len())));
    for bucket in places.chunk_by(|a, b| a.bucket == b.bucket) {
        let counts = bucket.iter().map(|place| {
            let point = points[place.point as usize];
            point.counts[(place.bucket - i64::from(point.offset)) as usize] as i64
        });
        put_integers(out, &counts.collect::<Vec<_>>());
    }
}

/// A count of an exponential histogram: which bucket, and of which point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    bucket: i64,
    point: u32,
}

/// The counts of points with these offsets and lengths, bucket by bucket.
fn by_bucket(points: impl Iterator<Item = (i32, usize)>) -> Vec<Place> {
    let places = (0u32..).zip(points).flat_map(|(point, (offset, len))| {
        (0..len as i64).map(move |i| Place { bucket: i64::from(offset) + i, point })
    });
    let mut places: Vec<Place> = places.collect();
    places.sort_unstable();
    places
}

/// Decodes distributions, with the memory that this needs.
#[derive(Default)]
pub(super) struct DistributionDecoder {
    integers: Vec<i64>,
    doubles: Vec<f64>,
    points: Vec<Numbers>,
}

impl DistributionDecoder {
    /// Appends the `n` messages at the cursor to `out`.
    pub(super) fn read(
        &mut self,
        columns: &mut Decoder,
        from: &mut Cursor<'_>,
        n: usize,
        out: &mut Messages,
    ) -> Result<(), Damaged> {
        let mut budget = MAX_VALUES;
        let mut left = n;
        while left > 0 {
            let len = from.count(left)?.max(1);
            self.run(columns, from, len, &mut budget, out)?;
            left -= len;
        }
        Ok(())
    }

    fn run(
        &mut self,
        columns: &mut Decoder,
        from: &mut Cursor<'_>,
        n: usize,
        budget: &mut usize,
        out: &mut Messages,
    ) -> Result<(), Damaged> {
        self.points.clear();
        self.points.resize(n, Numbers::default());
        let kind = from.byte()?;
        let shape = match kind {
            WHOLE => {
                self.integers(columns, from, n)?;
                for len in &self.integers {
                    let len = usize::try_from(*len).map_err(|_| Damaged::new("a message of negative length"))?;
                    out.bytes.extend_from_slice(from.take(len)?);
                    out.ends.push(out.bytes.len());
                }
                return Ok(());
            }
            EXPLICIT => {
                let flags = from.byte()?;
                let bounds = read_bits(from)?;
                let n_counts = from.count(MAX_BUCKETS)?;
                spend(budget, n * n_counts.max(bounds.len()))?;
                let has = self.optional(columns, from, flags)?;
                self.points.iter_mut().for_each(|it| it.sides[0].counts.resize(n_counts, 0));
                for bucket in 0..n_counts {
                    self.integers(columns, from, n)?;
                    let points = self.points.iter_mut().zip(&self.integers);
                    points.for_each(|(point, count)| point.sides[0].counts[bucket] = *count as u64);
                }
                self.count_from_buckets(flags);
                Shape::Explicit { has, bounds, n_counts }
            }
            EXPONENTIAL => {
                let flags = from.byte()?;
                let scale = i32::try_from(from.signed()?).map_err(Damaged::new)?;
                let zero_threshold = u64::from_le_bytes(from.array()?);
                let has = self.optional(columns, from, flags)?;
                self.integers(columns, from, n)?;
                self.points.iter_mut().zip(&self.integers).for_each(|(it, count)| it.zero_count = *count as u64);
                let sides = [flags & POSITIVE != 0, flags & NEGATIVE != 0];
                for side in (0..2).filter(|side| sides[*side]) {
                    self.side(columns, from, side, budget)?;
                }
                self.count_from_buckets(flags);
                Shape::Exponential { has, sides, scale, zero_threshold }
            }
            SUMMARY => {
                let quantiles = read_bits(from)?;
                spend(budget, n * quantiles.len())?;
                self.integers(columns, from, n)?;
                self.points.iter_mut().zip(&self.integers).for_each(|(it, count)| it.count = *count as u64);
                self.doubles(columns, from, |point, sum| point.sum = sum)?;
                for _ in &quantiles {
                    self.doubles(columns, from, |point, value| point.values.push(value))?;
                }
                Shape::Summary { quantiles }
            }
            other => return Err(Damaged::new(format!("distributions have no kind {other}"))),
        };
        for point in &self.points {
            put_together(&shape, point, &mut out.bytes);
            out.ends.push(out.bytes.len());
        }
        Ok(())
    }

    /// Reads the columns of the count, unless it is the sum of the buckets, and of what else a histogram may have.
    fn optional(&mut self, columns: &mut Decoder, from: &mut Cursor<'_>, flags: u8) -> Result<Has, Damaged> {
        let has = Has { sum: flags & SUM != 0, min: flags & MIN != 0, max: flags & MAX != 0 };
        if flags & COUNT_IS_SUM == 0 {
            self.integers(columns, from, self.points.len())?;
            self.points.iter_mut().zip(&self.integers).for_each(|(it, count)| it.count = *count as u64);
        }
        if has.sum {
            self.doubles(columns, from, |point, sum| point.sum = sum)?;
        }
        if has.min {
            self.doubles(columns, from, |point, min| point.min = min)?;
        }
        if has.max {
            self.doubles(columns, from, |point, max| point.max = max)?;
        }
        Ok(has)
    }

    fn count_from_buckets(&mut self, flags: u8) {
        if flags & COUNT_IS_SUM != 0 {
            self.points.iter_mut().for_each(|point| point.count = point.in_buckets());
        }
    }

    fn side(
        &mut self,
        columns: &mut Decoder,
        from: &mut Cursor<'_>,
        side: usize,
        budget: &mut usize,
    ) -> Result<(), Damaged> {
        let n = self.points.len();
        self.integers(columns, from, n)?;
        for (point, offset) in self.points.iter_mut().zip(&self.integers) {
            point.sides[side].offset = i32::try_from(*offset).map_err(Damaged::new)?;
        }
        self.integers(columns, from, n)?;
        for (point, len) in self.points.iter_mut().zip(&self.integers) {
            let len = usize::try_from(*len).ok().filter(|len| *len <= MAX_BUCKETS);
            let len = len.ok_or_else(|| Damaged::new("a number of buckets out of bounds"))?;
            spend(budget, len)?;
            point.sides[side].counts.resize(len, 0);
        }
        let places = by_bucket(self.points.iter().map(|it| (it.sides[side].offset, it.sides[side].counts.len())));
        for bucket in places.chunk_by(|a, b| a.bucket == b.bucket) {
            self.integers(columns, from, bucket.len())?;
            for (place, count) in bucket.iter().zip(&self.integers) {
                let side = &mut self.points[place.point as usize].sides[side];
                side.counts[(place.bucket - i64::from(side.offset)) as usize] = *count as u64;
            }
        }
        Ok(())
    }

    fn integers(&mut self, columns: &mut Decoder, from: &mut Cursor<'_>, n: usize) -> Result<(), Damaged> {
        self.integers.clear();
        columns.integers(from, n, &mut self.integers)
    }

    fn doubles(
        &mut self,
        columns: &mut Decoder,
        from: &mut Cursor<'_>,
        set: impl Fn(&mut Numbers, f64),
    ) -> Result<(), Damaged> {
        self.doubles.clear();
        columns.doubles(from, self.points.len(), &mut self.doubles)?;
        self.points.iter_mut().zip(&self.doubles).for_each(|(point, value)| set(point, *value));
        Ok(())
    }
}

fn read_bits(from: &mut Cursor<'_>) -> Result<Vec<u64>, Damaged> {
    let n = from.count(MAX_BUCKETS)?;
    (0..n).map(|_| from.array().map(u64::from_le_bytes)).collect()
}

/// Takes `n` from what a chunk may still hold.
fn spend(budget: &mut usize, n: usize) -> Result<(), Damaged> {
    let left = budget.checked_sub(n);
    *budget = left.ok_or_else(|| Damaged::new(format!("more than {MAX_VALUES} numbers in buckets")))?;
    Ok(())
}

#[cfg(test)]
impl Messages {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

#[cfg(test)]
mod tests;
