//! Which queries can be answered by counting words and severities, without records.

use super::{Condition, LogFilter, Test};
use crate::lang::tree::Tree;
use crate::lang::words::Words;

/// A filter that looks at nothing but bodies and severities.
pub struct CountableLogs<'a> {
    /// Conditions on the body, all of which must hold.
    bodies: Vec<&'a Tree<Condition>>,
    /// What every body that matches holds.
    words: Vec<String>,
    /// Whether every body that holds them matches.
    is_decided: bool,
    severities: (u8, u8),
}

impl LogFilter {
    /// The filter as one of bodies and severities, if it is one.
    pub fn as_countable(&self) -> Option<CountableLogs<'_>> {
        let mut countable =
            CountableLogs { bodies: Vec::new(), words: Vec::new(), is_decided: true, severities: (0, u8::MAX) };
        countable.add(&self.tree)?;
        countable.words.sort_unstable();
        countable.words.dedup();
        Some(countable)
    }
}

impl<'a> CountableLogs<'a> {
    fn add(&mut self, tree: &'a Tree<Condition>) -> Option<()> {
        match tree {
            Tree::And(parts) => return parts.iter().try_for_each(|part| self.add(part)),
            Tree::Leaf(Condition { test: Test::Severity(low, high), .. }) => {
                self.severities = (self.severities.0.max(*low), self.severities.1.min(*high));
                return Some(());
            }
            _ => {}
        }
        let mut of_body = true;
        tree.each_leaf(&mut |condition| of_body &= matches!(condition.test, Test::Text(_) | Test::Body(_)));
        tree.each_required(&mut |condition| match &condition.test {
            Test::Text(words) => self.words.extend_from_slice(words.tokens()),
            Test::Body(test) => self.words.extend_from_slice(test.tokens()),
            _ => {}
        });
        let one_token = match tree {
            Tree::Leaf(Condition { test: Test::Text(Words::Phrase { phrase, .. }), .. }) => phrase.is_one_token(),
            _ => false,
        };
        self.is_decided &= one_token;
        self.bodies.push(tree);
        of_body.then_some(())
    }

    /// Tokens that the body of every matching record holds.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether a body that holds all of [`CountableLogs::words`] needs no further look.
    pub fn is_decided_by_words(&self) -> bool {
        self.is_decided
    }

    /// Whether a body satisfies all conditions on it.
    pub fn matches_body(&self, body: &str) -> bool {
        self.bodies.iter().all(|tree| {
            tree.matches(&mut |condition| match &condition.test {
                Test::Text(words) => words.matches(body),
                Test::Body(test) => test.matches(body),
                _ => false, // there is no such condition here
            })
        })
    }

    /// Whether a severity number, 0 for none, satisfies the conditions on it.
    pub fn takes_severity(&self, number: u8) -> bool {
        (self.severities.0..=self.severities.1).contains(&number)
    }
}
