//! Takes attribute sets apart: what has a column goes there, everything else stays together as it came.
//!
//! A key that occurs twice in a set stays with the rest in all its occurrences, since of those the last one counts.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BinaryArray, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder,
    StringBuilder,
};
use hashbrown::HashMap;

use super::columns::{Column, Kind, MAX_ENTRY_BYTES};
use super::entry::{self, Entry, Scalar};

/// Attribute sets in columns.
pub(super) struct Split {
    /// In the order of the columns that the splitter was made for.
    pub(super) columns: Vec<ArrayRef>,
    /// What has no column, null where nothing is left.
    pub(super) rest: BinaryArray,
}

/// Knows which attribute goes to which column.
pub(super) struct Splitter {
    kinds: Vec<Kind>,
    keys: HashMap<String, usize>,
    /// By key, the column for each type.
    slots: Vec<[Option<usize>; 4]>,
}

/// An attribute of the row in work.
struct Part<'a> {
    entry: Entry<'a>,
    /// Of the key, when it has a column of any type.
    slot: Option<usize>,
    value: Option<Scalar<'a>>,
}

/// Where a key was seen last. Rows count from 1.
#[derive(Clone, Copy, Default)]
struct Seen {
    row: usize,
    twice_in_row: usize,
}

impl Splitter {
    pub(super) fn new(columns: &[Column]) -> Self {
        let mut keys: HashMap<String, usize> = HashMap::new();
        let mut slots: Vec<[Option<usize>; 4]> = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let slot = *keys.entry(column.key.clone()).or_insert_with(|| {
                slots.push([None; 4]);
                slots.len() - 1
            });
            slots[slot][column.kind as usize] = Some(index);
        }
        Splitter { kinds: columns.iter().map(|column| column.kind).collect(), keys, slots }
    }

    pub(super) fn split(&self, sets: &BinaryArray) -> Split {
        let mut builders: Vec<Builder> = self.kinds.iter().map(|kind| Builder::new(*kind)).collect();
        let mut rest = BinaryBuilder::with_capacity(sets.len(), 0);
        let mut seen = vec![Seen::default(); self.slots.len()];
        let (mut parts, mut left) = (Vec::new(), Vec::new());
        let mut guesses: Vec<(&str, Option<usize>)> = Vec::new();
        for row in 0..sets.len() {
            let set = if sets.is_valid(row) { sets.value(row) } else { &[] };
            if !self.take_apart(set, row + 1, &mut seen, &mut guesses, &mut parts) {
                rest.append_value(set); // not a plain list of attributes: kept as it is
                continue;
            }
            left.clear();
            for part in parts.drain(..) {
                let slot = part.slot.filter(|slot| seen[*slot].twice_in_row != row + 1);
                let column = slot.zip(part.value).and_then(|(slot, value)| {
                    let column = self.slots[slot][Kind::of(value) as usize]?;
                    (part.entry.list.len() <= MAX_ENTRY_BYTES).then_some((column, value))
                });
                match column {
                    Some((column, value)) => builders[column].set(row, value),
                    None => left.extend_from_slice(part.entry.list),
                }
            }
            rest.append_option((!left.is_empty()).then_some(&left));
        }
        Split { columns: builders.into_iter().map(|builder| builder.finish(sets.len())).collect(), rest: rest.finish() }
    }

    /// Fills `parts` with the attributes of `set`; false when there is something else in it. `guesses` holds the keys of the
    /// row before at their places: mostly the next row has the same.
    fn take_apart<'a>(
        &self,
        set: &'a [u8],
        row: usize,
        seen: &mut [Seen],
        guesses: &mut Vec<(&'a str, Option<usize>)>,
        parts: &mut Vec<Part<'a>>,
    ) -> bool {
        parts.clear();
        for (place, entry) in entry::entries(set).enumerate() {
            let Ok(entry) = entry else { return false };
            let (key, value) = match entry.parse() {
                Some((key, value)) => (key, Some(value)),
                None => (entry.key(), None),
            };
            let slot = match guesses.get(place) {
                Some((guess, slot)) if *guess == key => *slot,
                _ => {
                    let slot = self.keys.get(key).copied();
                    match guesses.get_mut(place) {
                        Some(guess) => *guess = (key, slot),
                        None => guesses.push((key, slot)),
                    }
                    slot
                }
            };
            if let Some(slot) = slot {
                let seen = &mut seen[slot];
                if seen.row == row {
                    seen.twice_in_row = row;
                }
                seen.row = row;
            }
            parts.push(Part { entry, slot, value });
        }
        true
    }
}

/// A column under construction. Rows without a value are made up for when the next value comes.
enum Builder {
    Str(StringBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Str => Builder::Str(StringBuilder::new()),
            Kind::Int => Builder::Int(Int64Builder::new()),
            Kind::Double => Builder::Double(Float64Builder::new()),
            Kind::Bool => Builder::Bool(BooleanBuilder::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Builder::Str(it) => it.len(),
            Builder::Int(it) => it.len(),
            Builder::Double(it) => it.len(),
            Builder::Bool(it) => it.len(),
        }
    }

    fn append_nulls(&mut self, n: usize) {
        match self {
            Builder::Str(it) => it.append_nulls(n),
            Builder::Int(it) => it.append_nulls(n),
            Builder::Double(it) => it.append_nulls(n),
            Builder::Bool(it) => it.append_nulls(n),
        }
    }

    /// Sets `row`, which is beyond all that were set before. The value has the type of the column.
    fn set(&mut self, row: usize, value: Scalar<'_>) {
        let missing = row - self.len();
        if missing > 0 {
            self.append_nulls(missing);
        }
        match (self, value) {
            (Builder::Str(it), Scalar::Str(text)) => it.append_value(text),
            (Builder::Int(it), Scalar::Int(int)) => it.append_value(int),
            (Builder::Double(it), Scalar::Double(bits)) => it.append_value(f64::from_bits(bits)),
            (Builder::Bool(it), Scalar::Bool(bit)) => it.append_value(bit),
            (it, _) => it.append_nulls(1),
        }
    }

    fn finish(mut self, n_rows: usize) -> ArrayRef {
        self.append_nulls(n_rows - self.len());
        match self {
            Builder::Str(mut it) => Arc::new(it.finish()),
            Builder::Int(mut it) => Arc::new(it.finish()),
            Builder::Double(mut it) => Arc::new(it.finish()),
            Builder::Bool(mut it) => Arc::new(it.finish()),
        }
    }
}
