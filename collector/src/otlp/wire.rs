//! Field values with the wire type that the schema gives them.
//!
//! A known field with another wire type is an error, as it is to prost: the sender speaks another schema.

use model::wire::{Raw, WireError};

use super::malformed::{Malformed, Problem};

#[inline]
pub(crate) fn bytes(raw: Raw<'_>) -> Result<&[u8], Malformed> {
    match raw {
        Raw::Bytes(bytes) => Ok(bytes),
        _ => Err(Problem::WireType("length-delimited").into()),
    }
}

#[inline]
pub(crate) fn text(raw: Raw<'_>) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes(raw)?).map_err(|_| Problem::Utf8.into())
}

#[inline]
pub(crate) fn varint(raw: Raw<'_>) -> Result<u64, Malformed> {
    match raw {
        Raw::Varint(value) => Ok(value),
        _ => Err(Problem::WireType("varint").into()),
    }
}

/// A `uint32`: the low half of the varint, as protobuf reads one that is too large.
#[inline]
pub(super) fn uint32(raw: Raw<'_>) -> Result<u32, Malformed> {
    Ok(varint(raw)? as u32)
}

#[inline]
pub(crate) fn fixed64(raw: Raw<'_>) -> Result<u64, Malformed> {
    match raw {
        Raw::Fixed64(value) => Ok(value),
        _ => Err(Problem::WireType("64-bit").into()),
    }
}

#[inline]
pub(crate) fn double(raw: Raw<'_>) -> Result<f64, Malformed> {
    Ok(f64::from_bits(fixed64(raw)?))
}

#[inline]
pub(super) fn fixed32(raw: Raw<'_>) -> Result<u32, Malformed> {
    match raw {
        Raw::Fixed32(value) => Ok(value),
        _ => Err(Problem::WireType("32-bit").into()),
    }
}

/// Feeds the values of a repeated `fixed64` or `double` field, packed or not.
#[inline]
pub(crate) fn each_fixed64(raw: Raw<'_>, mut each: impl FnMut(u64)) -> Result<(), Malformed> {
    match raw {
        Raw::Fixed64(value) => each(value),
        Raw::Bytes(packed) => {
            let (values, []) = packed.as_chunks::<8>() else { return Err(WireError::Truncated.into()) };
            values.iter().for_each(|value| each(u64::from_le_bytes(*value)));
        }
        Raw::Varint(_) | Raw::Fixed32(_) => return Err(Problem::WireType("64-bit or packed").into()),
    }
    Ok(())
}

/// The tag of `AnyValue.int_value`, a varint in field 3.
pub(super) const INT_VALUE: u8 = 3 << 3;

/// The length-delimited field `number` at the start of `bytes`, if it is less than 128 bytes long, and what follows it.
#[inline]
pub(super) fn short_field(number: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [tag, length, rest @ ..] if *tag == number << 3 | 2 && *length < 0x80 => {
            rest.split_at_checked(usize::from(*length))
        }
        _ => None,
    }
}
