//! The catalogue's tables and every statement on them.

use rusqlite::{Row, params};

use super::seat::{Refusal, Seat};
use super::wire;
use crate::database::{Database, DatabaseError, Session, Statement};

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS venues (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        city TEXT NOT NULL,
        rows INTEGER NOT NULL,
        seats_per_row INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS shows (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        venue_id INTEGER NOT NULL REFERENCES venues (id),
        title TEXT NOT NULL,
        starts_at INTEGER NOT NULL,
        price_minor_units INTEGER NOT NULL,
        currency TEXT NOT NULL,
        closed_at INTEGER
    );
    CREATE TABLE IF NOT EXISTS seats (
        show_id INTEGER NOT NULL REFERENCES shows (id) ON DELETE CASCADE,
        label TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('free', 'held', 'sold')),
        booking_id TEXT,
        changed_at INTEGER NOT NULL,
        PRIMARY KEY (show_id, label)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS held_seats ON seats (changed_at) WHERE state = 'held';
";

const SELECT_SHOWS: Statement = Statement {
    operation: "SELECT",
    collection: "shows",
    text: "SELECT shows.id, title, venues.name, city, starts_at, price_minor_units, currency,
        (SELECT count(*) FROM seats WHERE show_id = shows.id AND state = 'free')
        FROM shows JOIN venues ON venues.id = venue_id WHERE closed_at IS NULL ORDER BY starts_at, shows.id",
};
const SELECT_SHOW: Statement = Statement {
    operation: "SELECT",
    collection: "shows",
    text: "SELECT shows.id, title, venues.name, city, starts_at, price_minor_units, currency,
        (SELECT count(*) FROM seats WHERE show_id = shows.id AND state = 'free')
        FROM shows JOIN venues ON venues.id = venue_id WHERE shows.id = ?1",
};
const SELECT_SEATS: Statement = Statement {
    operation: "SELECT",
    collection: "seats",
    text: "SELECT label, state FROM seats WHERE show_id = ?1 ORDER BY length(label), label",
};
const SELECT_SEAT: Statement = Statement {
    operation: "SELECT",
    collection: "seats",
    text: "SELECT state, booking_id, price_minor_units, currency, closed_at IS NOT NULL
        FROM seats JOIN shows ON shows.id = show_id WHERE show_id = ?1 AND label = ?2",
};
const UPDATE_SEAT: Statement = Statement {
    operation: "UPDATE",
    collection: "seats",
    text: "UPDATE seats SET state = ?3, booking_id = ?4, changed_at = ?5 WHERE show_id = ?1 AND label = ?2",
};

/// What a booking asks of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SeatAction {
    Hold,
    Sell,
    Release,
}

/// Why a seat's state did not change.
#[derive(Debug, thiserror::Error)]
pub(super) enum SeatError {
    #[error("there is no such seat")]
    Unknown,
    #[error("the show is closed for booking")]
    ShowClosed,
    #[error("{0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The catalogue's database.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) database: Database,
}

impl Store {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns the shows open for booking, by time.
    pub(super) async fn shows(&self) -> Result<Vec<wire::Show>, DatabaseError> {
        self.database.transaction(|session| session.query(&SELECT_SHOWS, [], read_show)).await
    }

    /// Returns a show with its seats, open or closed.
    pub(super) async fn show(&self, id: i64) -> Result<Option<wire::ShowDetail>, DatabaseError> {
        let read = move |session: &Session<'_>| {
            let Some(show) = session.find(&SELECT_SHOW, [id], read_show)? else { return Ok(None) };
            let seats =
                session.query(&SELECT_SEATS, [id], |row| Ok(wire::Seat { label: row.get(0)?, state: row.get(1)? }))?;
            Ok(Some(wire::ShowDetail { show, seats }))
        };
        self.database.transaction(read).await
    }

    /// Changes a seat by its rules and returns the price of the show.
    pub(super) async fn change_seat(
        &self,
        show: i64,
        label: String,
        action: SeatAction,
        booking: String,
        now: i64,
    ) -> Result<wire::Price, SeatError> {
        let change = move |session: &Session<'_>| {
            let found = session.find(&SELECT_SEAT, params![show, label], |row| {
                let price = wire::Price { minor_units: row.get(2)?, currency: row.get(3)? };
                Ok((read_seat(row)?, price, row.get::<_, bool>(4)?))
            })?;
            let (seat, price, is_closed) = found.ok_or(SeatError::Unknown)?;
            let changed = match action {
                SeatAction::Hold if is_closed && seat == Seat::Free => return Err(SeatError::ShowClosed),
                SeatAction::Hold => seat.hold(&booking).map_err(SeatError::Refused)?,
                SeatAction::Sell => seat.sell(&booking).map_err(SeatError::Refused)?,
                SeatAction::Release => seat.release(&booking),
            };
            if changed != seat {
                let (state, owner) = match &changed {
                    Seat::Free => ("free", None),
                    Seat::Held { booking } => ("held", Some(booking)),
                    Seat::Sold { booking } => ("sold", Some(booking)),
                };
                session.execute(&UPDATE_SEAT, params![show, label, state, owner, now])?;
            }
            Ok(price)
        };
        self.database.transaction(change).await
    }
}

fn read_show(row: &Row<'_>) -> rusqlite::Result<wire::Show> {
    Ok(wire::Show {
        id: row.get(0)?,
        title: row.get(1)?,
        venue: row.get(2)?,
        city: row.get(3)?,
        starts_at: row.get(4)?,
        price: wire::Price { minor_units: row.get(5)?, currency: row.get(6)? },
        seats_free: row.get(7)?,
    })
}

fn read_seat(row: &Row<'_>) -> rusqlite::Result<Seat> {
    let state: String = row.get(0)?;
    Ok(match state.as_str() {
        "held" => Seat::Held { booking: row.get(1)? },
        "sold" => Seat::Sold { booking: row.get(1)? },
        _ => Seat::Free,
    })
}
