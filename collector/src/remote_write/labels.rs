//! The labels of a series: checked, sorted, and in the form in which the store keeps them.

use model::resource::UNKNOWN_SERVICE;
use model::wire::{put_bytes_field, put_varint};
use model::{Attrs, AttrsBuf, MetricKind, Resource, Scope, Series, Temporality, Value};

use super::texts::Texts;

/// Labels of one series; Prometheus itself has a few dozen.
pub(super) const MAX_LABELS: usize = 256;
/// Bytes of a label's name.
pub(super) const MAX_NAME: usize = 1 << 10;
/// Bytes of a label's value, or of a metric's name.
pub(super) const MAX_VALUE: usize = 32 << 10;
/// Bytes of all names and values of one series or exemplar: what the attributes of a data point of OTLP may have.
pub(super) const MAX_BYTES: usize = 64 << 10;

pub(super) const UTF8: &str = "a label is not valid UTF-8";
const NO_NAME: &str = "the series has no label __name__";
const EMPTY_NAME: &str = "a label has no name";
const DUPLICATE: &str = "a label name is there twice";
const TOO_MANY: &str = "the series has more than 256 labels";
const LONG_NAME: &str = "a label name is longer than 1024 bytes";
const LONG_VALUE: &str = "a label value is longer than 32768 bytes";
const LARGE: &str = "the labels of the series take more than 64 KiB";

/// The labels of one series after the other, read into the same memory.
#[derive(Default)]
pub(super) struct LabelSet<'a> {
    labels: Vec<(&'a str, &'a str)>,
    /// Of `labels`.
    n_bytes: usize,
    problem: Option<&'static str>,
    name: &'a str,
    job: &'a str,
    instance: &'a str,
    /// The others as a canonical `KeyValueList`.
    attributes: Vec<u8>,
    /// The resource of `resource_of`: the job and instance before.
    resource: Vec<u8>,
    resource_of: (&'a str, &'a str),
}

impl<'a> LabelSet<'a> {
    pub(super) fn clear(&mut self) {
        self.labels.clear();
        (self.n_bytes, self.problem) = (0, None);
    }

    /// Bytes of the labels pushed.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Adds a label. An empty value is as good as none, to Prometheus too.
    pub(super) fn push(&mut self, name: &'a str, value: &'a str) {
        if name.is_empty() {
            self.refuse(EMPTY_NAME);
        } else if name.len() > MAX_NAME {
            self.refuse(LONG_NAME);
        } else if value.len() > MAX_VALUE {
            self.refuse(LONG_VALUE);
        } else if self.labels.len() == MAX_LABELS {
            self.refuse(TOO_MANY);
        } else if self.n_bytes + name.len() + value.len() > MAX_BYTES {
            self.refuse(LARGE);
        } else if !value.is_empty() {
            self.n_bytes += name.len() + value.len();
            self.labels.push((name, value));
        }
    }

    /// The series is rejected for this reason, unless there was one before.
    pub(super) fn refuse(&mut self, problem: &'static str) {
        self.problem.get_or_insert(problem);
    }

    /// Brings the labels that were pushed into the form of the store, or says why the series is rejected. Unsorted labels are
    /// sorted: the specification asks it of senders, and some do not keep it. `n_bytes` are those of the labels and of all else
    /// that is kept of the series.
    pub(super) fn finish(&mut self, n_bytes: usize, texts: &mut Texts) -> Result<(), &'static str> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        texts.take(n_bytes)?;
        if !self.labels.is_sorted_by(|a, b| a.0 < b.0) {
            self.labels.sort_unstable_by_key(|(name, _)| *name);
            if self.labels.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(DUPLICATE);
            }
        }
        (self.name, self.job, self.instance) = ("", "", "");
        self.attributes.clear();
        for (name, value) in &self.labels {
            match *name {
                "__name__" => self.name = value,
                "job" => self.job = value,
                "instance" => self.instance = value,
                name => put_attribute(&mut self.attributes, name, value),
            }
        }
        if self.name.is_empty() {
            return Err(NO_NAME);
        }
        if self.resource_of != (self.job, self.instance) {
            self.resource_of = (self.job, self.instance);
            let mut resource = AttrsBuf::new();
            for (key, value) in [("service.name", self.job), ("service.instance.id", self.instance)] {
                if !value.is_empty() {
                    resource.push(key, Value::Str(value));
                }
            }
            self.resource.clear();
            self.resource.extend_from_slice(resource.as_bytes());
        }
        Ok(())
    }

    /// The service of these labels, also where [`LabelSet::finish`] refuses them: `job` as far as it was read.
    pub(super) fn service(&self) -> &'a str {
        let job = self.labels.iter().find(|(name, _)| *name == "job");
        job.map_or(UNKNOWN_SERVICE, |(_, job)| job)
    }

    /// The series of these labels, as a gauge without a description.
    pub(super) fn series<'s>(&'s self, scope: Scope<'s>) -> Series<'s> {
        Series {
            name: self.name,
            unit: "",
            description: "",
            kind: MetricKind::Gauge,
            temporality: Temporality::Unspecified,
            monotonic: false,
            attrs: Attrs::new(&self.attributes),
            attr_bytes: &self.attributes,
            service: self.service(),
            resource: Resource::new(&self.resource),
            scope,
        }
    }
}

/// Appends a string attribute to a `KeyValueList`: what [`AttrsBuf::push`] does, without memory of its own.
fn put_attribute(out: &mut Vec<u8>, key: &str, value: &str) {
    let any = 1 + varint_length(value.len()) + value.len();
    let entry = 1 + varint_length(key.len()) + key.len() + 1 + varint_length(any) + any;
    put_varint(out, 1 << 3 | 2);
    put_varint(out, entry as u64);
    put_bytes_field(out, 1, key.as_bytes());
    put_varint(out, 2 << 3 | 2);
    put_varint(out, any as u64);
    put_bytes_field(out, 1, value.as_bytes());
}

fn varint_length(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use model::AttrsBuf;

    use super::*;

    fn finish(labels: &mut LabelSet<'_>) -> Result<(), &'static str> {
        labels.finish(labels.n_bytes(), &mut Texts::of_body(1 << 20))
    }

    #[test]
    fn attributes_are_encoded_as_everywhere_else() {
        let texts = [0, 1, 60, 120, 127, 128, 300, 16_383, 16_384].map(|length| "x".repeat(length));
        for (key, value) in texts.iter().flat_map(|key| texts.iter().map(move |value| (key, value))) {
            let mut expected = AttrsBuf::new();
            expected.push(key, Value::Str(value));
            let mut out = Vec::new();
            put_attribute(&mut out, key, value);
            assert!(out == expected.as_bytes(), "{} and {}", key.len(), value.len());
        }
    }

    #[test]
    fn labels_become_name_resource_and_attributes() {
        let mut labels = LabelSet::default();
        for (name, value) in
            [("job", "api"), ("__name__", "up"), ("zone", "z"), ("code", "200"), ("empty", ""), ("instance", "h:9090")]
        {
            labels.push(name, value);
        }
        assert_eq!(finish(&mut labels), Ok(()));
        let series = labels.series(Scope::default());
        let pairs = |attrs: Attrs<'_>| attrs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        assert_eq!((series.name, series.service), ("up", "api"));
        assert_eq!(pairs(series.attrs), ["code=200", "zone=z"]);
        assert_eq!(pairs(series.resource.attrs()), ["service.name=api", "service.instance.id=h:9090"]);

        labels.clear();
        labels.push("__name__", "up");
        assert_eq!(finish(&mut labels), Ok(()));
        let series = labels.series(Scope::default());
        assert_eq!(
            (series.service, series.resource.as_bytes(), series.attr_bytes),
            ("unknown_service", &b""[..], &b""[..])
        );
    }

    #[test]
    fn improper_labels_are_refused_with_the_reason() {
        let (long_name, long_value) = ("n".repeat(MAX_NAME + 1), "v".repeat(MAX_VALUE + 1));
        let large = "v".repeat(MAX_VALUE);
        let many: Vec<String> = (0..=MAX_LABELS).map(|number| format!("l{number:04}")).collect();
        let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
            (vec![], NO_NAME),
            (vec![("__name__", "")], NO_NAME),
            (vec![("__name__", "up"), ("", "x")], EMPTY_NAME),
            (vec![("__name__", "up"), ("a", "1"), ("a", "1")], DUPLICATE),
            (vec![("b", "1"), ("__name__", "up"), ("a", "2"), ("b", "2")], DUPLICATE),
            (vec![("__name__", "up"), ("__name__", "down")], DUPLICATE),
            (vec![(&long_name, "x")], LONG_NAME),
            (vec![("x", &long_value)], LONG_VALUE),
            (many.iter().map(|name| (name.as_str(), "x")).collect(), TOO_MANY),
            (vec![("__name__", "up"), ("a", &large), ("b", &large)], LARGE),
        ];
        for (pairs, expected) in cases {
            let mut labels = LabelSet::default();
            pairs.iter().for_each(|(name, value)| labels.push(name, value));
            assert_eq!(finish(&mut labels), Err(expected));
        }
    }
}
