//! What to ask of a metric, by its type: a question that makes sense before anybody has written PromQL.

/// One way to look at a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Value,
    Sum,
    Rate,
    Increase,
    Median,
    P95,
    P99,
    Average,
    Count,
}

/// The views of a metric of this Prometheus type, the usual one first.
pub(super) fn of_kind(kind: &str) -> &'static [View] {
    match kind {
        "counter" => &[View::Rate, View::Increase, View::Value],
        "histogram" => &[View::P95, View::Median, View::P99, View::Average, View::Count],
        "summary" => &[View::Average, View::Count],
        _ => &[View::Value, View::Sum],
    }
}

impl View {
    /// The view called `name` among those of `kind`; the usual one when there is none.
    pub(super) fn choose(kind: &str, name: &str) -> Self {
        let views = of_kind(kind);
        views.iter().copied().find(|view| view.name() == name).unwrap_or(views[0])
    }

    /// The name in addresses.
    pub(super) fn name(self) -> &'static str {
        match self {
            View::Value => "value",
            View::Sum => "sum",
            View::Rate => "rate",
            View::Increase => "increase",
            View::Median => "p50",
            View::P95 => "p95",
            View::P99 => "p99",
            View::Average => "average",
            View::Count => "count",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            View::Value => "Value",
            View::Sum => "Sum",
            View::Rate => "Rate",
            View::Increase => "Increase",
            View::Median => "p50",
            View::P95 => "p95",
            View::P99 => "p99",
            View::Average => "Average",
            View::Count => "Events per second",
        }
    }

    /// The series that the view reads of `metric`.
    pub(super) fn series(self, metric: &str) -> String {
        match self {
            View::Median | View::P95 | View::P99 => format!("{metric}_bucket"),
            View::Average | View::Count => format!("{metric}_count"),
            View::Value | View::Sum | View::Rate | View::Increase => metric.to_owned(),
        }
    }

    /// The PromQL of the view, grouped by the labels `by`, with rates over `window`.
    pub(super) fn query(self, metric: &str, by: &[String], window: &str) -> String {
        let group = if by.is_empty() { String::new() } else { format!(" by ({})", by.join(", ")) };
        let buckets = |quantile: &str| {
            let labels: Vec<&str> = std::iter::once("le").chain(by.iter().map(String::as_str)).collect();
            format!("histogram_quantile({quantile}, sum by ({}) (rate({metric}_bucket[{window}])))", labels.join(", "))
        };
        match self {
            View::Value if by.is_empty() => metric.to_owned(),
            View::Value => format!("avg{group} ({metric})"),
            View::Sum => format!("sum{group} ({metric})"),
            View::Rate => format!("sum{group} (rate({metric}[{window}]))"),
            View::Increase => format!("sum{group} (increase({metric}[{window}]))"),
            View::Median => buckets("0.5"),
            View::P95 => buckets("0.95"),
            View::P99 => buckets("0.99"),
            View::Average => {
                format!("sum{group} (rate({metric}_sum[{window}])) / sum{group} (rate({metric}_count[{window}]))")
            }
            View::Count => format!("sum{group} (rate({metric}_count[{window}]))"),
        }
    }

    /// The unit of the answer when the metric is in `unit`.
    pub(super) fn unit(self, unit: &str) -> String {
        match self {
            View::Rate if unit == "s" => "s/s".to_owned(),
            View::Rate => format!("{}/s", if unit == "1" { "" } else { unit }),
            View::Count => "/s".to_owned(),
            View::Value | View::Sum | View::Increase | View::Median | View::P95 | View::P99 | View::Average => {
                unit.to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_usual_question() {
        let by = ["job".to_owned()];
        let table = [
            ("counter", &[][..], "sum (rate(m[3m]))"),
            ("counter", &by, "sum by (job) (rate(m[3m]))"),
            ("gauge", &[], "m"),
            ("gauge", &by, "avg by (job) (m)"),
            ("histogram", &by, "histogram_quantile(0.95, sum by (le, job) (rate(m_bucket[3m])))"),
            ("summary", &[], "sum (rate(m_sum[3m])) / sum (rate(m_count[3m]))"),
        ];
        for (kind, by, expected) in table {
            assert_eq!(View::choose(kind, "").query("m", by, "3m"), expected);
        }
        assert_eq!(View::choose("counter", "increase"), View::Increase);
        assert_eq!(View::choose("gauge", "p95"), View::Value);
    }

    #[test]
    fn units_follow_the_question() {
        assert_eq!(View::Rate.unit("By"), "By/s");
        assert_eq!(View::P95.unit("s"), "s");
        assert_eq!(View::Count.unit("s"), "/s");
    }
}
