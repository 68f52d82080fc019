//! OTLP as bytes: the writers that the templates and the items share.
//!
//! Source of field numbers: opentelemetry-proto 1.11, `{trace,metrics,logs,common,resource}/v1/*.proto`.

use model::wire::{put_bytes_field, put_varint, put_varint_field};

/// Bytes of `value` as a varint.
#[inline]
pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes of a length-delimited field whose number is below 16.
#[inline]
pub(super) fn field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

/// Appends tag and length of a length-delimited field; `length` bytes must follow.
#[inline]
pub(super) fn put_header(out: &mut Vec<u8>, field: u32, length: usize) {
    put_varint(out, u64::from(field) << 3 | 2);
    put_varint(out, length as u64);
}

/// Appends a `KeyValue` of a string as `field`.
#[inline]
pub(super) fn put_text(out: &mut Vec<u8>, field: u32, key: &str, value: &str) {
    let any = field_len(value.len());
    put_header(out, field, field_len(key.len()) + field_len(any));
    put_bytes_field(out, 1, key.as_bytes());
    put_header(out, 2, any);
    put_bytes_field(out, 1, value.as_bytes());
}

/// Appends a `KeyValue` of an integer that is not negative as `field`.
#[inline]
pub(super) fn put_int(out: &mut Vec<u8>, field: u32, key: &str, value: u64) {
    let any = 1 + varint_len(value);
    put_header(out, field, field_len(key.len()) + field_len(any));
    put_bytes_field(out, 1, key.as_bytes());
    put_header(out, 2, any);
    put_varint_field(out, 3, value);
}

/// Appends a `KeyValue` of a bool as `field`.
#[inline]
pub(super) fn put_bool(out: &mut Vec<u8>, field: u32, key: &str, value: bool) {
    put_header(out, field, field_len(key.len()) + field_len(2));
    put_bytes_field(out, 1, key.as_bytes());
    put_header(out, 2, 2);
    put_varint_field(out, 2, u64::from(value));
}

/// Texts with numbers in them are built here, then put into an attribute: `core::fmt` would be half of the generator's
/// cost.
#[derive(Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    pub(super) fn start(&mut self) -> &mut Self {
        self.0.clear();
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// `number` in decimal.
    pub(super) fn number(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
        self
    }

    /// `tenths` of one with one decimal: 124 is `12.4`.
    pub(super) fn tenths(&mut self, tenths: u64) -> &mut Self {
        self.number(tenths / 10).text(".").number(tenths % 10)
    }

    /// The lowest `digits` hexadecimal digits of `number`, at most 16.
    pub(super) fn hex(&mut self, number: u64, digits: u32) -> &mut Self {
        for digit in (0..digits.min(16)).rev() {
            self.0.push(b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15]);
        }
        self
    }

    /// A UUID of version 4 with the bits of two random numbers.
    pub(super) fn uuid(&mut self, high: u64, low: u64) -> &mut Self {
        self.hex(high >> 32, 8).text("-").hex(high >> 16, 4).text("-4").hex(high, 3);
        self.text("-").hex(0x8000 | (low >> 48 & 0x3fff), 4).text("-").hex(low, 12)
    }

    /// An address of a private network, `10.0.0.1` to `10.255.255.254`.
    pub(super) fn address(&mut self, number: u64) -> &mut Self {
        self.text("10.").number(number >> 16 & 255).text(".").number(number >> 8 & 255).text(".");
        self.number(1 + (number & 255) % 254)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only texts and ASCII digits are appended")
    }
}

/// One buffer of encoded items for each resource, in the end the `resource_*` groups of a request.
#[derive(Default)]
pub(super) struct Groups {
    items: Vec<Vec<u8>>,
}

impl Groups {
    /// The buffer of resource `index`.
    #[inline]
    pub(super) fn of(&mut self, index: usize) -> &mut Vec<u8> {
        if index >= self.items.len() {
            self.items.resize_with(index + 1, Vec::new);
        }
        &mut self.items[index]
    }

    /// Appends the groups that have items to `out` and empties them. `resource(index)` is the encoded field `resource`,
    /// `scope` the encoded field `scope`.
    pub(super) fn finish<'a>(&mut self, out: &mut Vec<u8>, resource: impl Fn(usize) -> &'a [u8], scope: &[u8]) {
        let total: usize = self.items.iter().map(Vec::len).sum();
        out.reserve(total + self.items.len() * 1024);
        for (index, items) in self.items.iter_mut().enumerate().filter(|(_, items)| !items.is_empty()) {
            put_group_header(out, resource(index), scope, items.len());
            out.extend_from_slice(items);
            put_bytes_field(out, 3, SCHEMA_URL.as_bytes());
            items.clear();
        }
    }
}

/// Of the resources, after their scopes.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

/// Appends the head of a `ResourceSpans`, `ResourceMetrics` or `ResourceLogs` up to its items, of which `items` bytes must
/// follow, and then the schema URL as field 3.
pub(super) fn put_group_header(out: &mut Vec<u8>, resource: &[u8], scope: &[u8], items: usize) {
    let scope_items = scope.len() + items;
    put_header(out, 1, resource.len() + field_len(scope_items) + field_len(SCHEMA_URL.len()));
    out.extend_from_slice(resource);
    put_header(out, 2, scope_items);
    out.extend_from_slice(scope);
}

/// The encoded field `scope` of a group.
pub(super) fn scope(name: &str, version: &str) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes_field(&mut message, 1, name.as_bytes());
    put_bytes_field(&mut message, 2, version.as_bytes());
    let mut field = Vec::new();
    put_bytes_field(&mut field, 1, &message);
    field
}

#[cfg(test)]
mod tests {
    use model::{Attrs, Value};

    use super::*;

    #[test]
    fn attributes_come_out_as_put_in() {
        let mut out = Vec::new();
        let long = "x".repeat(200);
        put_text(&mut out, 9, "text", &long);
        put_int(&mut out, 9, "int", 300);
        put_bool(&mut out, 9, "bool", true);
        let attrs = Attrs::in_field(&out, 9);
        assert_eq!(attrs.get_str("text"), Some(long.as_str()));
        assert!(matches!(attrs.get("int"), Some(Value::Int(300))));
        assert!(matches!(attrs.get("bool"), Some(Value::Bool(true))));
        assert_eq!(attrs.iter().count(), 3);
    }

    #[test]
    fn lengths_are_those_of_the_writer() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(varint_len(value), out.len(), "{value}");
        }
    }

    #[test]
    fn texts_have_their_numbers() {
        let mut text = Text::default();
        text.start().text("n=").number(0).text(" ").number(1_234_567_890_123).text(" ").tenths(124);
        assert_eq!(text.as_str(), "n=0 1234567890123 12.4");
        assert_eq!(text.start().hex(0xabc, 4).as_str(), "0abc");
        assert_eq!(text.start().uuid(u64::MAX, 0).as_str(), "ffffffff-ffff-4fff-8000-000000000000");
        assert_eq!(text.start().address(0x01_02_ff).as_str(), "10.1.2.2");
    }
}
