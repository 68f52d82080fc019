//! The rules of a seat: who may hold it, buy it and give it back. Every rule may be applied twice to the same effect,
//! since a booking that does not know how a call ended repeats it.

/// The state of one seat of one show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Free,
    Held { booking: String },
    Sold { booking: String },
}

/// Why a seat cannot do what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another booking holds or has bought it.
    Taken,
    /// The booking does not hold it (any more).
    NotHeld,
}

impl Seat {
    /// Returns the seat held for a booking.
    pub(super) fn hold(&self, booking: &str) -> Result<Self, Refusal> {
        match self {
            Self::Free => Ok(Self::Held { booking: booking.to_owned() }),
            Self::Held { booking: holder } if holder == booking => Ok(self.clone()),
            Self::Held { .. } | Self::Sold { .. } => Err(Refusal::Taken),
        }
    }

    /// Returns the seat sold to the booking that holds it.
    pub(super) fn sell(&self, booking: &str) -> Result<Self, Refusal> {
        match self {
            Self::Held { booking: holder } if holder == booking => Ok(Self::Sold { booking: booking.to_owned() }),
            Self::Sold { booking: buyer } if buyer == booking => Ok(self.clone()),
            Self::Free | Self::Held { .. } | Self::Sold { .. } => Err(Refusal::NotHeld),
        }
    }

    /// Returns the seat without the booking; one that is not the booking's stays as it is.
    pub(super) fn release(&self, booking: &str) -> Self {
        match self {
            Self::Held { booking: owner } | Self::Sold { booking: owner } if owner == booking => Self::Free,
            Self::Free | Self::Held { .. } | Self::Sold { .. } => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(booking: &str) -> Seat {
        Seat::Held { booking: booking.to_owned() }
    }

    fn sold(booking: &str) -> Seat {
        Seat::Sold { booking: booking.to_owned() }
    }

    #[test]
    fn a_seat_is_held_sold_and_released_by_one_booking_only() {
        // (seat, after hold by b, after sell to b, after release by b)
        let table = [
            (Seat::Free, Ok(held("b")), Err(Refusal::NotHeld), Seat::Free),
            (held("b"), Ok(held("b")), Ok(sold("b")), Seat::Free),
            (sold("b"), Err(Refusal::Taken), Ok(sold("b")), Seat::Free),
            (held("a"), Err(Refusal::Taken), Err(Refusal::NotHeld), held("a")),
            (sold("a"), Err(Refusal::Taken), Err(Refusal::NotHeld), sold("a")),
        ];
        for (seat, after_hold, after_sell, after_release) in table {
            assert_eq!(seat.hold("b"), after_hold, "{seat:?}");
            assert_eq!(seat.sell("b"), after_sell, "{seat:?}");
            assert_eq!(seat.release("b"), after_release, "{seat:?}");
        }
    }
}
