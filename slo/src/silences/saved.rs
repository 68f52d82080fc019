//! Silences as they are stored: plain structs for serde.

use serde::{Deserialize, Serialize};

use super::{Silence, Silences};
use crate::routing::{Matcher, Operator};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedSilence {
    id: String,
    /// Label, operator, value.
    matchers: Vec<(String, SavedOperator, String)>,
    starts_at: i64,
    ends_at: i64,
    updated_at: i64,
    created_by: String,
    comment: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum SavedOperator {
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "=~")]
    Matches,
    #[serde(rename = "!~")]
    MatchesNot,
}

impl Silences {
    pub fn to_saved(&self) -> Vec<SavedSilence> {
        let matcher = |matcher: &Matcher| {
            let operator = match matcher.operator {
                Operator::Equal => SavedOperator::Equal,
                Operator::NotEqual => SavedOperator::NotEqual,
                Operator::Matches => SavedOperator::Matches,
                Operator::MatchesNot => SavedOperator::MatchesNot,
            };
            (matcher.name.clone(), operator, matcher.value.clone())
        };
        let saved = |silence: &Silence| SavedSilence {
            id: silence.id.clone(),
            matchers: silence.matchers.iter().map(matcher).collect(),
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
            updated_at: silence.updated_at,
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
        };
        self.0.iter().map(saved).collect()
    }

    /// The error is an expression that this version does not take any more.
    pub fn from_saved(saved: Vec<SavedSilence>) -> Result<Self, String> {
        let matcher = |(name, operator, value): (String, SavedOperator, String)| {
            let operator = match operator {
                SavedOperator::Equal => Operator::Equal,
                SavedOperator::NotEqual => Operator::NotEqual,
                SavedOperator::Matches => Operator::Matches,
                SavedOperator::MatchesNot => Operator::MatchesNot,
            };
            Matcher::new(&name, operator, &value)
        };
        let silence = |saved: SavedSilence| {
            let SavedSilence { id, matchers, starts_at, ends_at, updated_at, created_by, comment } = saved;
            let matchers = matchers.into_iter().map(matcher).collect::<Result<_, _>>()?;
            Ok(Silence { id, matchers, starts_at, ends_at, updated_at, created_by, comment })
        };
        Ok(Self(saved.into_iter().map(silence).collect::<Result<_, String>>()?))
    }
}
