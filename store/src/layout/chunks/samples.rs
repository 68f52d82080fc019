//! Chunks of numbers become samples: times and doubles of one series, without a row for each point.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use model::metric::{NO_RECORDED_VALUE, STALE};
use model::{Nanos, SeriesId, TimeRange};

use super::Head;
use super::bytes::Damaged;
use super::decode::{Chunks, of_row};
use super::times::Times;
use super::values::{Kind, Values, ValuesDecoder};

/// Decodes samples, with the memory that this needs.
#[derive(Default)]
pub(crate) struct SampleDecoder {
    values: ValuesDecoder,
    decoded: Values,
    doubles: Vec<f64>,
    /// Of each point, whether it is one; empty when all are.
    is_sample: Vec<bool>,
}

impl SampleDecoder {
    /// Feeds the samples of each of `chunks` in `range`, and gives what is wrong with those that cannot be decoded.
    /// Points without a value are [`STALE`]; distributions are left out.
    pub(crate) fn read(
        &mut self,
        chunks: &RecordBatch,
        times: &mut Times,
        range: TimeRange,
        mut push: impl FnMut(SeriesId, &[Nanos], &[f64]),
    ) -> Result<Vec<Damaged>, ArrowError> {
        let mut damage = Vec::new();
        for (row, (head, value)) in Chunks::of(chunks)?.iter().enumerate() {
            if !range.overlaps(head.min_time, head.max_time) {
                continue;
            }
            let series = SeriesId(u128::from_be_bytes(head.series));
            let samples = |at: &[Nanos], values: &[f64]| push(series, at, values);
            if let Err(error) = self.chunk(&head, value, times, range, samples) {
                damage.push(of_row(row, head.series, &error));
            }
        }
        Ok(damage)
    }

    fn chunk(
        &mut self,
        head: &Head,
        value: &[u8],
        times: &mut Times,
        range: TimeRange,
        mut push: impl FnMut(&[Nanos], &[f64]),
    ) -> Result<(), Damaged> {
        let n = head.n_points()?;
        let at = times.times(head.times, n)?;
        self.doubles.clear();
        self.is_sample.clear();
        if !self.values.plain_doubles(value, n, &mut self.doubles)? {
            self.any_kind(value, n)?;
        }
        let (from, to) = if range.contains(head.min_time) && range.contains(head.max_time) {
            (0, n)
        } else if at.is_sorted() {
            let from = at.partition_point(|time| *time < range.start);
            (from, from + at[from..].partition_point(|time| range.contains(*time)))
        } else {
            self.is_sample.resize(n, true);
            self.is_sample.iter_mut().zip(at.iter()).for_each(|(keep, time)| *keep &= range.contains(*time));
            (0, n)
        };
        if self.is_sample.is_empty() {
            push(&at[from..to], &self.doubles[from..to]);
            return Ok(());
        }
        for row in (from..to).filter(|row| self.is_sample[*row]) {
            push(&at[row..=row], &self.doubles[row..=row]);
        }
        Ok(())
    }

    /// Replaces `doubles` by the samples of points of any kind. If there are distributions, `is_sample` says where not.
    fn any_kind(&mut self, value: &[u8], n: usize) -> Result<(), Damaged> {
        self.values.read(value, n, &mut self.decoded)?;
        let Values { runs, flags, integers, doubles, .. } = &self.decoded;
        let (mut integers, mut doubles) = (integers.as_slice(), doubles.as_slice());
        for (kind, len) in runs {
            match kind {
                Kind::Integer => {
                    let (run, rest) = integers.split_at(*len);
                    self.doubles.extend(run.iter().map(|value| *value as f64));
                    integers = rest;
                }
                Kind::Double => {
                    let (run, rest) = doubles.split_at(*len);
                    self.doubles.extend_from_slice(run);
                    doubles = rest;
                }
                Kind::None | Kind::Distribution => self.doubles.resize(self.doubles.len() + len, STALE),
            }
        }
        for (value, flags) in self.doubles.iter_mut().zip(flags) {
            if *flags as u32 & NO_RECORDED_VALUE != 0 {
                *value = STALE;
            }
        }
        if runs.iter().any(|(kind, _)| *kind == Kind::Distribution) {
            let is_sample = runs.iter().map(|(kind, len)| (*kind != Kind::Distribution, *len));
            self.is_sample.extend(is_sample.flat_map(|(is_sample, len)| std::iter::repeat_n(is_sample, len)));
        }
        Ok(())
    }
}
