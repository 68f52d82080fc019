//! Tells Alertmanagers again of what fires, which they take for resolved if they do not hear of it. With routes the routes do it
//! ([`slo::routing::Routing::tell_at_once`]).

use std::collections::BTreeMap;

use model::Nanos;
use slo::alert::{Notification, Reason, SloAlerts};
use slo::silences::Silences;

use super::dispatch::firing;
use super::notify::{Subject, entries_to};
use crate::alerting::bodies::alertmanager::RESEND;
use crate::alerting::state::{Commit, Weight};
use crate::alerting::track::Track;
use crate::alerting::{Config, Kind, Receiver};
use crate::counting::Look;

/// When they were last told of each SLO that fires; after a start they are told at once.
#[derive(Debug, Default)]
pub(super) struct Resend(BTreeMap<String, Nanos>);

impl Resend {
    /// Adds to `commit` what they are to be told of the alerts as they are after it.
    pub(super) fn tell(
        &mut self,
        tracks: &BTreeMap<String, Track>,
        commit: &mut Commit,
        now: Nanos,
        look: &dyn Look,
        config: &Config,
        silences: &Silences,
    ) {
        let forgets = |receiver: &Receiver| receiver.kind == Kind::Alertmanager;
        if !config.receivers.iter().any(forgets) {
            return;
        }
        let stepped: BTreeMap<&str, &SloAlerts> =
            commit.alerts.iter().map(|alerts| (alerts.slo.as_str(), alerts)).collect();
        let mut entries = Vec::new();
        for (name, track) in tracks {
            let alerts = *stepped.get(name.as_str()).unwrap_or(&&track.alerts);
            let firing: Vec<_> = firing(alerts).filter(|alert| !silences.is_silenced(&alert.labels, now)).collect();
            if firing.is_empty() {
                self.0.remove(name);
                continue;
            }
            let is_news = commit.entries.iter().any(|entry| entry.slo == *name);
            let last = self.0.get(name).copied();
            // A clock that was set back does not keep them waiting.
            let is_due = last.is_none_or(|last| now.saturating_sub(last).unsigned_abs() >= RESEND.unsigned_abs());
            if !is_news && !is_due {
                continue;
            }
            self.0.insert(name.clone(), now);
            if is_news {
                continue;
            }
            let notification = Notification {
                slo: name.clone(),
                alert_name: alerts.alert_name.clone(),
                sequence: alerts.sequence,
                at: now,
                reason: Reason::Repeat,
                alerts: firing,
            };
            let subject = Subject { slo: &track.slo, counts: &track.counts };
            entries.extend(entries_to(&forgets, Weight::Resend, &notification, Some(&subject), look, config));
        }
        self.0.retain(|name, _| tracks.contains_key(name));
        commit.entries.extend(entries);
    }
}
