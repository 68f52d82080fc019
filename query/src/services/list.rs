//! The services of a range, each with the rate, errors and duration of the requests it served.

use hashbrown::HashMap;
use model::{Nanos, SpanKind, TimeRange};
use store::{Scan, Snapshot, SpanChunk};

use crate::ids::Ids;
use crate::steps::Steps;
use crate::{Budget, QueryError, Warnings};

use super::resources::{Identity, Resources};
use super::stats::{Red, RedCounter};

/// How many services are told apart; a sender that makes a name of each request must not fill the memory.
const MAX_SERVICES: usize = 5_000;
/// How many versions and instances of a service are listed; further ones are counted.
const MAX_LISTED: usize = 100;

const COLUMNS: &[&str] = &["duration", "parent_span_id", "kind", "status", "resource", "service"];

/// The services that sent spans.
#[derive(Clone, Debug, Default)]
pub struct ServiceList {
    /// By namespace and name.
    pub services: Vec<ServiceSummary>,
    pub n_scanned: u64,
    pub warnings: Vec<String>,
}

/// A service in a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSummary {
    pub service: String,
    /// `service.namespace`; empty when it sends none.
    pub namespace: String,
    /// `service.version`s seen, sorted; more than one while a deployment runs.
    pub versions: Vec<String>,
    /// `service.instance.id`s seen, at most 100 of them.
    pub n_instances: usize,
    /// `telemetry.sdk.language`; empty when it sends none.
    pub language: String,
    /// `deployment.environment.name`s seen, sorted.
    pub environments: Vec<String>,
    /// Spans of any kind.
    pub n_spans: u64,
    /// Of spans of kind server and consumer; of root spans when the service has none of those in the range.
    pub requests: Red,
    /// Whether `requests` counts root spans.
    pub by_roots: bool,
    /// End of its newest span.
    pub last_seen: Nanos,
}

#[derive(Default)]
struct Draft {
    identity: Identity,
    n_spans: u64,
    served: RedCounter,
    roots: RedCounter,
    last_seen: Nanos,
}

/// The services with spans that start in `range`, with `n_buckets` steps of each measure. Spans whose resource cannot be
/// told from another by namespace and name are one service.
pub fn services(
    snapshot: &Snapshot,
    budget: &Budget,
    range: TimeRange,
    n_buckets: usize,
) -> Result<ServiceList, QueryError> {
    let steps = Steps::new(range, n_buckets);
    let mut warnings = Warnings::new();
    let mut by_name: HashMap<(String, String), usize> = HashMap::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut n_scanned = 0;
    for chunk in snapshot.spans(Scan::new(range).columns(COLUMNS)) {
        if budget.is_out_of_time()? {
            warnings.push("the time limit was reached: older spans of the range are not counted");
            break;
        }
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                warnings.unreadable(&error);
                continue;
            }
        };
        n_scanned += chunk.len() as u64;
        let mut resources = Resources::new(&chunk);
        let parents = Ids::<8>::of(chunk.batch(), "parent_span_id");
        for row in 0..chunk.len() {
            let index = resources.group(row, |namespace, service, resource| {
                let index = match by_name.get(&(namespace.to_owned(), service.to_owned())) {
                    Some(&index) => index,
                    None if drafts.len() == MAX_SERVICES => {
                        warnings.push(format!("more than {MAX_SERVICES} services: the rest is not listed"));
                        return None;
                    }
                    None => {
                        by_name.insert((namespace.to_owned(), service.to_owned()), drafts.len());
                        drafts.push(Draft::default());
                        drafts.len() - 1
                    }
                };
                drafts[index].identity.add(resource, MAX_LISTED);
                Some(index)
            });
            if let Some(index) = index {
                drafts[index].add(&chunk, row, parents.get(row).is_none(), &steps);
            }
        }
    }
    let mut services: Vec<ServiceSummary> =
        by_name.into_iter().map(|(name, index)| std::mem::take(&mut drafts[index]).finish(name, &steps)).collect();
    services.sort_by(|a, b| (&a.namespace, &a.service).cmp(&(&b.namespace, &b.service)));
    Ok(ServiceList { services, n_scanned, warnings: warnings.into_texts() })
}

impl Draft {
    fn add(&mut self, chunk: &SpanChunk, row: usize, is_root: bool, steps: &Steps) {
        let (start, duration) = (chunk.start(row), chunk.duration(row));
        self.n_spans += 1;
        self.last_seen = self.last_seen.max(start.saturating_add(duration));
        let step = steps.step_of(start);
        if matches!(chunk.kind(row), SpanKind::Server | SpanKind::Consumer) {
            self.served.add(step, duration, chunk.is_error(row));
        } else if self.served.is_empty() && is_root {
            // Only looked at when the service serves nothing; from the first served span on they need no counting.
            self.roots.add(step, duration, chunk.is_error(row));
        }
    }

    fn finish(self, (namespace, service): (String, String), steps: &Steps) -> ServiceSummary {
        let by_roots = self.served.is_empty() && !self.roots.is_empty();
        let requests = if by_roots { self.roots } else { self.served };
        ServiceSummary {
            service,
            namespace,
            versions: self.identity.versions.into_iter().collect(),
            n_instances: self.identity.instances.len(),
            language: self.identity.language,
            environments: self.identity.environments.into_iter().collect(),
            n_spans: self.n_spans,
            requests: requests.finish(steps),
            by_roots,
            last_seen: self.last_seen,
        }
    }
}
