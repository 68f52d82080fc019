use proptest::prelude::*;

use super::*;

/// What a point holds, and its flags.
#[derive(Clone, Debug)]
enum Value {
    None,
    Integer(i64),
    Double(f64),
    Distribution(Vec<u8>),
}

fn encode(points: &[(u32, Value)]) -> Vec<u8> {
    let mut columns = Points::default();
    for (flags, value) in points {
        columns.flags.push(*flags);
        columns.kinds.push(match value {
            Value::None => Kind::None,
            Value::Integer(value) => {
                columns.integers.push(*value);
                Kind::Integer
            }
            Value::Double(value) => {
                columns.doubles.push(*value);
                Kind::Double
            }
            Value::Distribution(message) => {
                columns.distributions.push(message);
                Kind::Distribution
            }
        });
    }
    let mut bytes = Vec::new();
    put_values(&mut bytes, &columns, Effort::Much);
    bytes
}

/// The points as text, which tells doubles apart to the bit.
fn text(points: &[(u32, Value)]) -> Vec<String> {
    let of = |(flags, value): &(u32, Value)| match value {
        Value::Double(value) => format!("{flags} double {:x}", value.to_bits()),
        other => format!("{flags} {other:?}"),
    };
    points.iter().map(of).collect()
}

fn decode(bytes: &[u8], n: usize) -> Result<Vec<(u32, Value)>, Damaged> {
    let mut values = Values::default();
    ValuesDecoder::default().read(bytes, n, &mut values)?;
    let (mut integers, mut doubles, mut messages) =
        (values.integers.iter(), values.doubles.iter(), values.distributions.iter());
    let kinds = values.runs.iter().flat_map(|(kind, len)| std::iter::repeat_n(*kind, *len));
    let point = |(row, kind): (usize, Kind)| {
        let value = match kind {
            Kind::None => Value::None,
            Kind::Integer => Value::Integer(*integers.next().unwrap()),
            Kind::Double => Value::Double(*doubles.next().unwrap()),
            Kind::Distribution => Value::Distribution(messages.next().unwrap().to_vec()),
        };
        (values.flags.get(row).map_or(0, |flags| *flags as u32), value)
    };
    Ok(kinds.enumerate().map(point).collect())
}

#[test]
fn a_stale_mark_among_numbers_costs_a_few_bytes() {
    let mut points: Vec<_> = (0..480).map(|i| (0, Value::Double(f64::from(i * i % 31)))).collect();
    let plain = encode(&points);
    points[479] = (1, Value::None);
    let marked = encode(&points);
    assert!(marked.len() < plain.len() + 40, "{} and {}", plain.len(), marked.len());
    assert_eq!(text(&decode(&marked, 480).unwrap()), text(&points));
}

#[test]
fn doubles_alone_are_decoded_alone() {
    let doubles: Vec<f64> = (0..300).map(|i| f64::from(i % 17) / 4.0).collect();
    let points: Vec<_> = doubles.iter().map(|value| (0, Value::Double(*value))).collect();
    let mut out = vec![9.0];
    assert!(ValuesDecoder::default().plain_doubles(&encode(&points), 300, &mut out).unwrap());
    assert_eq!(out[1..], doubles);
    for other in [(1, Value::Double(1.0)), (0, Value::Integer(1)), (0, Value::None)] {
        let bytes = encode(&[(0, Value::Double(2.0)), other]);
        assert!(!ValuesDecoder::default().plain_doubles(&bytes, 2, &mut out).unwrap());
    }
}

#[test]
fn kinds_must_be_those_of_all_points() {
    for (bytes, what) in [
        (vec![7], "no kind 7"),
        (vec![MIXED, 1, 1, 2, CONSTANT_ZERO, 0], "1 points are missing"),
        (vec![MIXED, 1, 1, 4, CONSTANT_ZERO, 0], "3 is the most"),
        (vec![Kind::None as u8, 0], "1 bytes left over"),
        (vec![Kind::None as u8 | HAS_FLAGS, CONSTANT_ZERO, 1], "the flags -1"),
        (vec![], "0 left"),
    ] {
        let error = decode(&bytes, 3).unwrap_err().to_string();
        assert!(error.contains(what), "{bytes:?}: {error}");
    }
}

/// A column of integers that are all the same begins with this.
const CONSTANT_ZERO: u8 = 0;

proptest! {
    #[test]
    fn any_points_come_back(
        points in prop::collection::vec((prop_oneof![Just(0u32), any::<u32>()], prop_oneof![
            Just(Value::None),
            any::<i64>().prop_map(Value::Integer),
            any::<u64>().prop_map(|bits| Value::Double(f64::from_bits(bits))),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Distribution),
        ]), 1..60),
        repeat in 1usize..5,
    ) {
        let points: Vec<_> = points.iter().flat_map(|point| vec![point.clone(); repeat]).collect();
        let bytes = encode(&points);
        prop_assert_eq!(text(&decode(&bytes, points.len()).unwrap()), text(&points));
        for cut in 0..bytes.len() {
            prop_assert!(decode(&bytes[..cut], points.len()).is_err());
        }
    }

    #[test]
    fn damaged_values_are_errors_or_other_points(bytes in prop::collection::vec(any::<u8>(), 0..60), n in 1usize..2048) {
        if let Ok(points) = decode(&bytes, n) {
            prop_assert_eq!(points.len(), n);
        }
    }
}
