//! `ExportLogsServiceRequest` to rows of log records.

use std::borrow::Cow;
use std::fmt::Write;

use model::attrs::Bounded;
use model::wire::Reader;
use model::{Attrs, LogRecord, Nanos, SpanId, TraceId, Value};

use super::anyvalue::{check_key_value, check_value};
use super::groups::{Names, Owner, walk};
use super::ids;
use super::limited::{LOG_RECORD, MAX_ITEMS, MAX_VALUE, TEXT, TOO_MANY, limited};
use super::malformed::{Malformed, Within};
use super::wire::{bytes, fixed32, fixed64, text, uint32, varint};
use super::{Context, Decoded};

const NAMES: Names = Names { resources: "resource_logs", scopes: "scope_logs", items: "log_records" };

const TIME: &str = "time_unix_nano or observed_time_unix_nano is after the year 2262";
const TOO_OLD: &str = "time_unix_nano is older than the retention of this server";
const UNIT: &str = "time_unix_nano is before the year 2000, older than the retention of this server; it must be in nanoseconds since 1970";
const AHEAD: &str = "time_unix_nano is more than a day ahead of this server's clock; check the clock of the sender";

/// `SEVERITY_NUMBER_FATAL4`
const MAX_SEVERITY: u64 = 24;
const SEVERITY: &str = "severity_number must be from 0 to 24; it was stored as 0, which is unspecified";

pub(super) fn decode(body: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    let (mut body_text, mut scratch) = (BodyText::default(), Vec::new());
    walk(body, &NAMES, decoded, |decoded, owner, place, message| {
        let message = limited(message, &LOG_RECORD, &mut scratch, &mut decoded.report, || place.path());
        let fields = Fields::read(message)?;
        decoded.n_items += 1;
        if decoded.n_items > MAX_ITEMS {
            decoded.report.reject(TOO_MANY, 1, || place.path());
            return Ok(());
        }
        match fields.log_record(owner, message, &mut body_text, context) {
            Ok(log) => {
                decoded.rows.logs.push(&log);
                decoded.gathered.log(&log);
                decoded.has_time |= fields.time != 0 || fields.observed_time != 0;
                ids::OF_LOG.check(fields.trace_id, fields.span_id, &mut decoded.report, || place.path());
                if std::mem::take(&mut body_text.is_cut) {
                    decoded.report.warn(TEXT, || place.path());
                }
                if fields.severity_number > MAX_SEVERITY {
                    decoded.report.warn(SEVERITY, || place.path());
                }
            }
            Err(reason) => decoded.report.reject(reason, 1, || place.path()),
        }
        Ok(())
    })
}

/// Memory for the text of a body that is not a string.
#[derive(Default)]
struct BodyText {
    text: String,
    is_cut: bool,
}

/// The fields of a `LogRecord` message but its attributes.
#[derive(Default)]
struct Fields<'a> {
    time: u64,
    observed_time: u64,
    severity_number: u64,
    severity_text: &'a str,
    /// An `AnyValue` message.
    body: Cow<'a, [u8]>,
    event_name: &'a str,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    flags: u32,
    dropped_attributes: u32,
}

impl<'a> Fields<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut it = Fields::default();
        let mut n_attributes = 0;
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => it.time = fixed64(raw).within("time_unix_nano")?,
                2 => it.severity_number = varint(raw).within("severity_number")?,
                3 => it.severity_text = text(raw).within("severity_text")?,
                5 => {
                    let body = bytes(raw).within("body")?;
                    check_value(body).within("body")?;
                    // A message field given twice is the two merged: one after the other.
                    if it.body.is_empty() {
                        it.body = body.into();
                    } else {
                        it.body.to_mut().extend_from_slice(body);
                    }
                }
                6 => {
                    bytes(raw).and_then(check_key_value).within_item("attributes", n_attributes)?;
                    n_attributes += 1;
                }
                7 => it.dropped_attributes = uint32(raw).within("dropped_attributes_count")?,
                8 => it.flags = fixed32(raw).within("flags")?,
                9 => it.trace_id = bytes(raw).within("trace_id")?,
                10 => it.span_id = bytes(raw).within("span_id")?,
                11 => it.observed_time = fixed64(raw).within("observed_time_unix_nano")?,
                12 => it.event_name = text(raw).within("event_name")?,
                _ => {}
            }
        }
        Ok(it)
    }

    /// The row, or why the record is rejected. `body_text` is memory for a body that is not a string.
    ///
    /// An invalid trace or span id means "not correlated" and never costs a record (logs data model, "Trace context
    /// fields"); a severity outside of 1 to 24 counts as unspecified.
    fn log_record<'b>(
        &'b self,
        owner: &Owner<'b>,
        message: &'b [u8],
        body_text: &'b mut BodyText,
        context: Context,
    ) -> Result<LogRecord<'b>, &'static str>
    where
        'a: 'b,
    {
        let (Ok(own_time), Ok(observed_time)) = (Nanos::try_from(self.time), Nanos::try_from(self.observed_time))
        else {
            return Err(TIME);
        };
        let time = match (own_time, observed_time) {
            (0, 0) => context.received_at,
            (0, observed) => observed,
            (own, _) => own,
        };
        context.check_age(time, UNIT, TOO_OLD)?;
        if time > context.newest_accepted() {
            return Err(AHEAD);
        }
        let (body, body_value): (&str, &[u8]) = match Value::parse(&self.body) {
            Value::Str(text) => (text, &[]),
            Value::Empty => ("", &[]),
            other => {
                // A number of eleven bytes has three hundred digits.
                body_text.text.clear();
                body_text.is_cut = write!(Bounded::new(&mut body_text.text, MAX_VALUE), "{other}").is_err();
                (&body_text.text, &self.body)
            }
        };
        Ok(LogRecord {
            time,
            observed_time,
            severity_number: if self.severity_number > MAX_SEVERITY { 0 } else { self.severity_number as u8 },
            severity_text: self.severity_text,
            body,
            body_value,
            event_name: self.event_name,
            trace_id: TraceId::from_bytes(self.trace_id),
            span_id: SpanId::from_bytes(self.span_id),
            flags: self.flags,
            attrs: Attrs::in_field(message, 6),
            dropped_attributes: self.dropped_attributes,
            service: owner.service,
            resource: owner.resource,
            scope: owner.scope,
        })
    }
}
