//! The provider's card tokens: `tok_ISSUER_ok` and `tok_ISSUER_declined`. No card number exists anywhere in the demo.

use std::fmt;
use std::str::FromStr;

/// A card as its token tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) issuer: String,
    pub(crate) is_declined: bool,
}

impl fmt::Display for Card {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tok_{}_{}", self.issuer, if self.is_declined { "declined" } else { "ok" })
    }
}

impl FromStr for Card {
    type Err = String;

    fn from_str(token: &str) -> Result<Self, String> {
        let refuse = || format!("`{token}` is not a card token: tok_ISSUER_ok and tok_ISSUER_declined are allowed");
        let (issuer, behaviour) =
            token.strip_prefix("tok_").and_then(|rest| rest.split_once('_')).ok_or_else(refuse)?;
        let is_issuer =
            !issuer.is_empty() && issuer.len() <= 32 && issuer.bytes().all(|byte| byte.is_ascii_lowercase());
        match behaviour {
            "ok" | "declined" if is_issuer => {
                Ok(Self { issuer: issuer.to_owned(), is_declined: behaviour == "declined" })
            }
            _ => Err(refuse()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_as_the_same_card() {
        for is_declined in [true, false] {
            let card = Card { issuer: "hanbit".to_owned(), is_declined };
            assert_eq!(card.to_string().parse::<Card>().unwrap(), card);
        }
    }

    #[test]
    fn other_texts_are_no_card() {
        for token in ["", "tok_", "tok_hanbit", "tok__ok", "tok_hanbit_maybe", "tok_Hanbit_ok", "4242424242424242"] {
            assert!(token.parse::<Card>().is_err(), "{token}");
        }
    }
}
