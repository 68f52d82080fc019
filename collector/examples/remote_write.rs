//! How many samples of Remote-Write a processor decodes in a second.
//!
//! `cargo run --release -p collector --example remote_write` decodes bodies as Prometheus sends them (2,000 samples, one to a
//! series of twelve labels), of both versions, with series that the store knows already. It prints samples per second of the
//! processor, with and without Snappy, and the bytes of a body.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::time::Instant;

use collector::otlp::Context;
use collector::remote_write::{Version, decode_into};
use collector::{BodyKind, decode_for_replay};
use model::wire::{put_bytes_field, put_fixed64_field, put_varint, put_varint_field};
use store::{Request, Store, StoreConfig};
use tikv_jemallocator::Jemalloc;

/// As the box has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// 2026-01-01T00:00:00Z, in milliseconds.
const START: u64 = 1_767_225_600_000;
/// `max_samples_per_send` of Prometheus.
const SAMPLES: u64 = 2000;
const ROUNDS: u64 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    for (name, version, body) in [("1.0", Version::V1, version_1()), ("2.0", Version::V2, version_2())] {
        let dir = tempfile::tempdir()?;
        let (store, _) = Store::open(StoreConfig::new(dir.path()), Box::new(decode_for_replay))?;
        let context = Context { received_at: START as i64 * 1_000_000, oldest_accepted: i64::MIN };
        let decode = |body: &[u8]| decode_into(store.rows(i64::MIN), version, body, context);
        let rows = decode(&body)?.rows;
        let kind = BodyKind::RemoteWrite(version).number();
        store.append_blocking(Request { kind, received_at: 0, body: body.clone().into(), dedup: false, rows })?;

        let packed = snap::raw::Encoder::new().compress_vec(&body)?;
        let per_second = |unpack: bool| -> Result<f64, Box<dyn Error>> {
            let started = Instant::now();
            for _ in 0..ROUNDS {
                let decoded = match unpack {
                    true => decode(&snap::raw::Decoder::new().decompress_vec(&packed)?)?,
                    false => decode(&body)?,
                };
                assert_eq!(decoded.written.samples, SAMPLES, "every sample counts");
            }
            Ok((ROUNDS * SAMPLES) as f64 / started.elapsed().as_secs_f64())
        };
        per_second(false)?;
        let (plain, unpacked) = (per_second(false)?, per_second(true)?);
        println!(
            "remote write {name}: {plain:.0} samples/s decoded, {unpacked:.0} with snappy; {} bytes a body, {} packed",
            body.len(),
            packed.len()
        );
        store.close();
    }
    Ok(())
}

/// The labels of series `number`.
fn labels(number: u64) -> Vec<(String, String)> {
    let mut labels = vec![
        ("__name__".to_owned(), format!("http_requests_{}_total", number / 100)),
        ("code".to_owned(), (200 + number % 5).to_string()),
        ("instance".to_owned(), format!("10.0.{}.17:8080", number % 10)),
        ("job".to_owned(), "api".to_owned()),
        ("path".to_owned(), format!("/api/v1/orders/{}", number % 100)),
    ];
    for key in ["cluster", "container", "endpoint", "namespace", "pod", "region", "zone"] {
        labels.push((key.to_owned(), format!("{key}-of-some-length")));
    }
    labels.sort();
    labels
}

fn sample(number: u64) -> Vec<u8> {
    let mut sample = Vec::new();
    put_fixed64_field(&mut sample, 1, (number as f64 * 1.5).to_bits());
    put_varint_field(&mut sample, 2, START + number);
    sample
}

fn version_1() -> Vec<u8> {
    let mut body = Vec::new();
    for number in 0..SAMPLES {
        let mut series = Vec::new();
        for (name, value) in labels(number) {
            let mut label = Vec::new();
            put_bytes_field(&mut label, 1, name.as_bytes());
            put_bytes_field(&mut label, 2, value.as_bytes());
            put_bytes_field(&mut series, 1, &label);
        }
        put_bytes_field(&mut series, 2, &sample(number));
        put_bytes_field(&mut body, 1, &series);
    }
    body
}

fn version_2() -> Vec<u8> {
    let mut symbols = vec![String::new()];
    let mut all = Vec::new();
    for number in 0..SAMPLES {
        let mut references = Vec::new();
        for text in labels(number).into_iter().flat_map(|(name, value)| [name, value]) {
            let place = symbols.iter().position(|known| *known == text).unwrap_or_else(|| {
                symbols.push(text);
                symbols.len() - 1
            });
            put_varint(&mut references, place as u64);
        }
        let mut metadata = Vec::new();
        put_varint_field(&mut metadata, 1, 1);
        let mut series = Vec::new();
        put_bytes_field(&mut series, 1, &references);
        put_bytes_field(&mut series, 2, &sample(number));
        put_bytes_field(&mut series, 5, &metadata);
        put_bytes_field(&mut all, 5, &series);
    }
    let mut body = Vec::new();
    symbols.iter().for_each(|symbol| put_bytes_field(&mut body, 4, symbol.as_bytes()));
    body.extend_from_slice(&all);
    body
}
