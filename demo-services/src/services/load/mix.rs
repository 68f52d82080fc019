//! Who comes to the box office, and how often.

/// What a customer comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persona {
    /// Looks at the list of shows.
    Browse,
    /// Looks at the seats of a show too.
    Look,
    /// Books a seat and looks at the booking.
    Book,
}

impl Persona {
    /// Returns who comes for a draw from 0 to 1: half browse, a quarter look at a show, a quarter book.
    pub(super) fn draw(draw: f64) -> Self {
        match draw {
            draw if draw < 0.5 => Self::Browse,
            draw if draw < 0.75 => Self::Look,
            _ => Self::Book,
        }
    }

    /// Returns the name of the session's root span.
    pub(super) fn span_name(self) -> &'static str {
        match self {
            Self::Browse => "browse shows",
            Self::Look => "look at a show",
            Self::Book => "book a seat",
        }
    }
}

/// Card issuers of the customers.
const ISSUERS: [&str; 4] = ["hanbit", "meridian", "nordlys", "daehan"];
/// Share of cards that are declined.
const DECLINED_SHARE: f64 = 0.03;
/// Share of customers who ask for a seat that the plan shows as taken.
const STUBBORN_SHARE: f64 = 0.02;

/// Returns the card of a customer for two draws from 0 to 1.
pub(super) fn card_token(issuer: f64, declined: f64) -> String {
    let behaviour = if declined < DECLINED_SHARE { "declined" } else { "ok" };
    format!("tok_{}_{behaviour}", pick(&ISSUERS, issuer).unwrap_or(&ISSUERS[0]))
}

/// Returns the seat that a customer asks for from a plan of labels and whether each is free; none when there is nothing
/// to ask for.
pub(super) fn choose_seat<'a>(plan: &[(&'a str, bool)], stubborn: f64, which: f64) -> Option<&'a str> {
    let wants_free = stubborn >= STUBBORN_SHARE;
    let of = |is_free: bool| plan.iter().filter(|seat| seat.1 == is_free).map(|seat| seat.0).collect::<Vec<_>>();
    pick(&of(wants_free), which).copied().or_else(|| pick(&of(true), which).copied())
}

/// Returns the element at a share from 0 to 1 of a list; none of an empty one.
pub(super) fn pick<T>(list: &[T], share: f64) -> Option<&T> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a short list's length")]
    let index = (share * list.len() as f64) as usize;
    list.get(index.min(list.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_fall_into_the_mix() {
        for (draw, persona) in [
            (0.0, Persona::Browse),
            (0.49, Persona::Browse),
            (0.5, Persona::Look),
            (0.75, Persona::Book),
            (1.0, Persona::Book),
        ] {
            assert_eq!(Persona::draw(draw), persona, "{draw}");
        }
    }

    #[test]
    fn cards_are_tokens_that_the_provider_knows() {
        for (issuer, declined, token) in
            [(0.0, 0.0, "tok_hanbit_declined"), (0.3, 0.5, "tok_meridian_ok"), (1.0, 1.0, "tok_daehan_ok")]
        {
            assert_eq!(card_token(issuer, declined), token);
            assert!(token.parse::<crate::services::psp::Card>().is_ok());
        }
    }

    #[test]
    fn customers_ask_for_free_seats_and_the_stubborn_for_taken_ones() {
        let plan = [("A1", false), ("A2", true), ("A3", true)];
        assert_eq!(choose_seat(&plan, 0.5, 0.0), Some("A2"));
        assert_eq!(choose_seat(&plan, 0.5, 0.99), Some("A3"));
        assert_eq!(choose_seat(&plan, 0.0, 0.5), Some("A1"));
        assert_eq!(choose_seat(&plan[1..], 0.0, 0.0), Some("A2"), "nothing is taken");
        assert_eq!(choose_seat(&plan[..1], 0.5, 0.0), None, "nothing is free");
    }
}
