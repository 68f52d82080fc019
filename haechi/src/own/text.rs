//! Readings in the text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use super::readings::Metric;

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn render(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for Metric { name, help, label, samples } in metrics {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        put(&mut text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for (word, value) in samples {
            match *label {
                "" => put(&mut text, format_args!("{name} {value}\n")),
                label => put(&mut text, format_args!("{name}{{{label}=\"{word}\"}} {value}\n")),
            }
        }
    }
    text
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a String cannot fail");
}
