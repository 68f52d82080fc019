//! The row of a span, with its events and links.

use crate::attrs::Attrs;
use crate::ids::{SpanId, TraceId};
use crate::resource::{Resource, Scope};
use crate::time::Nanos;
use crate::wire::{Raw, Reader};

/// What part a span plays in a remote call; numbers as in `trace.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpanKind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

impl SpanKind {
    /// The kind of an OTLP number. `SPAN_KIND_UNSPECIFIED` and unknown numbers count as internal, as `trace.proto` says
    /// of the former.
    pub fn from_number(number: u64) -> Self {
        match number {
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Internal,
        }
    }

    /// The lower-case word of the specification: `server`, `client`, …
    pub fn name(self) -> &'static str {
        match self {
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// The outcome a span reports; numbers as in `trace.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatusCode {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

impl StatusCode {
    /// The status of an OTLP number; unknown numbers count as unset.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            StatusCode::Unset => "unset",
            StatusCode::Ok => "ok",
            StatusCode::Error => "error",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [StatusCode::Unset, StatusCode::Ok, StatusCode::Error]
            .into_iter()
            .find(|code| code.name().eq_ignore_ascii_case(name))
    }
}

/// One span. Borrowed: from a request while it is received, from a column when it is read.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// `None` for the root.
    pub parent_span_id: Option<SpanId>,
    pub trace_state: &'a str,
    /// W3C flags in the low 8 bits, `is_remote` in bits 8 and 9.
    pub flags: u32,
    pub name: &'a str,
    pub kind: SpanKind,
    pub start: Nanos,
    /// Never negative: a span that ends before it starts has duration 0.
    pub duration: Nanos,
    pub status: StatusCode,
    pub status_message: &'a str,
    pub attrs: Attrs<'a>,
    pub events: Events<'a>,
    pub links: Links<'a>,
    pub dropped_attributes: u32,
    pub dropped_events: u32,
    pub dropped_links: u32,
    /// `service.name` of the resource.
    pub service: &'a str,
    pub resource: Resource<'a>,
    pub scope: Scope<'a>,
}

impl Span<'_> {
    pub fn end(&self) -> Nanos {
        self.start.saturating_add(self.duration)
    }

    pub fn is_error(&self) -> bool {
        self.status == StatusCode::Error
    }
}

/// The events of a span: messages `Span.Event` in repeated field 1.
#[derive(Clone, Copy, Default)]
pub struct Events<'a>(&'a [u8]);

/// A named moment within a span.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub time: Nanos,
    pub name: &'a str,
    pub attrs: Attrs<'a>,
    pub dropped_attributes: u32,
}

impl<'a> Events<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Events(bytes)
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Each as the `Span.Event` that was sent.
    pub fn messages(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        messages(self.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        messages(self.0).map(|message| {
            let mut event = Event { time: 0, name: "", attrs: Attrs::in_field(message, 3), dropped_attributes: 0 };
            let mut reader = Reader::new(message);
            while let Ok(Some((number, raw))) = reader.next_field() {
                match (number, raw) {
                    (1, Raw::Fixed64(time)) => event.time = time as Nanos,
                    (2, Raw::Bytes(name)) => event.name = std::str::from_utf8(name).unwrap_or_default(),
                    (4, Raw::Varint(count)) => event.dropped_attributes = count as u32,
                    _ => {}
                }
            }
            event
        })
    }
}

/// The links of a span: messages `Span.Link` in repeated field 1.
#[derive(Clone, Copy, Default)]
pub struct Links<'a>(&'a [u8]);

/// A reference to a span of this or another trace.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    /// `None` when the sender's id was not 16 bytes, or zero.
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub trace_state: &'a str,
    pub flags: u32,
    pub attrs: Attrs<'a>,
    pub dropped_attributes: u32,
}

impl<'a> Links<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Links(bytes)
    }

    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Each as the `Span.Link` that was sent.
    pub fn messages(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        messages(self.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        messages(self.0).map(|message| {
            let attrs = Attrs::in_field(message, 4);
            let mut link =
                Link { trace_id: None, span_id: None, trace_state: "", flags: 0, attrs, dropped_attributes: 0 };
            let mut reader = Reader::new(message);
            while let Ok(Some((number, raw))) = reader.next_field() {
                match (number, raw) {
                    (1, Raw::Bytes(id)) => link.trace_id = TraceId::from_bytes(id),
                    (2, Raw::Bytes(id)) => link.span_id = SpanId::from_bytes(id),
                    (3, Raw::Bytes(state)) => link.trace_state = std::str::from_utf8(state).unwrap_or_default(),
                    (5, Raw::Varint(count)) => link.dropped_attributes = count as u32,
                    (6, Raw::Fixed32(flags)) => link.flags = flags,
                    _ => {}
                }
            }
            link
        })
    }
}

/// The messages in repeated field 1 of `bytes`.
fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || {
        loop {
            match reader.next_field() {
                Ok(Some((1, Raw::Bytes(message)))) => return Some(message),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return None,
            }
        }
    })
}
