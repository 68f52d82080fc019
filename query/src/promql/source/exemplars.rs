//! Reads stored exemplars for the series that have them: of a classic histogram the bucket that the value fell into, as
//! Prometheus keeps them, of all others the series itself.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use model::{Exemplar, SeriesId, TimeRange};
use store::{Scan, Snapshot};

use super::super::error::PromqlError;
use super::super::exemplars::{FoundExemplar, SeriesExemplars};
use super::super::labels::Labels;
use super::super::limits::Meter;
use super::super::matcher::Matcher;
use super::points::{self, Wanted};
use super::spelling::{Part, Speller, Spelling, accepts_split, split_value};
use super::stored::wanted_in;

/// The exemplars in `range` of the series that `matchers` accept, `most` at most.
pub(super) fn select(
    snapshot: &Snapshot,
    matchers: &[Matcher],
    range: TimeRange,
    most: usize,
    meter: &Meter<'_>,
) -> Result<Vec<SeriesExemplars>, PromqlError> {
    let mut wanted = wanted_in(snapshot, matchers, range, meter)?;
    wanted.retain(|it| matches!(it.part, Part::Value | Part::Buckets));
    let by_id = read(snapshot, &wanted, range, most, meter)?;
    let of_buckets = wanted.iter().filter(|it| it.part == Part::Buckets && by_id.contains_key(&it.id));
    // Bounds are those of the newest point in a somewhat wider time: an exemplar is older than the point that carries it.
    let later = TimeRange::new(range.start, range.end.saturating_add(LATER));
    let layouts = points::layouts(snapshot, of_buckets.map(|it| (it.id, it.metric)).collect(), later, meter)?;
    let mut found: HashMap<Labels, Vec<FoundExemplar>> = HashMap::new();
    for it in &wanted {
        let Some(exemplars) = by_id.get(&it.id) else { continue };
        for exemplar in exemplars {
            let labels = match it.part.split_label() {
                None => it.labels.clone(),
                Some(label) => {
                    let bounds = layouts.get(&it.id).into_iter().flatten();
                    let Some(bound) = bounds.copied().find(|bound| exemplar.value <= *bound) else { continue };
                    let value = split_value(bound);
                    if !accepts_split(matchers, it.part, &value) {
                        continue;
                    }
                    it.labels.with(label, &value)
                }
            };
            found.entry(labels).or_default().push(exemplar.clone());
        }
    }
    let series = found.into_iter().map(|(labels, mut exemplars)| {
        exemplars.sort_by_key(|it| it.time);
        SeriesExemplars { labels, exemplars }
    });
    Ok(series.collect())
}

/// How long after an exemplar the point comes that has it, at most: SDKs export every minute.
const LATER: i64 = 5 * model::time::MINUTE;

fn read(
    snapshot: &Snapshot,
    wanted: &[Wanted],
    range: TimeRange,
    most: usize,
    meter: &Meter<'_>,
) -> Result<HashMap<SeriesId, Vec<FoundExemplar>>, PromqlError> {
    let as_written: HashSet<SeriesId> = wanted.iter().filter(|it| it.as_written()).map(|it| it.id).collect();
    let ids: HashSet<SeriesId> = wanted.iter().map(|it| it.id).collect();
    let mut found: HashMap<SeriesId, Vec<FoundExemplar>> = HashMap::new();
    if ids.is_empty() || most == 0 {
        return Ok(found);
    }
    let (mut speller, mut n_found) = (Speller::default(), 0);
    for chunk in snapshot.exemplars(Scan::new(range).series(Arc::new(ids))) {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                super::report(&error, meter);
                continue;
            }
        };
        meter.charge(chunk.len().min(most - n_found))?;
        for row in 0..chunk.len() {
            let exemplar = chunk.row(row);
            let labels = labels(&exemplar, as_written.contains(&exemplar.series), &mut speller);
            let it = FoundExemplar { labels, value: exemplar.value, time: exemplar.time };
            found.entry(exemplar.series).or_default().push(it);
            n_found += 1;
            if n_found == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The names of the ids are those that Prometheus' receiver of OTLP gives.
fn labels(exemplar: &Exemplar<'_>, as_written: bool, speller: &mut Speller) -> Labels {
    let spelling = if as_written { Spelling::AsSent } else { Spelling::Prometheus };
    let mut pairs = speller.attributes(exemplar.attrs, spelling, "");
    let ids = [
        ("trace_id", exemplar.trace_id.map(|id| id.to_string())),
        ("span_id", exemplar.span_id.map(|id| id.to_string())),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            pairs.retain(|(known, _)| &**known != name);
            pairs.push((name.into(), id.into()));
        }
    }
    Labels::new(pairs)
}
