//! Trace and span ids as W3C Trace Context defines them: 16 and 8 bytes, all zeros is invalid, hex on screen.

use std::fmt;

/// The id of a trace: 16 bytes, printed as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span within its trace: 8 bytes, printed as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The id in `bytes`, or `None` when there are not 16 of them or all are zero.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id: [u8; 16] = bytes.try_into().ok()?;
        (id != [0; 16]).then_some(TraceId(id))
    }

    /// Reads up to 32 hex digits of either case. Leading zeros may be missing, as Jaeger and Tempo clients leave
    /// them out. `None` for anything else and for zero.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u128::from_str_radix(text, 16).ok()?;
        (number != 0).then(|| TraceId(number.to_be_bytes()))
    }
}

impl SpanId {
    /// The id in `bytes`, or `None` when there are not 8 of them or all are zero.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id: [u8; 8] = bytes.try_into().ok()?;
        (id != [0; 8]).then_some(SpanId(id))
    }

    /// Reads up to 16 hex digits of either case; `None` for anything else and for zero.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u64::from_str_radix(text, 16).ok()?;
        (number != 0).then(|| SpanId(number.to_be_bytes()))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_id_round_trips_and_accepts_missing_zeros() {
        let id = TraceId::parse("00000000000000000ABCdef012345678").unwrap();
        assert_eq!(id.to_string(), "00000000000000000abcdef012345678");
        assert_eq!(TraceId::parse("abcdef012345678"), Some(id));
    }

    #[test]
    fn rejects_what_is_not_an_id() {
        for text in ["", "0", "xyz", "+1", "-1", "000000000000000000000000000000000a", " 1"] {
            assert_eq!(TraceId::parse(text), None, "{text:?}");
        }
        assert_eq!(SpanId::parse("00000000000000001"), None);
        assert_eq!(SpanId::from_bytes(&[0; 8]), None);
        assert_eq!(TraceId::from_bytes(&[1; 15]), None);
    }
}
