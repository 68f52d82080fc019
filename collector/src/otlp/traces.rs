//! `ExportTraceServiceRequest` to rows of spans.

use model::span::{Events, Links};
use model::wire::{Reader, put_bytes_field};
use model::{Attrs, Nanos, Span, SpanId, SpanKind, StatusCode, TraceId};

use super::anyvalue::check_key_value;
use super::groups::{Names, Owner, walk};
use super::ids;
use super::limited::{MAX_ITEMS, SPAN, TOO_MANY, limited};
use super::malformed::{Malformed, Within};
use super::wire::{bytes, fixed32, fixed64, text, uint32, varint};
use super::{Context, Decoded};

const NAMES: Names = Names { resources: "resource_spans", scopes: "scope_spans", items: "spans" };

const NO_TIME: &str = "start_time_unix_nano is 0; it is required, in nanoseconds since 1970";
const TIME: &str = "start_time_unix_nano or end_time_unix_nano is after the year 2262";
const TOO_OLD: &str = "start_time_unix_nano is older than the retention of this server";
const UNIT: &str = "start_time_unix_nano is before the year 2000, older than the retention of this server; it must be in nanoseconds since 1970";
const AHEAD: &str = "start_time_unix_nano or end_time_unix_nano is more than a day ahead of this server's clock; check the clock of the sender";

const ENDS_BEFORE: &str = "end_time_unix_nano is before start_time_unix_nano; the span was stored with a duration of 0";
/// `SPAN_KIND_CONSUMER`
const MAX_KIND: u64 = 5;
const KIND: &str = "kind must be from 0 to 5; the span was stored as internal";
/// `STATUS_CODE_ERROR`
const MAX_STATUS: u64 = 2;
const STATUS: &str = "code of the status must be from 0 to 2; it was stored as 0, which is unset";

pub(super) fn decode(body: &[u8], context: Context, decoded: &mut Decoded) -> Result<(), Malformed> {
    let (mut lists, mut scratch) = (Lists::default(), Vec::new());
    walk(body, &NAMES, decoded, |decoded, owner, place, message| {
        let message = limited(message, &SPAN, &mut scratch, &mut decoded.report, || place.path());
        let fields = Fields::read(message, &mut lists)?;
        decoded.n_items += 1;
        if decoded.n_items > MAX_ITEMS {
            decoded.report.reject(TOO_MANY, 1, || place.path());
            return Ok(());
        }
        match fields.span(owner, message, &lists, context) {
            Ok(span) => {
                decoded.rows.spans.push(&span);
                decoded.gathered.span(&span);
                decoded.has_time = true;
                if fields.end < fields.start {
                    decoded.report.warn(ENDS_BEFORE, || place.path());
                }
                if fields.kind > MAX_KIND {
                    decoded.report.warn(KIND, || place.path());
                }
                if fields.status > MAX_STATUS {
                    decoded.report.warn(STATUS, || place.path());
                }
                for (trace_id, span_id) in &fields.odd_links {
                    ids::OF_LINK.check(trace_id, span_id, &mut decoded.report, || place.path());
                }
            }
            Err(reason) => decoded.report.reject(reason, 1, || place.path()),
        }
        Ok(())
    })
}

/// Events and links of one span, as repeated field 1 of each; the memory is used again for the next span.
#[derive(Default)]
struct Lists {
    events: Vec<u8>,
    links: Vec<u8>,
}

/// The fields of a `Span` message but its lists.
#[derive(Default)]
struct Fields<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a str,
    name: &'a str,
    kind: u64,
    start: u64,
    end: u64,
    status: u64,
    status_message: &'a str,
    flags: u32,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
    /// The ids of links that have other lengths than ids have.
    odd_links: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Fields<'a> {
    fn read(message: &'a [u8], lists: &mut Lists) -> Result<Self, Malformed> {
        lists.events.clear();
        lists.links.clear();
        let mut it = Fields::default();
        let (mut n_attributes, mut n_events, mut n_links) = (0, 0, 0);
        let mut reader = Reader::new(message);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                1 => it.trace_id = bytes(raw).within("trace_id")?,
                2 => it.span_id = bytes(raw).within("span_id")?,
                3 => it.trace_state = text(raw).within("trace_state")?,
                4 => it.parent_span_id = bytes(raw).within("parent_span_id")?,
                5 => it.name = text(raw).within("name")?,
                6 => it.kind = varint(raw).within("kind")?,
                7 => it.start = fixed64(raw).within("start_time_unix_nano")?,
                8 => it.end = fixed64(raw).within("end_time_unix_nano")?,
                9 => {
                    bytes(raw).and_then(check_key_value).within_item("attributes", n_attributes)?;
                    n_attributes += 1;
                }
                10 => it.dropped_attributes = uint32(raw).within("dropped_attributes_count")?,
                11 => {
                    let event = bytes(raw).and_then(check_event).within_item("events", n_events)?;
                    put_bytes_field(&mut lists.events, 1, event);
                    n_events += 1;
                }
                12 => it.dropped_events = uint32(raw).within("dropped_events_count")?,
                13 => {
                    let link = bytes(raw).within_item("links", n_links)?;
                    let (trace_id, span_id) = check_link(link).within_item("links", n_links)?;
                    if (trace_id.len(), span_id.len()) != (ids::TRACE_ID_BYTES, ids::SPAN_ID_BYTES) {
                        it.odd_links.push((trace_id, span_id));
                    }
                    put_bytes_field(&mut lists.links, 1, link);
                    n_links += 1;
                }
                14 => it.dropped_links = uint32(raw).within("dropped_links_count")?,
                15 => bytes(raw).and_then(|status| it.read_status(status)).within("status")?,
                16 => it.flags = fixed32(raw).within("flags")?,
                _ => {}
            }
        }
        Ok(it)
    }

    fn read_status(&mut self, status: &'a [u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(status);
        while let Some((number, raw)) = reader.next_field()? {
            match number {
                2 => self.status_message = text(raw).within("message")?,
                3 => self.status = varint(raw).within("code")?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The row, or why the span is rejected.
    fn span<'b>(
        &self,
        owner: &Owner<'b>,
        message: &'b [u8],
        lists: &'b Lists,
        context: Context,
    ) -> Result<Span<'b>, &'static str>
    where
        'a: 'b,
    {
        let trace_id = TraceId::from_bytes(self.trace_id).ok_or_else(|| ids::TRACE.of(self.trace_id))?;
        let span_id = SpanId::from_bytes(self.span_id).ok_or_else(|| ids::SPAN.of(self.span_id))?;
        if !matches!(self.parent_span_id.len(), 0 | 8) {
            return Err(ids::PARENT.of(self.parent_span_id));
        }
        let (Ok(start), Ok(end)) = (Nanos::try_from(self.start), Nanos::try_from(self.end)) else { return Err(TIME) };
        if start == 0 {
            return Err(NO_TIME);
        }
        context.check_age(start, UNIT, TOO_OLD)?;
        if start.max(end) > context.newest_accepted() {
            return Err(AHEAD);
        }
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id: SpanId::from_bytes(self.parent_span_id),
            trace_state: self.trace_state,
            flags: self.flags,
            name: self.name,
            kind: SpanKind::from_number(self.kind),
            start,
            duration: (end - start).max(0),
            status: StatusCode::from_number(self.status),
            status_message: self.status_message,
            attrs: Attrs::in_field(message, 9),
            events: Events::new(&lists.events),
            links: Links::new(&lists.links),
            dropped_attributes: self.dropped_attributes,
            dropped_events: self.dropped_events,
            dropped_links: self.dropped_links,
            service: owner.service,
            resource: owner.resource,
            scope: owner.scope,
        })
    }
}

fn check_event(message: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(message);
    let mut n_attributes = 0;
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => drop(fixed64(raw).within("time_unix_nano")?),
            2 => drop(text(raw).within("name")?),
            3 => {
                bytes(raw).and_then(check_key_value).within_item("attributes", n_attributes)?;
                n_attributes += 1;
            }
            4 => drop(uint32(raw).within("dropped_attributes_count")?),
            _ => {}
        }
    }
    Ok(message)
}

/// The ids of a link, of trace and span. One that is not valid reads as none, and the link keeps its attributes.
fn check_link(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(message);
    let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
    let mut n_attributes = 0;
    while let Some((number, raw)) = reader.next_field()? {
        match number {
            1 => trace_id = bytes(raw).within("trace_id")?,
            2 => span_id = bytes(raw).within("span_id")?,
            3 => drop(text(raw).within("trace_state")?),
            4 => {
                bytes(raw).and_then(check_key_value).within_item("attributes", n_attributes)?;
                n_attributes += 1;
            }
            5 => drop(uint32(raw).within("dropped_attributes_count")?),
            6 => drop(fixed32(raw).within("flags")?),
            _ => {}
        }
    }
    Ok((trace_id, span_id))
}
