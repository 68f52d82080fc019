//! The layout `wide`, of spans and logs after a compaction: frequent attributes have columns of their own.
//!
//! What is constant or follows from other columns takes next to nothing, and a query reads the columns it names. The file
//! has the columns of the table but for these:
//!
//! - An attribute with a scalar value and a frequent key is in `attr.<key>:<type>` (`columns`, `split`, `join`). All other
//!   attributes stay together in `attributes`, in the wire encoding that they have everywhere else.
//!   `attributes_summary` says of each block of rows what is there (`rest`).
//! - A parent within the same row group is a distance in rows, `parent_ord` (`parents`).
//! - `observed_delay` is how long after its time a record was observed.
//! - Empty events, links and structured bodies are null.
//! - `shape` says of each row which columns are null in it (`shape`).
//!
//! The order of the attributes in a set is not kept: to OTLP they are a set.

mod coding;
mod columns;
mod constant;
mod decode;
mod encode;
mod entry;
mod group;
mod join;
mod matching;
mod parents;
mod read;
mod rest;
mod rows;
mod shape;
mod split;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use columns::attribute_of;
pub(crate) use encode::Encoder;
pub(crate) use group::Group;
pub(crate) use read::read;
pub(crate) use shape::check as check_shapes;
pub(crate) use values::count_values;

/// Attributes that have no column of their own.
const REST: &str = "attributes";
const PARENT: &str = "parent_span_id";
const PARENT_ROW: &str = "parent_ord";
const OBSERVED: &str = "observed_time";
const DELAY: &str = "observed_delay";
/// What [`REST`] holds by block of rows.
const SUMMARY: &str = "attributes_summary";
/// Which columns have a value in the row; the last column of the file.
const SHAPE: &str = "shape";
const EMPTY_AS_NULL: [&str; 3] = ["events", "links", "body_value"];
