//! The counting of a round: new events for all SLOs at once, then what has to be counted again, then older data, as long as
//! there is time. A *sweep* goes over everything again, slowly, for events that nobody saw coming, such as those of a
//! range that was damaged and mended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::time::{HOUR, MINUTE};
use model::{Nanos, TimeRange};
use slo::Slo;
use slo::spec::Indicator;

use crate::alerting::track::{LATE, Track, down, groups, up};
use crate::counting::Look;

/// The sweep may take this share of one core: after each piece it rests so many times as long as the piece took.
const SWEEP_REST: u32 = 100;
/// Pieces are sized to take about so long.
const PIECE_TIME: Duration = Duration::from_millis(200);
const LONGEST_PIECE: Nanos = 30 * 24 * HOUR;

/// The kinds of SLOs that are counted apart: each reads something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Spans,
    Logs,
    /// One by one.
    Metrics,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Spans, Kind::Logs, Kind::Metrics];

    fn of(slo: &Slo) -> Self {
        match slo.indicator {
            Indicator::Spans(_) => Kind::Spans,
            Indicator::Logs(_) => Kind::Logs,
            Indicator::Ratio(_) | Indicator::Slices(_) => Kind::Metrics,
        }
    }
}

/// How the counting of one kind goes on.
struct Pace {
    /// The length of a piece; adapts to how long one takes.
    piece: Nanos,
    /// The end of the next piece of the sweep, and when it may run.
    sweep: Option<Nanos>,
    sweep_after: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { piece: HOUR, sweep: None, sweep_after: None }
    }
}

/// What the counting remembers from round to round.
#[derive(Default)]
pub(super) struct Counting {
    /// When all events until then were counted, by the clock of the box; `None` if one may have been missed since.
    seen: Option<Nanos>,
    paces: BTreeMap<Kind, Pace>,
    /// The time of the oldest row of each kind that is counted.
    oldest: BTreeMap<Kind, Option<Nanos>>,
}

type Tracks = BTreeMap<String, Track>;

impl Counting {
    /// The time of the oldest stored row of the kind that `slo` counts.
    pub(super) fn oldest(&self, slo: &Slo) -> Option<Nanos> {
        self.oldest.get(&Kind::of(slo)).copied().flatten()
    }

    /// Adds the events that came since the last look, and brings the SLOs that are new or missed some up to the present.
    pub(super) fn add_news(&mut self, look: &mut dyn Look, tracks: &mut Tracks, now: Nanos) {
        let before = self.seen.take();
        self.oldest.clear();
        for slo in tracks.values().map(|track| &track.slo) {
            self.oldest.entry(Kind::of(slo)).or_insert_with(|| look.oldest(&slo.indicator));
        }
        let slos: Vec<Arc<Slo>> =
            tracks.values().filter(|track| track.is_counted()).map(|track| Arc::clone(&track.slo)).collect();
        let counted = tracks.values_mut().filter(|track| track.is_counted());
        match look.news(&slos) {
            Ok(Some(tallies)) => {
                for (track, tally) in counted.zip(&tallies) {
                    if !track.is_joined {
                        track.join(now);
                        continue;
                    }
                    track.go_on(now);
                    match before {
                        Some(_) => track.add(tally),
                        None => track.again(missed(track, now, before)),
                    }
                }
            }
            Ok(None) => {
                for track in counted {
                    if track.is_joined {
                        track.again(missed(track, now, before));
                        track.go_on(now);
                    } else {
                        track.join(now);
                    }
                }
            }
            Err(error) => {
                counted.for_each(|track| track.problem = Some(error.clone()));
                return;
            }
        }
        for track in tracks.values_mut().filter(|track| !track.is_counted()) {
            if track.is_joined {
                track.ask_again(now);
            } else {
                track.join(now);
            }
        }
        // After a failure it is tried again, with what came last.
        for track in tracks.values_mut().filter(|track| track.problem.is_some() && track.todo.is_none()) {
            track.again(TimeRange::new(down(now.saturating_sub(LATE)), track.counts.all().covered_time().end));
        }
        self.seen = Some(now);
    }

    /// Counts again what has to be, until `deadline`.
    pub(super) fn catch_up(&mut self, look: &dyn Look, tracks: &mut Tracks, now: Nanos, deadline: Instant) {
        for kind in Kind::ALL {
            loop {
                let todo = |track: &Track| track.todo.filter(|_| Kind::of(&track.slo) == kind);
                let Some(start) = tracks.values().filter_map(todo).map(|todo| todo.start).min() else { break };
                let end = tracks.values().filter_map(todo).map(|todo| todo.end).max().unwrap_or(start);
                let pace = self.paces.entry(kind).or_default();
                let piece = TimeRange::new(start, up(start.saturating_add(pace.piece)).min(end));
                let chosen: Vec<&mut Track> = tracks
                    .values_mut()
                    .filter(|track| todo(track).is_some_and(|todo| todo.start < piece.end))
                    .collect();
                let went_well = pace.timed(|| count(look, chosen, piece, now));
                if !went_well || Instant::now() >= deadline {
                    break;
                }
            }
        }
    }

    /// Counts one more piece of older data of each kind, where some has not been counted; whether there was any.
    pub(super) fn count_older(&mut self, look: &dyn Look, tracks: &mut Tracks, now: Nanos) -> bool {
        let mut goes_on = false;
        for kind in Kind::ALL {
            let Some(oldest) = self.oldest.get(&kind).copied().flatten() else { continue };
            let older = |track: &Track| {
                let waits = Kind::of(&track.slo) == kind && track.is_up_to_date();
                if waits { track.older(now, Some(oldest)) } else { None }
            };
            // Those that are furthest behind, until they meet the next.
            let Some(end) = tracks.values().filter_map(older).max() else { continue };
            let pace = self.paces.entry(kind).or_default();
            let chosen = tracks.values_mut().filter(|track| older(track) == Some(end));
            let mut chosen: Vec<&mut Track> = chosen.collect();
            let target = chosen.iter().map(|track| track.target(now, Some(oldest))).min().unwrap_or(end);
            let piece = TimeRange::new(down(target.max(end.saturating_sub(pace.piece))), end);
            goes_on |= match kind {
                Kind::Metrics => {
                    chosen.truncate(1);
                    pace.timed(|| count(look, chosen, piece, now))
                }
                Kind::Spans | Kind::Logs => pace.timed(|| count(look, chosen, piece, now)),
            };
        }
        goes_on
    }

    /// Counts one piece again of each kind whose sweep is due in the round that began at `round`.
    pub(super) fn sweep(&mut self, look: &dyn Look, tracks: &mut Tracks, now: Nanos, round: Instant) {
        for kind in Kind::ALL {
            let Some(oldest) = self.oldest.get(&kind).copied().flatten() else { continue };
            let pace = self.paces.entry(kind).or_default();
            if pace.sweep_after.is_some_and(|after| round < after) {
                continue;
            }
            let settled = |track: &Track| {
                Kind::of(&track.slo) == kind && track.is_up_to_date() && track.older(now, Some(oldest)).is_none()
            };
            let first = tracks.values().filter(|track| settled(track)).map(|track| track.target(now, Some(oldest)));
            let Some(first) = first.min() else { continue };
            let last = down(now.saturating_sub(LATE));
            let end = pace.sweep.filter(|end| *end > first).unwrap_or(last).min(last);
            let piece = TimeRange::new(down(first.max(end.saturating_sub(pace.piece))), end);
            if piece.is_empty() {
                continue;
            }
            let begin = Instant::now();
            let chosen = tracks.values_mut().filter(|track| settled(track)).collect();
            pace.timed(|| count(look, chosen, piece, now));
            pace.sweep = Some(piece.start);
            pace.sweep_after = Some(round + begin.elapsed() * SWEEP_REST);
        }
    }
}

/// What a track may have missed that was last up to date at `before`.
fn missed(track: &Track, now: Nanos, before: Option<Nanos>) -> TimeRange {
    let end = track.counts.all().covered_time().end;
    let since = before.unwrap_or_else(|| end.saturating_sub(2 * MINUTE)).min(now);
    TimeRange::new(down(since.saturating_sub(LATE)), up(now.saturating_add(MINUTE)).max(end))
}

/// Counts `piece` of all of `tracks`, which are of one kind; false if one of them failed.
fn count(look: &dyn Look, tracks: Vec<&mut Track>, piece: TimeRange, now: Nanos) -> bool {
    let mut went_well = true;
    if tracks.first().is_some_and(|track| track.is_counted()) {
        let slos: Vec<Arc<Slo>> = tracks.iter().map(|track| Arc::clone(&track.slo)).collect();
        match look.count(&slos, piece) {
            Ok(tallies) => tracks.into_iter().zip(&tallies).for_each(|(track, tally)| track.replace(piece, tally)),
            Err(error) => {
                tracks.into_iter().for_each(|track| track.problem = Some(error.clone()));
                went_well = false;
            }
        }
        return went_well;
    }
    for track in tracks {
        match look.evaluate(&track.slo, piece, now, &groups(&track.counts)) {
            Ok(tally) => track.replace(piece, &tally),
            Err(error) => {
                track.problem = Some(error);
                went_well = false;
            }
        }
    }
    went_well
}

impl Pace {
    /// Does one piece, and sizes the next by the time that it took.
    fn timed(&mut self, piece: impl FnOnce() -> bool) -> bool {
        let begin = Instant::now();
        let went_well = piece();
        let took = begin.elapsed();
        if took < PIECE_TIME / 2 {
            self.piece = (self.piece * 2).min(LONGEST_PIECE);
        } else if took > PIECE_TIME * 2 {
            self.piece = down(self.piece / 2).max(MINUTE);
        }
        went_well
    }
}
