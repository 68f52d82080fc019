//! The JSON that `catalogue` takes and gives; its callers read and write the same structs.

use serde::{Deserialize, Serialize};

/// An amount in the minor unit of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) minor_units: i64,
    pub(crate) currency: String,
}

/// A show in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Show {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) venue: String,
    pub(crate) city: String,
    /// Seconds since the Unix epoch.
    pub(crate) starts_at: i64,
    pub(crate) price: Price,
    pub(crate) seats_free: i64,
}

/// The answer to `GET /shows`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shows {
    pub(crate) shows: Vec<Show>,
}

/// The answer to `GET /shows/{show}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShowDetail {
    #[serde(flatten)]
    pub(crate) show: Show,
    pub(crate) seats: Vec<Seat>,
}

/// A seat on the plan of a show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seat {
    pub(crate) label: String,
    /// `free`, `held` or `sold`.
    pub(crate) state: String,
}

/// The body of `POST /shows/{show}/seats/{seat}/hold`, `…/sell` and `…/release`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SeatRequest {
    pub(crate) booking_id: String,
}

/// The answer to `hold`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) price: Price,
}
