//! The gauges and sums of a workload as lines of JSON for `/api/v1/import` of VictoriaMetrics, so that its storage can be
//! compared on the same data. A line is a series with its values; times are cut to milliseconds, which is what it keeps.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use collector::Signal;
use model::Nanos;
use model::attrs::write_json_string;
use model::time::MILLISECOND;

use super::Error;
use super::generate::{Exported, Generator, Number, SeriesName, series_names};
use super::workload::Workload;
use crate::logging::say;

/// Values in a line; some days, and small enough to be parsed in one go.
const VALUES_IN_A_LINE: usize = 10_000;

/// Writes the series of `workload` to the file at `path`.
pub(super) fn series(path: &Path, workload: &Workload) -> Result<(), Error> {
    if workload.requests(Signal::Metrics) == 0 || workload.requests(Signal::Metrics) == u64::MAX {
        return Err(Error::usage("--format victoria-metrics: give --samples as a total, such as 1M, or with --span"));
    }
    let at = |error: std::io::Error| Error::file(path, error);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(at)?);
    let (mut n_lines, mut n_values) = (0, 0);
    let mut write = |lines: &Lines<'_>| -> Result<(), Error> {
        n_lines += lines.names.len();
        n_values += lines.names.len() * lines.times.len();
        file.write_all(lines.text().as_bytes()).map_err(at)
    };
    let generator = Generator::new(workload);
    let names = series_names();
    for resource in 0..workload.resources {
        let mut lines: Option<Lines<'_>> = None;
        for tick in 0.. {
            let request = tick * workload.requests_per_export() + resource / workload.resources_per_request;
            if request >= workload.requests(Signal::Metrics)
                || tick * workload.resources + resource >= workload.totals[1]
            {
                break;
            }
            let export = generator.exported(resource, tick);
            let time = export.time - generator.lateness(Signal::Metrics, request);
            // Another pod has taken the place, or the lines are long enough.
            let is_full =
                |it: &Lines<'_>| it.resource.resource != export.resource || it.times.len() >= VALUES_IN_A_LINE;
            if let Some(full) = lines.take_if(|it| is_full(it)) {
                write(&full)?;
            }
            lines.get_or_insert_with(|| Lines::new(&names, &export)).push(time, &export.values);
        }
        lines.iter().try_for_each(&mut write)?;
    }
    file.flush().map_err(at)?;
    say(format_args!("{}: {n_values} values in {n_lines} lines", path.display()));
    Ok(())
}

/// The lines of a resource's series.
struct Lines<'a> {
    names: &'a [SeriesName],
    resource: Exported,
    times: Vec<Nanos>,
    /// By series.
    values: Vec<Vec<Number>>,
}

impl<'a> Lines<'a> {
    fn new(names: &'a [SeriesName], export: &Exported) -> Self {
        let resource = Exported { time: 0, resource: export.resource.clone(), values: Vec::new() };
        Lines { names, resource, times: Vec::new(), values: vec![Vec::new(); names.len()] }
    }

    fn push(&mut self, time: Nanos, values: &[Number]) {
        self.times.push(time);
        self.values.iter_mut().zip(values).for_each(|(series, value)| series.push(*value));
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for ((name, _, attributes), values) in self.names.iter().zip(&self.values) {
            out.push_str("{\"metric\":{\"__name__\":");
            write_json_string(&mut out, name);
            let mut label = |key: &str, value: &str| {
                out.push(',');
                write_json_string(&mut out, key);
                out.push(':');
                write_json_string(&mut out, value);
            };
            attributes.iter().for_each(|(key, value)| label(key, value));
            self.resource.resource_attributes().iter().for_each(|(key, value)| label(key, &value.to_string()));
            out.push_str("},\"values\":[");
            let numbers = values.iter().map(|value| match value {
                Number::Int(int) => int.to_string(),
                Number::Double(double) => double.to_string(),
            });
            out.push_str(&numbers.collect::<Vec<_>>().join(","));
            out.push_str("],\"timestamps\":[");
            let times = self.times.iter().map(|time| (time / MILLISECOND).to_string());
            out.push_str(&times.collect::<Vec<_>>().join(","));
            out.push_str("]}\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_value_is_in_a_line_of_its_series() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let workload = Workload {
            resources: 3,
            resources_per_request: 2,
            requests: [0, 9, 0],
            churn: model::time::MINUTE,
            ..Workload::sample()
        };
        series(&path, &workload).unwrap();
        let generator = Generator::new(&workload);
        let (mut n_values, mut labels) = (0, std::collections::HashSet::new());
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let (values, times) = (line["values"].as_array().unwrap(), line["timestamps"].as_array().unwrap());
            assert_eq!(values.len(), times.len());
            n_values += values.len();
            assert!(labels.insert(line["metric"].to_string()), "a line for each series");
        }
        // Of 9 requests 5 hold two resources and 4 hold one.
        assert_eq!(n_values, 14 * 100);
        let text = std::fs::read_to_string(&path).unwrap();
        let last = generator.exported(0, 4);
        assert!(text.contains(&(last.time / MILLISECOND).to_string()));
        let id = last.resource_attribute("service.instance.id");
        assert!(text.contains(&format!("\"service.instance.id\":\"{id}\"")));
    }
}
