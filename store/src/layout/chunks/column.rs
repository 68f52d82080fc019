//! Columns of numbers, each in the smallest of a few forms. The count of a column is kept beside it, not in it.
//!
//! What pco stores of a distribution's bins is as wide as the numbers it is given. At a few hundred points a chunk that
//! is half of the bytes, so numbers are made narrow first: integers by their distance from the least one or from the
//! one before, decimal fractions (`12.34`) by their digits. Measured on the mix of `store/benches/mix`, 480 points to a
//! chunk, in bytes a point: pco of the doubles 0.73, of the digits 0.69, of narrow digits 0.65.

use pco::DeltaSpec;

use super::bytes::{Cursor, Damaged, put_signed};
use super::page::{Scratch, put_page};

// Forms of a column of integers, in the high four bits.
/// All the same: the value.
const CONSTANT: u8 = 0x00;
/// All the same distance apart: the first value and the distance.
const LINEAR: u8 = 0x10;
/// The first value, then the distances.
const PLAIN: u8 = 0x20;
/// The least value, then a page of the distances from it, of the width in the low bits.
const ABOVE_LEAST: u8 = 0x30;
/// The first value and the least distance, then a page of the distances between neighbours above that one.
const DISTANCES: u8 = 0x40;

// Forms of a column of doubles.
/// A column of integers to be divided by a power of ten; the exponent is in the low four bits.
const DECIMAL: u8 = 0x80;
/// All the same: eight bytes.
const REPEATED: u8 = 0x90;
/// Eight bytes each.
const BITS: u8 = 0xa0;
/// A page.
const DOUBLES: u8 = 0xb0;

/// Columns shorter than this are tried without pco, whose own overhead is some twenty bytes.
const SHORT: usize = 32;

const POWERS_OF_TEN: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Integers of this size and smaller are doubles too: 2^53.
const MAX_EXACT: u64 = 1 << 53;

/// The width of a page: the low bits of its form.
fn width(range: u64) -> u8 {
    match range {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xffff_ffff => 2,
        _ => 3,
    }
}

pub(super) fn put_integers(out: &mut Vec<u8>, values: &[i64]) {
    let Some((&first, rest)) = values.split_first() else { return };
    if rest.iter().all(|value| *value == first) {
        out.push(CONSTANT);
        return put_signed(out, first);
    }
    let (least, range) = extent(values);
    // Distances that leave 64 bits wrap around, and so back again.
    let distances: Vec<i64> = values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let (least_distance, distance_range) = extent(&distances);
    if distance_range == 0 {
        out.push(LINEAR);
        put_signed(out, first);
        return put_signed(out, least_distance);
    }
    let start = out.len();
    if width(distance_range) < width(range) {
        out.push(DISTANCES | width(distance_range));
        put_signed(out, first);
        put_signed(out, least_distance);
        put_above(out, &distances, least_distance, distance_range);
    } else {
        out.push(ABOVE_LEAST | width(range));
        put_signed(out, least);
        put_above(out, values, least, range);
    }
    if values.len() < SHORT {
        let mut plain = Vec::new();
        put_plain(&mut plain, values);
        if plain.len() < out.len() - start {
            out.truncate(start);
            out.extend_from_slice(&plain);
        }
    }
}

/// As [`put_integers`], in the form that takes the least time.
pub(super) fn put_plain_integers(out: &mut Vec<u8>, values: &[i64]) {
    let Some((&first, rest)) = values.split_first() else { return };
    let distance = rest.first().map_or(0, |second| second.wrapping_sub(first));
    if values.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == distance) {
        out.push(if distance == 0 { CONSTANT } else { LINEAR });
        put_signed(out, first);
        if distance != 0 {
            put_signed(out, distance);
        }
        return;
    }
    put_plain(out, values);
}

fn put_plain(out: &mut Vec<u8>, values: &[i64]) {
    out.push(PLAIN);
    let mut before = 0;
    for value in values {
        put_signed(out, value.wrapping_sub(before));
        before = *value;
    }
}

/// The least of `values`, and how far the greatest is above it.
fn extent(values: &[i64]) -> (i64, u64) {
    let least = values.iter().copied().min().unwrap_or_default();
    let greatest = values.iter().copied().max().unwrap_or_default();
    (least, greatest.wrapping_sub(least) as u64)
}

fn put_above(out: &mut Vec<u8>, values: &[i64], least: i64, range: u64) {
    let above = values.iter().map(|value| value.wrapping_sub(least) as u64);
    let delta = delta(values, least, range);
    match width(range) {
        0 => put_page(out, &above.map(|it| it as u8).collect::<Vec<_>>(), delta),
        1 => put_page(out, &above.map(|it| it as u16).collect::<Vec<_>>(), delta),
        2 => put_page(out, &above.map(|it| it as u32).collect::<Vec<_>>(), delta),
        _ => put_page(out, &above.collect::<Vec<_>>(), delta),
    }
}

/// Whether what lies between neighbours takes fewer bits than the numbers. pco can find out by compressing a sample in four
/// ways, which takes longer than to compress the numbers.
fn delta(values: &[i64], least: i64, range: u64) -> DeltaSpec {
    let distances = || values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let least_distance = distances().min().unwrap_or_default();
    let distance_range = distances().max().unwrap_or_default().wrapping_sub(least_distance) as u64;
    let of_numbers = bits(values.iter().map(|value| value.wrapping_sub(least) as u64), range);
    let of_distances = bits(distances().map(|it| it.wrapping_sub(least_distance) as u64), distance_range);
    if of_distances < of_numbers { DeltaSpec::TryConsecutive(1) } else { DeltaSpec::NoOp }
}

/// About how many bits `numbers` from 0 to `range` take: the entropy of their leading bits, and the bits that follow.
fn bits(numbers: impl Iterator<Item = u64>, range: u64) -> f32 {
    const BINS_LOG: u32 = 6;
    let rest = (u64::BITS - range.leading_zeros()).saturating_sub(BINS_LOG);
    let mut counts = [0u32; 1 << BINS_LOG];
    numbers.for_each(|number| counts[(number >> rest) as usize] += 1);
    let total = counts.iter().sum::<u32>() as f32;
    let of_bin = |count: &u32| *count as f32 * (total / *count as f32).log2();
    total * rest as f32 + counts.iter().filter(|count| **count > 0).map(of_bin).sum::<f32>()
}

pub(super) fn put_doubles(out: &mut Vec<u8>, values: &[f64]) {
    let Some((first, rest)) = values.split_first() else { return };
    if let Some((exponent, digits)) = decimal(values) {
        out.push(DECIMAL | exponent);
        return put_integers(out, &digits);
    }
    if rest.iter().all(|value| value.to_bits() == first.to_bits()) {
        out.push(REPEATED);
        return out.extend_from_slice(&first.to_le_bytes());
    }
    let start = out.len();
    out.push(DOUBLES);
    put_page(out, values, DeltaSpec::Auto);
    if values.len() < SHORT && 8 * values.len() < out.len() - start {
        out.truncate(start);
        put_plain_doubles(out, values);
    }
}

/// As [`put_doubles`], in the form that takes the least time.
pub(super) fn put_plain_doubles(out: &mut Vec<u8>, values: &[f64]) {
    if !values.is_empty() {
        out.push(BITS);
        values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    }
}

/// The least exponent at which all of `values`, to the bit, are whole numbers divided by that power of ten, and these
/// numbers. Text such as `12.34` becomes the double that this division gives.
fn decimal(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut digits = Vec::with_capacity(values.len());
    for (exponent, power) in (0..).zip(POWERS_OF_TEN) {
        digits.clear();
        digits.extend(values.iter().map_while(|value| {
            let number = (value * power + 0.5f64.copysign(*value)) as i64;
            let exact = number.unsigned_abs() <= MAX_EXACT && (number as f64 / power).to_bits() == value.to_bits();
            exact.then_some(number)
        }));
        if digits.len() == values.len() {
            return Some((exponent, digits));
        }
    }
    None
}

/// Decodes columns, with the memory that this needs.
#[derive(Default)]
pub(super) struct Decoder {
    scratch: Scratch,
    integers: Vec<i64>,
}

impl Decoder {
    /// Appends the `n` integers of the column at the cursor to `out`. On an error `out` may have some of them.
    pub(super) fn integers(&mut self, from: &mut Cursor<'_>, n: usize, out: &mut Vec<i64>) -> Result<(), Damaged> {
        if n == 0 {
            return Ok(());
        }
        let form = from.byte()?;
        match (form & 0xf0, form & 0x0f) {
            (CONSTANT, 0) => {
                let value = from.signed()?;
                out.resize(out.len() + n, value);
            }
            (LINEAR, 0) => {
                let (first, step) = (from.signed()?, from.signed()?);
                out.extend((0..n as i64).map(|i| first.wrapping_add(step.wrapping_mul(i))));
            }
            (PLAIN, 0) => {
                let mut value = from.signed()?;
                out.push(value);
                for _ in 1..n {
                    value = value.wrapping_add(from.signed()?);
                    out.push(value);
                }
            }
            (ABOVE_LEAST, width @ 0..=3) => {
                let least = from.signed()?;
                self.scratch.widened(width, from, n, |above| out.push(least.wrapping_add(above as i64)))?;
            }
            (DISTANCES, width @ 0..=3) => {
                let (mut value, least) = (from.signed()?, from.signed()?);
                out.push(value);
                self.scratch.widened(width, from, n - 1, |above| {
                    value = value.wrapping_add(least).wrapping_add(above as i64);
                    out.push(value);
                })?;
            }
            _ => return Err(Damaged::new(format!("a column of integers has no form {form:#04x}"))),
        }
        Ok(())
    }

    /// Appends the `n` doubles of the column at the cursor to `out`. On an error `out` may have some of them.
    pub(super) fn doubles(&mut self, from: &mut Cursor<'_>, n: usize, out: &mut Vec<f64>) -> Result<(), Damaged> {
        if n == 0 {
            return Ok(());
        }
        let form = from.byte()?;
        match (form & 0xf0, form & 0x0f) {
            (DECIMAL, exponent) => {
                let power = POWERS_OF_TEN.get(usize::from(exponent));
                let power = *power.ok_or_else(|| Damaged::new(format!("an exponent of {exponent}")))?;
                let mut digits = std::mem::take(&mut self.integers);
                digits.clear();
                let read = self.integers(from, n, &mut digits);
                if read.is_ok() && exponent == 0 {
                    out.extend(digits.iter().map(|number| *number as f64));
                } else if read.is_ok() {
                    out.extend(digits.iter().map(|number| *number as f64 / power));
                }
                self.integers = digits;
                read?;
            }
            (REPEATED, 0) => {
                let value = from.double()?;
                out.resize(out.len() + n, value);
            }
            (BITS, 0) => {
                for _ in 0..n {
                    out.push(from.double()?);
                }
            }
            (DOUBLES, 0) => {
                let start = out.len();
                out.resize(start + n, 0.0);
                self.scratch.page(from, &mut out[start..])?;
            }
            _ => return Err(Damaged::new(format!("a column of doubles has no form {form:#04x}"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
