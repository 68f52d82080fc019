//! The saga, told as tables of replies and the steps and endings they lead to.

use super::*;

fn order() -> Order {
    Order { show: 7, seat: "A1".into(), customer: "c-1".into(), card_token: "tok_hanbit_ok".into() }
}

fn price() -> Price {
    Price { minor_units: 50_000, currency: "KRW".into() }
}

fn unavailable() -> Reply {
    Reply::Unavailable { reason: "down".into() }
}

fn seat_held() -> Reply {
    Reply::SeatHeld { price: price() }
}

fn authorised() -> Reply {
    Reply::PaymentAuthorised { authorisation: "auth-1".into() }
}

fn failed(step: Step) -> Outcome {
    Outcome::Failed(Failure { step, reason: "down".into() })
}

/// Runs a booking through replies and returns the steps taken and the booking.
fn run(replies: Vec<Reply>) -> (Vec<Step>, Booking) {
    let mut events = vec![Event::Requested { order: order() }];
    let mut booking = Booking::from_events(&events).unwrap();
    let mut steps = Vec::new();
    for reply in replies {
        let Progress::Next(step) = booking.progress else { panic!("the saga ended before {reply:?}") };
        steps.push(step);
        if let Some(event) = booking.decide(reply).unwrap() {
            booking.apply(&event).unwrap();
            events.push(event);
        }
        assert_eq!(Booking::from_events(&events).unwrap(), booking, "the events do not add up to the state");
        assert_eq!(booking.version, events.len() as u64);
    }
    (steps, booking)
}

#[test]
fn every_way_through_the_saga_undoes_what_was_done() {
    use Step::{AuthorisePayment, HoldSeat, ReleaseSeat, SellSeat, VoidPayment};
    let declined = || Reply::PaymentDeclined { reason: "insufficient funds".into() };
    let refused = |refusal| Reply::SeatRefused { refusal };
    let table: Vec<(Vec<Reply>, Vec<Step>, Outcome)> = vec![
        (
            vec![seat_held(), authorised(), Reply::SeatSold],
            vec![HoldSeat, AuthorisePayment, SellSeat],
            Outcome::Confirmed,
        ),
        (vec![refused(SeatRefusal::Taken)], vec![HoldSeat], Outcome::SeatRefused(SeatRefusal::Taken)),
        (vec![refused(SeatRefusal::Unknown)], vec![HoldSeat], Outcome::SeatRefused(SeatRefusal::Unknown)),
        (vec![unavailable(), Reply::SeatReleased], vec![HoldSeat, ReleaseSeat], failed(HoldSeat)),
        (
            vec![seat_held(), declined(), Reply::SeatReleased],
            vec![HoldSeat, AuthorisePayment, ReleaseSeat],
            Outcome::CardDeclined { reason: "insufficient funds".into() },
        ),
        (
            vec![seat_held(), unavailable(), Reply::PaymentVoided, Reply::SeatReleased],
            vec![HoldSeat, AuthorisePayment, VoidPayment, ReleaseSeat],
            failed(AuthorisePayment),
        ),
        (
            vec![seat_held(), authorised(), unavailable(), Reply::PaymentVoided, Reply::SeatReleased],
            vec![HoldSeat, AuthorisePayment, SellSeat, VoidPayment, ReleaseSeat],
            failed(SellSeat),
        ),
        (
            // Compensations are repeated until they are through.
            vec![seat_held(), unavailable(), unavailable(), Reply::PaymentVoided, unavailable(), Reply::SeatReleased],
            vec![HoldSeat, AuthorisePayment, VoidPayment, VoidPayment, ReleaseSeat, ReleaseSeat],
            failed(AuthorisePayment),
        ),
    ];
    for (replies, steps, outcome) in table {
        let (taken, booking) = run(replies);
        assert_eq!(taken, steps);
        assert_eq!(booking.progress, Progress::Ended(outcome));
    }
}

#[test]
fn a_lost_hold_fails_the_sale_instead_of_refusing_the_seat() {
    let refused = Reply::SeatRefused { refusal: SeatRefusal::Taken };
    let (_, booking) = run(vec![seat_held(), authorised(), refused, Reply::PaymentVoided, Reply::SeatReleased]);
    assert!(matches!(booking.ending(), Some(Outcome::Failed(Failure { step: Step::SellSeat, .. }))));
}

#[test]
fn the_ending_is_known_before_the_compensations_are_through() {
    let (_, booking) = run(vec![seat_held(), unavailable()]);
    assert_eq!(booking.progress, Progress::Next(Step::VoidPayment));
    assert_eq!(booking.ending(), Some(&failed(Step::AuthorisePayment)));
}

#[test]
fn replies_to_other_steps_are_refused() {
    let (_, fresh) = run(vec![]);
    for reply in [authorised(), Reply::SeatSold, Reply::PaymentVoided, Reply::SeatReleased] {
        assert!(fresh.decide(reply).is_err());
    }
    let (_, ended) = run(vec![seat_held(), authorised(), Reply::SeatSold]);
    for reply in [seat_held(), unavailable(), Reply::SeatReleased] {
        assert!(ended.decide(reply).is_err());
    }
}

#[test]
fn events_out_of_order_are_refused() {
    let requested = || Event::Requested { order: order() };
    for events in [
        vec![],
        vec![Event::SeatSold],
        vec![requested(), requested()],
        vec![requested(), Event::SeatSold],
        vec![requested(), Event::SeatRefused { refusal: SeatRefusal::Taken }, Event::SeatReleased],
    ] {
        assert!(Booking::from_events(&events).is_err(), "{events:?}");
    }
}
