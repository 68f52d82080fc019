//! `label_replace` and `label_join`.

use super::super::error::PromqlError;
use super::super::labels::Labels;
use super::super::limits::MAX_LABEL_VALUE;
use super::super::matcher;
use super::super::matrix::{Row, merge_same};

/// The text of an argument that has to be a label's name or value: UTF-8, unlike strings in general.
pub(in super::super) fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, PromqlError> {
    std::str::from_utf8(bytes)
        .map_err(|_| PromqlError::execution(format!("invalid {what} \"{}\"", bytes.escape_ascii())))
}

/// A label's name out of an argument.
pub(in super::super) fn name<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, PromqlError> {
    match text(bytes, what)? {
        "" => Err(PromqlError::execution(format!("invalid {what} \"\""))),
        name => Ok(name),
    }
}

/// Sets `target` to `replacement`, with `$1` for groups, in the rows whose label `source` matches `regex` as a whole.
pub(in super::super) fn replace(rows: Vec<Row>, args: [&[u8]; 4]) -> Result<Vec<Row>, PromqlError> {
    let target = name(args[0], "destination label name in label_replace()")?;
    let replacement = text(args[1], "replacement in label_replace()")?;
    let source = text(args[2], "source label name in label_replace()")?;
    let regex = matcher::compile(text(args[3], "regular expression in label_replace()")?)
        .map_err(|message| PromqlError::execution(format!("{message} in label_replace()")))?;
    relabel(rows, |labels| {
        let captures = regex.captures(labels.get(source))?;
        let mut value = String::new();
        captures.expand(replacement, &mut value);
        Some((target, value))
    })
}

/// Sets `target` to the values of `sources` with `separator` between them.
pub(in super::super) fn join(
    rows: Vec<Row>,
    target: &[u8],
    separator: &[u8],
    sources: &[&[u8]],
) -> Result<Vec<Row>, PromqlError> {
    let target = name(target, "destination label name in label_join()")?;
    let separator = text(separator, "separator in label_join()")?;
    let sources: Vec<&str> =
        sources.iter().map(|source| text(source, "source label name in label_join()")).collect::<Result<_, _>>()?;
    relabel(rows, |labels| {
        let values: Vec<&str> = sources.iter().map(|source| labels.get(source)).collect();
        Some((target, values.join(separator)))
    })
}

/// Sets in each row the label that `change` names, to the value that it gives.
fn relabel<'a>(
    mut rows: Vec<Row>,
    change: impl Fn(&Labels) -> Option<(&'a str, String)>,
) -> Result<Vec<Row>, PromqlError> {
    for row in &mut rows {
        if let Some((target, value)) = change(&row.labels) {
            if value.len() > MAX_LABEL_VALUE {
                return Err(PromqlError::execution(format!(
                    "value of label {target:?} would be {} bytes long; {MAX_LABEL_VALUE} are allowed",
                    value.len()
                )));
            }
            row.labels = row.labels.with(target, &value);
        }
    }
    merge_same(rows)
}
