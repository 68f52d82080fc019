//! Rows as JSON text.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use model::attrs::write_json_string;

use super::SqlResult;
use crate::table::build::rfc3339;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Arrays,
    Objects,
}

pub(super) fn rows(result: &SqlResult, shape: Shape) -> Result<String, ArrowError> {
    let names: Vec<String> = result.columns.iter().map(|column| quoted(&column.name)).collect();
    let (open, close) = if shape == Shape::Arrays { ('[', ']') } else { ('{', '}') };
    let mut out = String::from("[");
    for batch in &result.batches {
        let cells = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            if out.len() > 1 {
                out.push(',');
            }
            out.push(open);
            for (i, cells) in cells.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                if shape == Shape::Objects {
                    out.push_str(&names[i]);
                    out.push(':');
                }
                cells.write(row, &mut out);
            }
            out.push(close);
        }
    }
    out.push(']');
    Ok(out)
}

/// A column with the way to write its cells, chosen once.
struct Cells<'a> {
    column: &'a ArrayRef,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Text,
    Boolean,
    Signed(ArrayRef),
    Unsigned(ArrayRef),
    Double(ArrayRef),
    Time,
    List,
    /// Everything else, in the form that Arrow shows it.
    Shown(ArrayFormatter<'a>),
}

impl<'a> Cells<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self, ArrowError> {
        let cast = |data_type: &DataType| arrow::compute::cast(column, data_type);
        let kind = match column.data_type() {
            DataType::Utf8 => Kind::Text,
            DataType::Boolean => Kind::Boolean,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Double(cast(&DataType::Float64)?),
            integer if integer.is_signed_integer() => Kind::Signed(cast(&DataType::Int64)?),
            integer if integer.is_unsigned_integer() => Kind::Unsigned(cast(&DataType::UInt64)?),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Kind::Time,
            DataType::List(_) => Kind::List,
            _ => {
                const OPTIONS: FormatOptions<'static> = FormatOptions::new();
                Kind::Shown(ArrayFormatter::try_new(column.as_ref(), &OPTIONS)?)
            }
        };
        Ok(Cells { column, kind })
    }

    fn write(&self, row: usize, out: &mut String) {
        if self.column.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.kind {
            Kind::Text => write_json_string(out, self.column.as_string::<i32>().value(row)),
            Kind::Boolean => out.push_str(if self.column.as_boolean().value(row) { "true" } else { "false" }),
            Kind::Signed(numbers) => append(out, numbers.as_primitive::<Int64Type>().value(row)),
            Kind::Unsigned(numbers) => append(out, numbers.as_primitive::<UInt64Type>().value(row)),
            Kind::Double(numbers) => write_double(numbers.as_primitive::<Float64Type>().value(row), out),
            Kind::Time => {
                let time = self.column.as_primitive::<TimestampNanosecondType>().value(row);
                write_json_string(out, &rfc3339(time));
            }
            Kind::List => write_list(&self.column.as_list::<i32>().value(row), out),
            Kind::Shown(formatter) => write_json_string(out, &formatter.value(row).to_string()),
        }
    }
}

fn write_list(items: &ArrayRef, out: &mut String) {
    let Ok(cells) = Cells::of(items) else {
        out.push_str("null");
        return;
    };
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        cells.write(row, out);
    }
    out.push(']');
}

/// A double keeps its point, `2.0`, so that readers who tell integers from doubles take it for what it is.
fn write_double(number: f64, out: &mut String) {
    if number.is_finite() {
        append(out, format_args!("{number:?}"));
    } else {
        model::Value::Double(number).write_json(out);
    }
}

fn append(out: &mut String, number: impl std::fmt::Display) {
    write!(out, "{number}").expect("writing to a String cannot fail");
}

fn quoted(name: &str) -> String {
    let mut out = String::new();
    write_json_string(&mut out, name);
    out
}
