//! Many SLOs over one signal, put together so that one pass over the rows counts for all of them.
//!
//! A row is compared with the SLOs of its service and operation only. What several of them ask is asked once: a condition
//! that two filters share is one condition here, and the attributes of `by` are read once for all that group by them.

use std::collections::HashMap;
use std::sync::Arc;

use model::Nanos;
use query::QueryError;
use query::lang::{LogFilter, LogTerms, SpanFilter, conditions};
use slo::Slo;
use slo::spec::{Indicator, LogJudge, SpanSli};

use super::signal::{Logs, Signal, Spans};

/// SLOs, compiled.
pub(super) struct Plan<S: Signal> {
    /// Different ones: SLOs that differ in their objective or window alone are counted once.
    pub(super) slos: Vec<Planned>,
    /// Of each SLO, in the order in which they were given, its place in `slos`.
    pub(super) places: Vec<u32>,
    /// Where in `slos` those of a service are.
    pub(super) by_service: HashMap<String, OfService>,
    /// Different ones.
    pub(super) conditions: Vec<S::Filter>,
    /// The keys of `by`, different ones.
    pub(super) groupings: Vec<Vec<String>>,
    /// Whether attributes are read beside those of the conditions.
    pub(super) reads_attributes: bool,
}

/// Places in [`Plan::slos`] of one service.
#[derive(Debug, Default, PartialEq)]
pub(super) struct OfService {
    /// By the operation that they name.
    by_operation: HashMap<String, Vec<u32>>,
    /// Those that name none.
    of_any: Vec<u32>,
}

impl OfService {
    /// Those that a row of this operation may count for.
    pub(super) fn of(&self, operation: &str) -> impl Iterator<Item = u32> {
        let named = self.by_operation.get(operation).into_iter().flatten();
        named.chain(&self.of_any).copied()
    }
}

/// What an SLO counts.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) width: Nanos,
    /// The number of the kind.
    pub(super) kind: Option<u8>,
    /// Places in [`Plan::conditions`]: all must hold.
    pub(super) conditions: Vec<u32>,
    pub(super) judge: Judge,
    /// Place in [`Plan::groupings`].
    pub(super) grouping: Option<u32>,
}

/// Which of the rows that count are good.
#[derive(Debug, PartialEq)]
pub(super) enum Judge {
    Span(SpanSli),
    /// Good are those of which this condition says so.
    Condition {
        index: u32,
        is_good: bool,
    },
}

/// A text that cannot be compiled: its key in the file, and why.
#[derive(Debug)]
pub(crate) struct BadQuery {
    pub(crate) key: &'static str,
    pub(crate) error: QueryError,
}

impl Plan<Spans> {
    /// The plan of those of `slos` that count spans.
    pub(super) fn spans(slos: &[Arc<Slo>]) -> Result<Self, BadQuery> {
        let mut builder = Builder::new();
        for slo in slos {
            let Indicator::Spans(spans) = &slo.indicator else { continue };
            let selector = &spans.selector;
            let mut conditions = Vec::new();
            for (key, value) in &selector.attributes {
                let text = format!("{key}\0{value}");
                conditions.push(builder.condition(text, || Ok(SpanFilter::attribute(key, value)))?);
            }
            let parts = parts(selector.filter.as_deref().unwrap_or_default());
            for part in parts {
                let parse = || SpanFilter::parse(part);
                conditions.push(builder.condition(part.to_owned(), parse).map_err(bad("filter"))?);
            }
            builder.reads_attributes |= spans.reads_http_status();
            let kind = selector.kind.map(|kind| kind as u8);
            builder.add(slo, selector.operation.clone(), kind, conditions, Judge::Span(spans.clone()));
        }
        Ok(builder.finish())
    }
}

impl Plan<Logs> {
    /// The plan of those of `slos` that count log records.
    pub(super) fn logs(slos: &[Arc<Slo>]) -> Result<Self, BadQuery> {
        let mut builder = Builder::new();
        for slo in slos {
            let Indicator::Logs(logs) = &slo.indicator else { continue };
            let parse = |query: &str| LogFilter::new(&LogTerms { query, ..LogTerms::default() });
            let mut conditions = Vec::new();
            for part in parts(logs.filter.as_deref().unwrap_or_default()) {
                conditions
                    .push(builder.condition(part.to_owned(), || parse(part)).map_err(bad("indicator.logs.filter"))?);
            }
            let (key, text, is_good) = match &logs.judge {
                LogJudge::Good(text) => ("indicator.logs.good", text, true),
                LogJudge::Bad(text) => ("indicator.logs.bad", text, false),
            };
            let index = builder.condition(text.clone(), || parse(text)).map_err(bad(key))?;
            builder.add(slo, None, None, conditions, Judge::Condition { index, is_good });
        }
        Ok(builder.finish())
    }
}

/// The conditions that a query joins by AND, if they can stand alone.
fn parts(query: &str) -> Vec<&str> {
    if query.trim().is_empty() { Vec::new() } else { conditions(query) }
}

fn bad(key: &'static str) -> impl Fn(BadQuery) -> BadQuery {
    move |bad| BadQuery { key, ..bad }
}

struct Builder<S: Signal> {
    plan: Plan<S>,
    /// Places of conditions by their text.
    known: HashMap<String, u32>,
    reads_attributes: bool,
}

impl<S: Signal> Builder<S> {
    fn new() -> Self {
        let plan = Plan {
            slos: Vec::new(),
            places: Vec::new(),
            by_service: HashMap::new(),
            conditions: Vec::new(),
            groupings: Vec::new(),
            reads_attributes: false,
        };
        Builder { plan, known: HashMap::new(), reads_attributes: false }
    }

    fn condition(
        &mut self,
        text: String,
        compile: impl FnOnce() -> Result<S::Filter, QueryError>,
    ) -> Result<u32, BadQuery> {
        if let Some(index) = self.known.get(&text) {
            return Ok(*index);
        }
        self.plan.conditions.push(compile().map_err(|error| BadQuery { key: "attributes", error })?);
        let index = self.plan.conditions.len() as u32 - 1;
        self.known.insert(text, index);
        Ok(index)
    }

    fn add(&mut self, slo: &Slo, operation: Option<String>, kind: Option<u8>, conditions: Vec<u32>, judge: Judge) {
        let plan = &mut self.plan;
        let grouping = slo.by.as_ref().map(|by| {
            let known = plan.groupings.iter().position(|keys| *keys == by.keys);
            known.unwrap_or_else(|| {
                plan.groupings.push(by.keys.clone());
                plan.groupings.len() - 1
            }) as u32
        });
        let of_service = plan.by_service.entry(slo.service.clone()).or_default();
        let of_service = match operation {
            Some(operation) => of_service.by_operation.entry(operation).or_default(),
            None => &mut of_service.of_any,
        };
        let planned = Planned { width: slo.bucket_width(), kind, conditions, judge, grouping };
        let known = of_service.iter().copied().find(|place| plan.slos[*place as usize] == planned);
        let place = known.unwrap_or_else(|| {
            plan.slos.push(planned);
            of_service.push(plan.slos.len() as u32 - 1);
            plan.slos.len() as u32 - 1
        });
        plan.places.push(place);
    }

    fn finish(mut self) -> Plan<S> {
        self.plan.reads_attributes = self.reads_attributes || !self.plan.groupings.is_empty();
        self.plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slos(text: &str) -> Vec<Arc<Slo>> {
        slo::spec::parse("f.yaml", text).unwrap_or_else(|errors| panic!("{errors}")).into_iter().map(Arc::new).collect()
    }

    #[test]
    fn what_several_slos_ask_is_asked_once() {
        let slos = slos(
            "slos:
  - {service: a, objective: 99, indicator: availability, filter: 'tenant=x AND cloud=y', by: http.route}
  - {service: a, objective: 99, indicator: {latency: {threshold: 1s}}, filter: 'cloud=y', by: [http.route]}
  - {service: b, objective: 99, indicator: availability, attributes: {tenant: x}, by: tenant}
  - {service: b, name: c, objective: 99, indicator: availability, attributes: {tenant: x}, filter: 'a=1 OR b=2'}
  - {service: b, name: e, objective: 99.9, indicator: availability, attributes: {tenant: x}, by: tenant}
  - {service: b, name: o, operation: o, objective: 99, indicator: availability}
  - {service: b, name: d, objective: 99, indicator: {logs: {bad: 'severity>=error'}}}
",
        );
        let plan = Plan::spans(&slos).unwrap();
        let conditions: Vec<_> = plan.slos.iter().map(|slo| slo.conditions.clone()).collect();
        assert_eq!(conditions, [vec![0, 1], vec![1], vec![2], vec![2, 3], vec![]]);
        assert_eq!((plan.conditions.len(), plan.groupings.len()), (4, 2));
        let of = |service: &str, operation: &str| plan.by_service[service].of(operation).collect::<Vec<_>>();
        assert_eq!((of("a", "o"), of("b", "o"), of("b", "x")), (vec![0, 1], vec![4, 2, 3], vec![2, 3]));
        assert_eq!(plan.places, [0, 1, 2, 3, 2, 4]);
        assert_eq!(Plan::logs(&slos).unwrap().places, [0]);
    }

    #[test]
    fn a_text_that_is_no_condition_is_named() {
        let table = [
            ("indicator: availability\nfilter: 'a=('\n", "filter"),
            ("indicator: availability\nfilter: '{a=1} CHILD OF {b=2}'\n", "filter"),
            ("indicator: {logs: {good: 'a=('}}\n", "indicator.logs.good"),
            ("indicator: {logs: {filter: 'a=(', bad: b}}\n", "indicator.logs.filter"),
        ];
        for (keys, expected) in table {
            let slos = slos(&format!("service: s\nobjective: 99\n{keys}"));
            let bad = Plan::spans(&slos).err().or(Plan::logs(&slos).err()).unwrap();
            assert_eq!(bad.key, expected, "{keys}: {bad:?}");
        }
    }
}
