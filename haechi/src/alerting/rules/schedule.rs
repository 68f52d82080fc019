//! When groups are evaluated: each at times that are whole intervals of the clock, shifted by a part of the interval that its name
//! gives, so that they do not all come at once; as in Prometheus, which shifts by another hash.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Nanos;
use model::time::{MILLISECOND, SECOND};
use slo::fingerprint::Fnv;
use slo::rules::RuleGroup;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};

use super::book::{Book, Key};
use super::evaluate::{World, evaluate};
use crate::alerting::Clock;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Groups that are evaluated at the same time.
const TOGETHER: usize = 4;
/// A clock that was set is noticed within this time.
const LONGEST_SLEEP: Nanos = 10 * SECOND;

/// Follows the files and evaluates the groups, for ever.
pub(in crate::alerting) async fn run(book: Arc<Book>, now: Clock) {
    let together = Arc::new(Semaphore::new(TOGETHER));
    let mut tasks = JoinSet::new();
    let mut running: HashMap<Key, (u64, AbortHandle)> = HashMap::new();
    let mut groups = Some(book.groups());
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if let Some(groups) = groups.take() {
            running.retain(|key, (generation, task)| {
                let stays = groups.iter().any(|(other, number)| other == key && number == generation);
                if !stays {
                    task.abort();
                }
                stays
            });
            for (key, generation) in groups {
                running.entry(key.clone()).or_insert_with(|| {
                    let (book, now, together) = (Arc::clone(&book), Arc::clone(&now), Arc::clone(&together));
                    (generation, tasks.spawn(follow(book, key, generation, now, together)))
                });
            }
        }
        ticks.tick().await;
        while tasks.try_join_next().is_some() {}
        let (asked, time) = (Arc::clone(&book), now());
        groups = spawn_blocking(move || asked.poll(time)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "rule files were not read");
            None
        });
    }
}

/// Evaluates one version of a group at its times.
async fn follow(book: Arc<Book>, key: Key, generation: u64, now: Clock, together: Arc<Semaphore>) {
    let Some(state) = book.group(&key, generation) else { return };
    let group = Arc::clone(&state.group);
    drop(state);
    let mut next = slot(&group, now()).saturating_add(group.interval);
    loop {
        let time = now();
        if time < next {
            // A clock that was set back does not stop the evaluation until it is where it was.
            next = next.min(slot(&group, time).saturating_add(group.interval));
            let pause = next.saturating_sub(time).clamp(0, LONGEST_SLEEP);
            tokio::time::sleep(Duration::from_nanos(pause.unsigned_abs())).await;
            continue;
        }
        let at = slot(&group, time);
        let missed = u64::try_from((at - next) / group.interval).unwrap_or(0);
        let Ok(permit) = Arc::clone(&together).acquire_owned().await else { return };
        let (asked, name) = (Arc::clone(&book), key.clone());
        let evaluation = spawn_blocking(move || {
            let _permit = permit;
            let Some(state) = asked.group(&name, generation) else { return };
            let world =
                World { series: &*asked.series, external_url: &asked.external_url, is_stopped: &asked.is_stopped };
            let (mut after, changes) = evaluate(&state, at, world);
            after.missed += missed;
            asked.publish(&name, generation, after, changes, at);
        });
        if let Err(error) = evaluation.await {
            tracing::error!(group = key.1, %error, "the evaluation of a group of rules failed");
        }
        next = at.saturating_add(group.interval);
    }
}

/// The last time at or before `now` at which the group is evaluated.
pub(super) fn slot(group: &RuleGroup, now: Nanos) -> Nanos {
    let mut hash = Fnv::new();
    hash.field(&group.file);
    hash.field(&group.name);
    let interval = group.interval.max(MILLISECOND);
    // Whole milliseconds, as samples have them; below the interval, which is below an i64.
    let offset = (hash.finish() % (interval / MILLISECOND).unsigned_abs()) as Nanos * MILLISECOND;
    (now - offset).div_euclid(interval) * interval + offset
}
