//! Equal siblings in one row: the same service, name and kind, no children, no error, five or more of them. Spans that
//! failed stay rows of their own, and so does everything that leads on, to other services or deeper.

use hashbrown::HashMap;
use model::{SpanKind, Value};
use query::traces::Trace;

use super::{Facts, Orphans};

/// So few siblings are easier read than counted.
const LEAST: usize = 5;
/// The attributes that tell a call of a database: of the conventions since 1.30, and before.
const DATABASE: [&str; 2] = ["db.system.name", "db.system"];
/// Those with its statement, the shortest first.
const STATEMENT: [&str; 3] = ["db.query.summary", "db.query.text", "db.statement"];

/// Which spans are in which fold.
pub(super) struct Folds {
    /// By span: 1 more than its fold, or 0.
    of: Vec<u32>,
    members: Vec<Vec<usize>>,
}

impl Folds {
    pub(super) fn new(trace: &Trace, facts: &Facts<'_>, orphans: &Orphans) -> Self {
        let n = trace.spans.len();
        let mut known: HashMap<(usize, usize, u32, SpanKind), usize> = HashMap::new();
        // By span its group, and by group how many are in it: most have one, and get no list.
        let mut group_of: Vec<Option<usize>> = vec![None; n];
        let mut counts: Vec<usize> = Vec::new();
        for (index, at) in trace.spans.iter().enumerate().filter(|(_, at)| at.n_descendants == 0 && !at.is_error) {
            // Roots have no parent that could have called them one after the other.
            let parent = at.parent.or_else(|| orphans.number(index).map(|group| n + group));
            let Some(parent) = parent else { continue };
            let key = (parent, at.service, facts.name[index], facts.kind[index]);
            let group = *known.entry(key).or_insert(counts.len());
            if group == counts.len() {
                counts.push(0);
            }
            counts[group] += 1;
            group_of[index] = Some(group);
        }
        let mut folds = Folds { of: vec![0; n], members: Vec::new() };
        let mut numbers = vec![0; counts.len()];
        for (index, group) in group_of.into_iter().enumerate() {
            let Some(group) = group.filter(|&group| counts[group] >= LEAST) else { continue };
            if numbers[group] == 0 {
                folds.members.push(Vec::with_capacity(counts[group]));
                numbers[group] = folds.members.len();
            }
            folds.members[numbers[group] - 1].push(index);
            folds.of[index] = numbers[group] as u32;
        }
        folds
    }

    pub(super) fn of(&self, span: usize) -> Option<usize> {
        self.of[span].checked_sub(1).map(|fold| fold as usize)
    }

    /// In the order of their start.
    pub(super) fn members(&self, fold: usize) -> &[usize] {
        &self.members[fold]
    }

    /// The statement of a fold of database calls that mostly waited for each other: the pattern "N+1 queries". Empty when
    /// the spans do not tell their statement.
    pub(super) fn repeated_statement<'a>(&self, trace: &'a Trace, fold: usize) -> Option<&'a str> {
        let members = self.members(fold);
        let attrs = trace.span(members[0]).attrs;
        if trace.span(members[0]).kind != SpanKind::Client || DATABASE.iter().all(|key| attrs.get(key).is_none()) {
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
}
