//! A request as it will be sent, and how it is shown to people.

use bytes::Bytes;
use http::Method;
use tokio::sync::oneshot;

use crate::protocol::{Protocol, Signal};

/// What a test makes wrong with a request on purpose, as far as the rules about all replies ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// A decoder may or must find fault with the body.
    Undecodable,
    /// More than the receiver says it takes, before or after decompression.
    TooLarge,
}

/// A request to one of a receiver's addresses.
pub(crate) struct Request {
    /// Which of the addresses, and how the reply is read.
    pub(crate) protocol: Protocol,
    pub(crate) signal: Option<Signal>,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<Bytes>,
    /// Whether the length of the body is told beforehand.
    pub(crate) sized: bool,
    /// The rest of the body comes when this does.
    pub(crate) gate: Option<oneshot::Receiver<Bytes>>,
    pub(crate) flaw: Flaw,
}

/// How much of a body is shown.
const SHOWN: usize = 120;

/// The same for bytes, of which each takes two columns.
const SHOWN_IN_HEX: usize = 36;

impl Request {
    /// A POST of `body` as `protocol` does it.
    pub(crate) fn post(protocol: Protocol, signal: Signal, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut request = Request {
            protocol,
            signal: Some(signal),
            method: Method::POST,
            path: signal.http_path().to_owned(),
            headers: Vec::new(),
            body: vec![body],
            sized: true,
            gate: None,
            flaw: Flaw::None,
        }
        .header("content-type", protocol.content_type());
        if protocol == Protocol::Grpc {
            signal.grpc_path().clone_into(&mut request.path);
            request = request.header("te", "trailers").framed(0);
        }
        request
    }

    /// Sets a header, or adds to those of this name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(it, _)| it != name);
        self
    }

    pub(crate) fn content_type(self, value: &str) -> Self {
        self.without_header("content-type").header("content-type", value)
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Sends the body in pieces of `size` bytes, without telling its length.
    pub(crate) fn in_pieces(mut self, size: usize) -> Self {
        let whole = self.whole_body();
        self.body = whole.chunks(size).map(Bytes::copy_from_slice).collect();
        self.sized = false;
        self
    }

    /// Puts gRPC's prefix before the body: a flag that says whether the message is compressed, and its length.
    pub(crate) fn framed(mut self, flag: u8) -> Self {
        let length = u32::try_from(self.size()).unwrap_or(u32::MAX);
        let prefix = [&[flag][..], &length.to_be_bytes()].concat();
        self.body.insert(0, prefix.into());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = vec![body.into()];
        self
    }

    /// Says what is wrong with it on purpose.
    pub(crate) fn with(mut self, flaw: Flaw) -> Self {
        self.flaw = flaw;
        self
    }

    pub(crate) fn size(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }

    pub(crate) fn whole_body(&self) -> Bytes {
        self.body.concat().into()
    }

    /// Whether a gRPC library would find fault with this before it decodes a message: not one message with its length, or one
    /// that is said to be compressed.
    pub(crate) fn breaks_framing(&self) -> bool {
        let start: Vec<u8> = self.body.iter().flat_map(|piece| piece.iter().copied()).take(5).collect();
        let [flag, length @ ..] = &start[..] else { return true };
        let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        self.protocol == Protocol::Grpc && (*flag != 0 || start.len() < 5 || length + 5 != self.size())
    }

    pub(crate) fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The request in one line. The values of headers that hold secrets come from the target and are not among these.
    pub(crate) fn describe(&self) -> String {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let size = self.size();
        let start: Bytes = self.body.iter().flat_map(|piece| piece.iter().copied()).take(SHOWN + 1).collect();
        format!("{} {} [{}] {size} bytes{}", self.method, self.path, headers.join(", "), preview(&start))
    }
}

/// The start of a body: as text when it is some, else in hex.
pub(crate) fn preview(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let is_text = body.iter().take(SHOWN).all(|byte| (b' '..0x7f).contains(byte));
    let (shown, limit) = if is_text {
        (String::from_utf8_lossy(&body[..body.len().min(SHOWN)]).into_owned(), SHOWN)
    } else {
        (crate::message::hex(&body[..body.len().min(SHOWN_IN_HEX)]), SHOWN_IN_HEX)
    };
    let more = if body.len() > limit { "…" } else { "" };
    format!(": {shown}{more}")
}
