//! A service's SQLite database: one connection, off the event loop, with a client span and a duration per statement.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use rusqlite::{Connection, Params, Row, TransactionBehavior};

use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::telemetry::attributes::{
    DB_COLLECTION_NAME, DB_NAMESPACE, DB_OPERATION_NAME, DB_QUERY_SUMMARY, DB_QUERY_TEXT, DB_RESPONSE_STATUS_CODE,
    DB_SYSTEM_NAME, ERROR_TYPE,
};
use crate::telemetry::{Telemetry, record_since};

/// A statement of a service, with what its span says about it.
#[derive(Debug)]
pub(crate) struct Statement {
    /// `SELECT`, `INSERT`, …
    pub(crate) operation: &'static str,
    /// The table.
    pub(crate) collection: &'static str,
    pub(crate) text: &'static str,
}

/// Why a database call failed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database call was cancelled or panicked")]
    Interrupted,
}

/// The database of one service; clones share the connection.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    telemetry: Telemetry,
    namespace: &'static str,
}

impl Database {
    /// Opens the service's database file, creating folder, file and tables when missing.
    pub(crate) fn open(config: &ServiceConfig, telemetry: &Telemetry, schema: &str) -> Result<Self, DemoError> {
        let folder = &config.data_dir;
        fs::create_dir_all(folder).map_err(|source| DemoError::Folder { path: folder.clone(), source })?;
        let path = folder.join(format!("{}.sqlite", config.service));
        let connection = connect(&path, schema).map_err(|source| DemoError::OpenDatabase { path, source })?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            telemetry: telemetry.clone(),
            namespace: config.service.as_str(),
        })
    }

    /// Runs `work` in one transaction on a thread that may block. It is rolled back when `work` fails or panics.
    pub(crate) async fn transaction<T, E>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let database = self.clone();
        let context = Context::current();
        let run = move || {
            let _context = context.attach();
            // A panic while the lock was held has rolled its transaction back.
            let mut connection = database.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(DatabaseError::from)?;
            let session =
                Session { connection: &transaction, telemetry: &database.telemetry, namespace: database.namespace };
            let value = work(&session)?;
            transaction.commit().map_err(DatabaseError::from)?;
            Ok(value)
        };
        tokio::task::spawn_blocking(run).await.unwrap_or_else(|_| Err(DatabaseError::Interrupted.into()))
    }
}

fn connect(path: &Path, schema: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // NORMAL syncs at checkpoints only: a power cut may cost the demo its last bookings, never its consistency, and the
    // box's own fsyncs do not queue behind those of its demo. The page cache is 512 KiB per service.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -512;",
    )?;
    connection.execute_batch(schema)?;
    Ok(connection)
}

/// A transaction under way.
pub(crate) struct Session<'a> {
    connection: &'a Connection,
    telemetry: &'a Telemetry,
    namespace: &'static str,
}

impl Session<'_> {
    /// Returns how many rows a statement changed.
    pub(crate) fn execute(&self, statement: &Statement, parameters: impl Params) -> Result<usize, DatabaseError> {
        self.observe(statement, || self.connection.prepare_cached(statement.text)?.execute(parameters))
    }

    /// Returns the rows of a query, each as `read` makes of it.
    pub(crate) fn query<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, DatabaseError> {
        self.observe(statement, || {
            self.connection.prepare_cached(statement.text)?.query_map(parameters, read)?.collect()
        })
    }

    /// Returns the first row of a query, if there is one.
    pub(crate) fn find<T>(
        &self,
        statement: &Statement,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, DatabaseError> {
        Ok(self.query(statement, parameters, read)?.into_iter().next())
    }

    /// Returns the row id of the last insert.
    pub(crate) fn last_insert_id(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    fn observe<T>(&self, statement: &Statement, run: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, DatabaseError> {
        let started = Instant::now();
        let summary = format!("{} {}", statement.operation, statement.collection);
        let mut recorded = vec![
            KeyValue::new(DB_SYSTEM_NAME, "sqlite"),
            KeyValue::new(DB_NAMESPACE, self.namespace),
            KeyValue::new(DB_OPERATION_NAME, statement.operation),
            KeyValue::new(DB_COLLECTION_NAME, statement.collection),
            KeyValue::new(DB_QUERY_SUMMARY, summary.clone()),
        ];
        let attributes = recorded.iter().cloned().chain([KeyValue::new(DB_QUERY_TEXT, statement.text)]);
        let builder = SpanBuilder::from_name(summary).with_kind(SpanKind::Client).with_attributes(attributes);
        let context = self.telemetry.start(builder);
        let result = run();
        let span = context.span();
        if let Err(error) = &result {
            let code =
                error.sqlite_error().map_or_else(|| "client".to_owned(), |error| error.extended_code.to_string());
            let failure = [KeyValue::new(DB_RESPONSE_STATUS_CODE, code.clone()), KeyValue::new(ERROR_TYPE, code)];
            span.set_attributes(failure.iter().cloned());
            span.set_status(Status::error(error.to_string()));
            recorded.extend(failure);
        }
        record_since(&self.telemetry.database_duration, started, &recorded);
        span.end();
        Ok(result?)
    }
}
