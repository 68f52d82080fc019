//! Numbers as keys of which order and equality are those of the numbers, exact for doubles and for integers of 64 bits.
//!
//! A double has 53 bits, so neither type holds all numbers of the other. A key is the greatest double that is not above the
//! number, as an integer in the order of doubles, and in the lowest bits how far above it the number is: only integers
//! beyond 2^53 are.

use arrow::datatypes::DataType;
use model::attrs::number_of;

/// Doubles below 2^64 are at most 2^11 apart.
const REMAINDER_BITS: u32 = 12;

/// One number. Stays below 2^76, and so within 38 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) i128);

impl Key {
    /// Of columns of keys; their values are no decimal numbers that mean anything else.
    pub(crate) const DATA_TYPE: DataType = DataType::Decimal128(38, 0);

    /// The number that `text` says: exact for an integer of 64 bits, else as a double. `None` when it is none.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let whole = text.parse::<i64>().map(i128::from).or_else(|_| text.parse::<u64>().map(i128::from));
        whole.map(Key::of_whole).ok().or_else(|| Key::of_double(number_of(text)?))
    }

    /// `number` is one of 64 bits, with a sign or without.
    pub(super) fn of_whole(number: i128) -> Self {
        let nearest = number as f64;
        let below = if nearest as i128 > number { nearest.next_down() } else { nearest };
        Key((ordinal(below) << REMAINDER_BITS) + (number - below as i128))
    }

    /// `None` for NaN.
    pub(super) fn of_double(number: f64) -> Option<Self> {
        (!number.is_nan()).then(|| Key(ordinal(number) << REMAINDER_BITS))
    }

    /// The number, when it is one that no other number becomes when it is rounded to a double.
    pub(crate) fn small_double(self) -> Option<f64> {
        const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
        let number = double(i64::try_from(self.0 >> REMAINDER_BITS).ok()?);
        (number.abs() < EXACT).then_some(number)
    }
}

/// The place of a double in the order of all doubles; 0 and -0 have one.
fn ordinal(number: f64) -> i128 {
    flip((number + 0.0).to_bits() as i64).into()
}

fn double(ordinal: i64) -> f64 {
    f64::from_bits(flip(ordinal) as u64)
}

/// Negative doubles are ordered against their bits.
fn flip(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_ordered_as_their_numbers() {
        let ordered: &[&[&str]] = &[
            &["-Infinity"],
            &["-1e300"],
            &["-9223372036854775808", "-9.223372036854775808e18"],
            &["-9223372036854775807"],
            &["-9007199254740993"],
            &["-9007199254740992", "-9007199254740992.0"],
            &["-500"],
            &["-0.5"],
            &["0", "-0", "0.0", "-0.0"],
            &["5e-324"],
            &["0.5"],
            &["1"],
            &["499.99"],
            &["500", "500.0", "+500", "0500", "5e2"],
            &["9007199254740991"],
            &["9007199254740992", "9007199254740992.0"],
            &["9007199254740993"],
            &["9007199254740994"],
            &["9223372036854775807"],
            &["9223372036854775808", "9.223372036854775808e18"],
            &["18446744073709551614"],
            &["18446744073709551615"],
            &["18446744073709551616", "1.8446744073709551616e19"],
            &["1e300"],
            &["Infinity"],
        ];
        let keys: Vec<Vec<Key>> =
            ordered.iter().map(|same| same.iter().map(|text| Key::of_text(text).unwrap()).collect()).collect();
        for same in &keys {
            assert!(same.iter().all(|key| *key == same[0] && key.0.abs() < 10_i128.pow(38)), "{same:?}");
        }
        assert!(keys.is_sorted_by(|less, more| less[0] < more[0]), "{keys:?}");
        for text in ["", "n/a", "NaN", "true", "[]", "{}", "1 ", "aGVsbA=="] {
            assert_eq!(Key::of_text(text), None, "{text}");
        }
        assert_eq!(Key::of_double(f64::NAN), None);
    }

    #[test]
    fn a_small_number_is_told_by_its_key() {
        for number in [0.0, -0.0, 0.5, -0.5, 500.0, -1e15, 9_007_199_254_740_991.0, 5e-324] {
            assert_eq!(Key::of_double(number).unwrap().small_double(), Some(number));
        }
        assert_eq!(Key::of_text("-500").unwrap().small_double(), Some(-500.0));
        for text in ["9007199254740992", "-9007199254740993", "9223372036854775807", "1e300", "-Infinity"] {
            assert_eq!(Key::of_text(text).unwrap().small_double(), None, "{text}");
        }
    }
}
