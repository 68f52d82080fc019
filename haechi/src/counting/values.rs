//! The groups of rows: the values of the attributes that an SLO groups by, as numbers.

use std::fmt::Write;

use hashbrown::HashMap;
use model::Value;
use slo::groups::{Group, clip};

use super::signal::Signal;

/// Groups told apart in one pass; rows of more are of the rest. A sender that puts ids where names belong costs no more.
const MAX_GROUPS: usize = 10_000;

/// The groups that a pass found by one list of keys.
pub(super) struct Values<'p> {
    keys: &'p [String],
    /// Numbers by value; of several keys by all of them with their lengths.
    known: HashMap<String, u32>,
    groups: Vec<Group>,
    /// Of each key, the value in each resource of the chunk.
    resources: Vec<Vec<Option<String>>>,
    text: String,
}

impl<'p> Values<'p> {
    pub(super) fn new(keys: &'p [String]) -> Self {
        Values {
            keys,
            known: HashMap::new(),
            // The first is the rest.
            groups: vec![Group::Rest],
            resources: vec![Vec::new(); keys.len()],
            text: String::new(),
        }
    }

    /// Forgets what holds of one chunk.
    pub(super) fn begin_chunk(&mut self) {
        self.resources.iter_mut().for_each(Vec::clear);
    }

    /// The number of the group of `row`. An attribute of its own wins over one of its resource; one that is missing is empty.
    pub(super) fn of<S: Signal>(&mut self, chunk: &S::Chunk, row: usize) -> u32 {
        let attrs = S::attrs(chunk, row);
        let is_one = self.keys.len() == 1;
        self.text.clear();
        for (index, key) in self.keys.iter().enumerate() {
            let start = self.text.len();
            match attrs.get(key) {
                Some(Value::Str(text)) => self.text.push_str(text),
                Some(value) => _ = write!(self.text, "{value}"),
                None => {
                    let resource = of_resource::<S>(&mut self.resources[index], key, chunk, row);
                    self.text.push_str(resource);
                }
            }
            let len = clip(&self.text[start..]).len();
            self.text.truncate(start + len);
            if !is_one {
                _ = write!(self.text, "\0{len}\0");
            }
        }
        if let Some(known) = self.known.get(self.text.as_str()) {
            return *known;
        }
        if self.groups.len() > MAX_GROUPS {
            return 0;
        }
        let number = self.groups.len() as u32;
        self.groups.push(if is_one { Group::of([self.text.as_str()]) } else { Group::of(split(&self.text)) });
        self.known.insert(self.text.clone(), number);
        number
    }

    pub(super) fn group(&self, number: u32) -> &Group {
        &self.groups[number as usize]
    }
}

/// The value of `key` in the resource of `row`, read once for each resource of the chunk.
fn of_resource<'m, S: Signal>(known: &'m mut Vec<Option<String>>, key: &str, chunk: &S::Chunk, row: usize) -> &'m str {
    let Some(place) = S::resource_key(chunk, row) else { return "" };
    if known.len() <= place {
        known.resize(place + 1, None);
    }
    known[place].get_or_insert_with(|| {
        S::resource(chunk, row).attrs().get(key).map_or_else(String::new, |value| value.to_string())
    })
}

/// The values of a text that was made of several, each followed by its length between zeros.
fn split(text: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some(before) = rest.strip_suffix('\0') {
        let Some((head, len)) = before.rsplit_once('\0') else { break };
        let len: usize = len.parse().unwrap_or_default();
        let (others, value) = head.split_at(head.len().saturating_sub(len));
        values.push(value);
        rest = others;
    }
    values.reverse();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_keys_come_apart_again() {
        for values in [vec!["a", "b"], vec!["", ""], vec!["\u{0}1\u{0}", "x", "\u{0}"], vec!["가", "", "나"]] {
            let text: String = values.iter().map(|value| format!("{value}\0{}\0", value.len())).collect();
            assert_eq!(split(&text), values);
        }
    }
}
