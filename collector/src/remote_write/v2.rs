//! `io.prometheus.write.v2.Request`: every text once, in a table of symbols; metadata with each series.

use model::prometheus::{Mark, MetricType};
use model::wire::{Raw, Reader};
use model::{MetricKind, Scope};

use super::exemplar::Exemplar;
use super::histogram::kind_of_message;
use super::labels::{LabelSet, MAX_VALUE, UTF8};
use super::series::{Sample, Scratch, SeriesRows, each_varint};
use crate::otlp::malformed::{Malformed, Within};
use crate::otlp::wire::{bytes, double, varint};
use crate::otlp::{Context, Decoded};

const REFERENCE: &str = "a reference is to no symbol of the request";
const ODD: &str = "labels_refs must be pairs of a name and a value";
const LARGE: &str = "help or unit of a metric is longer than 32768 bytes and was left out";

/// Symbols of a request. A symbol may have two bytes where an entry of the table has sixteen.
const MAX_SYMBOLS: usize = 1 << 20;

pub(super) fn decode(body: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    let mut decoder = Decoder {
        symbols: symbols(body)?,
        labels: LabelSet::default(),
        scratch: Scratch::of_body(body.len()),
        scope: Vec::new(),
        context,
    };
    let mut n_series = 0;
    let mut reader = Reader::new(body);
    while let Some((number, raw)) = reader.next_field()? {
        if number == 5 {
            bytes(raw).and_then(|it| decoder.time_series(it, n_series, decoded)).within_item("timeseries", n_series)?;
            n_series += 1;
        }
    }
    decoded.n_text_bytes = decoder.scratch.texts.taken();
    Ok(())
}

/// The table of symbols; `None` is one that is no text, which only matters where it is used.
fn symbols(body: &[u8]) -> Result<Vec<Option<&str>>, Malformed> {
    let mut symbols = Vec::new();
    let mut reader = Reader::new(body);
    while let Some((number, raw)) = reader.next_field()? {
        if number == 4 {
            if symbols.len() == MAX_SYMBOLS {
                return Err(Malformed::new("symbols".to_owned(), format!("more than {MAX_SYMBOLS} are not allowed")));
            }
            symbols.push(std::str::from_utf8(bytes(raw).within_item("symbols", symbols.len())?).ok());
        }
    }
    Ok(symbols)
}

struct Decoder<'a> {
    symbols: Vec<Option<&'a str>>,
    labels: LabelSet<'a>,
    scratch: Scratch,
    scope: Vec<u8>,
    context: Context,
}

/// What a series says of itself beside its samples.
#[derive(Default)]
struct About<'a> {
    metric_type: MetricType,
    help: &'a str,
    unit: &'a str,
    /// `created_timestamp` of the series, which later drafts have in each sample.
    start_time: i64,
    /// The kind of the first histogram.
    histograms: Option<MetricKind>,
}

impl<'a> Decoder<'a> {
    fn time_series(&mut self, message: &'a [u8], index: usize, decoded: &mut Decoded) -> Result<(), Malformed> {
        let about = self.about(message, index, decoded)?;
        let Decoder { symbols, labels, scratch, scope, context } = self;
        let n_bytes = labels.n_bytes() + about.help.len() + about.unit.len();
        let proper = labels.finish(n_bytes, &mut scratch.texts);
        Mark { metric_type: about.metric_type, is_metadata: false }.scope(scope);
        let mut series = labels.series(Scope::new(scope));
        (series.unit, series.description) = (about.unit, about.help);
        let mut rows = SeriesRows {
            series: proper.map(|()| series),
            metric_type: about.metric_type,
            start_time: about.start_time,
            context: *context,
            n_bytes,
            service: labels.service(),
            histograms: about.histograms,
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
                    let pushed = bytes(raw).and_then(|it| rows.histogram(n_histograms, it));
                    pushed.within_item("histograms", n_histograms)?;
                    n_histograms += 1;
                }
                4 => {
                    let exemplar = bytes(raw).and_then(|it| exemplar(symbols, it));
                    rows.exemplar(n_exemplars, &exemplar.within_item("exemplars", n_exemplars)?);
                    n_exemplars += 1;
                }
                _ => {}
            }
        }
        rows.count_service(before, message.len());
        Ok(())
    }

    /// Reads the labels into `labels`, and all else but samples, histograms and exemplars.
    fn about(&mut self, message: &[u8], index: usize, decoded: &mut Decoded) -> Result<About<'a>, Malformed> {
        let Decoder { symbols, labels, .. } = self;
        labels.clear();
        let mut name = None;
        let mut about = About::default();
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => pairs(symbols, raw, &mut name, |label| match label {
                    Ok((name, value)) => labels.push(name, value),
                    Err(problem) => labels.refuse(problem),
                })
                .within("labels_refs")?,
                3 => {
                    let histogram = bytes(raw).within("histograms")?;
                    about.histograms.get_or_insert_with(|| kind_of_message(histogram));
                }
                5 => metadata(symbols, bytes(raw).within("metadata")?, &mut about).within("metadata")?,
                6 => about.start_time = varint(raw).within("created_timestamp")? as i64,
                _ => {}
            }
        }
        if name.is_some() {
            labels.refuse(ODD);
        }
        if about.help.len().max(about.unit.len()) > MAX_VALUE {
            (about.help, about.unit) = ("", "");
            decoded.report.warn(LARGE, || format!("timeseries[{index}].metadata"));
        }
        Ok(about)
    }
}

/// The symbol that `reference` is to.
fn symbol<'a>(symbols: &[Option<&'a str>], reference: u64) -> Result<&'a str, &'static str> {
    let symbol = usize::try_from(reference).ok().and_then(|reference| symbols.get(reference)).ok_or(REFERENCE)?;
    symbol.ok_or(UTF8)
}

/// Feeds the labels of a field `labels_refs`. `name` is a name whose value may come with the next such field.
fn pairs<'a>(
    symbols: &[Option<&'a str>],
    raw: Raw<'_>,
    name: &mut Option<u64>,
    mut each: impl FnMut(Result<(&'a str, &'a str), &'static str>),
) -> Result<(), Malformed> {
    each_varint(raw, |reference| match name.take() {
        None => *name = Some(reference),
        Some(name) => each(symbol(symbols, name).and_then(|name| Ok((name, symbol(symbols, reference)?)))),
    })
}

fn metadata<'a>(symbols: &[Option<&'a str>], message: &[u8], about: &mut About<'a>) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => about.metric_type = MetricType::from_number(varint(raw).within("type")?),
            // What is lost with a wrong reference is no data.
            3 => about.help = symbol(symbols, varint(raw).within("help_ref")?).unwrap_or_default(),
            4 => about.unit = symbol(symbols, varint(raw).within("unit_ref")?).unwrap_or_default(),
            _ => {}
        }
    }
    Ok(())
}

fn exemplar<'a>(symbols: &[Option<&'a str>], message: &[u8]) -> Result<Exemplar<'a>, Malformed> {
    let mut it = Exemplar::default();
    let mut name = None;
    let mut reader = Reader::new(message);
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => pairs(symbols, raw, &mut name, |label| match label {
                Ok(label) => it.push(label),
                Err(problem) => it.refuse(problem),
            })
            .within("labels_refs")?,
            2 => it.value = double(raw).within("value")?,
            3 => it.time = varint(raw).within("timestamp")? as i64,
            _ => {}
        }
    }
    if name.is_some() {
        it.refuse(ODD);
    }
    Ok(it)
}
