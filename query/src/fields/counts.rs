//! Values of fields counted over a whole range by columns and dictionaries, without looking at rows.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, UInt8Type};
use hashbrown::HashMap;
use model::{Resource, Scope, SpanKind, StatusCode, TimeRange};
use store::{ReadError, Scan, Snapshot, Table, ValueCount};

use crate::services::Covered;
use crate::{Budget, QueryError, Warnings};

use super::{FieldValue, MAX_DISTINCT, Sampled, Signal, ValueSearch, sort};

/// How many rows there are in `range`.
pub(super) fn rows(snapshot: &Snapshot, budget: &Budget, signal: Signal, range: TimeRange) -> Result<u64, QueryError> {
    let mut n_rows = 0;
    // What cannot be read has no fields to offer either.
    let mut add = |n: usize| {
        n_rows += n as u64;
        budget.check()
    };
    let scan = Scan::new(range).columns(&[]);
    match signal {
        Signal::Spans => snapshot.spans(scan).flatten().try_for_each(|chunk| add(chunk.len()))?,
        Signal::Logs => snapshot.logs(scan).flatten().try_for_each(|chunk| add(chunk.len()))?,
    }
    Ok(n_rows)
}

/// The values of a field that columns tell; `None` for any other.
pub(super) fn values(
    snapshot: &Snapshot,
    budget: &Budget,
    search: &ValueSearch<'_>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Option<Sampled<FieldValue>>, QueryError> {
    let mut count =
        Count { snapshot, budget, search, wanted, found: HashMap::new(), warnings: Warnings::new(), exact: true };
    let spans = search.signal == Signal::Spans;
    match search.name {
        "service" | "service.name" | "resource.service.name" => count.by_dictionary(&["service"], text)?,
        "name" | "span.name" if spans => count.by_dictionary(&["name"], text)?,
        "kind" | "span.kind" if spans => count.by_number(&["kind"], |it| SpanKind::from_number(it).name())?,
        "status" | "span.status" if spans => count.by_number(&["status"], |it| StatusCode::from_number(it).name())?,
        "root" | "root.name" | "root.service" if spans => count.of_roots()?,
        "status_message" | "event_name" | "severity" | "level" | "severity_text" | "body" => return Ok(None),
        "duration" | "trace_id" | "span_id" | "parent_span_id" => {}
        name if name.starts_with("event.") || name.starts_with("link.") => return Ok(None),
        name => {
            let own = if spans { "span." } else { "log." };
            match (name.strip_prefix("resource."), name.strip_prefix("scope."), name.strip_prefix(own)) {
                (Some(key), ..) => count.of_resource(key)?,
                (_, Some(key), _) => count.of_scope(key)?,
                (_, _, Some(key)) => count.own(key)?,
                _ => {
                    count.own(name)?;
                    if count.found.is_empty() {
                        count.of_resource(name)?;
                    }
                    if count.found.is_empty() {
                        count.of_scope(name)?;
                    }
                }
            }
        }
    }
    Ok(Some(count.finish()))
}

fn text(bytes: &[u8]) -> Option<(String, &'static str)> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
    Some((text.to_owned(), "string"))
}

struct Count<'a> {
    snapshot: &'a Snapshot,
    budget: &'a Budget,
    search: &'a ValueSearch<'a>,
    wanted: &'a dyn Fn(&str) -> bool,
    found: HashMap<(String, &'static str), u64>,
    warnings: Warnings,
    exact: bool,
}

impl Count<'_> {
    fn own(&mut self, key: &str) -> Result<(), QueryError> {
        let table = if self.search.signal == Signal::Spans { Table::Spans } else { Table::Logs };
        let count = ValueCount { range: self.search.range, key, wanted: self.wanted };
        let (mut counter, errors) = self.snapshot.count_values(table, count);
        errors.iter().for_each(|error| self.unreadable(error));
        while let Some(step) = counter.step() {
            if let Err(error) = step {
                self.unreadable(&error);
            }
            if self.budget.is_out_of_time()? {
                break;
            }
        }
        let (values, exact) = counter.finish();
        self.exact &= exact;
        values.into_iter().for_each(|it| self.add((it.text, it.type_name), it.n_rows));
        Ok(())
    }

    /// Of spans without a parent, by what they add up to in the minutes of the range.
    fn of_roots(&mut self) -> Result<(), QueryError> {
        let covered = Covered::of(self.snapshot, self.search.range, 1);
        self.exact &= covered.range == self.search.range;
        let of_service = self.search.name == "root.service";
        let (snapshot, budget, mut warnings) = (self.snapshot, self.budget, std::mem::take(&mut self.warnings));
        let read = covered.read_or_warn(snapshot, budget, &mut warnings, |summary, _| {
            let is_root = |index: u32| summary.operations[index as usize].is_root;
            summary.spans(&covered.wanted(&is_root, &|_| false), |cell| {
                let it = &summary.operations[cell.operation as usize];
                let text = if of_service { &summary.services[it.service as usize].name } else { &it.name };
                self.add((text.clone(), "string"), cell.durations.n_total());
            })
        });
        self.warnings = warnings;
        read.map(drop)
    }

    fn of_resource(&mut self, key: &str) -> Result<(), QueryError> {
        self.by_dictionary(&["resource"], |bytes| {
            Resource::new(bytes).attrs().get(key).map(|value| (value.to_string(), value.type_name()))
        })
    }

    fn of_scope(&mut self, key: &str) -> Result<(), QueryError> {
        self.by_dictionary(&["scope"], |bytes| {
            Scope::new(bytes).attrs().get(key).map(|value| (value.to_string(), value.type_name()))
        })
    }

    /// By the entries of a column's dictionaries, each asked once.
    fn by_dictionary(
        &mut self,
        column: &'static [&'static str],
        value: impl Fn(&[u8]) -> Option<(String, &'static str)>,
    ) -> Result<(), QueryError> {
        self.each_batch(column, |count, batch| {
            let Some(shared) = batch.column_by_name(column[0]).and_then(|it| it.as_dictionary_opt::<Int32Type>())
            else {
                return;
            };
            let mut counts = vec![0u64; shared.values().len()];
            match shared.keys().null_count() {
                0 => shared.keys().values().iter().for_each(|key| counts[*key as usize] += 1),
                _ => shared.keys().iter().flatten().for_each(|key| counts[key as usize] += 1),
            }
            let (texts, binaries) = (shared.values().as_string_opt::<i32>(), shared.values().as_binary_opt::<i32>());
            for (entry, n) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                let bytes = texts.map(|it| it.value(entry).as_bytes()).or_else(|| Some(binaries?.value(entry)));
                if let Some(value) = bytes.and_then(&value) {
                    count.add(value, n);
                }
            }
        })
    }

    fn by_number(&mut self, column: &'static [&'static str], name: fn(u64) -> &'static str) -> Result<(), QueryError> {
        self.each_batch(column, |count, batch| {
            let numbers = batch.column_by_name(column[0]).and_then(|it| it.as_primitive_opt::<UInt8Type>());
            let mut counts = [0u64; 256];
            numbers.into_iter().flat_map(|it| it.values()).for_each(|number| counts[usize::from(*number)] += 1);
            for (number, n) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                count.add((name(number as u64).to_owned(), "string"), n);
            }
        })
    }

    fn each_batch(
        &mut self,
        column: &'static [&'static str],
        mut each: impl FnMut(&mut Self, &RecordBatch),
    ) -> Result<(), QueryError> {
        let scan = Scan::new(self.search.range).columns(column);
        let chunks: Box<dyn Iterator<Item = Result<RecordBatch, ReadError>>> = match self.search.signal {
            Signal::Spans => Box::new(self.snapshot.spans(scan).map(|chunk| Ok(chunk?.batch().clone()))),
            Signal::Logs => Box::new(self.snapshot.logs(scan).map(|chunk| Ok(chunk?.batch().clone()))),
        };
        for batch in chunks {
            match batch {
                Ok(batch) => each(self, &batch),
                Err(error) => self.unreadable(&error),
            }
            if self.budget.is_out_of_time()? {
                self.exact = false;
                break;
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, error: &ReadError) {
        self.exact = false;
        self.warnings.unreadable(error);
    }

    fn add(&mut self, value: (String, &'static str), n_rows: u64) {
        if (self.wanted)(&value.0) && (self.found.len() < MAX_DISTINCT || self.found.contains_key(&value)) {
            *self.found.entry(value).or_default() += n_rows;
        }
    }

    fn finish(self) -> Sampled<FieldValue> {
        let value = |((value, type_name), n_rows)| FieldValue { value, type_name, n_rows };
        let mut items: Vec<FieldValue> = self.found.into_iter().map(value).collect();
        sort(&mut items);
        Sampled { items, n_sampled: 0, complete: self.exact, warnings: self.warnings.into_texts() }
    }
}
