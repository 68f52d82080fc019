//! What a selector asks of stored series, in the terms of the store's index.
//!
//! The index knows attributes as sent, a selector names labels in one of two spellings. So what is asked here is less
//! than what the matchers ask: they have the last word.

use std::cell::Cell;
use std::sync::Arc;

use model::Resource;
use store::{Condition, SeriesIndex, WantedLabel};

use super::super::error::PromqlError;
use super::super::labels::NAME;
use super::super::limits::Meter;
use super::super::matcher::{Matcher, Pattern, Test};
use super::names::label_name;
use super::spelling::{Part, target_labels};

/// Distinct values that are tested between two looks at the clock.
const VALUES_A_CHECK: u32 = 4096;

/// Calls `find` with the conditions that series accepted by `matchers` satisfy.
pub(super) fn with<T>(
    index: &SeriesIndex,
    matchers: &[Matcher],
    meter: &Meter<'_>,
    find: impl FnOnce(&[Condition<'_>]) -> T,
) -> Result<T, PromqlError> {
    let (tested, late) = (Cell::new(0), Cell::new(false));
    // When the time is up nothing passes any more, and the error comes out below.
    let in_time = || {
        tested.set(tested.get() + 1);
        if tested.get() % VALUES_A_CHECK == 0 {
            late.set(late.get() || meter.check().is_err());
        }
        !late.get()
    };
    let restricting: Vec<&Matcher> = matchers.iter().filter(|matcher| restricts(matcher)).collect();
    let tests: Vec<_> = restricting.iter().map(|matcher| |value: &str| in_time() && matcher.accepts(value)).collect();
    let of_targets: Vec<_> = restricting
        .iter()
        .map(|matcher| {
            |resource: Resource<'_>| {
                let labels = target_labels(resource.service_name(), resource.attrs());
                in_time() && labels.iter().any(|(name, value)| *name == matcher.name && matcher.accepts(value))
            }
        })
        .collect();
    let keys = if restricting.is_empty() { Vec::new() } else { index.attribute_keys() };
    let condition = |place: usize| {
        let matcher = restricting[place];
        if is_of_target(&matcher.name) {
            return Condition::Resource(&of_targets[place]);
        }
        let keys: Vec<Arc<str>> = keys.iter().filter(|key| may_spell(key, &matcher.name)).cloned().collect();
        let value = match &matcher.test {
            // Values of several keys that become one label are joined.
            _ if keys.len() > 1 => None,
            Test::Equal(value) => Some(WantedLabel::Is(value)),
            Test::Matches(Pattern::Words(words)) => Some(WantedLabel::OneOf(words)),
            _ => Some(WantedLabel::Passing(&tests[place])),
        };
        Condition::Attribute { keys, value }
    };
    let conditions: Vec<Condition<'_>> = (0..restricting.len()).map(condition).collect();
    let found = find(&conditions);
    meter.check()?;
    Ok(found)
}

/// Whether a series that the matcher accepts has something that the index knows.
fn restricts(matcher: &Matcher) -> bool {
    let of_part = [Part::Buckets, Part::Quantiles].iter().any(|part| part.split_label() == Some(&matcher.name));
    let of_scope = matcher.name.starts_with("otel_scope_");
    // Who accepts the empty value accepts series without the label.
    matcher.name != NAME && !of_part && !of_scope && !matcher.accepts("")
}

fn is_of_target(label: &str) -> bool {
    matches!(label, "job" | "instance")
}

/// Whether the attribute `key` is the label `name` in one of the spellings.
fn may_spell(key: &str, name: &str) -> bool {
    key == name || label_name(key) == name
}
