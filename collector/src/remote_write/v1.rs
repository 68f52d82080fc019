//! `prometheus.WriteRequest`: labels as text in each series, metadata apart.

use model::Scope;
use model::prometheus::{Mark, MetricType};
use model::wire::{Raw, Reader};

use super::exemplar::Exemplar;
use super::histogram::kind_of_message;
use super::labels::{LabelSet, UTF8};
use super::metadata::Metadata;
use super::series::{Sample, Scratch, SeriesRows};
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, double, varint};
use crate::otlp::{Context, Decoded};

pub(super) fn decode(body: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    let mut decoder =
        Decoder { labels: LabelSet::default(), scratch: Scratch::of_body(body.len()), scope: Vec::new(), context };
    Mark { metric_type: MetricType::Unknown, is_metadata: false }.scope(&mut decoder.scope);
    let (mut n_series, mut metadata) = (0, Metadata::default());
    let mut reader = Reader::new(body);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => {
                bytes(raw)
                    .and_then(|it| decoder.time_series(it, n_series, decoded))
                    .within_item("timeseries", n_series)?;
                n_series += 1;
            }
            3 => metadata.push(bytes(raw).within("metadata")?, context, decoded)?,
            _ => {}
        }
    }
    Ok(())
}

struct Decoder<'a> {
    labels: LabelSet<'a>,
    scratch: Scratch,
    scope: Vec<u8>,
    context: Context,
}

impl<'a> Decoder<'a> {
    /// Fields may come in any order, so the labels are read first and the rest after.
    fn time_series(&mut self, message: &'a [u8], index: usize, decoded: &mut Decoded) -> Result<(), Malformed> {
        let Decoder { labels, scratch, scope, context } = self;
        labels.clear();
        let (mut n_labels, mut histograms) = (0, None);
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            if let (4, None, Raw::Bytes(histogram)) = (number, histograms, raw) {
                histograms = Some(kind_of_message(histogram));
            }
            if number == 1 {
                match bytes(raw).and_then(label).within_item("labels", n_labels)? {
                    Some((name, value)) => labels.push(name, value),
                    None => labels.refuse(UTF8),
                }
                n_labels += 1;
            }
        }
        let n_bytes = labels.n_bytes();
        let proper = labels.finish(n_bytes, &mut scratch.texts);
        let mut rows = SeriesRows {
            series: proper.map(|()| labels.series(Scope::new(scope))),
            metric_type: MetricType::Unknown,
            start_time: 0,
            context: *context,
            n_bytes,
            service: labels.service(),
            histograms,
            ids: [None; 3],
            decoded,
            scratch,
            index,
        };
        let before = rows.counted();
        let (mut n_samples, mut n_exemplars, mut n_histograms) = (0, 0, 0);
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                2 => {
                    let sample = bytes(raw).and_then(Sample::read).within_item("samples", n_samples)?;
                    rows.sample(n_samples, &sample);
                    n_samples += 1;
                }
                3 => {
                    let exemplar = bytes(raw).and_then(exemplar).within_item("exemplars", n_exemplars)?;
                    rows.exemplar(n_exemplars, &exemplar);
                    n_exemplars += 1;
                }
                4 => {
                    let pushed = bytes(raw).and_then(|it| rows.histogram(n_histograms, it));
                    pushed.within_item("histograms", n_histograms)?;
                    n_histograms += 1;
                }
                _ => {}
            }
        }
        rows.count_service(before, message.len());
        Ok(())
    }
}

/// Name and value of a `Label`; `None` when one is no text.
fn label(message: &[u8]) -> Result<Option<(&str, &str)>, Malformed> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => name = bytes(raw).within("name")?,
            2 => value = bytes(raw).within("value")?,
            _ => {}
        }
    }
    Ok(std::str::from_utf8(name).ok().zip(std::str::from_utf8(value).ok()))
}

fn exemplar(message: &[u8]) -> Result<Exemplar<'_>, Malformed> {
    let mut it = Exemplar::default();
    let mut n_labels = 0;
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => {
                match bytes(raw).and_then(label).within_item("labels", n_labels)? {
                    Some(label) => it.push(label),
                    None => it.refuse(UTF8),
                }
                n_labels += 1;
            }
            2 => it.value = double(raw).within("value")?,
            3 => it.time = varint(raw).within("timestamp")? as i64,
            _ => {}
        }
    }
    Ok(it)
}
