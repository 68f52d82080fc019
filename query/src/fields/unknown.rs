//! The attributes of a search that no span of its range has: it may have misspelt one.

use store::Snapshot;

use crate::lang::similar;
use crate::traces::{TraceSearch, plan};
use crate::{Budget, QueryError};

use super::{FieldPlace, Signal, ValueSearch, names, values};

/// Attributes of a search that are looked for.
const MAX_NAMES: usize = 8;

/// A sentence on each attribute that `search` compares and no span of its range has, with the one that may be meant.
pub fn unknown(snapshot: &Snapshot, budget: &Budget, search: &TraceSearch) -> Result<Vec<String>, QueryError> {
    let mut asked = Vec::new();
    plan(search)?.leaves.iter().for_each(|leaf| leaf.attribute_names(&mut asked));
    asked.sort();
    asked.dedup();
    asked.truncate(MAX_NAMES);
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let known = names(snapshot, budget, Signal::Spans, search.range)?;
    let known: Vec<(FieldPlace, &str)> = known.items.iter().map(|it| (it.place, it.name.as_str())).collect();
    let mut sentences = Vec::new();
    for name in asked {
        let places = [("span.", FieldPlace::Own), ("resource.", FieldPlace::Resource), ("scope.", FieldPlace::Scope)];
        let place = places.into_iter().find_map(|(prefix, place)| Some((prefix, name.strip_prefix(prefix)?, place)));
        let (prefix, key) = place.map_or(("", name.as_str()), |(prefix, key, _)| (prefix, key));
        let is_there = |it: &&(FieldPlace, &str)| place.is_none_or(|(_, _, place)| place == it.0);
        let mut keys = known.iter().filter(is_there).map(|(_, key)| *key);
        if keys.clone().any(|known| known == key) {
            continue;
        }
        let any = ValueSearch { signal: Signal::Spans, range: search.range, name: &name, prefix: "", limit: 1, of: "" };
        if !values(snapshot, budget, &any)?.items.is_empty() {
            continue;
        }
        let meant = similar(key, keys.by_ref()).map(|meant| format!("; did you mean `{prefix}{meant}`?"));
        sentences.push(format!("no span of the range has the attribute `{name}`{}", meant.unwrap_or_default()));
    }
    Ok(sentences)
}
