//! A run of cells, compressed. Cells of one number and slot may be in several blocks of a summary: they add up.

use std::ops::Range;

use model::Nanos;
use model::time::MILLISECOND;
use model::wire::put_varint;

use super::bytes::{Cursor, put_signed};
use super::cells::CallCounts;
use super::durations::{DurationCounts, MAX_BUCKETS};

/// How hard the bytes are compressed: more effort saves little.
const LEVEL: i32 = 3;
/// The most bytes that a block may claim to have.
const MAX_BYTES: usize = 256 << 20;

/// The spans of an operation in a slot.
#[derive(Debug)]
pub struct SpanCell<'a> {
    /// An index of the summary's operations.
    pub operation: u32,
    pub slot: i64,
    pub durations: &'a DurationCounts,
}

/// The calls of an edge in a slot.
#[derive(Debug)]
pub struct CallCell<'a> {
    /// An index of the summary's edges.
    pub edge: u32,
    pub slot: i64,
    pub calls: &'a CallCounts,
}

/// What is written as a block; each part by number and slot.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) spans: Vec<(u32, i64, DurationCounts)>,
    pub(super) calls: Vec<(u32, i64, CallCounts)>,
    /// Of each service, how long after the start of the slot the last of its spans ended, in milliseconds.
    pub(super) seen: Vec<(u32, i64, u64)>,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The first and the last slot.
    pub(super) slots: (i64, i64),
    /// Bytes of the three parts, before compression.
    pub(super) lengths: [u32; 3],
    /// Each compressed on its own.
    pub(super) parts: [Vec<u8>; 3],
}

impl Block {
    /// `None` of nothing.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let spans = parts.spans.iter().map(|it| it.1);
        let slots = spans.chain(parts.calls.iter().map(|it| it.1)).chain(parts.seen.iter().map(|it| it.1));
        let slots = slots.fold(None, |known: Option<(i64, i64)>, slot| {
            Some(known.map_or((slot, slot), |(first, last)| (first.min(slot), last.max(slot))))
        })?;
        let raw = [
            encode(&parts.spans, slots.0, put_durations),
            encode(&parts.calls, slots.0, |out, calls| {
                put_varint(out, calls.n_calls);
                put_varint(out, calls.n_failed);
                put_durations(out, &calls.client);
                put_durations(out, &calls.server);
            }),
            encode(&parts.seen, slots.0, |out, after| put_varint(out, *after)),
        ];
        let lengths = raw.each_ref().map(|part| part.len() as u32);
        // A part as long as before is one that is not compressed.
        let pack = |part: Vec<u8>| match zstd::bulk::compress(&part, LEVEL) {
            Ok(packed) if packed.len() < part.len() => packed,
            _ => part,
        };
        Some(Block { slots, lengths, parts: raw.map(pack) })
    }

    pub(super) fn memory(&self) -> usize {
        self.parts.iter().map(Vec::len).sum::<usize>() + size_of::<Block>()
    }

    pub(super) fn overlaps(&self, slots: &Range<i64>) -> bool {
        self.slots.0 < slots.end && slots.start <= self.slots.1
    }

    fn unpack(&self, part: usize) -> Option<Vec<u8>> {
        let length = usize::try_from(self.lengths[part]).ok().filter(|length| *length <= MAX_BYTES)?;
        if self.parts[part].len() == length {
            return Some(self.parts[part].clone());
        }
        let bytes = zstd::bulk::decompress(&self.parts[part], length).ok()?;
        (bytes.len() == length).then_some(bytes)
    }

    /// Calls `visit` with the cells in `slots` of the operations that are `wanted`. `None` when the block is damaged.
    pub(super) fn spans(
        &self,
        slots: &Range<i64>,
        wanted: impl FnMut(u32) -> bool,
        visit: &mut dyn FnMut(SpanCell<'_>),
    ) -> Option<()> {
        let mut durations = DurationCounts::default();
        decode(&self.unpack(0)?, self.slots.0, slots, wanted, |cursor, operation, slot| {
            read_durations(cursor, &mut durations)?;
            if slots.contains(&slot) {
                visit(SpanCell { operation, slot, durations: &durations });
            }
            Some(())
        })
    }

    /// As [`Block::spans`], of edges.
    pub(super) fn calls(
        &self,
        slots: &Range<i64>,
        wanted: impl FnMut(u32) -> bool,
        visit: &mut dyn FnMut(CallCell<'_>),
    ) -> Option<()> {
        let mut calls = CallCounts::default();
        decode(&self.unpack(1)?, self.slots.0, slots, wanted, |cursor, edge, slot| {
            calls.n_calls = cursor.varint()?;
            calls.n_failed = cursor.varint()?;
            read_durations(cursor, &mut calls.client)?;
            read_durations(cursor, &mut calls.server)?;
            if slots.contains(&slot) {
                visit(CallCell { edge, slot, calls: &calls });
            }
            Some(())
        })
    }

    /// Calls `visit` with each service, slot in `slots` and the time after the slot's start when the last span ended.
    pub(super) fn seen(&self, slots: &Range<i64>, visit: &mut dyn FnMut(u32, i64, Nanos)) -> Option<()> {
        decode(
            &self.unpack(2)?,
            self.slots.0,
            slots,
            |_| true,
            |cursor, service, slot| {
                let after = i64::try_from(cursor.varint()?).unwrap_or(i64::MAX).saturating_mul(MILLISECOND);
                if slots.contains(&slot) {
                    visit(service, slot, after);
                }
                Some(())
            },
        )
    }
}

/// For each number its cells: `number delta | bytes that follow | cells | slot deltas | contents`.
fn encode<T>(cells: &[(u32, i64, T)], first: i64, put: impl Fn(&mut Vec<u8>, &T)) -> Vec<u8> {
    let (mut out, mut of_number, mut before) = (Vec::new(), Vec::new(), 0);
    for run in cells.chunk_by(|a, b| a.0 == b.0) {
        of_number.clear();
        put_varint(&mut of_number, run.len() as u64);
        let mut slot = first;
        for cell in run {
            put_signed(&mut of_number, cell.1.wrapping_sub(slot));
            slot = cell.1;
        }
        run.iter().for_each(|cell| put(&mut of_number, &cell.2));
        put_varint(&mut out, u64::from(run[0].0 - before));
        put_varint(&mut out, of_number.len() as u64);
        out.extend_from_slice(&of_number);
        before = run[0].0;
    }
    out
}

fn decode(
    bytes: &[u8],
    first: i64,
    slots: &Range<i64>,
    mut wanted: impl FnMut(u32) -> bool,
    mut cell: impl FnMut(&mut Cursor<'_>, u32, i64) -> Option<()>,
) -> Option<()> {
    let (mut cursor, mut number, mut of_run) = (Cursor(bytes), 0u32, Vec::new());
    while !cursor.0.is_empty() {
        number = number.checked_add(u32::try_from(cursor.varint()?).ok()?)?;
        let length = usize::try_from(cursor.varint()?).ok()?;
        let mut run = Cursor(cursor.take(length)?);
        if !wanted(number) {
            continue;
        }
        of_run.clear();
        let mut slot = first;
        for _ in 0..run.count()? {
            slot = slot.wrapping_add(run.signed()?);
            of_run.push(slot);
        }
        // Cells are in the order of their slots.
        for slot in of_run.iter().copied().take_while(|slot| *slot < slots.end) {
            cell(&mut run, number, slot)?;
        }
    }
    Some(())
}

/// `buckets | sum | for each bucket: (delta << 1 | whether the count is 1), and else the count`.
fn put_durations(out: &mut Vec<u8>, durations: &DurationCounts) {
    put_varint(out, durations.buckets.len() as u64);
    if durations.buckets.is_empty() {
        return;
    }
    put_varint(out, durations.sum);
    let mut before = 0;
    for (bucket, count) in &durations.buckets {
        let is_one = *count == 1;
        put_varint(out, u64::from(bucket - before) << 1 | u64::from(is_one));
        if !is_one {
            put_varint(out, *count);
        }
        before = *bucket;
    }
}

fn read_durations(cursor: &mut Cursor<'_>, durations: &mut DurationCounts) -> Option<()> {
    durations.buckets.clear();
    durations.sum = 0;
    let n = cursor.count()?;
    if n == 0 {
        return Some(());
    }
    durations.sum = cursor.varint()?;
    let mut bucket = 0u64;
    for _ in 0..n {
        let delta = cursor.varint()?;
        bucket = bucket.checked_add(delta >> 1)?;
        let count = if delta & 1 == 1 { 1 } else { cursor.varint()? };
        if bucket >= MAX_BUCKETS as u64 {
            return None;
        }
        durations.buckets.push((bucket as u16, count));
    }
    Some(())
}
