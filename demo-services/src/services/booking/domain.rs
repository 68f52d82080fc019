//! The booking aggregate: events, the state they add up to, and the place-booking saga as a pure decision of what comes
//! next.
//!
//! hold seat → authorise payment → sell seat; what was done is undone in reverse when a step fails. No I/O and no
//! clock.

/// What a customer asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) show: i64,
    pub(crate) seat: String,
    pub(crate) customer: String,
    pub(crate) card_token: String,
}

/// An amount in the minor unit of its currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) minor_units: i64,
    pub(crate) currency: String,
}

/// Why a seat cannot be had. None of these is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeatRefusal {
    Taken,
    ShowClosed,
    Unknown,
}

/// Something that has happened to a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Requested {
        order: Order,
    },
    SeatHeld {
        price: Price,
    },
    SeatRefused {
        refusal: SeatRefusal,
    },
    /// Whether the seat is held is unknown.
    HoldFailed {
        reason: String,
    },
    PaymentAuthorised {
        authorisation: String,
    },
    PaymentDeclined {
        reason: String,
    },
    /// Whether money is reserved is unknown.
    PaymentFailed {
        reason: String,
    },
    SeatSold,
    /// Whether the seat is sold is unknown.
    SaleFailed {
        reason: String,
    },
    PaymentVoided,
    SeatReleased,
}

/// How a booking ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Confirmed,
    SeatRefused(SeatRefusal),
    CardDeclined {
        reason: String,
    },
    /// A service that the booking needs failed; what had been done is undone.
    Failed(Failure),
}

/// What made a booking fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) reason: String,
}

/// A step of the saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    HoldSeat,
    AuthorisePayment,
    SellSeat,
    VoidPayment,
    ReleaseSeat,
}

impl Step {
    /// Returns whether the step undoes another.
    pub(crate) fn is_compensation(self) -> bool {
        matches!(self, Self::VoidPayment | Self::ReleaseSeat)
    }
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    SeatHeld {
        price: Price,
    },
    SeatRefused {
        refusal: SeatRefusal,
    },
    PaymentAuthorised {
        authorisation: String,
    },
    PaymentDeclined {
        reason: String,
    },
    SeatSold,
    PaymentVoided,
    SeatReleased,
    /// No answer, or one that does not tell what was done.
    Unavailable {
        reason: String,
    },
}

/// A reply that does not belong to the step that the booking is at, or an event that cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} does not fit a booking at {phase}")]
pub(crate) struct OutOfOrder {
    what: String,
    phase: String,
}

/// Where a booking stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The saga goes on with a step.
    Next(Step),
    Ended(Outcome),
}

/// A booking as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booking {
    pub(crate) order: Order,
    /// Known once the seat is held.
    pub(crate) price: Option<Price>,
    pub(crate) progress: Progress,
    /// How the booking will end when its compensations are through.
    ending: Option<Outcome>,
    /// How many events the booking has: the version its next event follows.
    pub(crate) version: u64,
}

impl Booking {
    /// Returns the booking that a sequence of events, which starts with the request, adds up to.
    pub(crate) fn from_events(events: &[Event]) -> Result<Self, OutOfOrder> {
        let Some((Event::Requested { order }, rest)) = events.split_first() else {
            return Err(OutOfOrder { what: format!("{:?}", events.first()), phase: "its start".to_owned() });
        };
        let mut booking = Self {
            order: order.clone(),
            price: None,
            progress: Progress::Next(Step::HoldSeat),
            ending: None,
            version: 1,
        };
        for event in rest {
            booking.apply(event)?;
        }
        Ok(booking)
    }

    /// Returns the event that a reply to the current step makes; none when a compensation has to be tried again.
    pub(crate) fn decide(&self, reply: Reply) -> Result<Option<Event>, OutOfOrder> {
        let Progress::Next(step) = &self.progress else { return Err(self.out_of_order(&reply)) };
        Ok(Some(match (step, reply) {
            (Step::HoldSeat, Reply::SeatHeld { price }) => Event::SeatHeld { price },
            (Step::HoldSeat, Reply::SeatRefused { refusal }) => Event::SeatRefused { refusal },
            (Step::HoldSeat, Reply::Unavailable { reason }) => Event::HoldFailed { reason },
            (Step::AuthorisePayment, Reply::PaymentAuthorised { authorisation }) => {
                Event::PaymentAuthorised { authorisation }
            }
            (Step::AuthorisePayment, Reply::PaymentDeclined { reason }) => Event::PaymentDeclined { reason },
            (Step::AuthorisePayment, Reply::Unavailable { reason }) => Event::PaymentFailed { reason },
            (Step::SellSeat, Reply::SeatSold) => Event::SeatSold,
            // A hold that was lost on the way is a fault of ours: the customer had the seat.
            (Step::SellSeat, Reply::SeatRefused { refusal }) => {
                Event::SaleFailed { reason: format!("the hold was lost: {refusal:?}") }
            }
            (Step::SellSeat, Reply::Unavailable { reason }) => Event::SaleFailed { reason },
            (Step::VoidPayment, Reply::PaymentVoided) => Event::PaymentVoided,
            (Step::ReleaseSeat, Reply::SeatReleased) => Event::SeatReleased,
            (Step::VoidPayment | Step::ReleaseSeat, Reply::Unavailable { .. }) => return Ok(None),
            (_, reply) => return Err(self.out_of_order(&reply)),
        }))
    }

    /// Takes an event in.
    pub(crate) fn apply(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        let Progress::Next(step) = &self.progress else { return Err(self.out_of_order(event)) };
        let failed = |step: Step, reason: &str| Outcome::Failed(Failure { step, reason: reason.to_owned() });
        match (*step, event) {
            (Step::HoldSeat, Event::SeatHeld { price }) => {
                self.price = Some(price.clone());
                self.progress = Progress::Next(Step::AuthorisePayment);
            }
            (Step::HoldSeat, Event::SeatRefused { refusal }) => {
                self.progress = Progress::Ended(Outcome::SeatRefused(*refusal));
            }
            (Step::HoldSeat, Event::HoldFailed { reason }) => {
                self.compensate(Step::ReleaseSeat, failed(Step::HoldSeat, reason));
            }
            (Step::AuthorisePayment, Event::PaymentAuthorised { .. }) => {
                self.progress = Progress::Next(Step::SellSeat);
            }
            (Step::AuthorisePayment, Event::PaymentDeclined { reason }) => {
                self.compensate(Step::ReleaseSeat, Outcome::CardDeclined { reason: reason.clone() });
            }
            (Step::AuthorisePayment, Event::PaymentFailed { reason }) => {
                self.compensate(Step::VoidPayment, failed(Step::AuthorisePayment, reason));
            }
            (Step::SellSeat, Event::SeatSold) => self.progress = Progress::Ended(Outcome::Confirmed),
            (Step::SellSeat, Event::SaleFailed { reason }) => {
                self.compensate(Step::VoidPayment, failed(Step::SellSeat, reason));
            }
            (Step::VoidPayment, Event::PaymentVoided) => self.progress = Progress::Next(Step::ReleaseSeat),
            (Step::ReleaseSeat, Event::SeatReleased) => {
                let ending = self.ending.take().expect("a compensation starts with the ending it leads to");
                self.progress = Progress::Ended(ending);
            }
            (_, event) => return Err(self.out_of_order(event)),
        }
        self.version += 1;
        Ok(())
    }

    /// Returns why the booking fails or has failed, once it does.
    pub(crate) fn ending(&self) -> Option<&Outcome> {
        match &self.progress {
            Progress::Ended(outcome) => Some(outcome),
            Progress::Next(_) => self.ending.as_ref(),
        }
    }

    fn compensate(&mut self, first: Step, ending: Outcome) {
        self.ending = Some(ending);
        self.progress = Progress::Next(first);
    }

    fn out_of_order(&self, what: &impl std::fmt::Debug) -> OutOfOrder {
        OutOfOrder { what: format!("{what:?}"), phase: format!("{:?}", self.progress) }
    }
}

#[cfg(test)]
mod tests;
