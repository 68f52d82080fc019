//! The ledger: one row per idempotency key, which tells a payment that is repeated what has become of it.

use rusqlite::params;

use crate::database::{Database, DatabaseError, Session, Statement};

/// `number` counts without gaps (which AUTOINCREMENT would leave at each conflict), so that the newest `n` rows are
/// those above the highest number less `n`.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS payments (
        number INTEGER PRIMARY KEY,
        idempotency_key TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('open', 'authorised', 'declined', 'voided')),
        minor_units INTEGER NOT NULL,
        currency TEXT NOT NULL,
        detail TEXT NOT NULL,
        opened_at INTEGER NOT NULL
    );
";

const INSERT: Statement = Statement {
    operation: "INSERT",
    collection: "payments",
    text: "INSERT INTO payments (idempotency_key, state, minor_units, currency, detail, opened_at)
        VALUES (?1, ?2, ?3, ?4, '', ?5) ON CONFLICT (idempotency_key) DO NOTHING",
};
const SELECT: Statement = Statement {
    operation: "SELECT",
    collection: "payments",
    text: "SELECT state, detail FROM payments WHERE idempotency_key = ?1",
};
const CLOSE: Statement = Statement {
    operation: "UPDATE",
    collection: "payments",
    text: "UPDATE payments SET state = ?2, detail = ?3 WHERE idempotency_key = ?1 AND state = 'open'",
};
const VOID: Statement = Statement {
    operation: "UPDATE",
    collection: "payments",
    text: "UPDATE payments SET state = 'voided' WHERE idempotency_key = ?1",
};
const DELETE_OLD: Statement = Statement {
    operation: "DELETE",
    collection: "payments",
    text: "DELETE FROM payments WHERE number <= (SELECT max(number) FROM payments) - ?1",
};

/// What has become of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payment {
    Authorised { authorisation: String },
    Declined { reason: String },
    Voided,
}

/// The start of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// Nobody knows yet what will become of it: the provider is to be asked.
    New,
    Known(Payment),
}

/// The table of payments.
#[derive(Clone)]
pub(super) struct Ledger {
    database: Database,
}

impl Ledger {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Opens a payment, or returns what has become of the one under that key.
    pub(super) async fn open(
        &self,
        key: &str,
        minor_units: i64,
        currency: &str,
        now: i64,
    ) -> Result<Opened, DatabaseError> {
        let (key, currency) = (key.to_owned(), currency.to_owned());
        let open = move |session: &Session<'_>| {
            session.execute(&INSERT, params![key, "open", minor_units, currency, now])?;
            Ok(find(session, &key)?.map_or(Opened::New, Opened::Known))
        };
        self.database.transaction(open).await
    }

    /// Writes down what has become of an open payment, and returns whether it was still open.
    pub(super) async fn close(&self, key: &str, payment: Payment) -> Result<bool, DatabaseError> {
        let key = key.to_owned();
        let (state, detail) = match payment {
            Payment::Authorised { authorisation } => ("authorised", authorisation),
            Payment::Declined { reason } => ("declined", reason),
            Payment::Voided => ("voided", String::new()),
        };
        let close = move |session: &Session<'_>| session.execute(&CLOSE, params![key, state, detail]);
        Ok(self.database.transaction(close).await? == 1)
    }

    /// Returns the authorisation that is held under a key, if any.
    pub(super) async fn authorisation(&self, key: &str) -> Result<Option<String>, DatabaseError> {
        let key = key.to_owned();
        self.database.transaction(move |session| Ok(authorised(find(session, &key)?))).await
    }

    /// Voids the payment of a key, which need not exist, and returns the authorisation it had until now.
    pub(super) async fn void(&self, key: &str, now: i64) -> Result<Option<String>, DatabaseError> {
        let key = key.to_owned();
        let void = move |session: &Session<'_>| {
            let authorisation = authorised(find(session, &key)?);
            if session.execute(&VOID, params![key])? == 0 {
                session.execute(&INSERT, params![key, "voided", 0, "", now])?;
            }
            Ok(authorisation)
        };
        self.database.transaction(void).await
    }

    /// Forgets payments that are older than the newest `keep`.
    pub(super) async fn prune(&self, keep: u32) -> Result<(), DatabaseError> {
        self.database.transaction(move |session| session.execute(&DELETE_OLD, [keep]).map(drop)).await
    }
}

fn find(session: &Session<'_>, key: &str) -> Result<Option<Payment>, DatabaseError> {
    let found = session.find(&SELECT, params![key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    Ok(found.and_then(|(state, detail)| match state.as_str() {
        "authorised" => Some(Payment::Authorised { authorisation: detail }),
        "declined" => Some(Payment::Declined { reason: detail }),
        "voided" => Some(Payment::Voided),
        _ => None,
    }))
}

fn authorised(payment: Option<Payment>) -> Option<String> {
    match payment {
        Some(Payment::Authorised { authorisation }) => Some(authorisation),
        Some(Payment::Declined { .. } | Payment::Voided) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServiceConfig;
    use crate::name::ServiceName;
    use crate::telemetry::{Providers, Telemetry};

    fn open(folder: &tempfile::TempDir) -> Ledger {
        let config = ServiceConfig { data_dir: folder.path().to_owned(), ..ServiceConfig::new(ServiceName::Payment) };
        let telemetry = Telemetry::new(&Providers::silent(ServiceName::Payment));
        Ledger::new(Database::open(&config, &telemetry, SCHEMA).unwrap())
    }

    fn authorised() -> Payment {
        Payment::Authorised { authorisation: "auth-1".into() }
    }

    #[tokio::test]
    async fn a_payment_is_open_until_its_end_is_known_and_then_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(&folder);
        assert_eq!(ledger.open("k", 5, "KRW", 1).await.unwrap(), Opened::New);
        assert_eq!(ledger.open("k", 5, "KRW", 2).await.unwrap(), Opened::New, "a failed attempt may be repeated");
        assert!(ledger.close("k", authorised()).await.unwrap());
        assert!(!ledger.close("k", Payment::Declined { reason: "late".into() }).await.unwrap());
        assert_eq!(ledger.open("k", 5, "KRW", 3).await.unwrap(), Opened::Known(authorised()));
    }

    #[tokio::test]
    async fn a_voided_key_cannot_be_authorised_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(&folder);
        ledger.open("k", 5, "KRW", 1).await.unwrap();
        assert_eq!(ledger.void("k", 1).await.unwrap(), None);
        assert!(!ledger.close("k", authorised()).await.unwrap());
        assert_eq!(ledger.void("never seen", 1).await.unwrap(), None);
        assert_eq!(ledger.open("never seen", 5, "KRW", 2).await.unwrap(), Opened::Known(Payment::Voided));
    }

    #[tokio::test]
    async fn voiding_tells_what_was_authorised_once() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(&folder);
        ledger.open("k", 5, "KRW", 1).await.unwrap();
        ledger.close("k", authorised()).await.unwrap();
        assert_eq!(ledger.authorisation("k").await.unwrap().as_deref(), Some("auth-1"));
        assert_eq!(ledger.void("k", 2).await.unwrap().as_deref(), Some("auth-1"));
        assert_eq!(ledger.void("k", 3).await.unwrap(), None);
    }

    #[tokio::test]
    async fn old_payments_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(&folder);
        for key in ["a", "b", "c"] {
            ledger.open(key, 5, "KRW", 1).await.unwrap();
            ledger.close(key, authorised()).await.unwrap();
        }
        ledger.prune(2).await.unwrap();
        assert_eq!(ledger.authorisation("a").await.unwrap(), None);
        assert!(ledger.authorisation("b").await.unwrap().is_some());
    }
}
