//! Says in the log, once for each silence, that it ends soon and what it keeps quiet will be told then.

use std::collections::{BTreeMap, BTreeSet};

use model::Nanos;
use slo::alert::Phase;
use slo::silences::{Silence, Silences};

use crate::alerting::rules::Book;
use crate::alerting::track::Track;

/// Ids and ends of those that were warned of.
#[derive(Debug, Default)]
pub(super) struct Ending(BTreeSet<(String, Nanos)>);

impl Ending {
    pub(super) fn warn(
        &mut self,
        silences: &Silences,
        tracks: &BTreeMap<String, Track>,
        rules: Option<&Book>,
        now: Nanos,
    ) {
        let soon: Vec<&Silence> = silences.iter().filter(|silence| silence.ends_soon(now)).collect();
        self.0.retain(|(id, _)| soon.iter().any(|silence| silence.id == *id));
        if soon.is_empty() {
            return;
        }
        let of_rules = rules.map_or(Vec::new(), Book::firing);
        for silence in soon {
            let of = |track: &Track| track.alerts.tiers.iter().filter(|alert| is_kept(silence, &alert.phase)).count();
            let kept_rules = of_rules.iter().filter(|alert| silence.matches(&alert.labels)).count();
            let kept = tracks.values().map(of).sum::<usize>() + kept_rules;
            if kept > 0 && self.0.insert((silence.id.clone(), silence.ends_at)) {
                let ends_in =
                    slo::duration::format((silence.ends_at - now) / model::time::SECOND * model::time::SECOND);
                tracing::warn!(
                    silence = silence.id,
                    comment = silence.comment,
                    alerts = kept,
                    ends_in,
                    "a silence ends soon"
                );
            }
        }
    }
}

fn is_kept(silence: &Silence, phase: &Phase) -> bool {
    matches!(phase, Phase::Firing(firing) if silence.matches(&firing.labels))
}
