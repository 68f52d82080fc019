//! Events as they are stored: a type name and a JSON payload. What is stored outlives the code, so the names never
//! change.

use serde::{Deserialize, Serialize};

use super::domain::{Event, Order, Price, SeatRefusal};

/// An event at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StoredEvent {
    Requested { show: i64, seat: String, customer: String, card_token: String },
    SeatHeld { minor_units: i64, currency: String },
    SeatRefused { refusal: StoredRefusal },
    HoldFailed { reason: String },
    PaymentAuthorised { authorisation: String },
    PaymentDeclined { reason: String },
    PaymentFailed { reason: String },
    SeatSold,
    SaleFailed { reason: String },
    PaymentVoided,
    SeatReleased,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredRefusal {
    Taken,
    ShowClosed,
    Unknown,
}

/// Returns an event's JSON.
pub(super) fn encode(event: &Event) -> serde_json::Result<String> {
    serde_json::to_string(&StoredEvent::from(event.clone()))
}

/// Returns the event that [`encode`] wrote.
pub(super) fn decode(json: &str) -> serde_json::Result<Event> {
    serde_json::from_str::<StoredEvent>(json).map(Event::from)
}

/// Returns an event's type name.
pub(super) fn type_name(event: &Event) -> &'static str {
    match event {
        Event::Requested { .. } => "requested",
        Event::SeatHeld { .. } => "seat_held",
        Event::SeatRefused { .. } => "seat_refused",
        Event::HoldFailed { .. } => "hold_failed",
        Event::PaymentAuthorised { .. } => "payment_authorised",
        Event::PaymentDeclined { .. } => "payment_declined",
        Event::PaymentFailed { .. } => "payment_failed",
        Event::SeatSold => "seat_sold",
        Event::SaleFailed { .. } => "sale_failed",
        Event::PaymentVoided => "payment_voided",
        Event::SeatReleased => "seat_released",
    }
}

impl From<Event> for StoredEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Requested { order: Order { show, seat, customer, card_token } } => {
                Self::Requested { show, seat, customer, card_token }
            }
            Event::SeatHeld { price: Price { minor_units, currency } } => Self::SeatHeld { minor_units, currency },
            Event::SeatRefused { refusal } => Self::SeatRefused {
                refusal: match refusal {
                    SeatRefusal::Taken => StoredRefusal::Taken,
                    SeatRefusal::ShowClosed => StoredRefusal::ShowClosed,
                    SeatRefusal::Unknown => StoredRefusal::Unknown,
                },
            },
            Event::HoldFailed { reason } => Self::HoldFailed { reason },
            Event::PaymentAuthorised { authorisation } => Self::PaymentAuthorised { authorisation },
            Event::PaymentDeclined { reason } => Self::PaymentDeclined { reason },
            Event::PaymentFailed { reason } => Self::PaymentFailed { reason },
            Event::SeatSold => Self::SeatSold,
            Event::SaleFailed { reason } => Self::SaleFailed { reason },
            Event::PaymentVoided => Self::PaymentVoided,
            Event::SeatReleased => Self::SeatReleased,
        }
    }
}

impl From<StoredEvent> for Event {
    fn from(event: StoredEvent) -> Self {
        match event {
            StoredEvent::Requested { show, seat, customer, card_token } => {
                Self::Requested { order: Order { show, seat, customer, card_token } }
            }
            StoredEvent::SeatHeld { minor_units, currency } => {
                Self::SeatHeld { price: Price { minor_units, currency } }
            }
            StoredEvent::SeatRefused { refusal } => Self::SeatRefused {
                refusal: match refusal {
                    StoredRefusal::Taken => SeatRefusal::Taken,
                    StoredRefusal::ShowClosed => SeatRefusal::ShowClosed,
                    StoredRefusal::Unknown => SeatRefusal::Unknown,
                },
            },
            StoredEvent::HoldFailed { reason } => Self::HoldFailed { reason },
            StoredEvent::PaymentAuthorised { authorisation } => Self::PaymentAuthorised { authorisation },
            StoredEvent::PaymentDeclined { reason } => Self::PaymentDeclined { reason },
            StoredEvent::PaymentFailed { reason } => Self::PaymentFailed { reason },
            StoredEvent::SeatSold => Self::SeatSold,
            StoredEvent::SaleFailed { reason } => Self::SaleFailed { reason },
            StoredEvent::PaymentVoided => Self::PaymentVoided,
            StoredEvent::SeatReleased => Self::SeatReleased,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_back_and_keep_their_stored_form() {
        let reason = || "r".to_owned();
        let order = Order { show: 7, seat: "A1".into(), customer: "c".into(), card_token: "t".into() };
        let table = [
            (
                Event::Requested { order },
                r#"{"type":"requested","show":7,"seat":"A1","customer":"c","card_token":"t"}"#,
            ),
            (
                Event::SeatHeld { price: Price { minor_units: 5, currency: "KRW".into() } },
                r#"{"type":"seat_held","minor_units":5,"currency":"KRW"}"#,
            ),
            (
                Event::SeatRefused { refusal: SeatRefusal::ShowClosed },
                r#"{"type":"seat_refused","refusal":"show_closed"}"#,
            ),
            (Event::HoldFailed { reason: reason() }, r#"{"type":"hold_failed","reason":"r"}"#),
            (
                Event::PaymentAuthorised { authorisation: "a".into() },
                r#"{"type":"payment_authorised","authorisation":"a"}"#,
            ),
            (Event::PaymentDeclined { reason: reason() }, r#"{"type":"payment_declined","reason":"r"}"#),
            (Event::PaymentFailed { reason: reason() }, r#"{"type":"payment_failed","reason":"r"}"#),
            (Event::SeatSold, r#"{"type":"seat_sold"}"#),
            (Event::SaleFailed { reason: reason() }, r#"{"type":"sale_failed","reason":"r"}"#),
            (Event::PaymentVoided, r#"{"type":"payment_voided"}"#),
            (Event::SeatReleased, r#"{"type":"seat_released"}"#),
        ];
        for (event, stored) in table {
            assert_eq!(encode(&event).unwrap(), stored);
            assert_eq!(decode(stored).unwrap(), event);
            assert!(stored.contains(&format!(r#""type":"{}""#, type_name(&event))));
        }
    }
}
