//! Runs the statement of the SQL page.

use std::sync::Arc;

use query::Engine;
use serde_json::Value;
use sql::SqlOptions;
use ui::{SqlColumn, SqlRunner, SqlTable};

use crate::clock;

pub(super) fn runner(engine: &Arc<Engine>, sql: &Arc<sql::Engine>) -> SqlRunner {
    let (engine, sql) = (Arc::clone(engine), Arc::clone(sql));
    Arc::new(move |text| {
        let options = SqlOptions { now: clock::now(), ..SqlOptions::default() };
        let answer = sql.query(engine.store().snapshot(), text, options);
        Box::pin(async move {
            let result = answer.await.map_err(|error| error.to_string())?;
            let json = result.rows_json().map_err(|error| error.to_string())?;
            let rows: Vec<Vec<Value>> = serde_json::from_str(&json).map_err(|error| error.to_string())?;
            let columns = result.columns.iter().map(|column| SqlColumn {
                name: column.name.clone(),
                data_type: column.type_name.clone(),
                is_number: matches!(column.type_name.as_str(), "integer" | "double"),
            });
            Ok(SqlTable {
                columns: columns.collect(),
                rows: rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect(),
                truncated: result.truncated,
                took: result.elapsed.as_nanos().try_into().unwrap_or(i64::MAX),
            })
        })
    })
}

fn cell(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
