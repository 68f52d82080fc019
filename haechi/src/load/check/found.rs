//! What SQL finds in a window of time.

use collector::Signal;
use model::{Nanos, TimeRange};

use super::super::AnyError;
use super::Api;
use super::expected::{of_log, of_point, of_span};

/// A time as SQL takes it.
fn timestamp(time: Nanos) -> String {
    format!("to_timestamp_nanos({time})")
}

/// The condition that a time column is in `range`; the whole of time has no bound.
fn within(column: &str, range: TimeRange) -> String {
    let from = (range.start > Nanos::MIN).then(|| format!("{column} >= {}", timestamp(range.start)));
    let to = (range.end < Nanos::MAX).then(|| format!("{column} < {}", timestamp(range.end)));
    let conditions: Vec<String> = from.into_iter().chain(to).collect();
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}

/// Time and content of each item in `range`.
pub(super) async fn rows(signal: Signal, range: TimeRange, api: &Api) -> Result<Vec<(Nanos, u64)>, AnyError> {
    type Text = Option<String>;
    let text = |it: &Text| it.clone().unwrap_or_default();
    Ok(match signal {
        Signal::Traces => {
            let rows: Vec<(Nanos, String, String, Text, String, String, Nanos)> = api
                .rows(format!(
                    "SELECT CAST(start_time AS BIGINT), trace_id, span_id, parent_span_id, name, service, duration_ns \
                     FROM spans WHERE {}",
                    within("start_time", range)
                ))
                .await?;
            let row =
                |(time, trace, id, parent, name, service, duration): &(_, String, String, Text, String, String, _)| {
                    (*time, of_span(trace, id, parent.as_deref().unwrap_or_default(), name, service, *duration))
                };
            rows.iter().map(row).collect()
        }
        Signal::Logs => {
            let rows: Vec<(Nanos, Text, Text, String, String)> = api
                .rows(format!(
                    "SELECT CAST(time AS BIGINT), trace_id, span_id, body, service FROM logs WHERE {}",
                    within("time", range)
                ))
                .await?;
            let row = |(time, trace, span, body, service): &(Nanos, Text, Text, String, String)| {
                (*time, of_log(&text(trace), &text(span), body, service))
            };
            rows.iter().map(row).collect()
        }
        Signal::Metrics => {
            // As text: the JSON parser rounds doubles the fast way, which is not always to the nearest. Without what the box
            // says of itself.
            let rows: Vec<(Nanos, String, Text)> = api
                .rows(format!(
                    "SELECT CAST(time AS BIGINT), series, CAST(value AS VARCHAR) FROM metrics \
                     WHERE (service IS DISTINCT FROM 'haechi') AND {}",
                    within("time", range)
                ))
                .await?;
            let row = |(time, series, value): &(Nanos, String, Text)| {
                (*time, of_point(series, value.as_ref().and_then(|value| value.parse().ok())))
            };
            rows.iter().map(row).collect()
        }
    })
}
