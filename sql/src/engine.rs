//! Runs queries on threads of their own, with a deadline.
//!
//! Everything that recurses over a query happens on these threads, whose stacks are large: parsing, planning, running
//! and dropping the plan. The caller's threads see text go in and batches come out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::session_state::SessionState;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use futures::StreamExt;
use futures::future::BoxFuture;
use store::Snapshot;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::aliases;
use crate::config::{SqlConfig, SqlOptions};
use crate::error::{Phase, SqlError};
use crate::exec::Warnings;
use crate::guard;
use crate::interrupt::{Interrupt, interruptible};
use crate::result::{self, SqlResult};
use crate::session::{Functions, session};

/// The SQL engine: threads, functions and limits. One per process.
pub struct Engine {
    shared: Arc<Shared>,
    /// There until the engine is dropped.
    runtime: Option<Runtime>,
}

struct Shared {
    config: SqlConfig,
    functions: Functions,
    /// Of all queries, so that they do not take it several times over.
    pool: Arc<dyn MemoryPool>,
    permits: Arc<Semaphore>,
}

impl Engine {
    /// Starts the engine's threads. Errors when the operating system gives none.
    pub fn new(config: SqlConfig) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .max_blocking_threads(config.threads.max(1))
            .thread_stack_size(config.stack_size)
            .thread_name("sql")
            .enable_time()
            .build()?;
        let permits = Arc::new(Semaphore::new(config.max_concurrent.max(1)));
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(config.memory));
        let shared = Arc::new(Shared { config, functions: Functions::new(), pool, permits });
        Ok(Engine { shared, runtime: Some(runtime) })
    }

    /// Runs `text` over `snapshot`. Dropping the future cancels the query.
    pub fn query(
        &self,
        snapshot: Snapshot,
        text: String,
        options: SqlOptions,
    ) -> BoxFuture<'static, Result<SqlResult, SqlError>> {
        let shared = Arc::clone(&self.shared);
        let handle = self.runtime.as_ref().map(|runtime| runtime.handle().clone());
        Box::pin(async move {
            let config = &shared.config;
            let Some(handle) = handle else { return Err(SqlError::Internal("engine has stopped".to_owned())) };
            guard::check_text(&text, config)?;
            let started = Instant::now();
            let deadline = options.deadline.unwrap_or(config.deadline).min(config.deadline);
            let waiting = timeout(config.queue_wait.min(deadline), Arc::clone(&shared.permits).acquire_owned()).await;
            let Ok(Ok(permit)) = waiting else { return Err(SqlError::Busy(config.max_concurrent)) };
            let interrupt = Interrupt::default();
            let task = handle.spawn(run(Arc::clone(&shared), permit, snapshot, text, options, interrupt.clone()));
            let _cancel = Cancel { task: task.abort_handle(), interrupt };
            match timeout(deadline, task).await {
                Ok(Ok(result)) => result.map(|result| SqlResult { elapsed: started.elapsed(), ..result }),
                Ok(Err(_)) => Err(SqlError::Internal("the query panicked".to_owned())),
                Err(_) => Err(SqlError::Timeout(deadline)),
            }
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not the plain drop, which blocks and is refused on a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Ends the task when the caller goes away or the deadline passes.
struct Cancel {
    task: AbortHandle,
    interrupt: Interrupt,
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.interrupt.set();
        self.task.abort();
    }
}

/// The query's whole life, on the engine's threads. `_permit` is held until the query has really ended, which may be
/// later than the caller's deadline.
async fn run(
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
    snapshot: Snapshot,
    text: String,
    options: SqlOptions,
    interrupt: Interrupt,
) -> Result<SqlResult, SqlError> {
    let config = &shared.config;
    let max_rows = options.max_rows.unwrap_or(config.default_rows).min(config.max_rows);
    let warnings = Warnings::default();
    let planning = |error: DataFusionError| SqlError::of(&error, Phase::Planning, config.memory);
    let running = |error: DataFusionError| SqlError::of(&error, Phase::Running, config.memory);

    let state =
        session(config, &shared.functions, &shared.pool, snapshot, options.now, warnings.clone()).map_err(planning)?;
    let statement = parse(&text, config, &state)?;
    let plan = state.statement_to_plan(statement).await.map_err(planning)?;
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(&plan).map_err(planning)?;
    let plan = state.create_physical_plan(&plan).await.map_err(planning)?;
    let plan = interruptible(plan, &interrupt).map_err(planning)?;

    let mut stream = execute_stream(plan, state.task_ctx()).map_err(running)?;
    let schema = result::plain_schema(&stream.schema());
    let mut collected =
        Collected { batches: Vec::new(), rows: max_rows, bytes: config.max_result_bytes, truncated: false };
    while let Some(batch) = stream.next().await {
        let batch = result::plain(&batch.map_err(running)?, &schema).map_err(|error| running(error.into()))?;
        if !collected.push(batch) {
            break;
        }
    }
    let Collected { batches, truncated, .. } = collected;
    let columns = result::columns(&schema);
    Ok(SqlResult { columns, batches, truncated, warnings: warnings.list(), elapsed: Duration::ZERO, schema })
}

/// The one statement in `text`.
fn parse(text: &str, config: &SqlConfig, state: &SessionState) -> Result<Statement, SqlError> {
    let planning = |error: DataFusionError| SqlError::of(&error, Phase::Planning, config.memory);
    let depth = state.config_options().sql_parser.recursion_limit.get();
    let parser = DFParserBuilder::new(text).with_recursion_limit(depth).build();
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(planning).map_err(|error| error.or_at_end_of(text))?;
    match (statements.pop_front(), statements.len()) {
        (Some(mut statement), 0) => {
            guard::check_statement(&statement, config)?;
            aliases::name_subqueries(&mut statement);
            Ok(statement)
        }
        (None, _) => Err(SqlError::bad("query is empty")),
        (Some(_), more) => Err(SqlError::bad(format!("text has {} statements; one is allowed", more + 1))),
    }
}

/// The bytes of the rows of `batch`. Its columns may be parts of larger ones, which other batches have too.
fn size_of_rows(batch: &arrow::array::RecordBatch) -> usize {
    let size = |column: &arrow::array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(size).sum()
}

/// The result so far, with what still fits.
struct Collected {
    batches: Vec<arrow::array::RecordBatch>,
    rows: usize,
    bytes: usize,
    truncated: bool,
}

impl Collected {
    /// Adds what fits of `batch`; whether there is room for more. The last batch that fits may pass the byte limit.
    fn push(&mut self, batch: arrow::array::RecordBatch) -> bool {
        if batch.num_rows() == 0 {
            return true;
        }
        if self.rows == 0 || self.bytes == 0 {
            self.truncated = true;
            return false;
        }
        let kept = batch.slice(0, batch.num_rows().min(self.rows));
        self.truncated = kept.num_rows() < batch.num_rows();
        self.rows -= kept.num_rows();
        self.bytes = self.bytes.saturating_sub(size_of_rows(&kept));
        self.batches.push(kept);
        !self.truncated
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn parts_of_a_batch_are_as_large_as_their_rows() {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(|it| format!("{it:08}"))));
        let batch = RecordBatch::try_from_iter([("numbers", numbers), ("texts", texts)]).unwrap();
        let parts: usize = (0..10).map(|part| size_of_rows(&batch.slice(part * 1000, 1000))).sum();
        let whole = size_of_rows(&batch);
        assert!(parts >= whole && parts < whole + 100, "{parts} for {whole}");
        assert!((200_000..220_000).contains(&whole), "{whole}");
    }
}
