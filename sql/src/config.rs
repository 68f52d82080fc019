//! The limits that keep a query from harming the box, and what a caller may choose per query.

use std::time::Duration;

use model::Nanos;

/// Limits of the engine. A query that passes one ends with an error that names it; the box goes on.
#[derive(Clone, Debug)]
pub struct SqlConfig {
    /// Threads that plan and run queries, apart from those that receive telemetry.
    pub threads: usize,
    /// The stack of each of these threads, in bytes. Planning recurses once per operator: 1,800 additions overflow the
    /// usual 2 MiB, which would abort the process, and 64 MiB hold ten times more than [`SqlConfig::max_operators`].
    pub stack_size: usize,
    /// Queries that run at once; the next ones wait for [`SqlConfig::queue_wait`] and are then refused.
    pub max_concurrent: usize,
    pub queue_wait: Duration,
    /// The time a query may take, planning and running.
    pub deadline: Duration,
    /// Bytes that the operators of all queries that run may hold together (hash tables, sorts, join sides).
    pub memory: usize,
    /// Rows of a result when the caller gives no limit.
    pub default_rows: usize,
    /// The most rows that a caller may ask for.
    pub max_rows: usize,
    /// Bytes of a result, in Arrow form; what is beyond is cut off.
    pub max_result_bytes: usize,
    /// Bytes of a query's text.
    pub max_text: usize,
    /// Tokens of a query's text, white space and comments apart.
    pub max_tokens: usize,
    /// Brackets open at once.
    pub max_depth: usize,
    /// Operators and keywords that nest one expression or query in another.
    pub max_operators: usize,
    /// `SELECT` and `VALUES` in one text: planning takes quadratic time on them.
    pub max_selects: usize,
    /// Tables read by a query once its common table expressions are expanded.
    pub max_tables: u64,
}

impl Default for SqlConfig {
    fn default() -> Self {
        SqlConfig {
            threads: 2,
            stack_size: 64 << 20,
            max_concurrent: 4,
            queue_wait: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            memory: 512 << 20,
            default_rows: 10_000,
            max_rows: 1_000_000,
            max_result_bytes: 64 << 20,
            max_text: 64 << 10,
            max_tokens: 4_096,
            max_depth: 64,
            max_operators: 1_000,
            max_selects: 100,
            max_tables: 64,
        }
    }
}

/// What a caller chooses for one query.
#[derive(Clone, Debug, Default)]
pub struct SqlOptions {
    /// The time that `now()` gives, in nanoseconds since the epoch.
    pub now: Nanos,
    /// The most rows to return; [`SqlConfig::default_rows`] when `None`, at most [`SqlConfig::max_rows`].
    pub max_rows: Option<usize>,
    /// A deadline shorter than [`SqlConfig::deadline`].
    pub deadline: Option<Duration>,
}
