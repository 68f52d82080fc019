//! Runs queries on threads of their own: bounded in number, in waiting and in time.
//!
//! Ingest uses none of these threads. A query that panics costs its own answer, not its thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use store::{Snapshot, Store};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::budget::Budget;
use crate::error::QueryError;

/// How long a query whose time is up may take to hand over what it has.
const GRACE: Duration = Duration::from_secs(1);

/// Limits of an [`Engine`].
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Queries that run at once.
    pub threads: usize,
    /// Queries that wait beyond those that run; one more is refused with [`QueryError::Overloaded`].
    pub queue: usize,
    /// Time from asking to answering, waiting included.
    pub deadline: Duration,
    /// Bytes of stack of each thread. Planning recurses over nested expressions: 2 MiB is known to overflow.
    pub stack_size: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { threads: 2, queue: 64, deadline: Duration::from_secs(30), stack_size: 16 << 20 }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs queries over snapshots of a store.
pub struct Engine {
    store: Arc<Store>,
    jobs: SyncSender<Job>,
    deadline: Duration,
}

impl Engine {
    /// An engine with its threads started. They end when the engine is dropped and their queries are done.
    pub fn new(store: Arc<Store>, config: EngineConfig) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(config.queue.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        for index in 0..config.threads.max(1) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("query-{index}"))
                .stack_size(config.stack_size)
                .spawn(move || work(&waiting))?;
        }
        Ok(Engine { store, jobs, deadline: config.deadline })
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The answer of `query` over the store as it is when the query starts to run.
    ///
    /// Dropping the future cancels the query. Errors beside the query's own: [`QueryError::Overloaded`] when the queue is
    /// full, [`QueryError::Timeout`], [`QueryError::Internal`] when it panicked.
    pub async fn run<T, F>(&self, query: F) -> Result<T, QueryError>
    where
        F: FnOnce(&Snapshot, &Budget) -> Result<T, QueryError> + Send + 'static,
        T: Send + 'static,
    {
        self.run_within(self.deadline, query).await
    }

    /// As [`Engine::run`], with a deadline of its own; never later than the engine's.
    pub async fn run_within<T, F>(&self, deadline: Duration, query: F) -> Result<T, QueryError>
    where
        F: FnOnce(&Snapshot, &Budget) -> Result<T, QueryError> + Send + 'static,
        T: Send + 'static,
    {
        let budget = Budget::unlimited();
        let _guard = CancelOnDrop(budget.clone());
        let (answer, mut answered) = oneshot::channel();
        self.submit(self.job(budget.clone(), query, answer))?;
        if let Ok(received) = timeout(deadline.min(self.deadline), &mut answered).await {
            return received.unwrap_or_else(|_| Err(gone()));
        }
        budget.end_time();
        match timeout(GRACE, answered).await {
            Ok(received) => received.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(QueryError::Timeout),
        }
    }

    fn job<T, F>(&self, budget: Budget, query: F, answer: oneshot::Sender<Result<T, QueryError>>) -> Job
    where
        F: FnOnce(&Snapshot, &Budget) -> Result<T, QueryError> + Send + 'static,
        T: Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let span = tracing::Span::current();
        Box::new(move || {
            let run = || {
                budget.check()?;
                span.in_scope(|| query(&store.snapshot(), &budget))
            };
            let result = catch_unwind(AssertUnwindSafe(run))
                .unwrap_or_else(|panic| Err(QueryError::Internal(panic_text(panic.as_ref()))));
            // Nobody may be waiting any more.
            drop(answer.send(result));
        })
    }

    fn submit(&self, job: Job) -> Result<(), QueryError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => QueryError::Overloaded,
            TrySendError::Disconnected(_) => gone(),
        })
    }
}

fn gone() -> QueryError {
    QueryError::Internal("its thread has ended".to_owned())
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job();
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

struct CancelOnDrop(Budget);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests;
