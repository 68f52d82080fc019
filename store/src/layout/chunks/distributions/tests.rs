use model::metric::distribution::{ExponentialHistogram, Histogram};
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use proptest::prelude::*;

use super::*;

fn decode(bytes: &[u8], n: usize) -> Result<Vec<Vec<u8>>, Damaged> {
    let (mut from, mut out) = (Cursor(bytes), Messages::default());
    DistributionDecoder::default().read(&mut Decoder::default(), &mut from, n, &mut out)?;
    from.end()?;
    Ok(out.iter().map(<[u8]>::to_vec).collect())
}

/// The bytes that `messages` take.
fn round_trip(messages: &[Vec<u8>]) -> usize {
    let borrowed: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut bytes = Vec::new();
    put_distributions(&mut bytes, &borrowed);
    assert_eq!(decode(&bytes, messages.len()).unwrap(), messages);
    bytes.len()
}

fn explicit(count: u64, sum: f64, counts: &[u64], bounds: &[f64]) -> Vec<u8> {
    let has = Has { sum: true, min: true, max: true };
    let shape = Shape::Explicit { has, bounds: bounds.iter().map(|it| it.to_bits()).collect(), n_counts: counts.len() };
    let first = ExponentialBuckets { offset: 0, counts: counts.to_vec() };
    let sides = [first, ExponentialBuckets::default()];
    let mut message = Vec::new();
    put_together(&shape, &Numbers { count, sum, min: 0.5, max: 9.5, sides, ..Numbers::default() }, &mut message);
    message
}

fn exponential(scale: i32, zero_count: u64, positive: (i32, &[u64]), negative: Option<(i32, &[u64])>) -> Vec<u8> {
    let side = |(offset, counts): (i32, &[u64])| ExponentialBuckets { offset, counts: counts.to_vec() };
    let sides = [side(positive), negative.map(side).unwrap_or_default()];
    let shape = Shape::Exponential {
        has: Has { sum: true, ..Has::default() },
        sides: [true, negative.is_some()],
        scale,
        zero_threshold: 0,
    };
    let mut numbers = Numbers { sum: 12.5, zero_count, sides, ..Numbers::default() };
    numbers.count = numbers.in_buckets();
    let mut message = Vec::new();
    put_together(&shape, &numbers, &mut message);
    message
}

#[test]
fn cumulative_histograms_take_a_byte_or_two_a_bucket_or_less() {
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let mut counts = [0u64; 12];
    let messages: Vec<_> = (0..480u64)
        .map(|i| {
            for bucket in 2..8 {
                counts[bucket as usize] += (i * 7 + bucket * 13) % (20 - 2 * bucket);
            }
            explicit(counts.iter().sum(), (i * i % 1009) as f64 / 8.0, &counts, &bounds)
        })
        .collect();
    assert_eq!(Histogram::decode(&messages[5]).bounds, bounds);
    let bytes = round_trip(&messages);
    assert!(bytes < 480 * 6, "{bytes} bytes for 480 points of 12 buckets, {} as sent", messages.concat().len());
}

#[test]
fn exponential_histograms_may_move_and_grow() {
    let counts: Vec<u64> = (0..200).map(|i| i % 7).collect();
    let messages: Vec<_> = (0..480usize)
        .map(|i| {
            let from = (i % 3) as i32;
            exponential(3, (i / 50) as u64, (-40 + from, &counts[..20 + i / 40]), Some((i as i32 % 2, &counts[..5])))
        })
        .collect();
    assert_eq!(ExponentialHistogram::decode(&messages[4]).positive.offset, -39);
    round_trip(&messages);
}

#[test]
fn shapes_may_change_from_point_to_point() {
    let mut pair = Vec::new();
    put_fixed64_field(&mut pair, 1, 0.99f64.to_bits());
    put_fixed64_field(&mut pair, 2, 7.25f64.to_bits());
    let mut summary = Vec::new();
    put_fixed64_field(&mut summary, 4, 3);
    put_bytes_field(&mut summary, 6, &pair);
    put_bytes_field(&mut summary, 6, &[]);
    let messages = [
        explicit(3, 1.5, &[1, 2], &[0.25]),
        explicit(3, 1.5, &[1, 1, 1], &[0.25, 0.5]),
        explicit(7, 1.5, &[], &[]),
        vec![],
        summary.clone(),
        summary,
        exponential(20, 0, (i32::MAX - 1, &[1, u64::MAX, 3]), None),
        exponential(-10, u64::MAX, (i32::MIN, &[0, 1]), Some((5, &[]))),
        explicit(4, -0.0, &[1, 1, 2], &[0.25, f64::INFINITY]),
        explicit(4, f64::NAN, &[1, 1, 2], &[0.25, f64::INFINITY]),
    ];
    round_trip(&messages);
    let alternating: Vec<_> = messages.iter().cycle().take(300).cloned().collect();
    round_trip(&alternating);
}

#[test]
fn what_no_generated_encoder_writes_is_kept_as_it_is() {
    let usual = explicit(3, 1.5, &[1, 2], &[0.25]);
    let mut unknown = usual.clone();
    put_varint_field(&mut unknown, 99, 1);
    let mut unpacked = Vec::new();
    put_fixed64_field(&mut unpacked, 6, 1);
    put_fixed64_field(&mut unpacked, 6, 2);
    let mut zero_count = Vec::new();
    put_fixed64_field(&mut zero_count, 4, 0);
    let mut reversed = Vec::new();
    put_fixed64_field(&mut reversed, 5, 1.5f64.to_bits());
    put_fixed64_field(&mut reversed, 4, 3);
    let huge = explicit(1, 1.0, &vec![1; MAX_BUCKETS + 1], &vec![1.0; MAX_BUCKETS]);
    let whole = [unknown, unpacked, zero_count, reversed, huge, vec![0xff; 40], b"not a message".to_vec()];
    for message in &whole {
        assert_eq!(take_apart(message).0, Shape::Whole);
    }
    assert_ne!(take_apart(&usual).0, Shape::Whole);
    round_trip(&whole);
}

#[test]
fn few_bytes_do_not_become_many_buckets() {
    // 2,048 points that claim 4,096 buckets each, all zero.
    let mut bytes = vec![0x80, 0x10, EXPLICIT, COUNT_IS_SUM, 0];
    put_varint(&mut bytes, MAX_BUCKETS as u64);
    bytes.extend_from_slice(&[0; 2 * MAX_BUCKETS]);
    let error = decode(&bytes, 2048).unwrap_err();
    assert!(error.to_string().contains("numbers in buckets"), "{error}");
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let counts = || prop::collection::vec(prop_oneof![0u64..9, any::<u64>()], 0..12);
    let doubles = || prop::collection::vec(any::<f64>(), 0..5);
    prop_oneof![
        (any::<u64>(), any::<f64>(), counts(), doubles()).prop_map(|(n, sum, counts, b)| explicit(n, sum, &counts, &b)),
        (any::<i32>(), any::<u64>(), any::<i32>(), counts(), counts()).prop_map(|(scale, zero, offset, one, other)| {
            exponential(scale, zero, (offset.min(i32::MAX - 12), &one), Some((3, &other)))
        }),
        prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn any_messages_come_back(messages in prop::collection::vec(any_message(), 0..40), repeat in 1usize..4) {
        let messages: Vec<_> = messages.iter().flat_map(|message| vec![message.clone(); repeat]).collect();
        round_trip(&messages);
    }

    #[test]
    fn damaged_distributions_are_errors_or_other_messages(
        messages in prop::collection::vec(any_message(), 1..20), at in any::<prop::sample::Index>(), with in 1u8..=255,
    ) {
        let borrowed: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        put_distributions(&mut bytes, &borrowed);
        let index = at.index(bytes.len());
        bytes[index] ^= with;
        if let Ok(other) = decode(&bytes, messages.len()) {
            prop_assert_eq!(other.len(), messages.len());
        }
    }
}
