//! Equal siblings in one row: the same service, name and kind, no children, no error, five or more of them. Spans that
//! failed stay rows of their own, and so does everything that leads on, to other services or deeper.

use hashbrown::HashMap;
use model::{SpanKind, Value};
use query::traces::Trace;

use super::Sibling;

/// So few siblings are easier read than counted.
const LEAST: usize = 5;
/// The attributes that tell a call of a database: of the conventions since 1.30, and before.
const DATABASE: [&str; 2] = ["db.system.name", "db.system"];
/// Those with its statement, the shortest first.
const STATEMENT: [&str; 3] = ["db.query.summary", "db.query.text", "db.statement"];

/// `spans`, which have the same parent, with equal ones in a fold where the first of them is.
pub(super) fn siblings(trace: &Trace, spans: impl Iterator<Item = usize>) -> Vec<Sibling> {
    let spans: Vec<usize> = spans.collect();
    if spans.len() < LEAST {
        return spans.into_iter().map(Sibling::Span).collect();
    }
    let key = |span: usize| {
        let at = &trace.spans[span];
        (at.n_descendants == 0 && !at.is_error).then_some((at.service, at.name, at.kind))
    };
    let mut counts: HashMap<(usize, usize, SpanKind), usize> = HashMap::new();
    spans.iter().filter_map(|&span| key(span)).for_each(|key| *counts.entry(key).or_default() += 1);
    counts.retain(|_, count| *count >= LEAST);
    let mut siblings = Vec::with_capacity(if counts.is_empty() { spans.len() } else { 0 });
    // By key where its fold is.
    let mut places: HashMap<(usize, usize, SpanKind), usize> = HashMap::new();
    for span in spans {
        let Some((key, count)) = key(span).and_then(|key| Some((key, *counts.get(&key)?))) else {
            siblings.push(Sibling::Span(span));
            continue;
        };
        let place = *places.entry(key).or_insert(siblings.len());
        match siblings.get_mut(place) {
            Some(Sibling::Fold(members)) => members.push(span),
            _ => {
                let mut members = Vec::with_capacity(count);
                members.push(span);
                siblings.push(Sibling::Fold(members));
            }
        }
    }
    siblings
}

/// The statement of a fold of database calls that mostly waited for each other: the pattern "N+1 queries". Empty when the
/// spans do not tell their statement.
pub(super) fn repeated_statement<'a>(trace: &'a Trace, members: &[usize]) -> Option<&'a str> {
    let attrs = trace.span(members[0]).attrs;
    if trace.spans[members[0]].kind != SpanKind::Client || DATABASE.iter().all(|key| attrs.get(key).is_none()) {
        return None;
    }
    let one_after_other =
        members.windows(2).filter(|pair| trace.spans[pair[1]].start >= trace.spans[pair[0]].end()).count();
    if 2 * one_after_other < members.len() {
        return None;
    }
    let statement = STATEMENT.iter().find_map(|key| match attrs.get(key) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    });
    Some(statement.unwrap_or_default())
}
