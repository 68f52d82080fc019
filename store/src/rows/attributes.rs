//! A column of attribute sets under construction, each copied into it from where it was sent.

use arrow::array::BinaryArray;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use model::Attrs;

const ROOM: &str = "a request has fewer than 2^31 bytes";

/// Sets as `KeyValueList`s, one after another.
pub(super) struct Attributes {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Attributes {
    /// With room for so many sets, of so many bytes in all.
    pub(super) fn with_capacity(n: usize, bytes: usize) -> Self {
        Attributes { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(n + usize::from(n > 0)) }
    }

    /// The bytes of all sets.
    pub(super) fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, attrs: Attrs<'_>) {
        if self.ends.is_empty() {
            self.ends.push(0);
        }
        attrs.copy_to(&mut self.bytes);
        self.ends.push(i32::try_from(self.bytes.len()).expect(ROOM));
    }

    pub(super) fn finish(self) -> BinaryArray {
        if self.ends.is_empty() {
            return BinaryArray::new_null(0);
        }
        BinaryArray::new(OffsetBuffer::new(ScalarBuffer::from(self.ends)), self.bytes.into(), None)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use model::{AttrsBuf, Value};

    use super::*;

    #[test]
    fn sets_come_out_as_they_were_pushed() {
        let mut set = AttrsBuf::new();
        set.push("key", Value::Str("value"));
        let mut column = Attributes::with_capacity(0, 0);
        for message in [&[][..], set.as_bytes(), &[], set.as_bytes()] {
            column.push(Attrs::new(message));
        }
        assert_eq!(column.n_bytes(), 2 * set.as_bytes().len());
        let column = column.finish();
        assert_eq!(column.iter().flatten().collect::<Vec<_>>(), [&[][..], set.as_bytes(), &[], set.as_bytes()]);
        assert_eq!(Attributes::with_capacity(5, 5).finish().len(), 0);
    }
}
