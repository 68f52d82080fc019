//! Rows for other programs: those of SQL, with its columns.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampNanosecondType;
use model::TimeRange;
use sql::Export;

use crate::fixture::{Fixture, SECOND, START};

fn export(fixture: &Fixture, table: &str, range: TimeRange) -> RecordBatch {
    let export = Export::new(&fixture.store.snapshot(), table, range).unwrap();
    let schema = export.schema();
    let batches: Vec<_> = export.map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[tokio::test]
async fn every_table_has_the_rows_and_columns_of_sql() {
    let fixture = Fixture::new();
    for table in Export::TABLES {
        let rows = export(&fixture, table, TimeRange::ALL);
        assert_eq!(fixture.rows(&format!("SELECT count(*) FROM {table}")).await, format!("[[{}]]", rows.num_rows()));
        let columns = fixture.query(&format!("SELECT * FROM {table} LIMIT 1")).await.unwrap();
        let columns: Vec<_> = columns.columns.iter().map(|column| column.name.clone()).collect();
        assert_eq!(rows.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>(), columns);
    }
    let spans = export(&fixture, "spans", TimeRange::ALL);
    let first = spans.column_by_name("attributes").unwrap().as_string::<i32>().value(0).to_owned();
    let expected = fixture.rows("SELECT attributes FROM spans ORDER BY start_time, span_id LIMIT 1").await;
    assert_eq!(serde_json::json!([[first]]).to_string(), expected);
    assert!(Export::new(&fixture.store.snapshot(), "points", TimeRange::ALL).is_none());
}

#[test]
fn a_range_selects_rows_and_the_oldest_come_first() {
    let fixture = Fixture::new();
    for (table, time) in [("spans", "start_time"), ("logs", "time"), ("metrics", "time"), ("exemplars", "time")] {
        let rows = export(&fixture, table, TimeRange::new(START + 5 * SECOND, START + 15 * SECOND));
        let times = rows.column_by_name(time).unwrap().as_primitive::<TimestampNanosecondType>();
        assert!(times.len() >= 10 && times.null_count() == 0, "{table}");
        assert!(times.values().iter().all(|time| (START + 5 * SECOND..START + 15 * SECOND).contains(time)), "{table}");
        assert_eq!(times.values().iter().min(), Some(&times.value(0)), "{table}");
    }
}
