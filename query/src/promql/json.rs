//! Results as Prometheus' HTTP API writes them.
//!
//! Written by hand: values are strings, times are numbers with at most three decimals, and a matrix can have millions
//! of samples. Format: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::fmt::Write;

use model::time::MILLISECOND;

use super::error::PromqlError;
use super::exemplars::SeriesExemplars;
use super::histogram::Histogram;
use super::labels::Labels;
use super::metadata::{Listing, Metadata};
use super::number::write_float;
use super::value::{Millis, QueryResult, QueryValue, Value};

/// The whole answer to `/api/v1/query` or `/api/v1/query_range`.
pub fn query(result: &QueryResult) -> String {
    let mut data = String::new();
    write_data(&mut data, &result.value);
    success(&data, &result.warnings, &result.infos)
}

/// The whole answer to `/api/v1/labels` or `/api/v1/label/…/values`.
pub fn names(names: &[String], warnings: &[String]) -> String {
    success(&list(names, |out, name| write_string(out, name)), warnings, &[])
}

/// The whole answer to `/api/v1/series`.
pub fn series(sets: &[Labels], warnings: &[String]) -> String {
    success(&list(sets, write_labels), warnings, &[])
}

/// The whole answer to `/api/v1/metadata`.
pub fn metadata(metrics: &Listing<(String, Vec<Metadata>)>) -> String {
    let mut data = String::from("{");
    for (i, (name, entries)) in metrics.items.iter().enumerate() {
        if i > 0 {
            data.push(',');
        }
        write_string(&mut data, name);
        data.push(':');
        data.push_str(&list(entries, |out, entry| {
            out.push_str("{\"type\":");
            write_string(out, entry.kind);
            out.push_str(",\"help\":");
            write_string(out, &entry.help);
            out.push_str(",\"unit\":");
            write_string(out, &entry.unit);
            out.push('}');
        }));
    }
    data.push('}');
    success(&data, &metrics.warnings, &[])
}

/// The whole answer to `/api/v1/query_exemplars`.
pub fn exemplars(series: &[SeriesExemplars], warnings: &[String]) -> String {
    let data = list(series, |out, it| {
        out.push_str("{\"seriesLabels\":");
        write_labels(out, &it.labels);
        out.push_str(",\"exemplars\":");
        out.push_str(&list(&it.exemplars, |out, exemplar| {
            out.push_str("{\"labels\":");
            write_labels(out, &exemplar.labels);
            out.push_str(",\"value\":");
            write_quoted_float(out, exemplar.value);
            out.push_str(",\"timestamp\":");
            write_time(out, exemplar.time.div_euclid(MILLISECOND));
            out.push('}');
        }));
        out.push('}');
    });
    success(&data, warnings, &[])
}

/// The whole answer to a request that failed; its status is [`PromqlError::status`].
pub fn error(error: &PromqlError) -> String {
    let mut out = String::from("{\"status\":\"error\",\"errorType\":");
    write_string(&mut out, error.error_type());
    out.push_str(",\"error\":");
    write_string(&mut out, &error.to_string());
    out.push('}');
    out
}

/// The envelope of an answer around `data`, which is JSON already.
pub fn success(data: &str, warnings: &[String], infos: &[String]) -> String {
    let mut out = format!("{{\"status\":\"success\",\"data\":{data}");
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            let texts = list(texts, |out, text| write_string(out, text));
            let _infallible = write!(out, ",\"{name}\":{texts}");
        }
    }
    out.push('}');
    out
}

fn list<T>(items: &[T], mut write: impl FnMut(&mut String, &T)) -> String {
    let mut out = String::from("[");
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(&mut out, item);
    }
    out.push(']');
    out
}

/// Appends the `data` of a query's answer.
pub fn write_data(out: &mut String, value: &QueryValue) {
    let kind = match value {
        QueryValue::Scalar(..) => "scalar",
        QueryValue::String(..) => "string",
        QueryValue::Vector(_) => "vector",
        QueryValue::Matrix(_) => "matrix",
    };
    let _infallible = write!(out, "{{\"resultType\":\"{kind}\",\"result\":");
    match value {
        QueryValue::Scalar(time, float) => write_sample(out, *time, *float),
        QueryValue::String(time, text) => {
            out.push('[');
            write_time(out, *time);
            out.push(',');
            write_string(out, text);
            out.push(']');
        }
        QueryValue::Vector(samples) => out.push_str(&list(samples, |out, sample| {
            out.push_str("{\"metric\":");
            write_labels(out, &sample.labels);
            match &sample.value {
                Value::Float(float) => {
                    out.push_str(",\"value\":");
                    write_sample(out, sample.time, *float);
                }
                Value::Histogram(histogram) => {
                    out.push_str(",\"histogram\":");
                    write_histogram_sample(out, sample.time, histogram);
                }
            }
            out.push('}');
        })),
        QueryValue::Matrix(rows) => out.push_str(&list(rows, |out, row| {
            out.push_str("{\"metric\":");
            write_labels(out, &row.labels);
            if !row.floats.is_empty() || row.histograms.is_empty() {
                out.push_str(",\"values\":");
                out.push_str(&list(&row.floats, |out, (time, float)| write_sample(out, *time, *float)));
            }
            if !row.histograms.is_empty() {
                out.push_str(",\"histograms\":");
                out.push_str(&list(&row.histograms, |out, (time, it)| write_histogram_sample(out, *time, it)));
            }
            out.push('}');
        })),
    }
    out.push('}');
}

fn write_sample(out: &mut String, time: Millis, value: f64) {
    out.push('[');
    write_time(out, time);
    out.push(',');
    write_quoted_float(out, value);
    out.push(']');
}

fn write_quoted_float(out: &mut String, value: f64) {
    out.push('"');
    write_float(out, value);
    out.push('"');
}

/// Seconds with their milliseconds, if there are any.
fn write_time(out: &mut String, time: Millis) {
    let sign = if time < 0 { "-" } else { "" };
    let (seconds, millis) = (time.unsigned_abs() / 1000, time.unsigned_abs() % 1000);
    let _infallible =
        if millis == 0 { write!(out, "{sign}{seconds}") } else { write!(out, "{sign}{seconds}.{millis:03}") };
}

/// A bucket's first number says which of its bounds belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
fn write_histogram_sample(out: &mut String, time: Millis, histogram: &Histogram) {
    out.push('[');
    write_time(out, time);
    out.push_str(",{\"count\":");
    write_quoted_float(out, histogram.count);
    out.push_str(",\"sum\":");
    write_quoted_float(out, histogram.sum);
    let buckets = histogram.buckets();
    if !buckets.is_empty() {
        out.push_str(",\"buckets\":");
        out.push_str(&list(&buckets, |out, bucket| {
            let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let _infallible = write!(out, "[{rule},");
            write_quoted_float(out, bucket.lower);
            out.push(',');
            write_quoted_float(out, bucket.upper);
            out.push(',');
            write_quoted_float(out, bucket.count);
            out.push(']');
        }));
    }
    out.push_str("}]");
}

fn write_labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_string(out, value);
    }
    out.push('}');
}

fn write_string(out: &mut String, text: &str) {
    model::attrs::write_json_string(out, text);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::histogram::{Buckets, CUSTOM};
    use super::super::value::{MatrixSeries, VectorSample};
    use super::*;

    fn answer(value: QueryValue) -> String {
        query(&QueryResult { value, warnings: Vec::new(), infos: Vec::new() })
    }

    #[test]
    fn answers_have_the_shape_of_prometheus() {
        let labels = Labels::new([("__name__", "up"), ("job", "a\"b")]);
        let sample = |value| VectorSample { labels: labels.clone(), time: 1_500, value: Value::Float(value) };
        let vector = answer(QueryValue::Vector(vec![sample(f64::NAN)]));
        assert_eq!(
            vector,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[1.500,"NaN"]}]}}"#
        );
        let matrix = MatrixSeries { labels, floats: vec![(0, 1.0), (15_000, f64::INFINITY)], ..Default::default() };
        assert!(answer(QueryValue::Matrix(vec![matrix])).contains(r#""values":[[0,"1"],[15,"+Inf"]]"#));
        assert!(answer(QueryValue::Scalar(-5, 2.5)).contains(r#""resultType":"scalar","result":[-0.005,"2.5"]"#));
        assert!(answer(QueryValue::String(0, "a".into())).contains(r#""result":[0,"a"]"#));
        assert!(answer(QueryValue::Vector(Vec::new())).contains(r#""result":[]"#));
    }

    #[test]
    fn histograms_list_their_buckets() {
        let histogram = Histogram {
            schema: CUSTOM,
            count: 3.0,
            sum: 4.5,
            bounds: [1.0].into(),
            positive: Buckets::dense(0, [1.0, 2.0]),
            ..Default::default()
        };
        let row = MatrixSeries { histograms: vec![(0, Arc::new(histogram))], ..Default::default() };
        let expected = r#"{"metric":{},"histograms":[[0,{"count":"3","sum":"4.5","buckets":[[3,"-Inf","1","1"],[0,"1","+Inf","2"]]}]]}"#;
        assert!(answer(QueryValue::Matrix(vec![row])).contains(expected));
    }

    #[test]
    fn errors_and_warnings_are_in_the_envelope() {
        let failed = error(&PromqlError::bad("1:1: parse error: x"));
        assert_eq!(failed, r#"{"status":"error","errorType":"bad_data","error":"1:1: parse error: x"}"#);
        assert_eq!(names(&["a".into()], &["w".into()]), r#"{"status":"success","data":["a"],"warnings":["w"]}"#);
    }
}
