//! Everything on disk: the write-ahead log, the rows in memory, the segments, the text and series indexes, and the
//! manifest that says which of them count. The only crate that knows Parquet and tantivy.
//!
//! A request is acknowledged once it is in the log, synced, and its rows are visible to the next [`Store::snapshot`].

mod bloom;
mod chunk;
mod clock;
mod commit;
mod compact;
mod count;
mod damage;
mod dedup;
mod disk;
mod error;
pub mod files;
mod filter;
mod flush;
pub mod inspect;
mod layout;
mod manifest;
mod memtable;
mod moments;
mod news;
mod order;
mod recovery;
mod retention;
mod rows;
mod samples;
mod scan;
mod schema;
mod segment;
mod series;
mod snapshot;
mod spread;
mod store;
pub mod summary;
mod sync_times;
#[cfg(test)]
mod tests;
pub mod text;
mod unique;
mod values;
mod view;
mod wal;

pub use arrow::array::RecordBatch;
pub use chunk::{ExemplarChunk, LogChunk, PointChunk, SeriesChunk, SpanChunk};
pub use commit::Acked;
pub use compact::CompactionStats;
pub use count::{LogCount, LogCounter, SeverityCounts};
pub use damage::{DamageKind, DamageStats, DamagedPlace};
pub use disk::{DiskState, DiskStats, usual_reserve};
pub use error::{AppendError, OpenError, ReadError};
pub use filter::{AttributeFilter, Filter, Place, Texts, Wanted};
pub use moments::Moments;
pub use news::News;
pub use recovery::Recovery;
pub use retention::{Dropped, Reception, Retention};
pub use rows::{Earlier, ExemplarRows, LogRows, MetricRows, Rows, SpanRows};
pub use samples::{SampleScan, Samples, SamplesProgress};
pub use scan::Chunks;
pub use schema::Table;
pub use series::{Cardinality, Condition, LabelCardinality, MetricCardinality, SeriesIndex, StoredSeries, WantedLabel};
pub use snapshot::{Order, Scan, Snapshot};
pub use spread::Spread;
pub use store::{Decode, Request, Store, StoreConfig, StoreStats, TableStats};
pub use sync_times::SyncStats;
pub use values::{CountedValue, ValueCount, ValueCounter};
