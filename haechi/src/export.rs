//! `haechi export`: rows of a data directory as plain Parquet files.

use std::error::Error;
use std::path::Path;

use model::TimeRange;
use sql::Export;
use store::Decode;
use store::inspect::{self, ParquetFile};

use crate::inspect::{bytes, many};
use crate::logging::{complain, say};

/// A new file is begun when one has this many bytes, so that none is too large to be handled.
const FILE_BYTES: u64 = 1 << 30;

/// Writes the rows of `table` in `range` to `TABLE-000001.parquet` and so on in the folder `out`. Rows that cannot be read are
/// left out and complained of; an error then.
pub(crate) fn run(dir: &Path, table: &str, out: &Path, range: TimeRange) -> Result<(), Box<dyn Error>> {
    let decode: Decode = Box::new(collector::decode_for_replay);
    let (snapshot, recovery) = inspect::snapshot(dir, &decode)?;
    let mut n_missing = 0;
    let mut is_missing = |what: &dyn std::fmt::Display| {
        complain(what);
        n_missing += 1;
    };
    recovery.damage_to_all().for_each(|damage| is_missing(&damage));
    if !matches!(table, "spans" | "logs") {
        snapshot.unread_series(range).iter().for_each(|error| is_missing(error));
    }
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut export = Export::new(&snapshot, table, range).ok_or_else(|| format!("there is no table \"{table}\""))?;
    let schema = export.schema();
    let path = |number: u64| out.join(format!("{table}-{number:06}.parquet"));
    let (mut rows, mut size, mut files) = (0, 0, 1);
    let mut file = ParquetFile::create(&path(files), schema.clone())?;
    for batch in export.by_ref() {
        match batch {
            Ok(batch) => {
                rows += batch.num_rows() as u64;
                file.write(&batch)?;
            }
            Err(error) => is_missing(&error),
        }
        if file.bytes() >= FILE_BYTES {
            files += 1;
            size += std::mem::replace(&mut file, ParquetFile::create(&path(files), schema.clone())?).finish()?;
        }
    }
    size += file.finish()?;
    let n_rows = rows;
    let (rows, files) = (many(rows, "row"), many(files, "file"));
    say(format_args!("{rows} of {table} in {files}, {}, in {}", bytes(size), out.display()));
    if n_rows == 0 {
        complain(&format!("{}: nothing of {table} is in this range of time", dir.display()));
    }
    if n_missing == 0 {
        Ok(())
    } else {
        Err(format!("{} could not be read; what they say is missing", many(n_missing as u64, "place")).into())
    }
}
