//! Spans as exemplars of the series that count them: looked for when they are asked for.

use hashbrown::HashMap;
use model::TimeRange;
use model::time::MILLISECOND;
use store::summary::{OTHER, Operation, ServiceName};
use store::{Filter, Scan, Snapshot, Texts};

use super::super::super::error::PromqlError;
use super::super::super::exemplars::{FoundExemplar, SeriesExemplars};
use super::super::super::labels::Labels;
use super::super::super::limits::Meter;
use super::super::super::matcher::{Matcher, Test};
use super::super::spelling::{Part, accepts_split};
use super::{Asked, What, accepted, asked, counted, operation_labels};

/// Spans that are looked at, newest first.
const MAX_SPANS: usize = 2_000_000;
/// Steps of the range, of each of which a series has one exemplar: its longest span.
const STEPS: i64 = 30;
const COLUMNS: &[&str] =
    &["duration", "trace_id", "span_id", "parent_span_id", "service", "name", "kind", "status", "resource"];
const NANOS_PER_SECOND: f64 = 1e9;

/// The exemplars in `range` of the series of spans that `matchers` accept, `most` at most.
pub(in super::super) fn exemplars(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
    most: usize,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesExemplars>, PromqlError> {
    let mut asked = asked(snapshot, matchers, range, meter)?;
    asked.retain(|it| match it.family.what {
        What::Spans => true,
        What::Latency => matches!(it.part, Part::Value | Part::Buckets),
        _ => false,
    });
    let mut found: HashMap<(Labels, i64), FoundExemplar> = HashMap::new();
    if !asked.is_empty() {
        search(snapshot, &asked, matchers, range, meter, &mut found)?;
    }
    let mut series: HashMap<Labels, Vec<FoundExemplar>> = HashMap::new();
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|a, b| b.1.time.cmp(&a.1.time).then_with(|| a.0.cmp(&b.0)));
    for ((labels, _), exemplar) in found.into_iter().take(most) {
        series.entry(labels).or_default().push(exemplar);
    }
    let series = series.into_iter().map(|(labels, mut exemplars)| {
        exemplars.sort_by_key(|it| it.time);
        SeriesExemplars { labels, exemplars }
    });
    Ok(series.collect())
}

fn search(
    snapshot: &Snapshot,
    asked: &[Asked],
    matchers: &[Matcher],
    range: TimeRange,
    meter: &Meter<'_>,
    found: &mut HashMap<(Labels, i64), FoundExemplar>,
) -> Result<(), PromqlError> {
    let width = (range.length() / STEPS).max(MILLISECOND);
    let (mut n_spans, mut operations) = (0, HashMap::new());
    for chunk in snapshot.spans(narrowed(Scan::new(range).columns(COLUMNS), matchers)) {
        meter.check()?;
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                super::super::report(&error, meter);
                continue;
            }
        };
        let (Some((services, service_keys)), Some((names, name_keys))) = (chunk.services(), chunk.names()) else {
            continue;
        };
        operations.clear();
        for row in 0..chunk.len() {
            let (kind, status) = (chunk.kind(row), chunk.status(row));
            let key = (service_keys[row], name_keys[row], kind as u8, status as u8);
            // Resources of one service differ in their namespace, hardly ever: the labels are those of the first.
            let series: &Vec<(Asked, Labels)> = operations.entry(key).or_insert_with(|| {
                let span = chunk.row(row);
                let namespace = span.resource.attrs().get_str("service.namespace").unwrap_or_default().to_owned();
                let service = ServiceName { namespace, name: services.value(service_keys[row] as usize).to_owned() };
                let name = names.value(name_keys[row] as usize).to_owned();
                let operation = Operation { service: 0, name, kind, status, is_root: false };
                let labels = |it: &Asked| accepted(matchers, *it, |name| operation_labels(name, &operation, &service));
                asked.iter().filter_map(|it| Some((*it, labels(it)?))).collect()
            });
            for (asked, labels) in series {
                let (time, duration) = (chunk.start(row), chunk.duration(row));
                let labels = match asked.part.split_label() {
                    None => labels.clone(),
                    Some(label) => {
                        let place = asked
                            .family
                            .what
                            .bounds()
                            .partition_point(|bound| (*bound as i64) * MILLISECOND < duration);
                        let Some(value) = counted::bounds(asked.family.what).into_iter().nth(place) else { continue };
                        if !accepts_split(matchers, asked.part, &value) {
                            continue;
                        }
                        labels.with(label, &value)
                    }
                };
                let step = time.saturating_sub(range.start) / width;
                let value = duration as f64 / NANOS_PER_SECOND;
                let place = (labels, step);
                if found.get(&place).is_some_and(|known| known.value >= value) {
                    continue;
                }
                let span = chunk.row(row);
                let ids = [("trace_id", span.trace_id.to_string()), ("span_id", span.span_id.to_string())];
                if found.insert(place, FoundExemplar { labels: Labels::new(ids), value, time }).is_none() {
                    meter.charge(1)?;
                }
            }
        }
        n_spans += chunk.len();
        if n_spans >= MAX_SPANS {
            break;
        }
    }
    Ok(())
}

/// The scan with what matchers ask of columns.
fn narrowed(mut scan: Scan, matchers: &[Matcher]) -> Scan {
    for (label, column) in [("service", "service"), ("span_name", "name")] {
        let equal = matchers.iter().find_map(|matcher| match &matcher.test {
            Test::Equal(value) if matcher.name == label && value != OTHER && !value.is_empty() => Some(value.clone()),
            _ => None,
        });
        if let Some(value) = equal {
            scan = scan.filter(Filter::Text { column, wanted: Texts::exactly([value]) });
        }
    }
    scan
}
