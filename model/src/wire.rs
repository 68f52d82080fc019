//! A cursor over the protobuf wire format and the few writers that go with it.
//!
//! The receiver decodes requests with it, and attribute sets stay in this encoding at rest, so reading a row needs it
//! too. Format: <https://protobuf.dev/programming-guides/encoding/>.

use thiserror::Error;

/// Why bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    #[error("message ends inside a field")]
    Truncated,
    #[error("varint is longer than 10 bytes")]
    VarintTooLong,
    #[error("field number 0 is not allowed")]
    ZeroField,
    #[error("wire type {0} is not allowed")]
    WireType(u8),
    #[error("groups are nested deeper than {MAX_GROUP_DEPTH}")]
    GroupDepth,
}

/// The value of one field as the wire carries it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// Unknown fields may be groups of proto2; they are skipped, to this depth.
const MAX_GROUP_DEPTH: usize = 100;

/// Reads the fields of one message in order. Unknown fields come out as any other; groups are skipped.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    buf: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub fn new(buf: &'a [u8]) -> Self {
        Reader { buf }
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.buf
    }

    /// The next field's number and value; `None` at the end of the message.
    #[inline(always)]
    pub fn next_field(&mut self) -> Result<Option<(u32, Raw<'a>)>, WireError> {
        // Nearly all fields of telemetry have a tag and a length of one byte.
        let (number, rest) = match self.buf {
            [] => return Ok(None),
            [tag @ 0x08..0x80, rest @ ..] => (u32::from(*tag >> 3), rest),
            _ => return self.any_field(),
        };
        let (raw, rest) = match (self.buf[0] & 7, rest) {
            (2, [length @ ..0x80, rest @ ..]) if usize::from(*length) <= rest.len() => {
                let (bytes, rest) = rest.split_at(usize::from(*length));
                (Raw::Bytes(bytes), rest)
            }
            (1, rest) => match rest.split_first_chunk() {
                Some((bytes, rest)) => (Raw::Fixed64(u64::from_le_bytes(*bytes)), rest),
                None => return Err(WireError::Truncated),
            },
            (0, [value @ ..0x80, rest @ ..]) => (Raw::Varint(u64::from(*value)), rest),
            _ => return self.any_field(),
        };
        self.buf = rest;
        Ok(Some((number, raw)))
    }

    /// As [`Reader::next_field`], of every field that there may be.
    #[inline(never)]
    fn any_field(&mut self) -> Result<Option<(u32, Raw<'a>)>, WireError> {
        loop {
            if self.buf.is_empty() {
                return Ok(None);
            }
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => return Ok(Some((number, Raw::Varint(self.varint()?)))),
                1 => return Ok(Some((number, Raw::Fixed64(u64::from_le_bytes(self.array()?))))),
                2 => {
                    let length = self.varint()?;
                    let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
                    return Ok(Some((number, Raw::Bytes(self.take(length)?))));
                }
                5 => return Ok(Some((number, Raw::Fixed32(u32::from_le_bytes(self.array()?))))),
                3 => self.skip_group(number)?,
                other => return Err(WireError::WireType(other)),
            }
        }
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::VarintTooLong)?;
        if number == 0 {
            return Err(WireError::ZeroField);
        }
        Ok((number, (tag & 7) as u8))
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, WireError> {
        if let [byte, rest @ ..] = self.buf
            && *byte < 0x80
        {
            self.buf = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    /// A varint of more than one byte: most tags and many lengths take one.
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (i, byte) in self.buf.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.buf = &self.buf[i + 1..];
                return Ok(value);
            }
        }
        Err(if self.buf.len() < 10 { WireError::Truncated } else { WireError::VarintTooLong })
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let Some((head, rest)) = self.buf.split_at_checked(length) else { return Err(WireError::Truncated) };
        self.buf = rest;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some((head, rest)) = self.buf.split_first_chunk::<N>() else { return Err(WireError::Truncated) };
        self.buf = rest;
        Ok(*head)
    }

    /// Skips to the end tag of the group `number`, whose start tag was just read.
    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => drop(self.varint()?),
                1 => drop(self.array::<8>()?),
                2 => {
                    let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                    self.take(length)?;
                }
                3 if open.len() == MAX_GROUP_DEPTH => return Err(WireError::GroupDepth),
                3 => open.push(number),
                4 if number == innermost => drop(open.pop()),
                5 => drop(self.array::<4>()?),
                other => return Err(WireError::WireType(other)),
            }
        }
        Ok(())
    }
}

impl Raw<'_> {
    /// The double in a `fixed64` field.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Raw::Fixed64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }
}

#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a varint field.
pub fn put_varint_field(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

/// Appends a `fixed64`, `sfixed64` or `double` field given as its bits.
pub fn put_fixed64_field(out: &mut Vec<u8>, number: u32, bits: u64) {
    put_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a `fixed32` field.
pub fn put_fixed32_field(out: &mut Vec<u8>, number: u32, bits: u32) {
    put_varint(out, u64::from(number) << 3 | 5);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a string, bytes or message field.
#[inline]
pub fn put_bytes_field(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Maps a zigzag-encoded `sint64` varint to its value.
pub fn zigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Maps a zigzag-encoded `sint32` varint to its value. Bits beyond the 32nd do not count, as protobuf has it of all varints that
/// are longer than their type.
pub fn zigzag32(value: u64) -> i32 {
    zigzag(value & u64::from(u32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_wire_type() {
        let mut buf = Vec::new();
        put_varint_field(&mut buf, 1, u64::MAX);
        put_fixed64_field(&mut buf, 2, 1.5f64.to_bits());
        put_bytes_field(&mut buf, 300, b"abc");
        put_fixed32_field(&mut buf, 4, 7);
        let mut reader = Reader::new(&buf);
        assert_eq!(reader.next_field(), Ok(Some((1, Raw::Varint(u64::MAX)))));
        assert_eq!(reader.next_field().unwrap().unwrap().1.as_f64(), Some(1.5));
        assert_eq!(reader.next_field(), Ok(Some((300, Raw::Bytes(b"abc")))));
        assert_eq!(reader.next_field(), Ok(Some((4, Raw::Fixed32(7)))));
        assert_eq!(reader.next_field(), Ok(None));
    }

    #[test]
    fn names_what_is_malformed() {
        let cases: [(&[u8], WireError); 6] = [
            (&[0x08], WireError::Truncated),
            (&[0x0a, 0x05, 1, 2], WireError::Truncated),
            (&[0xff; 11], WireError::VarintTooLong),
            (&[0x00, 0x01], WireError::ZeroField),
            (&[0x0e], WireError::WireType(6)),
            (&[0x0c], WireError::WireType(4)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes).next_field(), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn skips_groups_and_bounds_their_depth() {
        // group 1 { varint 2 = 5, group 3 {} } then varint 4 = 9
        let mut reader = Reader::new(&[0x0b, 0x10, 0x05, 0x1b, 0x1c, 0x0c, 0x20, 0x09]);
        assert_eq!(reader.next_field(), Ok(Some((4, Raw::Varint(9)))));
        assert_eq!(Reader::new(&[0x0b; 200]).next_field(), Err(WireError::GroupDepth));
    }

    #[test]
    fn zigzag_is_the_protobuf_mapping() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(zigzag), [0, -1, 1, -2, i64::MIN]);
        let cases = [0, 1, 2, 0xffff_fffe, 0xffff_ffff, 0x1_ffff_fffe, 1 << 32, u64::MAX];
        assert_eq!(cases.map(zigzag32), [0, -1, 1, i32::MAX, i32::MIN, i32::MAX, 0, i32::MIN]);
    }
}
