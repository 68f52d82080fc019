//! One pass over rows, which counts for all SLOs of a plan.

use hashbrown::HashMap;
use model::Nanos;
use slo::groups::Group;
use slo::spec::http_status;
use slo::{Count, Tally};

use super::plan::{Judge, OfService, Plan};
use super::signal::Signal;
use super::values::Values;

/// A pass while it runs.
pub(super) struct Pass<'p, S: Signal> {
    plan: &'p Plan<S>,
    /// By grouping.
    values: Vec<Values<'p>>,
    /// By SLO: events by group and bucket.
    cells: Vec<HashMap<(u32, i64), Count>>,
}

/// A row that counts for an SLO.
pub(super) struct Event {
    /// Place of the SLO in the plan.
    pub(super) slo: u32,
    pub(super) row: usize,
    pub(super) is_good: bool,
    /// The number of its group; 0 without groups.
    pub(super) group: u32,
}

/// The bucket of the event before, in which the next one mostly is: a division costs more than to see that.
#[derive(Default)]
struct Bucket {
    start: Nanos,
    width: Nanos,
    number: i64,
}

impl Bucket {
    fn of(&mut self, time: Nanos, width: Nanos) -> i64 {
        let is_within = time.checked_sub(self.start).is_some_and(|since| (0..width).contains(&since));
        if width != self.width || !is_within {
            let number = time.div_euclid(width);
            *self = Bucket { start: number.saturating_mul(width), width, number };
        }
        self.number
    }
}

/// What is known of one row: each with the row of which it was asked last.
struct Memo {
    /// By condition.
    conditions: Vec<(usize, bool)>,
    /// By grouping.
    groups: Vec<(usize, u32)>,
    http_status: (usize, Option<i64>),
}

impl<'p, S: Signal> Pass<'p, S> {
    pub(super) fn new(plan: &'p Plan<S>) -> Self {
        let values = plan.groupings.iter().map(|keys| Values::new(keys)).collect();
        Pass { plan, values, cells: vec![HashMap::new(); plan.slos.len()] }
    }

    /// Counts the rows of `chunk`.
    pub(super) fn count(&mut self, chunk: &S::Chunk) {
        let (plan, mut cells) = (self.plan, std::mem::take(&mut self.cells));
        let mut last = Bucket::default();
        self.each(chunk, |event| {
            let bucket = last.of(S::time(chunk, event.row), plan.slos[event.slo as usize].width);
            let count = cells[event.slo as usize].entry((event.group, bucket)).or_default();
            count.total += 1;
            count.good += u64::from(event.is_good);
        });
        self.cells = cells;
    }

    /// Hands over each row that counts, for each SLO for which it does.
    pub(super) fn each(&mut self, chunk: &S::Chunk, mut each: impl FnMut(Event)) {
        let Some((services, service_keys)) = S::services(chunk) else { return };
        let by_service: Vec<Option<&OfService>> = services.iter().map(|name| self.plan.by_service.get(*name)).collect();
        if by_service.iter().all(Option::is_none) {
            return;
        }
        let names = S::names(chunk);
        let mut bound: Vec<Option<S::Bound<'_>>> = self.plan.conditions.iter().map(|_| None).collect();
        let mut memo = Memo::new(self.plan);
        self.values.iter_mut().for_each(Values::begin_chunk);
        // The SLOs that rows of a service, an operation and a kind can count for.
        let mut lists: HashMap<(i32, i32, u8), Vec<u32>> = HashMap::new();
        for row in 0..S::len(chunk) {
            let service = service_keys[row];
            let Some(of_service) = usize::try_from(service).ok().and_then(|key| *by_service.get(key)?) else {
                continue;
            };
            let name = names.as_ref().map_or(0, |(_, keys)| keys[row]);
            let kind = S::kind(chunk, row);
            let list = lists.entry((service, name, kind)).or_insert_with(|| {
                let name = names.as_ref().and_then(|(names, _)| names.get(usize::try_from(name).ok()?)).copied();
                let takes = |index: &u32| self.plan.slos[*index as usize].kind.is_none_or(|wanted| wanted == kind);
                of_service.of(name.unwrap_or_default()).filter(takes).collect()
            });
            for index in list.iter().copied() {
                let slo = &self.plan.slos[index as usize];
                let mut holds = |condition: u32| {
                    let place = condition as usize;
                    if memo.conditions[place].0 != row {
                        let bound = bound[place].get_or_insert_with(|| S::bind(&self.plan.conditions[place], chunk));
                        memo.conditions[place] = (row, S::matches(bound, row));
                    }
                    memo.conditions[place].1
                };
                if !slo.conditions.iter().all(|condition| holds(*condition)) {
                    continue;
                }
                let is_good = match &slo.judge {
                    Judge::Condition { index, is_good } => holds(*index) == *is_good,
                    Judge::Span(spans) => {
                        let status = if spans.reads_http_status() { memo.http_status::<S>(chunk, row) } else { None };
                        let (is_error, duration) = S::outcome(chunk, row);
                        match spans.judge(is_error, duration, status) {
                            Some(is_good) => is_good,
                            None => continue,
                        }
                    }
                };
                let group = slo.grouping.map_or(0, |grouping| {
                    let (of_row, group) = &mut memo.groups[grouping as usize];
                    if *of_row != row {
                        (*of_row, *group) = (row, self.values[grouping as usize].of::<S>(chunk, row));
                    }
                    *group
                });
                each(Event { slo: index, row, is_good, group });
            }
        }
    }

    /// The group of an event of this SLO.
    pub(super) fn group(&self, slo: u32, number: u32) -> &Group {
        match self.plan.slos[slo as usize].grouping {
            Some(grouping) => self.values[grouping as usize].group(number),
            None => &Group::All,
        }
    }

    /// What was counted, for each SLO in the order in which the plan was given them.
    pub(super) fn finish(self) -> Vec<Tally> {
        let tally = |(slo, cells): (usize, &HashMap<(u32, i64), Count>)| {
            let mut tally = Tally::default();
            let mut places: HashMap<u32, u32> = HashMap::new();
            for ((number, bucket), count) in cells {
                let place = *places.entry(*number).or_insert_with(|| {
                    tally.groups.push(self.group(slo as u32, *number).clone());
                    tally.groups.len() as u32 - 1
                });
                tally.cells.push((place, *bucket, *count));
            }
            tally
        };
        let mut tallies: Vec<Tally> = self.cells.iter().enumerate().map(tally).collect();
        let mut left = vec![0; tallies.len()];
        self.plan.places.iter().for_each(|place| left[*place as usize] += 1);
        let take = |place: &u32| {
            let place = *place as usize;
            left[place] -= 1;
            if left[place] == 0 { std::mem::take(&mut tallies[place]) } else { tallies[place].clone() }
        };
        self.plan.places.iter().map(take).collect()
    }
}

impl Memo {
    fn new<S: Signal>(plan: &Plan<S>) -> Self {
        Memo {
            conditions: vec![(usize::MAX, false); plan.conditions.len()],
            groups: vec![(usize::MAX, 0); plan.groupings.len()],
            http_status: (usize::MAX, None),
        }
    }

    fn http_status<S: Signal>(&mut self, chunk: &S::Chunk, row: usize) -> Option<i64> {
        if self.http_status.0 != row {
            self.http_status = (row, http_status(S::attrs(chunk, row)));
        }
        self.http_status.1
    }
}
