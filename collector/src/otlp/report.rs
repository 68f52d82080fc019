//! What the reply tells a sender whose request was accepted: which items were left out, and why.

use std::borrow::Cow;
use std::fmt::Write;

use crate::signal::Signal;

/// One reason, how many items it concerns, and where it was met first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// An English sentence part that says what is wrong and what is allowed.
    pub reason: Cow<'static, str>,
    pub count: u64,
    /// As in `resource_spans[0].scope_spans[0].spans[3]`.
    pub first: String,
    /// Whether the items were left out; a warning otherwise.
    pub rejected: bool,
}

impl Finding {
    /// As the sender is told.
    pub fn words(&self, signal: Signal) -> String {
        let Finding { reason, count, first, rejected } = self;
        if *rejected {
            format!("{count} {} rejected: {reason} (first: {first})", signal.item(*count))
        } else {
            let often = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            // A warning about the body itself has no place in it.
            let place = if first.is_empty() { String::new() } else { format!(", first: {first}") };
            format!("warning: {reason} ({often}{place})")
        }
    }
}

/// The findings of one request, one for each reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

/// Reasons are a closed set but for a few warnings that name a key; those stop here.
const MAX_FINDINGS: usize = 32;

impl Report {
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many items were left out.
    pub fn rejected(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.rejected).map(|finding| finding.count).sum()
    }

    pub(crate) fn reject(&mut self, reason: &'static str, count: u64, place: impl FnOnce() -> String) {
        if count > 0 {
            self.add(Cow::Borrowed(reason), count, true, place);
        }
    }

    pub(crate) fn warn(&mut self, reason: impl Into<Cow<'static, str>>, place: impl FnOnce() -> String) {
        self.add(reason.into(), 1, false, place);
    }

    /// As [`Report::warn`], of what was met so often, first at `place`.
    pub(crate) fn warn_times(&mut self, reason: String, times: u64, place: String) {
        self.add(reason.into(), times, false, || place);
    }

    /// Adds `words` to each reason that ends with `ending`.
    pub(crate) fn explain(&mut self, ending: &str, words: impl Fn() -> String) {
        for Finding { reason, .. } in self.findings.iter_mut().filter(|it| it.reason.ends_with(ending)) {
            reason.to_mut().push_str(&words());
        }
    }

    /// Has every text written by `spell`.
    pub(crate) fn spell(&mut self, spell: impl Fn(&str) -> Cow<'_, str>) {
        for Finding { reason, first, .. } in &mut self.findings {
            *reason = spell(reason).into_owned().into();
            *first = spell(first).into_owned();
        }
    }

    fn add(&mut self, reason: Cow<'static, str>, count: u64, rejected: bool, place: impl FnOnce() -> String) {
        let known = self.findings.iter_mut().find(|it| it.reason == reason && it.rejected == rejected);
        if let Some(finding) = known {
            finding.count += count;
        } else if rejected || self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { reason, count, first: place(), rejected });
        }
    }

    /// Puts the findings of `other` before these.
    pub(crate) fn prepend(&mut self, mut other: Report) {
        other.findings.append(&mut self.findings);
        self.findings = other.findings;
    }

    /// The findings as the `error_message` of a partial success, empty when there are none.
    pub fn message(&self, signal: Signal) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let separator = if text.is_empty() { "" } else { "; " };
            write!(text, "{separator}{}", finding.words(signal)).expect("writing to a String cannot fail");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_reason_and_keeps_the_first_place() {
        let mut report = Report::default();
        for i in 0..3 {
            report.reject("no time", 1, || format!("spans[{i}]"));
        }
        report.reject("no id", 2, || "spans[7]".into());
        report.reject("never", 0, || unreachable!());
        report.warn("odd", || "spans[9]".into());
        report.warn("all of it is odd", String::new);
        assert_eq!(report.rejected(), 5);
        assert_eq!(
            report.message(Signal::Traces),
            "3 spans rejected: no time (first: spans[0]); 2 spans rejected: no id (first: spans[7]); \
             warning: odd (once, first: spans[9]); warning: all of it is odd (once)"
        );
    }

    #[test]
    fn warnings_are_bounded() {
        let mut report = Report::default();
        for i in 0..1000 {
            report.warn(format!("key {i}"), String::new);
        }
        assert_eq!(report.findings().len(), MAX_FINDINGS);
    }
}
