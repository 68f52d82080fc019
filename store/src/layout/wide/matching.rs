//! Which rows of a row group satisfy a filter: told by the columns that it names and no others.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt8Type};
use model::Attrs;

use super::columns::{Column, Kind};
use super::group::Group;
use super::rest::{BLOCK_ROWS, Summary};
use super::rows::Rows;
use super::{REST, SUMMARY};
use crate::filter::{Answers, AttributeFilter, Filter, Place, Wanted, by_number, by_value};

type Error = Box<dyn std::error::Error>;

/// Leaves those of `rows` that satisfy `filter`.
pub(super) fn narrow(group: &Group<'_>, filter: &Filter, rows: &mut Rows) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let none = || BooleanBuffer::new_unset(rows.len());
    let hits = match filter {
        Filter::Text { column, wanted } => match shared(group, column, rows)? {
            Some(column) => by_value(column.as_dictionary(), |text| wanted.takes(text)),
            None => none(),
        },
        Filter::Number { column, wanted } => match group.place(column) {
            Some(place) => {
                let column = group.column(place, rows)?;
                column.as_primitive_opt::<UInt8Type>().map_or_else(none, |it| by_number(it.values(), wanted))
            }
            None => none(),
        },
        Filter::Attribute(any) => {
            let mut hits = none();
            for filter in any {
                hits = &hits | &attribute(group, filter, rows)?;
            }
            hits
        }
    };
    rows.keep(hits);
    Ok(())
}

/// A dictionary-encoded column; `None` when there is none of this name.
fn shared(group: &Group<'_>, name: &str, rows: &Rows) -> Result<Option<ArrayRef>, Error> {
    let Some(place) = group.place(name) else { return Ok(None) };
    Ok(Some(group.column(place, rows)?).filter(|column| column.as_dictionary_opt::<Int32Type>().is_some()))
}

fn attribute(group: &Group<'_>, filter: &AttributeFilter, rows: &Rows) -> Result<BooleanBuffer, Error> {
    let column = |name: &str, needed: bool| if needed { shared(group, name, rows) } else { Ok(None) };
    let resources = column("resource", filter.place != Place::Own)?;
    let scopes = column("scope", filter.place == Place::Any)?;
    let dictionary =
        |column: &'_ Option<ArrayRef>| column.as_ref().map(|column| column.as_dictionary::<Int32Type>().clone());
    let (resources, scopes) = (dictionary(&resources), dictionary(&scopes));
    let resource = Answers::new(resources.as_ref(), |bytes| filter.of_resource(bytes));
    let scope = Answers::new(scopes.as_ref(), |bytes| filter.of_scope(bytes));
    let shared = |row: usize| resource.of_row(row).or_else(|| scope.of_row(row)).unwrap_or(false);
    if filter.place == Place::Resource {
        return Ok(BooleanBuffer::collect_bool(rows.len(), shared));
    }
    // Whether a row has the key at all matters only when its resource or scope would pass.
    let by_others = resource.any() || scope.any();
    let Own { hits, present } = own(group, filter, rows, by_others)?;
    if !by_others {
        return Ok(hits);
    }
    Ok(BooleanBuffer::collect_bool(rows.len(), |row| if present.value(row) { hits.value(row) } else { shared(row) }))
}

/// What the rows' own attributes say.
struct Own {
    /// The value is a wanted one.
    hits: BooleanBuffer,
    /// The key is there; not found out unless asked for.
    present: BooleanBuffer,
}

fn own(group: &Group<'_>, filter: &AttributeFilter, rows: &Rows, with_presence: bool) -> Result<Own, Error> {
    let unset = BooleanBuffer::new_unset(rows.len());
    let mut own = Own { hits: unset.clone(), present: unset };
    let columns = group.names().enumerate().filter_map(|(place, name)| Some((place, Column::parse(name)?)));
    for (place, kind) in columns.filter(|(_, (key, _))| *key == filter.key).map(|(place, (_, kind))| (place, kind)) {
        let column = group.column(place, rows)?;
        own.hits = &own.hits | &promoted(&column, kind, &filter.wanted);
        if with_presence {
            own.present = &own.present | &valid(&column, BooleanBuffer::new_set(column.len()));
        }
    }
    let may_hold = |summary: &Summary| match with_presence {
        true => summary.may_hold_key(&filter.key),
        false => summary.may_hold(&filter.key, &filter.wanted),
    };
    let rest_rows = blocks(group, rows, may_hold)?;
    if let (Some(place), false) = (group.place(REST), rest_rows.is_empty()) {
        let rest = group.column(place, &rest_rows)?;
        let rest = rest.as_binary_opt::<i32>().ok_or("column attributes holds no bytes")?;
        let (hits, present) = in_rest(rest, filter);
        let spread = |bits: BooleanBuffer| {
            let mut found = rest_rows.clone();
            found.keep(bits);
            found.within(rows)
        };
        own.hits = &own.hits | &spread(hits);
        own.present = &own.present | &spread(present);
    }
    Ok(own)
}

fn in_rest(rest: &BinaryArray, filter: &AttributeFilter) -> (BooleanBuffer, BooleanBuffer) {
    let found: Vec<Option<bool>> = rest.iter().map(|set| set.and_then(|set| filter.of(Attrs::new(set)))).collect();
    let hits = BooleanBuffer::collect_bool(found.len(), |row| found[row] == Some(true));
    (hits, BooleanBuffer::collect_bool(found.len(), |row| found[row].is_some()))
}

/// Of each row of a promoted column, whether its value is a wanted one.
fn promoted(column: &ArrayRef, kind: Kind, wanted: &Wanted) -> BooleanBuffer {
    let bits = |test: &dyn Fn(usize) -> bool| valid(column, BooleanBuffer::collect_bool(column.len(), test));
    match kind {
        Kind::Str => {
            if let Some(shared) = column.as_dictionary_opt::<Int32Type>() {
                return by_value(shared, |text| wanted.takes_text(text));
            }
            column.as_string_opt::<i32>().map(|texts| bits(&|row| wanted.takes_text(texts.value(row))))
        }
        Kind::Int => {
            let ints = wanted.all_ints();
            let values = column.as_primitive_opt::<Int64Type>().map(|values| values.values());
            match ints.as_slice() {
                _ if !wanted.numbers.is_empty() => values.map(|values| bits(&|row| wanted.takes_int(values[row]))),
                [one] => values.map(|values| bits(&|row| values[row] == *one)),
                ints => values.map(|values| bits(&|row| ints.contains(&values[row]))),
            }
        }
        Kind::Double => {
            let values = column.as_primitive_opt::<Float64Type>();
            values.map(|values| bits(&|row| wanted.takes_double(values.value(row))))
        }
        Kind::Bool => {
            let taken = [false, true].map(|bit| wanted.takes_bool(bit));
            column.as_boolean_opt().map(|values| bits(&|row| taken[usize::from(values.value(row))]))
        }
    }
    .unwrap_or_else(|| BooleanBuffer::new_unset(column.len()))
}

/// `bits` where `column` is not null.
fn valid(column: &ArrayRef, bits: BooleanBuffer) -> BooleanBuffer {
    match column.nulls() {
        Some(nulls) => &bits & nulls.inner(),
        None => bits,
    }
}

/// Those of `rows` in blocks whose summary passes `may_hold`; all when the file has no summaries.
pub(super) fn blocks(group: &Group<'_>, rows: &Rows, may_hold: impl Fn(&Summary) -> bool) -> Result<Rows, Error> {
    let Some(place) = group.place(SUMMARY) else { return Ok(rows.clone()) };
    let firsts = || (0..group.n_rows).step_by(BLOCK_ROWS);
    let summaries = group.column(place, &Rows::numbered(group.n_rows, firsts()))?;
    let summaries = summaries.as_binary_opt::<i32>().ok_or("the summary of attributes holds no bytes")?;
    let mut kept = Vec::new();
    for (first, summary) in firsts().zip(summaries) {
        let Some(summary) = summary else { continue }; // nothing in this block
        // What is no summary says nothing.
        if Summary::parse(summary).is_none_or(|summary| may_hold(&summary)) {
            kept.push(first..(first + BLOCK_ROWS).min(group.n_rows));
        }
    }
    let mut blocks = Rows::ranges(group.n_rows, kept.into_iter());
    blocks.intersect(rows);
    Ok(blocks)
}
