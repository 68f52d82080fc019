//! What an SLO of OpenSLO counts.

use super::find as object;
use crate::formats::promql::{is_selector, sum_of_increase, window_of_template};
use crate::formats::{Reader, is_true, join, yaml};
use crate::spec::Place;
use crate::spec::yaml::{Node, Value};

/// The `spec` of an indicator with its path.
pub(super) struct Sli<'n> {
    spec: &'n Node,
    path: String,
}

/// The indicator of `holder`: its own, or the SLI that it names.
pub(super) fn find<'n>(
    reader: &mut Reader<'_>,
    holder: &'n Node,
    path: &str,
    documents: &'n [Node],
) -> Option<Sli<'n>> {
    if let Some(own) = holder.get("indicator") {
        let path = join(path, "indicator");
        return Some(Sli { spec: reader.required(own, &path, "spec")?, path: join(&path, "spec") });
    }
    if holder.get("indicatorRef").is_none() {
        reader.error(holder.place, path, "must have indicator or indicatorRef");
        return None;
    }
    let (name, place) = reader.text(holder, path, "indicatorRef")?;
    let Some(document) = object(documents, "SLI", name) else {
        let message = format!("names the SLI {name:?}, which is not in this file");
        reader.error(place, &join(path, "indicatorRef"), &message);
        return None;
    };
    Some(Sli { spec: reader.required(document, "", "spec")?, path: "spec".to_owned() })
}

/// The indicator in our terms for one objective of the SLO `spec`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    spec: &Node,
    objective: &Node,
    objective_path: &str,
    sli: &Sli<'_>,
) -> Option<Node> {
    let Sli { spec: sli, path } = sli;
    reader.known(sli, path, &["description", "ratioMetric", "thresholdMetric"]);
    let method = spec.get("budgetingMethod").and_then(Node::as_text).unwrap_or("Occurrences");
    if let Some(threshold) = sli.get("thresholdMetric") {
        let query = query(reader, threshold, &join(path, "thresholdMetric"))?;
        return slices(reader, objective, objective_path, query, method);
    }
    let Some(ratio) = sli.get("ratioMetric") else {
        reader.error(sli.place, path, "must have ratioMetric or thresholdMetric");
        return None;
    };
    let ratio = self::ratio(reader, ratio, &join(path, "ratioMetric"))?;
    match method {
        "Occurrences" => Some(ratio.whole()),
        // Of a ratio, each slice weighs the same.
        "RatioTimeslices" => Some(promql(ratio.place, vec![("error_ratio", ratio.error())])),
        "Timeslices" => {
            let target = reader.required(objective, objective_path, "timeSliceTarget")?;
            let error = ratio.error();
            let good = format!("1 - ({})", error.as_text().unwrap_or_default());
            let mut entries = vec![
                ("query", Node::text(error.place, good.replace("$window", slice(objective)))),
                ("op", Node::text(target.place, ">=")),
                ("value", yaml::number(target).map_or_else(|| target.clone(), |value| float(target.place, value))),
            ];
            entries.push(("slice", Node::text(target.place, slice(objective))));
            Some(Node::map(ratio.place, vec![("slices", Node::map(ratio.place, entries))]))
        }
        other => {
            let message = format!("must be Occurrences, Timeslices or RatioTimeslices, got {other:?}");
            reader.error(spec.place, "spec.budgetingMethod", &message);
            None
        }
    }
}

fn slice(objective: &Node) -> &str {
    objective.get("timeSliceWindow").and_then(Node::as_text).unwrap_or("1m")
}

fn float(place: Place, value: f64) -> Node {
    Node::new(place, Value::Float(value))
}

fn promql(place: Place, entries: Vec<(&str, Node)>) -> Node {
    Node::map(place, vec![("promql", Node::map(place, entries))])
}

/// A threshold on a value: every slice is an event.
fn slices(reader: &mut Reader<'_>, objective: &Node, path: &str, query: Query, method: &str) -> Option<Node> {
    if method == "Occurrences" {
        reader.unmapped(objective.place, path, "each minute is an event here, where OpenSLO counts samples");
    }
    reader.left_out(
        objective,
        path,
        "timeSliceTarget",
        "of a threshold is left out: a slice has one value here, the one at its end",
    );
    let (op, op_place) = reader.text(objective, path, "op")?;
    let op = match op {
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        _ => {
            reader.error(op_place, &join(path, "op"), "must be lt, lte, gt or gte");
            return None;
        }
    };
    let value = reader.required(objective, path, "value")?;
    let text = query.text.replace("$window", slice(objective));
    let entries = vec![
        ("query", Node::text(query.place, text)),
        ("op", Node::text(op_place, op)),
        ("value", yaml::number(value).map_or_else(|| value.clone(), |number| float(value.place, number))),
        ("slice", Node::text(value.place, slice(objective))),
    ];
    Some(Node::map(objective.place, vec![("slices", Node::map(objective.place, entries))]))
}

/// A ratio of events, or of what was divided already.
struct Ratio {
    place: Place,
    parts: Parts,
}

enum Parts {
    Events { is_good: bool, part: Node, total: Node },
    Error(Node),
}

impl Ratio {
    fn whole(self) -> Node {
        let place = self.place;
        match self.parts {
            Parts::Events { is_good, part, total } => {
                promql(place, vec![(if is_good { "good" } else { "bad" }, part), ("total", total)])
            }
            Parts::Error(error) => promql(place, vec![("error_ratio", error)]),
        }
    }

    /// The share of bad events.
    fn error(&self) -> Node {
        match &self.parts {
            Parts::Events { is_good, part, total } => {
                let ratio =
                    format!("({}) / ({})", part.as_text().unwrap_or_default(), total.as_text().unwrap_or_default());
                Node::text(part.place, if *is_good { format!("1 - ({ratio})") } else { ratio })
            }
            Parts::Error(error) => error.clone(),
        }
    }
}

fn ratio(reader: &mut Reader<'_>, ratio: &Node, path: &str) -> Option<Ratio> {
    reader.known(ratio, path, &["counter", "good", "bad", "total", "raw", "rawType"]);
    let place = ratio.place;
    if let Some(raw) = ratio.get("raw") {
        let raw = query(reader, raw, &join(path, "raw"))?;
        let text = raw.averaged();
        let text = match ratio.get("rawType").and_then(Node::as_text) {
            Some("failure") => text,
            _ => format!("1 - {text}"),
        };
        return Some(Ratio { place, parts: Parts::Error(Node::text(raw.place, text)) });
    }
    let (key, is_good) = if ratio.get("good").is_some() { ("good", true) } else { ("bad", false) };
    let part = reader.required(ratio, path, key)?;
    let total = reader.required(ratio, path, "total")?;
    let part = query(reader, part, &join(path, key));
    let total = query(reader, total, &join(path, "total"));
    let (part, total) = (part?, total?);
    if is_true(ratio, "counter") || part.text.contains("$window") && total.text.contains("$window") {
        let mut counted = |query: &Query| {
            if !query.is_countable() {
                let message = "the increase is taken of the whole expression, where the reset of one series looks like events that were taken back";
                reader.unmapped(query.place, path, message);
            }
            Node::text(query.place, query.counted())
        };
        let (part, total) = (counted(&part), counted(&total));
        return Some(Ratio { place, parts: Parts::Events { is_good, part, total } });
    }
    // Values, not counters: they can be set against each other, but nothing says how many events they are.
    let share = format!("{} / {}", part.averaged(), total.averaged());
    let error = Node::text(part.place, if is_good { format!("1 - {share}") } else { share });
    Some(Ratio { place, parts: Parts::Error(error) })
}

/// A PromQL expression of a data source.
struct Query {
    text: String,
    place: Place,
}

impl Query {
    fn has_window(&self) -> bool {
        self.text.contains("$window")
    }

    /// The selector of `sum(SELECTOR)`, or of `SELECTOR` itself.
    fn selector(&self) -> Option<&str> {
        let text = self.text.trim();
        let inner = text.strip_prefix("sum(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
        is_selector(inner).then_some(inner)
    }

    fn is_countable(&self) -> bool {
        self.has_window() || self.selector().is_some()
    }

    /// The events of a counter in `$window`.
    fn counted(&self) -> String {
        match self.selector() {
            _ if self.has_window() => self.text.clone(),
            Some(selector) => sum_of_increase(selector, &[]),
            None => format!("increase(({})[$window:])", self.text),
        }
    }

    /// The average of a value over `$window`.
    fn averaged(&self) -> String {
        match self.has_window() {
            true => format!("({})", self.text),
            false => format!("avg_over_time(({})[$window:])", self.text),
        }
    }
}

/// The query of `metric`, which must be PromQL.
fn query(reader: &mut Reader<'_>, metric: &Node, path: &str) -> Option<Query> {
    let source = reader.required(metric, path, "metricSource")?;
    let path = join(path, "metricSource");
    reader.known(source, &path, &["metricSourceRef", "type", "spec"]);
    if let Some(kind) = source.get("type") {
        let name = kind.as_text().unwrap_or_default().to_ascii_lowercase();
        if !["prometheus", "promql", "thanos", "mimir", "cortex", "victoriametrics"].contains(&name.as_str()) {
            let message = format!("the queries of {name:?} are no PromQL; the objective is left out");
            reader.unmapped(kind.place, &join(&path, "type"), &message);
            return None;
        }
    }
    let spec = reader.required(source, &path, "spec")?;
    let path = join(&path, "spec");
    let key = ["query", "promql"].into_iter().find(|key| spec.get(key).is_some()).unwrap_or("query");
    let (text, place) = reader.text(spec, &path, key)?;
    reader.known(spec, &path, &[key]);
    Some(Query { text: window_of_template(text.trim()), place })
}
