//! Whether what was sent is what was asked for, and why not.

use collector::Signal;

use super::super::amount::{Amount, Short};
use super::super::send::Counts;

/// A rate is kept when it is off by no more than this share, …
const NEAR: f64 = 0.01;
/// … and so is the time for it, with these seconds for the last answers.
const LATE: f64 = 1.0;

/// What a run was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::load) struct Asked {
    /// Of spans, samples and log records; `None` is as many as can be sent.
    pub(in crate::load) amounts: [Option<Amount>; 3],
    /// How long that was to take; `None` for no matter how long.
    pub(in crate::load) seconds: Option<f64>,
    /// The time that items are spread over, in seconds.
    pub(in crate::load) covered: f64,
}

impl Asked {
    /// A sentence on what was sent of `signal` in place of what was asked for; `None` when that is the same, or when requests
    /// were lost and no rate was asked for: what was lost is told elsewhere.
    pub(super) fn difference(&self, signal: Signal, sent: &Counts, took: f64, stopped: bool) -> Option<String> {
        let amount = self.amounts[usize::from(signal.kind()) - 1]?;
        let (asked, slack) = match amount {
            Amount::Total(total) => (total as f64, 0.0),
            Amount::Rate(rate) => (rate * self.covered, NEAR),
        };
        if asked == 0.0 {
            return None;
        }
        if let (Amount::Rate(rate), Some(seconds)) = (amount, self.seconds)
            && let Some(said) = slower(signal, rate, seconds, sent, took)
        {
            return Some(said);
        }
        if sent.lost > 0 {
            return None;
        }
        let (name, items) = (signal.name(), sent.items + sent.rejected);
        let word = signal.item(items.max(2));
        let (asked_words, sent_words) = (asked.round(), items);
        let difference = (items as f64 - asked).abs();
        if difference > asked * slack && difference >= 0.5 {
            let why = match signal {
                _ if stopped => "the run was stopped before its end",
                Signal::Traces => "traces are sent whole, and their sizes differ",
                Signal::Metrics => "a resource sends all its series together, and again after the interval",
                Signal::Logs => "the rate is in whole records",
            };
            return Some(format!("{name}: {asked_words} {word} were asked for and {sent_words} sent: {why}"));
        }
        None
    }
}

/// A sentence on a rate that was asked for and not kept for `seconds`, in what it took: with what held it up, as far as that was
/// counted.
fn slower(signal: Signal, rate: f64, seconds: f64, sent: &Counts, took: f64) -> Option<String> {
    let is_late = took > seconds * (1.0 + NEAR) + LATE;
    if !is_late && sent.lost == 0 && sent.rejected == 0 {
        return None;
    }
    let mut reasons = Vec::new();
    if sent.lost > 0 {
        reasons.push(format!("{} requests were refused or given up", sent.lost));
    }
    if sent.rejected > 0 {
        reasons.push(format!("{} items were rejected", sent.rejected));
    }
    if is_late {
        let retries = if sent.retries > 0 { format!(", with {} retries", sent.retries) } else { String::new() };
        reasons.push(format!(
            "that took {took:.1} s instead of {seconds:.1} s{retries}, since answers or this tool were too slow, or --connections too few: \
             requests were up to {:.1} s behind",
            sent.behind.as_secs_f64()
        ));
    }
    let word = signal.item(2);
    let (name, asked, kept) = (signal.name(), Short(rate), Short(sent.items as f64 / took.max(seconds)));
    Some(format!("{name}: {asked} {word}/s were asked for and {kept}/s stored: {}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said_in_a_sentence_with_what_was_sent() {
        use Amount::{Rate, Total};
        let table = [
            (Signal::Logs, Total(100), 100, 10.0, None),
            (Signal::Logs, Total(0), 0, 10.0, None),
            (Signal::Metrics, Total(150), 200, 10.0, Some("150 data points were asked for and 200 sent: a resource")),
            (Signal::Traces, Total(30), 27, 10.0, Some("30 spans were asked for and 27 sent: traces are sent whole")),
            (Signal::Traces, Rate(100.0), 995, 10.0, None),
            (Signal::Metrics, Rate(1.0), 100, 10.0, Some("10 data points were asked for and 100 sent")),
            (
                Signal::Logs,
                Rate(100.0),
                1000,
                20.0,
                Some("100 log records/s were asked for and 50/s stored: that took 20.0 s"),
            ),
        ];
        for (signal, amount, items, took, expected) in table {
            let asked = Asked { amounts: [Some(amount); 3], seconds: Some(10.0), covered: 10.0 };
            let said = asked.difference(signal, &Counts { items, ..Counts::default() }, took, false);
            let is_right = match expected {
                None => said.is_none(),
                Some(words) => said.as_deref().is_some_and(|said| said.contains(words)),
            };
            assert!(is_right, "{signal:?} {amount:?}: {said:?}");
        }
        let asked = Asked { amounts: [Some(Total(100)); 3], seconds: None, covered: 10.0 };
        let counts = Counts { items: 40, ..Counts::default() };
        let said = asked.difference(Signal::Logs, &counts, 1.0, true).unwrap();
        assert!(
            said.ends_with("100 log records were asked for and 40 sent: the run was stopped before its end"),
            "{said}"
        );
        assert_eq!(asked.difference(Signal::Logs, &Counts { lost: 1, ..counts }, 1.0, false), None);
        // A rate that was not kept is said whatever the reason.
        let asked = Asked { amounts: [Some(Rate(100.0)); 3], seconds: Some(10.0), covered: 10.0 };
        let counts = Counts { items: 400, lost: 3, rejected: 7, retries: 9, ..Counts::default() };
        let said = asked.difference(Signal::Metrics, &counts, 20.0, false).unwrap();
        let parts =
            ["100 data points/s", "20/s stored: 3 requests", "; 7 items were rejected; that took", ", with 9 retries,"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(Asked::default().difference(Signal::Logs, &Counts::default(), 1.0, false), None);
    }
}
