//! `/sql`: one read-only statement and its rows.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use crate::app::{App, Problem, page};
use crate::format::{self, clip};
use crate::icon::Icon;
use crate::page_url::PageUrl;
use crate::shell::Shell;
use crate::state::{SqlColumn, SqlTable};

/// Rows shown, and characters of one cell.
const MAX_ROWS: usize = 1_000;
const MAX_CELL: usize = 500;
/// Longest statement that fits an address.
const MAX_STATEMENT: usize = 7_000;

/// Statements to begin with, each over a recent stretch: a scan reads only the time that it needs.
const EXAMPLES: [(&str, &str); 4] = [
    (
        "Slowest operations",
        "SELECT service, name, count(*) AS spans,
       approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms
FROM spans
WHERE start_time > now() - INTERVAL '1 hour'
GROUP BY service, name
ORDER BY p95_ms DESC
LIMIT 20",
    ),
    (
        "Errors by operation",
        "SELECT service, name, status_message, count(*) AS errors
FROM spans
WHERE status = 'error' AND start_time > now() - INTERVAL '1 hour'
GROUP BY service, name, status_message
ORDER BY errors DESC
LIMIT 20",
    ),
    (
        "Log volume",
        "SELECT service, severity, count(*) AS records
FROM logs
WHERE time > now() - INTERVAL '1 hour'
GROUP BY service, severity
ORDER BY records DESC",
    ),
    ("Columns of spans", "DESCRIBE spans"),
];

#[derive(Template)]
#[template(path = "sql.html")]
struct SqlPage {
    shell: Shell,
    statement: String,
    examples: Vec<(&'static str, PageUrl)>,
    table: Option<Table>,
    problem: Option<Problem>,
}

struct Table {
    columns: Vec<SqlColumn>,
    rows: Vec<Vec<Cell>>,
    truncated: bool,
    summary: String,
}

struct Cell {
    /// `None` is NULL.
    text: Option<String>,
    is_number: bool,
}

/// `GET /sql`
pub(crate) async fn get(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(runner) = app.state.sql.clone() else { return super::not_found::answer(&app, &uri, &headers) };
    let shell = Shell::new(&app, &uri, &headers).without_range();
    let statement = shell.url.get("q").to_owned();
    let (table, problem) = if statement.is_empty() {
        (None, None)
    } else if statement.len() > MAX_STATEMENT {
        let text = format!(
            "the statement has {} bytes; this page takes {MAX_STATEMENT}, /api/v1/sql takes more",
            statement.len()
        );
        (None, Some(Problem { title: "Too long", text, pointer: None }))
    } else {
        match runner(statement.clone()).await {
            Ok(table) => (Some(Table::of(table)), None),
            Err(error) => (None, Some(Problem { title: "SQL", text: clip(&error, 4_000), pointer: None })),
        }
    };
    let base = PageUrl::new("/sql");
    let examples = EXAMPLES.map(|(words, statement)| (words, base.with("q", statement))).to_vec();
    page(StatusCode::OK, &SqlPage { shell, statement, examples, table, problem })
}

impl Table {
    fn of(table: SqlTable) -> Self {
        let truncated = table.truncated || table.rows.len() > MAX_ROWS;
        let is_number = |column: usize| table.columns.get(column).is_some_and(|column| column.is_number);
        let cell = |(column, text): (usize, Option<String>)| Cell {
            text: text.map(|text| if text.len() > MAX_CELL { clip(&text, MAX_CELL) } else { text }),
            is_number: is_number(column),
        };
        let rows = table.rows.into_iter().take(MAX_ROWS).map(|row| row.into_iter().enumerate().map(cell).collect());
        let rows: Vec<Vec<Cell>> = rows.collect();
        let more = if truncated { "the first " } else { "" };
        let summary = format!("{more}{} rows in {}", format::count(rows.len() as u64), format::duration(table.took));
        Table { columns: table.columns, rows, truncated, summary }
    }
}
