//! The event store: one row per event, keyed by stream and version, so that of two writers who have seen the same
//! version only one can go on. A row per booking beside it finds those that are unfinished.

use rusqlite::{ErrorCode, params};

use super::codec;
use super::domain::{Booking, Event, OutOfOrder, Progress};
use crate::database::{Database, DatabaseError, Session, Statement};

/// `number` counts without gaps (which AUTOINCREMENT would leave at each conflict), so that the newest `n` rows are
/// those above the highest number less `n`.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        type TEXT NOT NULL,
        payload TEXT NOT NULL,
        recorded_at INTEGER NOT NULL,
        traceparent TEXT NOT NULL,
        PRIMARY KEY (stream, version)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS bookings (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        is_ended INTEGER NOT NULL,
        changed_at INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS unfinished_bookings ON bookings (changed_at) WHERE is_ended = 0;
";

const INSERT_EVENT: Statement = Statement {
    operation: "INSERT",
    collection: "events",
    text: "INSERT INTO events (stream, version, type, payload, recorded_at, traceparent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
const UPSERT_BOOKING: Statement = Statement {
    operation: "INSERT",
    collection: "bookings",
    text: "INSERT INTO bookings (id, is_ended, changed_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (id) DO UPDATE SET is_ended = excluded.is_ended, changed_at = excluded.changed_at",
};
const SELECT_EVENTS: Statement = Statement {
    operation: "SELECT",
    collection: "events",
    text: "SELECT payload, recorded_at, traceparent FROM events WHERE stream = ?1 ORDER BY version",
};
const SELECT_UNFINISHED: Statement = Statement {
    operation: "SELECT",
    collection: "bookings",
    text: "SELECT id FROM bookings WHERE is_ended = 0 AND changed_at <= ?1 ORDER BY changed_at LIMIT ?2",
};
const DELETE_OLD_EVENTS: Statement = Statement {
    operation: "DELETE",
    collection: "events",
    text: "DELETE FROM events WHERE stream IN (SELECT id FROM bookings WHERE is_ended = 1
        AND number <= (SELECT max(number) FROM bookings) - ?1)",
};
const DELETE_OLD_BOOKINGS: Statement = Statement {
    operation: "DELETE",
    collection: "bookings",
    text: "DELETE FROM bookings WHERE is_ended = 1 AND number <= (SELECT max(number) FROM bookings) - ?1",
};

/// Why events could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("booking {stream} has an event {version} already: somebody else works on it")]
    Conflict { stream: String, version: u64 },
    #[error("a stored event cannot be read: {0}")]
    Payload(#[from] serde_json::Error),
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// An event with what was recorded about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) event: Event,
    /// Seconds since the Unix epoch.
    pub(super) at: i64,
    /// The trace that recorded it; empty for none.
    pub(super) traceparent: String,
}

/// The database of bookings.
#[derive(Clone)]
pub(super) struct EventStore {
    database: Database,
}

impl EventStore {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Appends an event that makes a booking what it is now, and so is its event number `booking.version`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the stream has that event already; nothing is stored then.
    pub(super) async fn append(&self, id: &str, booking: &Booking, recorded: Recorded) -> Result<(), StoreError> {
        let id = id.to_owned();
        let version = booking.version;
        let is_ended = matches!(booking.progress, Progress::Ended(_));
        let Recorded { event, at, traceparent } = recorded;
        let write = move |session: &Session<'_>| {
            let payload = codec::encode(&event)?;
            let type_name = codec::type_name(&event);
            match session.execute(&INSERT_EVENT, params![id, version, type_name, payload, at, traceparent]) {
                Err(DatabaseError::Sqlite(error))
                    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
                {
                    return Err(StoreError::Conflict { stream: id, version });
                }
                other => other?,
            };
            session.execute(&UPSERT_BOOKING, params![id, is_ended, at])?;
            Ok(())
        };
        self.database.transaction(write).await
    }

    /// Returns the events of a booking in order; none for a booking that does not exist.
    pub(super) async fn load(&self, id: &str) -> Result<Vec<Recorded>, StoreError> {
        let id = id.to_owned();
        let rows = self
            .database
            .transaction(move |session| {
                session.query(&SELECT_EVENTS, [id], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
                })
            })
            .await?;
        rows.into_iter()
            .map(|(payload, at, traceparent)| Ok(Recorded { event: codec::decode(&payload)?, at, traceparent }))
            .collect()
    }

    /// Returns the ids of at most `limit` bookings that have not ended nor changed since `before`, oldest first.
    pub(super) async fn unfinished(&self, before: i64, limit: u32) -> Result<Vec<String>, StoreError> {
        let read =
            move |session: &Session<'_>| session.query(&SELECT_UNFINISHED, params![before, limit], |row| row.get(0));
        Ok(self.database.transaction::<_, DatabaseError>(read).await?)
    }

    /// Forgets ended bookings that are older than the newest `keep`.
    pub(super) async fn prune(&self, keep: u32) -> Result<(), StoreError> {
        let delete = move |session: &Session<'_>| {
            session.execute(&DELETE_OLD_EVENTS, [keep])?;
            session.execute(&DELETE_OLD_BOOKINGS, [keep])
        };
        self.database.transaction::<_, DatabaseError>(delete).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Order, SeatRefusal};
    use super::*;
    use crate::config::ServiceConfig;
    use crate::name::ServiceName;
    use crate::telemetry::{Providers, Telemetry};

    fn open(folder: &tempfile::TempDir) -> EventStore {
        let config = ServiceConfig { data_dir: folder.path().to_owned(), ..ServiceConfig::new(ServiceName::Booking) };
        let telemetry = Telemetry::new(&Providers::silent(ServiceName::Booking));
        EventStore::new(Database::open(&config, &telemetry, SCHEMA).unwrap())
    }

    fn recorded(event: Event, at: i64) -> Recorded {
        Recorded { event, at, traceparent: "00-1-2-01".into() }
    }

    fn requested() -> Event {
        Event::Requested { order: Order { show: 1, seat: "A1".into(), customer: "c".into(), card_token: "t".into() } }
    }

    fn refused() -> Event {
        Event::SeatRefused { refusal: SeatRefusal::Taken }
    }

    async fn request(store: &EventStore, id: &str, at: i64) -> Booking {
        let booking = Booking::from_events(&[requested()]).unwrap();
        store.append(id, &booking, recorded(requested(), at)).await.unwrap();
        booking
    }

    async fn end(store: &EventStore, id: &str, mut booking: Booking, at: i64) {
        booking.apply(&refused()).unwrap();
        store.append(id, &booking, recorded(refused(), at)).await.unwrap();
    }

    #[tokio::test]
    async fn events_are_read_back_in_order_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let booking = request(&store, "b", 10).await;
        end(&store, "b", booking, 11).await;
        drop(store);
        let expected = vec![recorded(requested(), 10), recorded(refused(), 11)];
        assert_eq!(open(&folder).load("b").await.unwrap(), expected);
        assert!(open(&folder).load("other").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_two_writers_at_the_same_version_the_second_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let mut first = request(&store, "b", 10).await;
        let mut second = first.clone();
        first.apply(&refused()).unwrap();
        second.apply(&Event::HoldFailed { reason: "down".into() }).unwrap();
        store.append("b", &first, recorded(refused(), 11)).await.unwrap();
        let error =
            store.append("b", &second, recorded(Event::HoldFailed { reason: "down".into() }, 12)).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { version: 2, .. }), "{error}");
        assert_eq!(store.load("b").await.unwrap().len(), 2);
        assert!(store.unfinished(100, 10).await.unwrap().is_empty(), "the loser changed the booking's row");
    }

    #[tokio::test]
    async fn unfinished_bookings_are_found_once_they_are_old_enough() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        request(&store, "second", 20).await;
        request(&store, "first", 10).await;
        let ended = request(&store, "ended", 10).await;
        end(&store, "ended", ended, 10).await;
        assert_eq!(store.unfinished(9, 10).await.unwrap(), Vec::<String>::new());
        assert_eq!(store.unfinished(19, 10).await.unwrap(), ["first"]);
        assert_eq!(store.unfinished(20, 10).await.unwrap(), ["first", "second"]);
        assert_eq!(store.unfinished(20, 1).await.unwrap(), ["first"]);
    }

    #[tokio::test]
    async fn only_old_ended_bookings_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        request(&store, "stuck", 1).await;
        for id in ["one", "two", "three"] {
            let booking = request(&store, id, 2).await;
            end(&store, id, booking, 3).await;
        }
        store.prune(2).await.unwrap();
        for (id, events) in [("stuck", 1), ("one", 0), ("two", 2), ("three", 2)] {
            assert_eq!(store.load(id).await.unwrap().len(), events, "{id}");
        }
    }
}
