//! Events for tests: a list of when each happened and whether it is good, in the order in which they came.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::{Nanos, TimeRange, TraceId};
use query::promql::{Labels, Source};
use slo::groups::Group;
use slo::spec::Indicator;
use slo::{Count, Slo, Tally};

use super::{Clock, Series};
use crate::counting::{Events, Look, Wanted};

/// When it happened, whether it is good, and its group where the SLO has groups.
pub(super) type Event = (Nanos, bool, &'static str);

/// What has happened by a clock.
pub(super) struct Paper {
    now: Clock,
    /// Also some that are still to happen.
    pub(super) events: Mutex<Vec<Event>>,
    pub(super) failing: Mutex<Option<String>>,
    pub(super) failing_expressions: Mutex<Option<String>>,
    /// How often a stretch of time was counted.
    pub(super) counted: AtomicU64,
    /// By place in the list; `None` before the first look.
    seen: Mutex<Option<Vec<bool>>>,
}

struct PaperLook<'p> {
    paper: &'p Paper,
    events: Vec<Event>,
    new: Option<Vec<Event>>,
}

impl Paper {
    pub(super) fn new(now: Clock) -> Self {
        Paper {
            now,
            events: Mutex::default(),
            failing: Mutex::default(),
            failing_expressions: Mutex::default(),
            counted: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// Makes the next look one that does not know what is new.
    pub(super) fn forget(&self) {
        *self.seen.lock().unwrap() = None;
    }
}

/// No series; what is written is not asked for.
impl Series for Paper {
    fn source(&self) -> Source {
        Source::memory(Vec::new())
    }

    fn write(&self, _: i64, _: &[(Labels, f64)]) -> Result<(), String> {
        Ok(())
    }
}

impl Events for Paper {
    fn look(&self) -> Box<dyn Look + '_> {
        let now = (self.now)();
        let list = self.events.lock().unwrap();
        let happened: Vec<bool> = list.iter().map(|(start, ..)| *start <= now).collect();
        let seen = self.seen.lock().unwrap().replace(happened.clone());
        let of = |wanted: &dyn Fn(usize) -> bool| {
            list.iter().enumerate().filter(|(place, _)| wanted(*place)).map(|(_, event)| *event).collect()
        };
        let was_seen = |seen: &[bool], place: usize| seen.get(place).copied().unwrap_or_default();
        let events = of(&|place| happened[place]);
        let new = seen.map(|seen| of(&|place| happened[place] && !was_seen(&seen, place)));
        Box::new(PaperLook { paper: self, events, new })
    }
}

fn tally(slo: &Slo, events: impl Iterator<Item = Event>) -> Tally {
    let mut tally = Tally::default();
    for (time, good, name) in events {
        let group = if slo.by.is_some() { Group::of([name]) } else { Group::All };
        let place = tally.groups.iter().position(|known| *known == group).unwrap_or_else(|| {
            tally.groups.push(group);
            tally.groups.len() - 1
        });
        let bucket = time.div_euclid(slo.bucket_width());
        let count = Count { good: u64::from(good), total: 1 };
        match tally.cells.last_mut().filter(|(last, at, _)| (*last as usize, *at) == (place, bucket)) {
            Some((_, _, sum)) => *sum = *sum + count,
            None => tally.cells.push((place as u32, bucket, count)),
        }
    }
    tally
}

impl PaperLook<'_> {
    fn check(&self) -> Result<(), String> {
        self.paper.failing.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Look for PaperLook<'_> {
    fn news(&mut self, slos: &[Arc<Slo>]) -> Result<Option<Vec<Tally>>, String> {
        self.check()?;
        let Some(new) = self.new.take() else { return Ok(None) };
        Ok(Some(slos.iter().map(|slo| tally(slo, new.iter().copied())).collect()))
    }

    fn count(&self, slos: &[Arc<Slo>], range: TimeRange) -> Result<Vec<Tally>, String> {
        self.check()?;
        self.paper.counted.fetch_add(1, Ordering::Relaxed);
        let within = || self.events.iter().copied().filter(|(start, ..)| range.contains(*start));
        Ok(slos
            .iter()
            .map(|slo| {
                let width = slo.bucket_width();
                assert_eq!((range.start.rem_euclid(width), range.end.rem_euclid(width)), (0, 0));
                tally(slo, within())
            })
            .collect())
    }

    fn evaluate(&self, slo: &Slo, range: TimeRange, now: Nanos, _: &[Group]) -> Result<Tally, String> {
        self.paper.failing_expressions.lock().unwrap().clone().map_or(Ok(()), Err)?;
        let within = self.events.iter().copied().filter(|(start, ..)| range.contains(*start) && *start < now);
        Ok(tally(slo, within))
    }

    fn oldest(&self, _: &Indicator) -> Option<Nanos> {
        self.events.iter().map(|(start, ..)| *start).min()
    }

    fn bad_traces(&self, _: &Arc<Slo>, _: &Wanted<'_>, _: TimeRange, limit: usize) -> Vec<TraceId> {
        vec![TraceId([7; 16]); limit.min(2)]
    }
}
