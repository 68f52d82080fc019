//! All that is counted of one SLO: the ring of all events, and one for each of its groups, which cover the same time.
//!
//! A pass over data gives a [`Tally`]. It is added when its events are new, or takes the place of what was counted of a
//! stretch of time before. Which groups have a ring of their own is decided here ([`crate::groups::admit`]); the events of
//! the others are in the ring of [`Group::Rest`].

mod codec;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::buckets::{Buckets, Count};
use crate::groups::{Candidate, Group, admit};
use crate::spec::Slo;

/// Groups without a ring of their own whose events are remembered, so that the busiest is the next to have one.
const WAITING: usize = 1000;

/// The events of one SLO that one pass over data found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Each once; [`Group::All`] alone where the SLO has no groups.
    pub groups: Vec<Group>,
    /// Place of the group in `groups`, number of the bucket, events.
    pub cells: Vec<(u32, i64, Count)>,
}

/// What a recount does to buckets that held something else before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recount {
    /// A smaller count is of data that retention has dropped since, and changes nothing: events do not go away otherwise.
    Grows,
    /// Only a bucket of which nothing is known any more stays as it was: what an expression gives goes up and down.
    Changes,
}

/// The rings of one SLO.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Most groups with a ring of their own; `None` for an SLO without groups.
    max_groups: Option<usize>,
    all: Buckets,
    /// Of an SLO with groups, [`Group::Rest`] among them once it has events.
    rings: BTreeMap<Group, Buckets>,
    /// Events so far of groups without a ring.
    waiting: HashMap<Group, u64>,
}

impl Counts {
    /// Nothing is counted yet. The rings have room for `ahead` buckets beside those of the window.
    pub fn new(slo: &Slo, ahead: usize) -> Self {
        Self::of(Buckets::new(slo.bucket_width(), capacity(slo, ahead)), slo)
    }

    fn of(all: Buckets, slo: &Slo) -> Self {
        let max_groups = slo.by.as_ref().map(|by| by.max);
        Self { max_groups, all, rings: BTreeMap::new(), waiting: HashMap::new() }
    }

    /// The events of all groups.
    pub fn all(&self) -> &Buckets {
        &self.all
    }

    /// The ring of one group; [`Group::All`] has that of all.
    pub fn ring(&self, group: &Group) -> Option<&Buckets> {
        if *group == Group::All { Some(&self.all) } else { self.rings.get(group) }
    }

    /// The groups that have alerts, with their rings, in order: all events as one for an SLO without groups.
    pub fn alerting(&self) -> impl Iterator<Item = (&Group, &Buckets)> {
        let all = self.max_groups.is_none().then_some((&Group::All, &self.all));
        all.into_iter().chain(&self.rings)
    }

    /// The groups, with their rings, in order; none for an SLO without groups.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &Buckets)> {
        self.rings.iter()
    }

    /// [`Buckets::extend`] of all rings.
    pub fn extend(&mut self, start: i64, end: i64) {
        self.each(|ring| ring.extend(start, end));
    }

    /// Adds events that were not there before. Those of buckets that are not covered are left out.
    pub fn add(&mut self, tally: &Tally, is_alerting: &dyn Fn(&Group) -> bool) {
        self.seat(tally, true, is_alerting);
        // A ring is looked up once for all cells of its group.
        let mut cells: Vec<&(u32, i64, Count)> = tally.cells.iter().collect();
        cells.sort_unstable_by_key(|(group, ..)| *group);
        for of_group in cells.chunk_by(|a, b| a.0 == b.0) {
            of_group.iter().for_each(|(_, bucket, count)| self.all.add(*bucket, *count));
            let Some(place) = self.max_groups.map(|_| self.place(&tally.groups[of_group[0].0 as usize])) else {
                continue;
            };
            if let Some(ring) = self.rings.get_mut(place) {
                of_group.iter().for_each(|(_, bucket, count)| ring.add(*bucket, *count));
            }
        }
    }

    /// Takes `tally` for all the events of `range`, whatever was there.
    pub fn replace(
        &mut self,
        range: Range<i64>,
        tally: &Tally,
        recount: Recount,
        is_alerting: &dyn Fn(&Group) -> bool,
    ) {
        self.seat(tally, false, is_alerting);
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or_default();
        let index = |bucket: i64| usize::try_from(bucket.saturating_sub(range.start)).ok().filter(|it| *it < len);
        let old = |ring: &Buckets, at: usize| ring.sum(range.start + at as i64..range.start + at as i64 + 1);
        let places: Vec<Group> = tally.groups.iter().map(|group| self.place(group).clone()).collect();
        let mut all = vec![Count::default(); len];
        let mut fresh: BTreeMap<&Group, Vec<Count>> = BTreeMap::new();
        for (group, bucket, count) in &tally.cells {
            let Some(at) = index(*bucket) else { continue };
            all[at] = all[at] + *count;
            if self.max_groups.is_some() {
                let place = &places[*group as usize];
                let counts = fresh.entry(place).or_insert_with(|| vec![Count::default(); len]);
                counts[at] = counts[at] + *count;
            }
        }
        let stays: Vec<bool> = (0..len)
            .map(|at| match recount {
                Recount::Grows => all[at].total < old(&self.all, at).total,
                Recount::Changes => all[at].total == 0 && old(&self.all, at).total > 0,
            })
            .collect();
        let nothing = vec![Count::default(); len];
        for (group, ring) in &mut self.rings {
            let counts = fresh.get(group).unwrap_or(&nothing);
            put(ring, range.start, counts, &stays);
        }
        put(&mut self.all, range.start, &all, &stays);
    }

    /// Lets go of the groups that have no event any more.
    pub fn leave(&mut self) {
        let has_events = |ring: &Buckets| ring.sum(ring.covered()).total > 0;
        self.rings.retain(|_, ring| has_events(ring));
    }

    /// How many groups wait for a place of their own, as far as they are remembered.
    pub fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The ring that counts the events of `group`.
    fn place<'g>(&self, group: &'g Group) -> &'g Group {
        if self.rings.contains_key(group) { group } else { &Group::Rest }
    }

    /// Makes rings for the groups of `tally`, whose events are new or have been counted before, as far as there is room.
    fn seat(&mut self, tally: &Tally, is_new: bool, is_alerting: &dyn Fn(&Group) -> bool) {
        let Some(max) = self.max_groups else { return };
        let is_new_here = |group: &Group| *group != Group::Rest && !self.rings.contains_key(group);
        let fresh: Vec<usize> = (0..tally.groups.len()).filter(|place| is_new_here(&tally.groups[*place])).collect();
        if fresh.is_empty() {
            return self.seat_rest(tally.groups.contains(&Group::Rest));
        }
        let mut totals = vec![0; tally.groups.len()];
        for (group, _, count) in &tally.cells {
            totals[*group as usize] += count.total;
        }
        let events: HashMap<&Group, u64> = fresh.iter().map(|place| (&tally.groups[*place], totals[*place])).collect();
        for (group, events) in &events {
            let before = self.waiting.entry((*group).clone()).or_default();
            *before = if is_new { *before + events } else { (*before).max(*events) };
        }
        let n_own = self.rings.keys().filter(|group| **group != Group::Rest).count();
        let admitted: Vec<Group> = if n_own + events.len() <= max {
            events.keys().map(|group| (*group).clone()).collect()
        } else {
            self.compete(&events, max, is_alerting)
        };
        for group in admitted {
            self.waiting.remove(&group);
            let ring = self.all.emptied();
            self.rings.entry(group).or_insert(ring);
        }
        self.forget_waiting();
        self.seat_rest(tally.groups.iter().any(|group| !self.rings.contains_key(group)));
    }

    /// Those that get a ring now, after those that lose it have joined the rest.
    fn compete(
        &mut self,
        newcomers: &HashMap<&Group, u64>,
        max: usize,
        is_alerting: &dyn Fn(&Group) -> bool,
    ) -> Vec<Group> {
        let mut candidates: Vec<Candidate> = Vec::new();
        for (group, ring) in self.rings.iter().filter(|(group, _)| **group != Group::Rest) {
            let events = ring.sum(ring.covered()).total;
            let is_alerting = is_alerting(group);
            candidates.push(Candidate { group: group.clone(), events, is_counted: true, is_alerting });
        }
        for group in newcomers.keys() {
            let events = self.waiting.get(*group).copied().unwrap_or_default();
            candidates.push(Candidate { group: (*group).clone(), events, is_counted: false, is_alerting: false });
        }
        let admitted = admit(&candidates, max);
        let leave: Vec<Group> = candidates
            .into_iter()
            .filter(|candidate| candidate.is_counted && admitted.binary_search(&candidate.group).is_err())
            .map(|candidate| candidate.group)
            .collect();
        for group in leave {
            let Some(ring) = self.rings.remove(&group) else { continue };
            let rest = self.rings.entry(Group::Rest).or_insert_with(|| self.all.emptied());
            for bucket in ring.covered() {
                let count = ring.sum(bucket..bucket + 1);
                if count.total > 0 {
                    rest.add(bucket, count);
                }
            }
        }
        admitted
    }

    /// Makes the ring of the rest if an event needs it.
    fn seat_rest(&mut self, is_needed: bool) {
        if is_needed && !self.rings.contains_key(&Group::Rest) {
            self.rings.insert(Group::Rest, self.all.emptied());
        }
    }

    fn forget_waiting(&mut self) {
        if self.waiting.len() > WAITING {
            let mut events: Vec<u64> = self.waiting.values().copied().collect();
            events.sort_unstable_by(|a, b| b.cmp(a));
            let least = events[WAITING / 2];
            self.waiting.retain(|_, events| *events > least);
        }
    }

    fn each(&mut self, mut change: impl FnMut(&mut Buckets)) {
        change(&mut self.all);
        self.rings.values_mut().for_each(change);
    }
}

fn capacity(slo: &Slo, ahead: usize) -> usize {
    usize::try_from(slo.bucket_count()).unwrap_or(usize::MAX).saturating_add(ahead)
}

/// [`Buckets::replace`], but for the buckets that stay as they are.
fn put(ring: &mut Buckets, first: i64, counts: &[Count], stays: &[bool]) {
    let merged: Vec<Count> = (first..)
        .zip(counts.iter().zip(stays))
        .map(|(bucket, (count, stays))| if *stays { ring.sum(bucket..bucket + 1) } else { *count })
        .collect();
    ring.replace(first, &merged);
}

#[cfg(test)]
mod tests;
