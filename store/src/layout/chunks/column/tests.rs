use proptest::prelude::*;

use super::*;

fn integers(values: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_integers(&mut bytes, values);
    let (mut from, mut back) = (Cursor(&bytes), Vec::new());
    Decoder::default().integers(&mut from, values.len(), &mut back).unwrap();
    from.end().unwrap();
    assert_eq!(back, values);
    bytes
}

fn doubles(values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_doubles(&mut bytes, values);
    let (mut from, mut back) = (Cursor(&bytes), Vec::new());
    Decoder::default().doubles(&mut from, values.len(), &mut back).unwrap();
    from.end().unwrap();
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back), bits(values));
    bytes
}

const SIGNALLING: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

#[test]
fn integers_come_back_in_the_form_that_suits_them() {
    let long = |of: fn(i64) -> i64| (0..480).map(of).collect::<Vec<_>>();
    let cases: [(&str, Vec<i64>, u8, usize); 11] = [
        ("one", vec![i64::MIN], CONSTANT, 11),
        ("constant", vec![-7; 480], CONSTANT, 2),
        ("linear", long(|i| 1_700_000_000_000_000_000 + i * 15_000_000_000), LINEAR, 17),
        ("two", vec![3, 9], LINEAR, 3),
        ("few", vec![1, 5, 2, 8], PLAIN, 5),
        ("a byte wide", long(|i| 1_000_000 + i * i % 97), ABOVE_LEAST, 480),
        ("a counter", long(|i| i * 10_000 + i * i % 997), DISTANCES | 1, 560),
        ("extremes", vec![i64::MIN, i64::MAX, 0, -1, 1, i64::MAX, i64::MIN], PLAIN, 80),
        ("wide apart", long(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64)), LINEAR, 17),
        (
            "random",
            long(|i| (i ^ 5).wrapping_pow(7).wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64)),
            ABOVE_LEAST | 3,
            4100,
        ),
        ("none", vec![], 0, 0),
    ];
    for (what, values, form, most) in cases {
        let bytes = integers(&values);
        assert_eq!(bytes.first().copied().unwrap_or(0), form, "{what}");
        assert!(bytes.len() <= most, "{what}: {} bytes", bytes.len());
    }
}

#[test]
fn doubles_come_back_to_the_bit_in_the_form_that_suits_them() {
    let long = |of: fn(usize) -> f64| (0..480).map(of).collect::<Vec<_>>();
    let cases: [(&str, Vec<f64>, u8, usize); 14] = [
        ("whole numbers", vec![5.0; 480], DECIMAL, 3),
        ("hundredths", long(|i| (i * i % 4001) as f64 / 100.0), DECIMAL | 2, 800),
        ("tenths of large ones", long(|i| (1e14 + (i * i % 401) as f64) / 10.0), DECIMAL | 1, 700),
        ("an endless fraction", vec![1.0 / 3.0; 480], REPEATED, 9),
        ("a negative zero", vec![-0.0; 480], REPEATED, 9),
        ("not a number", vec![f64::NAN; 480], REPEATED, 9),
        ("a signalling one", vec![SIGNALLING; 480], REPEATED, 9),
        ("with a negative zero", vec![0.0, -0.0, 1.0], BITS, 25),
        ("with a stale mark", vec![1.5, SIGNALLING], BITS, 17),
        ("infinities", vec![f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN], DOUBLES, 33),
        ("subnormal", vec![f64::from_bits(1), f64::MIN_POSITIVE / 3.0], BITS, 17),
        ("too large to be exact", vec![9_007_199_254_740_994.0, 1e300], BITS, 17),
        ("noise", long(|i| (i as f64).sin()), DOUBLES, 4000),
        ("none", vec![], 0, 0),
    ];
    for (what, values, form, most) in cases {
        let bytes = doubles(&values);
        assert_eq!(bytes.first().copied().unwrap_or(0), form, "{what}");
        assert!(bytes.len() <= most, "{what}: {} bytes", bytes.len());
    }
}

#[test]
fn forms_that_do_not_exist_are_refused() {
    let mut decoder = Decoder::default();
    for form in [0x01, 0x1f, 0x34, 0x44, 0x50, 0x80, 0xf0] {
        let bytes = [form, 0, 0, 0, 0];
        assert!(decoder.integers(&mut Cursor(&bytes), 3, &mut Vec::new()).is_err(), "{form:#x}");
    }
    for form in [0x00, 0x8d, 0x91, 0xa1, 0xb1, 0xc0] {
        let bytes = [form, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(decoder.doubles(&mut Cursor(&bytes), 3, &mut Vec::new()).is_err(), "{form:#x}");
    }
}

/// Doubles of the kinds that telemetry has, and of those that break codecs.
fn any_double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (-100_000i64..100_000).prop_map(|number| number as f64),
        (-100_000i64..100_000, 0i32..12).prop_map(|(number, exponent)| number as f64 / 10f64.powi(exponent)),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, SIGNALLING, f64::INFINITY, f64::from_bits(1), 9e15, 1e16]),
    ]
}

fn any_integers() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![Just(0i64), 0i64..3, -500i64..500, any::<i32>().prop_map(i64::from), any::<i64>()];
    let steps = step.prop_flat_map(|most| prop::collection::vec(most.min(0)..=most.max(0), 0..600));
    (any::<i64>(), steps, any::<bool>()).prop_map(|(first, steps, is_walk)| {
        let mut last = first;
        let walk = |step: i64| {
            last = if is_walk { last } else { first }.wrapping_add(step);
            last
        };
        steps.into_iter().map(walk).collect()
    })
}

proptest! {
    #[test]
    fn any_integers_come_back(values in any_integers()) {
        integers(&values);
    }

    #[test]
    fn any_doubles_come_back(values in prop::collection::vec(any_double(), 0..200)) {
        doubles(&values);
    }

    #[test]
    fn doubles_of_one_exponent_come_back(
        numbers in prop::collection::vec(-(1i64 << 53)..(1i64 << 53), 1..200), exponent in 0i32..14,
    ) {
        doubles(&numbers.iter().map(|number| *number as f64 / 10f64.powi(exponent)).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_columns_are_errors_or_other_numbers(
        values in any_integers(), at in any::<prop::sample::Index>(), with in 1u8..=255, n in 0usize..2100,
    ) {
        let mut bytes = Vec::new();
        put_integers(&mut bytes, &values);
        put_doubles(&mut bytes, &values.iter().map(|value| *value as f64 * 0.1).collect::<Vec<_>>());
        if bytes.is_empty() {
            return Ok(());
        }
        let index = at.index(bytes.len());
        bytes[index] ^= with;
        for start in [0, index] {
            let mut decoder = Decoder::default();
            let (mut integers, mut doubles) = (Vec::new(), Vec::new());
            let is_ok = decoder.integers(&mut Cursor(&bytes[start..]), n, &mut integers).is_ok();
            prop_assert!(integers.len() <= n && (!is_ok || integers.len() == n));
            let is_ok = decoder.doubles(&mut Cursor(&bytes[start..]), n, &mut doubles).is_ok();
            prop_assert!(doubles.len() <= n && (!is_ok || doubles.len() == n));
        }
    }
}
