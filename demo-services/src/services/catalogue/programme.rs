//! Keeps the programme alive and bounded: a dozen shows are open at any time, so that seats never run out; shows that
//! are nearly sold out or have begun are closed, and forgotten after a while; holds of lost bookings are given back.

use opentelemetry::trace::{FutureExt, SpanBuilder, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use rusqlite::params;

use super::store::Store;
use crate::clock;
use crate::database::{DatabaseError, Session, Statement};
use crate::telemetry::Telemetry;

/// How many shows are open.
const OPEN_SHOWS: i64 = 12;
/// A show with fewer free seats than one in ten is closed.
const CLOSE_BELOW_SHARE: i64 = 10;
/// How long a closed show is kept, in seconds: longer than any booking for it can still be under way.
const FORGET_AFTER: i64 = 15 * 60;
/// How long a seat is held, in seconds: longer than the saga and its recovery take.
const HOLD_SECONDS: i64 = 5 * 60;
const DAY: i64 = 24 * 60 * 60;

/// Venues: name, city, rows (at most 26: A to Z), seats per row.
const VENUES: [(&str, &str, i64, i64); 4] = [
    ("Lantern Hall", "Seoul", 10, 20),
    ("한강 야외무대", "서울", 12, 20),
    ("Harbour Arena", "Busan", 12, 24),
    ("Old Mill Theatre", "Gothenburg", 8, 16),
];
const ACTS: [&str; 8] = [
    "Paper Cranes",
    "달빛 사중주",
    "The Tidewater Five",
    "Northern Static",
    "가을비 밴드",
    "Violet Engine",
    "Slow Comets",
    "Marimba Club",
];
const OCCASIONS: [&str; 5] = ["live", "farewell concert", "앙코르 공연", "acoustic night", "album première"];

const INSERT_VENUE: Statement = Statement {
    operation: "INSERT",
    collection: "venues",
    text: "INSERT INTO venues (name, city, rows, seats_per_row) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING",
};
const RELEASE_LOST_HOLDS: Statement = Statement {
    operation: "UPDATE",
    collection: "seats",
    text: "UPDATE seats SET state = 'free', booking_id = NULL, changed_at = ?1 WHERE state = 'held' AND changed_at < ?2",
};
const CLOSE_SHOWS: Statement = Statement {
    operation: "UPDATE",
    collection: "shows",
    text: "UPDATE shows SET closed_at = ?1 WHERE closed_at IS NULL AND (starts_at <= ?1 OR
        (SELECT sum(state = 'free') * ?2 < count(*) FROM seats WHERE show_id = shows.id))",
};
const FORGET_SHOWS: Statement =
    Statement { operation: "DELETE", collection: "shows", text: "DELETE FROM shows WHERE closed_at < ?1" };
const COUNT_OPEN_SHOWS: Statement =
    Statement { operation: "SELECT", collection: "shows", text: "SELECT count(*) FROM shows WHERE closed_at IS NULL" };
const INSERT_SHOW: Statement = Statement {
    operation: "INSERT",
    collection: "shows",
    text: "INSERT INTO shows (venue_id, title, starts_at, price_minor_units, currency)
        SELECT id, ?2, ?3, ?4, 'KRW' FROM venues WHERE name = ?1",
};
/// All seats of a show at once: rows A, B, … and numbers from 1.
const INSERT_SEATS: Statement = Statement {
    operation: "INSERT",
    collection: "seats",
    text: "INSERT INTO seats (show_id, label, state, changed_at)
        WITH RECURSIVE number (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM number WHERE value < 999)
        SELECT shows.id, char(65 + row.value) || (seat.value + 1), 'free', ?2
        FROM shows JOIN venues ON venues.id = venue_id
        JOIN number AS row ON row.value < rows JOIN number AS seat ON seat.value < seats_per_row
        WHERE shows.id = ?1",
};

/// Brings the programme up to date, in a trace of its own.
pub(super) async fn upkeep(store: &Store, telemetry: &Telemetry) -> Result<(), DatabaseError> {
    let now = clock::unix_seconds();
    let context = telemetry.start_under(&Context::new(), SpanBuilder::from_name("programme upkeep"));
    let result = store.database.transaction(move |session| update(session, now)).with_context(context.clone()).await;
    if let Ok(opened) = &result {
        context.span().set_attribute(KeyValue::new("boxoffice.shows.opened", *opened));
    }
    context.span().end();
    result.map(|_| ())
}

/// Returns how many shows were opened.
fn update(session: &Session<'_>, now: i64) -> Result<i64, DatabaseError> {
    let released = session.execute(&RELEASE_LOST_HOLDS, params![now, now - HOLD_SECONDS])?;
    if released > 0 {
        tracing::warn!(
            name: "catalogue.holds_expired",
            { boxoffice.seats = released },
            "holds of lost bookings expired"
        );
    }
    session.execute(&CLOSE_SHOWS, params![now, CLOSE_BELOW_SHARE])?;
    session.execute(&FORGET_SHOWS, params![now - FORGET_AFTER])?;
    let open = session.find(&COUNT_OPEN_SHOWS, [], |row| row.get(0))?.unwrap_or(0);
    let missing = OPEN_SHOWS - open;
    if missing > 0 {
        for (name, city, rows, seats_per_row) in VENUES {
            session.execute(&INSERT_VENUE, params![name, city, rows, seats_per_row])?;
        }
    }
    for _ in 0..missing {
        let (venue, ..) = VENUES[rand::random_range(0..VENUES.len())];
        let act = ACTS[rand::random_range(0..ACTS.len())];
        let occasion = OCCASIONS[rand::random_range(0..OCCASIONS.len())];
        let starts_at = now + DAY * rand::random_range(2..60);
        let price = 1_000 * rand::random_range(30_i64..150);
        session.execute(&INSERT_SHOW, params![venue, format!("{act}: {occasion}"), starts_at, price])?;
        let show = session.last_insert_id();
        session.execute(&INSERT_SEATS, params![show, now])?;
        tracing::info!(
            name: "catalogue.show_opened",
            { boxoffice.show.id = show },
            "{act}: {occasion} is open for booking"
        );
    }
    Ok(missing.max(0))
}

#[cfg(test)]
mod tests {
    use super::super::store::{self, SeatAction};
    use super::*;
    use crate::config::ServiceConfig;
    use crate::database::Database;
    use crate::name::ServiceName;
    use crate::telemetry::Providers;

    const NOW: i64 = 1_700_000_000;

    fn open(folder: &tempfile::TempDir) -> Store {
        let config = ServiceConfig { data_dir: folder.path().to_owned(), ..ServiceConfig::new(ServiceName::Catalogue) };
        let telemetry = Telemetry::new(&Providers::silent(ServiceName::Catalogue));
        Store::new(Database::open(&config, &telemetry, store::SCHEMA).unwrap())
    }

    async fn update_at(store: &Store, now: i64) -> i64 {
        store.database.transaction(move |session| update(session, now)).await.unwrap()
    }

    #[tokio::test]
    async fn a_dozen_shows_with_all_their_seats_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        assert_eq!(update_at(&store, NOW).await, OPEN_SHOWS);
        assert_eq!(update_at(&store, NOW).await, 0);
        let shows = store.shows().await.unwrap();
        assert_eq!(shows.len(), 12);
        for show in shows {
            let (.., rows, seats_per_row) = VENUES.into_iter().find(|venue| venue.0 == show.venue).unwrap();
            let detail = store.show(show.id).await.unwrap().unwrap();
            assert_eq!(show.seats_free, rows * seats_per_row);
            assert_eq!(detail.seats.len() as i64, rows * seats_per_row);
            assert_eq!(detail.seats[0].label, "A1");
        }
    }

    #[tokio::test]
    async fn a_hold_that_is_not_bought_in_time_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        update_at(&store, NOW).await;
        let show = store.shows().await.unwrap().remove(0);
        store.change_seat(show.id, "A1".into(), SeatAction::Hold, "b".into(), NOW).await.unwrap();
        update_at(&store, NOW + HOLD_SECONDS).await;
        assert_eq!(store.show(show.id).await.unwrap().unwrap().seats[0].state, "held");
        update_at(&store, NOW + HOLD_SECONDS + 1).await;
        assert_eq!(store.show(show.id).await.unwrap().unwrap().seats[0].state, "free");
    }

    #[tokio::test]
    async fn shows_are_closed_replaced_and_forgotten_so_that_tables_stay_small() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        update_at(&store, NOW).await;
        let first = store.shows().await.unwrap().remove(0);
        assert_eq!(update_at(&store, NOW + 60 * DAY).await, OPEN_SHOWS, "all have begun");
        assert!(store.show(first.id).await.unwrap().is_some());
        update_at(&store, NOW + 60 * DAY + FORGET_AFTER + 1).await;
        assert!(store.show(first.id).await.unwrap().is_none());
        assert_eq!(store.shows().await.unwrap().len() as i64, OPEN_SHOWS);
    }

    #[tokio::test]
    async fn a_show_that_is_nearly_sold_out_is_closed_for_new_bookings_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        update_at(&store, NOW).await;
        let show = store.shows().await.unwrap().remove(0);
        let seats = store.show(show.id).await.unwrap().unwrap().seats;
        for seat in &seats[..seats.len() * 19 / 20] {
            store.change_seat(show.id, seat.label.clone(), SeatAction::Hold, "b".into(), NOW).await.unwrap();
        }
        assert_eq!(update_at(&store, NOW).await, 1);
        let last = seats.last().unwrap().label.clone();
        let refused = store.change_seat(show.id, last, SeatAction::Hold, "c".into(), NOW).await.unwrap_err();
        assert_eq!(refused.to_string(), "the show is closed for booking");
        store.change_seat(show.id, seats[0].label.clone(), SeatAction::Sell, "b".into(), NOW).await.unwrap();
    }
}
