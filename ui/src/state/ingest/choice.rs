//! A report of one signal, or of the services with a name.
//!
//! What is counted for the whole box alone stays as it is: requests, refusals before a body was read, rates, pressure, disk and
//! series. What is counted by service is in [`IngestReport::of_service`].

use super::{IngestReport, ReasonReport, SenderReport, ServiceSignalReport};

/// The names of signals, in the order of all counts by signal.
pub const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

/// What a reader has chosen.
#[derive(Clone, Debug, Default)]
pub struct IngestChoice {
    /// One of [`SIGNALS`].
    pub signal: Option<&'static str>,
    /// A part of the names of services; empty for all.
    pub service: String,
}

impl IngestChoice {
    /// The signal of that name; `None` when there is none.
    pub fn signal(name: &str) -> Option<&'static str> {
        SIGNALS.into_iter().find(|signal| *signal == name)
    }

    /// What `counts`, by signal, are in the signals chosen.
    pub(crate) fn sum(&self, counts: &[u64; 3]) -> u64 {
        let chosen = SIGNALS.iter().zip(counts).filter(|(name, _)| self.signal.is_none_or(|signal| signal == **name));
        chosen.map(|(_, count)| count).sum()
    }

    fn has_service(&self, service: &str) -> bool {
        self.service.is_empty() || service.contains(&self.service)
    }

    /// A request that was refused before its body was read has no service, and one to another path has no signal either: it is
    /// of any service, and of no signal. One that is to come again is no mistake of a service: it is of none.
    fn has_reason(&self, reason: &ReasonReport) -> bool {
        (self.signal.is_none() || self.signal == reason.signal)
            && (reason.service.is_empty() && !reason.is_passing || self.has_service(&reason.service))
    }

    fn has_sender(&self, sender: &SenderReport) -> bool {
        let is_of_signal = self.signal.is_none() || self.sum(&sender.accepted) + self.sum(&sender.rejected) > 0;
        is_of_signal && self.has_service(&sender.service)
    }
}

impl IngestReport {
    /// What of the report is of `choice`.
    pub fn narrowed(mut self, choice: &IngestChoice) -> Self {
        let n_reasons = self.reasons.len();
        self.reasons.retain(|reason| choice.has_reason(reason));
        self.n_hidden_reasons = n_reasons - self.reasons.len();
        self.senders.retain(|sender| choice.has_sender(sender));
        self.signals.retain(|it| choice.signal.is_none_or(|signal| signal == it.signal));
        self.cardinality.span_names.retain(|names| choice.has_service(&names.service));
        self.cardinality.log_keys.retain(|names| choice.has_service(&names.service));
        self.cardinality.overflows.retain(|overflow| choice.has_service(&overflow.service));
        if !choice.service.is_empty() {
            let of_signal = |(i, signal)| {
                let sum = |of: fn(&SenderReport) -> &[u64; 3]| self.senders.iter().map(|it| of(it)[i]).sum();
                ServiceSignalReport {
                    signal,
                    accepted: sum(|it| &it.accepted),
                    rejected: sum(|it| &it.rejected),
                    bytes: sum(|it| &it.bytes),
                }
            };
            let signals = SIGNALS.into_iter().enumerate();
            let chosen = signals.filter(|(_, name)| choice.signal.is_none_or(|signal| signal == *name));
            self.of_service = Some(chosen.map(of_signal).collect());
        }
        self
    }
}
