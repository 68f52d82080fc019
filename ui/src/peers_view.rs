//! Where a span stands among the others of its operation, for its panel.

use askama::Template;
use askama::filters::HtmlSafe;
use model::{Nanos, Span};
use query::traces::{PeerValue, Peers};

use crate::attributes::condition;
use crate::format::{self, Stamp, clip};
use crate::page_url::PageUrl;
use crate::parts::written_out;

/// So few others are no measure.
const LEAST: usize = 5;
/// Bars of the drawing, and its size.
const BARS: usize = 32;
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 44.0;
/// A value that at most this share of the others has is uncommon, when so many of them have the attribute and each value that
/// they have is had by so many of them: ids are all uncommon.
const UNCOMMON: f64 = 0.05;
const LEAST_WITH: usize = 20;
const LEAST_EACH: usize = 4;
/// Uncommon values shown.
const MAX_VALUES: usize = 8;

/// The part of the panel.
#[derive(Template)]
#[template(path = "parts/peers.html")]
pub(crate) struct PeersView {
    n: String,
    first: Stamp,
    last: Stamp,
    is_cut: bool,
    /// `None` when there are too few to say more than that.
    standing: Option<Standing>,
    warnings: Vec<String>,
}

impl HtmlSafe for PeersView {}

struct Standing {
    /// `Longer than 97 % of them.`
    sentence: String,
    /// Whether it is among the longest.
    is_long: bool,
    median: String,
    p95: String,
    longest: String,
    failed: String,
    label: String,
    bars: Vec<[String; 4]>,
    /// Where the span is.
    here: String,
    ends: [String; 2],
    values: Vec<Uncommon>,
}

/// A value that few of the others have.
struct Uncommon {
    key: String,
    value: String,
    share: String,
    href: PageUrl,
}

impl PeersView {
    /// `search` is the page that finds spans with a value.
    pub(crate) fn new(span: &Span<'_>, peers: &Peers, search: &PageUrl) -> Self {
        let n = peers.durations.len();
        PeersView {
            n: format::count(n as u64),
            first: Stamp::clock(peers.first),
            last: Stamp::clock(peers.last),
            is_cut: peers.truncated,
            standing: (n >= LEAST).then(|| Standing::new(span, peers, search)),
            warnings: peers.warnings.clone(),
        }
    }
}

impl Standing {
    fn new(span: &Span<'_>, peers: &Peers, search: &PageUrl) -> Self {
        let n = peers.durations.len();
        let share = peers.n_shorter(span.duration) as f64 / n as f64;
        let quantile = |quantile| peers.quantile(quantile).unwrap_or_default();
        let (least, most) = (quantile(0.0).min(span.duration), quantile(1.0).max(span.duration));
        let scale = Scale::new(least, most);
        let mut counts = [0_usize; BARS];
        peers.durations.iter().for_each(|&duration| counts[scale.bar(duration)] += 1);
        let highest = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
        let step = WIDTH / BARS as f64;
        let bar = |(i, &count): (usize, &usize)| {
            // A single span among thousands is still seen.
            let height = (count as f64 / highest * (HEIGHT - 6.0)).max(1.5);
            [i as f64 * step, HEIGHT - height, step - 1.0, height].map(|number| format!("{number:.1}"))
        };
        let [median, p95, longest] = [0.5, 0.95, 1.0].map(|share| format::duration(quantile(share)));
        let (own, failed) = (format::duration(span.duration), peers.n_errors as f64 / n as f64);
        Standing {
            sentence: sentence(share, span.duration, &peers.durations),
            is_long: share >= 0.95,
            label: format!(
                "Durations of the others: half take at most {median}, 95 in 100 at most {p95}; this span takes {own}"
            ),
            bars: counts.iter().enumerate().filter(|(_, count)| **count > 0).map(bar).collect(),
            here: format!("{:.1}", scale.share(span.duration) * WIDTH),
            ends: [least, most].map(format::duration),
            failed: format::percent(failed),
            median,
            p95,
            longest,
            values: uncommon(&peers.values, search),
        }
    }
}

fn sentence(share: f64, duration: Nanos, others: &[Nanos]) -> String {
    match others {
        [first, .., last] if first == last && *first == duration => "All of them take as long.".to_owned(),
        [.., last] if duration > *last => "Longer than all of them.".to_owned(),
        [first, ..] if duration < *first => "Shorter than all of them.".to_owned(),
        // Not 100 % of them: at least one takes as long.
        _ => format!("Longer than {} of them.", format::percent(share.min(0.999))),
    }
}

fn uncommon(values: &[PeerValue], search: &PageUrl) -> Vec<Uncommon> {
    let is_uncommon = |it: &&PeerValue| {
        it.n_with >= LEAST_WITH
            && it.n_same as f64 <= it.n_with as f64 * UNCOMMON
            && it.n_distinct * LEAST_EACH <= it.n_with
    };
    let mut found: Vec<&PeerValue> = values.iter().filter(is_uncommon).collect();
    found.sort_by(|a, b| (a.n_same * b.n_with).cmp(&(b.n_same * a.n_with)).then_with(|| a.key.cmp(&b.key)));
    let view = |it: &&PeerValue| Uncommon {
        key: written_out(&clip(&it.key, 100)),
        value: written_out(&clip(&it.value, 200)),
        share: match it.n_same {
            0 => "none of them".to_owned(),
            n => format!("{} of them", format::percent(n as f64 / it.n_with as f64)),
        },
        href: search.with("q", condition(&it.key, &it.value)),
    };
    found.iter().take(MAX_VALUES).map(view).collect()
}

/// A logarithmic axis: durations of one operation differ by orders of magnitude.
struct Scale {
    least: f64,
    length: f64,
}

impl Scale {
    fn new(least: Nanos, most: Nanos) -> Self {
        let log = |duration: Nanos| (duration.max(1) as f64).ln();
        // Equal durations stand in the middle of some axis.
        let length = (log(most) - log(least)).max(0.1);
        Scale { least: (log(least) + log(most)) / 2.0 - length / 2.0, length }
    }

    fn share(&self, duration: Nanos) -> f64 {
        (((duration.max(1) as f64).ln() - self.least) / self.length).clamp(0.0, 1.0)
    }

    fn bar(&self, duration: Nanos) -> usize {
        ((self.share(duration) * BARS as f64) as usize).min(BARS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_never_says_more_than_there_is() {
        let cases: [(Nanos, &[Nanos], &str); 6] = [
            (9, &[1, 2, 3], "Longer than all of them."),
            (3, &[1, 2, 3, 3], "Longer than 50 % of them."),
            (1, &[1, 2, 3], "Longer than 0 % of them."),
            (0, &[1, 2, 3], "Shorter than all of them."),
            (5, &[5, 5, 5], "All of them take as long."),
            (-4, &[-4, 5], "Longer than 0 % of them."),
        ];
        for (duration, others, expected) in cases {
            let share = others.iter().filter(|other| **other < duration).count() as f64 / others.len() as f64;
            assert_eq!(sentence(share, duration, others), expected, "{duration} of {others:?}");
        }
    }

    #[test]
    fn only_values_that_others_share_can_be_uncommon() {
        let value = |key: &str, n_with, n_same, n_distinct| PeerValue {
            key: key.to_owned(),
            value: "v".to_owned(),
            n_with,
            n_same,
            n_distinct,
        };
        let values = [
            value("rare", 100, 4, 3),
            value("rarer", 100, 0, 3),
            value("common", 100, 6, 3),
            value("id", 100, 0, 100),
            value("seldom there", 19, 0, 2),
        ];
        let found = uncommon(&values, &PageUrl::new("/traces"));
        let words: Vec<_> = found.iter().map(|it| format!("{} {}", it.key, it.share)).collect();
        assert_eq!(words, ["rarer none of them", "rare 4 % of them"]);
        assert_eq!(found[0].href.get("q"), "rarer=\"v\"");
    }

    #[test]
    fn every_duration_has_a_place() {
        for (least, most) in [(0, 0), (-5, Nanos::MAX), (7, 7), (1, 1_000_000)] {
            let scale = Scale::new(least, most);
            for duration in [Nanos::MIN, least, most, Nanos::MAX] {
                assert!(scale.bar(duration) < BARS && scale.share(duration).is_finite(), "{duration}");
            }
        }
        assert_eq!(Scale::new(7, 7).bar(7), BARS / 2);
    }
}
