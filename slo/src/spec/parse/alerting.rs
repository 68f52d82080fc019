//! The `alerting:` part of an SLO file: its tiers and guards.

use model::Nanos;
use model::time::{DAY, HOUR, MINUTE, SECOND};

use super::{Decoder, Fields, join};
use crate::duration;
use crate::ratio::{BurnRate, Objective};
use crate::spec::tiers::{default_tiers, round};
use crate::spec::yaml::{Node, Value};
use crate::spec::{Alerting, Indicator, MAX_BUCKETS, Severity, Tier, Window, bucket_count, bucket_width};

const MAX_TIERS: usize = 16;
/// One failed request is chance, two are a pattern, and an incident brings its second failure within seconds: the least
/// guard that keeps a service of ten requests an hour from paging on one error (SRE workbook, "Low-Traffic Services").
const DEFAULT_MIN_BAD_EVENTS: u64 = 2;
/// Alertmanager's own default.
const DEFAULT_REPEAT_INTERVAL: Nanos = 4 * HOUR;
const ALERTING_KEYS: [&str; 6] = ["name", "enabled", "min_events", "min_bad_events", "repeat_interval", "tiers"];
const TIER_KEYS: [&str; 6] = ["severity", "long", "short", "burn_rate", "for", "keep_firing_for"];

impl Decoder<'_> {
    pub(super) fn alerting(
        &mut self,
        fields: &Fields<'_>,
        objective: Objective,
        window: &Window,
        indicator: Option<&Indicator>,
    ) -> Alerting {
        let (tiers, notes) = default_tiers(window.nominal(), objective);
        let mut alerting = Alerting {
            name: "ErrorBudgetBurn".to_owned(),
            tiers,
            min_events: 1,
            min_bad_events: DEFAULT_MIN_BAD_EVENTS,
            repeat_interval: DEFAULT_REPEAT_INTERVAL,
            notes,
        };
        let Some(node) = fields.get("alerting") else { return alerting };
        let Some(inner) = self.fields(node, &fields.path("alerting"), &ALERTING_KEYS) else { return alerting };
        if let Some(name) = self.text(&inner, "name") {
            alerting.name = name;
        }
        if let Some(interval) = self.duration(&inner, "repeat_interval", MINUTE, 30 * DAY) {
            alerting.repeat_interval = interval;
        }
        let guards = [("min_events", &mut alerting.min_events), ("min_bad_events", &mut alerting.min_bad_events)];
        for (key, guard) in guards {
            let count = self.whole(&inner, key, 1, 1_000_000, "a whole number from 1 (no guard) to 1000000");
            if let (Some(node), Some(false)) = (inner.get(key), indicator.map(Indicator::counts_events)) {
                self.error(
                    node.place,
                    &inner.path(key),
                    "an `error_ratio` tells no events that could be counted".to_owned(),
                );
            }
            *guard = count.map_or(*guard, i64::unsigned_abs);
        }
        if inner.get("tiers").is_some() {
            alerting.notes.clear();
            alerting.tiers = self.tiers(&inner, objective, window);
        }
        match inner.get("enabled").map(|node| (node, &node.value)) {
            None | Some((_, Value::Boolean(true))) => {}
            Some((_, Value::Boolean(false))) => {
                alerting.tiers.clear();
                alerting.notes = vec!["alerting is switched off".to_owned()];
            }
            Some((node, _)) => self.expected(node, &inner.path("enabled"), "true or false"),
        }
        alerting
    }

    fn tiers(&mut self, fields: &Fields<'_>, objective: Objective, window: &Window) -> Vec<Tier> {
        let Some(node) = fields.get("tiers") else { return Vec::new() };
        let path = fields.path("tiers");
        let Value::List(items) = &node.value else {
            self.expected(node, &path, "a list of tiers");
            return Vec::new();
        };
        if items.is_empty() || items.len() > MAX_TIERS {
            let message =
                format!("must have 1 to {MAX_TIERS} tiers, got {}; `enabled: false` switches alerts off", items.len());
            self.error(node.place, &path, message);
            return Vec::new();
        }
        let mut tiers: Vec<Tier> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(tier) = self.tier(item, &path, objective, window) else { continue };
            if tiers.iter().any(|other| other.id() == tier.id()) {
                self.error(
                    item.place,
                    &path,
                    format!("another tier is {} too; severity and windows together are unique", tier.id()),
                );
            } else if bucket_count(window, bucket_width(window, std::slice::from_ref(&tier))) > MAX_BUCKETS {
                let least = duration::format((window.longest() / MAX_BUCKETS / SECOND + 1) * SECOND * 5);
                self.error(
                    item.place,
                    &join(&path, "short"),
                    format!("too short to be counted over {window}; must be at least about {least}"),
                );
            } else {
                tiers.push(tier);
            }
        }
        tiers.sort_by_key(|tier| (tier.severity, tier.long));
        tiers
    }

    fn tier(&mut self, node: &Node, path: &str, objective: Objective, window: &Window) -> Option<Tier> {
        let fields = self.fields(node, path, &TIER_KEYS)?;
        let severity = self.severity(&fields);
        for key in ["long", "short"] {
            self.required(&fields, key, duration::ALLOWED);
        }
        let window = window.nominal();
        let long = self.duration(&fields, "long", 10 * SECOND, window);
        let short = self.duration(&fields, "short", 5 * SECOND, window);
        let burn_rate = self.burn_rate(&fields, objective);
        let before = self.errors.len();
        let hold = self.duration(&fields, "for", 0, window).unwrap_or(0);
        let keep_firing_for = self.duration(&fields, "keep_firing_for", 0, window).unwrap_or(0);
        let (severity, long, short, burn_rate) = (severity?, long?, short?, burn_rate?);
        if short >= long {
            let (long, short) = (duration::format(long), duration::format(short));
            let message = format!("must be shorter than `long`, which is {long}, got {short}");
            let place = fields.get("short").map_or(fields.place, |node| node.place);
            self.error(place, &fields.path("short"), message);
        }
        (self.errors.len() == before).then_some(Tier { severity, long, short, burn_rate, hold, keep_firing_for })
    }

    fn severity(&mut self, fields: &Fields<'_>) -> Option<Severity> {
        let node = self.required(fields, "severity", "page or ticket")?;
        match &node.value {
            Value::Text(text) if text == "page" => Some(Severity::Page),
            Value::Text(text) if text == "ticket" => Some(Severity::Ticket),
            _ => {
                self.expected(node, &fields.path("severity"), "page or ticket");
                None
            }
        }
    }

    fn burn_rate(&mut self, fields: &Fields<'_>, objective: Objective) -> Option<BurnRate> {
        const WHAT: &str = "a number above 0, such as 14.4";
        let node = self.required(fields, "burn_rate", WHAT)?;
        let value = match &node.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        };
        let Some(rate) = value.and_then(BurnRate::from_value) else {
            self.expected(node, &fields.path("burn_rate"), WHAT);
            return None;
        };
        if !rate.is_reachable(objective) {
            let most = round(1.0 / objective.error_budget());
            let message = format!(
                "can never be exceeded: at an objective of {objective} a total outage burns at {most}; must be below that, got {rate}"
            );
            self.error(node.place, &fields.path("burn_rate"), message);
            return None;
        }
        Some(rate)
    }
}
