//! How a column is small, and cheap for whoever reads one row of it: tried out on the first row group of a file.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

/// Rows to a page: what a look-up of one trace decodes of each column.
pub(super) const PAGE_ROWS: usize = 4 << 10;
/// Distinct values beyond this size are written plainly. As large as the ids of a row group may be.
pub(super) const MAX_DICTIONARY_BYTES: usize = 4 << 20;
const ZSTD_LEVEL: i32 = 3;

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Values come back long after. Whoever reads one row reads all the values.
    Dictionary,
    /// One row costs its page. The same values are near each other.
    Lz4,
    /// As LZ4, and besides the reader makes a context of the codec.
    Zstd,
    /// Nothing helps.
    Plain,
}

impl Coding {
    /// The coding for values like these. Plain pages may be a tenth larger than a dictionary and its keys, LZ4's a sixth larger
    /// than ZSTD's.
    pub(super) fn of(column: &ArrayRef) -> Self {
        let length = |coding: Coding| coding.length(column).unwrap_or(usize::MAX);
        let [dictionary, lz4, zstd, plain] = [Coding::Dictionary, Coding::Lz4, Coding::Zstd, Coding::Plain].map(length);
        let (coding, smallest) = if lz4 / 7 <= zstd / 6 { (Coding::Lz4, lz4) } else { (Coding::Zstd, zstd) };
        if dictionary / 10 < smallest / 11 {
            Coding::Dictionary
        } else if smallest >= plain - plain / 64 {
            Coding::Plain
        } else {
            coding
        }
    }

    /// The bytes that `column` takes.
    fn length(self, column: &ArrayRef) -> Result<usize, ParquetError> {
        const NAME: &str = "column";
        let builder = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS)
            .set_dictionary_page_size_limit(MAX_DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::None);
        let properties = self.set(builder, ColumnPath::from(NAME), column.data_type()).build();
        let schema = Arc::new(Schema::new(vec![Field::new(NAME, column.data_type().clone(), column.null_count() > 0)]));
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
        writer.write(&RecordBatch::try_new(schema, vec![Arc::clone(column)])?)?;
        writer.flush()?;
        Ok(writer.bytes_written())
    }

    /// Sets this for the column at `path`, whose values are of this type.
    pub(super) fn set(
        self,
        builder: WriterPropertiesBuilder,
        path: ColumnPath,
        data_type: &DataType,
    ) -> WriterPropertiesBuilder {
        let builder = builder.set_column_dictionary_enabled(path.clone(), self == Coding::Dictionary);
        let builder = match data_type {
            DataType::FixedSizeBinary(_) => builder.set_column_encoding(path.clone(), Encoding::PLAIN),
            DataType::Utf8 => builder.set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY),
            _ => builder,
        };
        match self {
            // Keys of a dictionary, in bits. For each column that a look-up reads the reader makes a context of the codec, and
            // those of ZSTD took half of its time.
            Coding::Dictionary | Coding::Lz4 => builder.set_column_compression(path, Compression::LZ4_RAW),
            Coding::Zstd => builder.set_column_compression(path, zstd()),
            Coding::Plain => builder.set_column_compression(path, Compression::UNCOMPRESSED),
        }
    }
}

pub(super) fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use arrow::array::{FixedSizeBinaryArray, StringArray};
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn texts(text: impl Fn(u64) -> String) -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..40_000).map(text)))
    }

    fn ids(number: impl Fn(u64) -> u64) -> ArrayRef {
        let ids = (0..40_000).map(|row| xxh3_64(&number(row).to_le_bytes()).to_be_bytes());
        Arc::new(FixedSizeBinaryArray::try_from_iter(ids).unwrap())
    }

    #[test]
    fn is_what_makes_values_small() {
        let roll = |row: u64| xxh3_64(&row.to_le_bytes());
        let customer = |number: u64| format!("customer-{}", number % 1_000_000);
        let cases = [
            ("distinct ids", ids(|row| row), Coding::Plain),
            ("a few ids that come back", ids(|row| if row % 6 == 5 { row - 3 } else { row }), Coding::Lz4),
            ("ids that come back often", ids(|row| row / 30 + roll(row) % 8), Coding::Zstd),
            ("few ids all over", ids(|row| roll(row) % 50), Coding::Dictionary),
            ("few texts all over", texts(|row| customer(roll(roll(row) % 200))), Coding::Dictionary),
            ("texts that come back soon", texts(|row| customer(roll(row / 8 + roll(row) % 100))), Coding::Zstd),
            ("distinct texts", texts(|row| customer(roll(row))), Coding::Zstd),
        ];
        for (name, column, expected) in cases {
            let length = |coding: Coding| coding.length(&column).unwrap();
            let lengths = [Coding::Dictionary, Coding::Lz4, Coding::Zstd, Coding::Plain].map(length);
            assert_eq!(Coding::of(&column), expected, "{name}: {lengths:?}");
        }
    }
}
