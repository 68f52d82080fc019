//! Protobuf's wire format, as much as requests and replies need. Source: protobuf.dev, "Encoding".

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(out, u64::from(number << 3 | wire_type));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Raw<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of `message`; `None` when it is not a message.
pub(crate) fn fields(mut message: &[u8]) -> Option<Vec<(u64, Raw<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let raw = match tag & 7 {
            0 => Raw::Varint(varint(&mut message)?),
            1 => {
                take(&mut message, 8)?;
                Raw::Fixed64
            }
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Raw::Bytes(take(&mut message, length)?)
            }
            5 => {
                take(&mut message, 4)?;
                Raw::Fixed32
            }
            _ => return None,
        };
        if tag >> 3 == 0 {
            return None;
        }
        fields.push((tag >> 3, raw));
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_what_ends_early() {
        let mut out = Vec::new();
        put_tag(&mut out, 1, 0);
        put_varint(&mut out, u64::MAX);
        put_bytes(&mut out, 300, b"abc");
        assert_eq!(fields(&out).unwrap(), [(1, Raw::Varint(u64::MAX)), (300, Raw::Bytes(b"abc"))]);
        assert_eq!(fields(&out[..out.len() - 1]), None);
        for bad in [&[0x00, 0x01][..], &[0x0b], &[0x08], &[0x09, 1, 2]] {
            assert_eq!(fields(bad), None, "{bad:?}");
        }
    }
}
