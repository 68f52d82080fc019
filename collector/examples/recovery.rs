//! How long a start takes that has a write-ahead log to replay.
//!
//! `cargo run --release -p collector --example recovery -- [MIB] [traces|logs|metrics|mixed]` writes a log of that size (1024
//! unless given) in a process of its own, as a receiver would whose segments were never written, and opens it with the default
//! settings of the store. It prints the time on the processor and by the clock, and the most memory that the start took.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use collector::otlp::{Context, decode};
use collector::{Signal, decode_for_replay};
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};
use store::{Request, Store, StoreConfig};
use tikv_jemallocator::Jemalloc;

/// As the box has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Items of a request, as SDKs batch them.
const ITEMS: u64 = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", dir, mib, mix] => write(Path::new(dir), mib.parse()?, mix),
        _ => {
            let dir = tempfile::tempdir()?;
            let (mib, mix) = (words.first().unwrap_or(&"1024"), words.get(1).unwrap_or(&"mixed"));
            let this = std::env::current_exe()?;
            let written = std::process::Command::new(this).arg("write").arg(dir.path()).args([mib, mix]).status()?;
            if !written.success() {
                return Err("the log could not be written".into());
            }
            open(dir.path(), mix)
        }
    }
}

/// Fills a log with `mib` MiB of requests and leaves it as a kill would.
fn write(dir: &Path, mib: u64, mix: &str) -> Result<(), Box<dyn Error>> {
    let signals: &[Signal] = match mix {
        "traces" => &[Signal::Traces],
        "logs" => &[Signal::Logs],
        "metrics" => &[Signal::Metrics],
        _ => &[Signal::Traces, Signal::Logs, Signal::Logs, Signal::Metrics],
    };
    let unflushed = StoreConfig { flush_bytes: usize::MAX, max_memory_bytes: usize::MAX, ..StoreConfig::new(dir) };
    let (store, _) = Store::open(unflushed, Box::new(decode_for_replay))?;
    let mut written = 0;
    for number in 0.. {
        let signal = signals[number as usize % signals.len()];
        let body = Bytes::from(body(signal, number));
        let received_at = (START + number * 100 * MILLISECOND) as i64;
        let decoded = decode(signal, &body, Context { received_at, oldest_accepted: i64::MIN })?;
        assert_eq!(decoded.rejected(), 0, "every item counts");
        written += body.len() as u64;
        // Rows are what makes memory grow; for the log the body is enough.
        let request = Request { kind: signal.kind(), received_at, body, dedup: true, rows: store::Rows::default() };
        store.append_blocking(request)?;
        if written >= mib << 20 {
            return Ok(());
        }
    }
    Ok(())
}

fn open(dir: &Path, mix: &str) -> Result<(), Box<dyn Error>> {
    let (started, before) = (Instant::now(), cpu_seconds()?);
    let (store, recovery) = Store::open(StoreConfig::new(dir), Box::new(decode_for_replay))?;
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - before);
    for damage in &recovery.damage {
        println!("damage: {damage}");
    }
    let stats = store.stats();
    println!(
        "{mix}: {} MiB of log, {} requests, {} rows: {cpu:.2} s on the processor, {elapsed:.2} s by the clock, {} MiB at most",
        stats.log_bytes >> 20,
        recovery.replayed_requests,
        recovery.replayed_rows,
        most_memory()? >> 20,
    );
    Ok(())
}

/// Time of the processor that this process has had.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.get(11).ok_or("utime")?.parse::<u64>()? + fields.get(12).ok_or("stime")?.parse::<u64>()?;
    Ok(ticks as f64 / 100.0) // Linux counts in hundredths towards user space
}

/// The most resident memory that this process has had.
fn most_memory() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

/// A request of `signal` with [`ITEMS`] items.
fn body(signal: Signal, number: u64) -> Vec<u8> {
    let service = ["gateway", "catalogue", "booking", "payment", "psp", "mail"][(number % 6) as usize];
    let mut resource = Vec::new();
    for (key, value) in [
        ("service.name", service),
        ("service.version", "1.42.0"),
        ("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        ("deployment.environment.name", "production"),
        ("host.name", "node-17.eu-central-1.example.com"),
        ("telemetry.sdk.language", "go"),
    ] {
        attribute(&mut resource, 1, key, Value::Text(value));
    }
    let mut scope = Vec::new();
    put_bytes_field(&mut scope, 1, b"example.com/instrumentation");
    let mut items = Vec::new();
    put_bytes_field(&mut items, 1, &scope);
    for item in 0..ITEMS {
        let seed = mix(number * ITEMS + item);
        let time = START + number * 100 * MILLISECOND + item * MILLISECOND / 8;
        match signal {
            Signal::Traces => put_bytes_field(&mut items, 2, &span(number * ITEMS + item, seed, time)),
            Signal::Logs => put_bytes_field(&mut items, 2, &log(seed, time)),
            Signal::Metrics => put_bytes_field(&mut items, 2, &metric(number, item, seed, time)),
        }
    }
    let mut group = Vec::new();
    put_bytes_field(&mut group, 1, &resource);
    put_bytes_field(&mut group, 2, &items);
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, &group);
    body
}

enum Value<'a> {
    Text(&'a str),
    Int(u64),
}

/// A `KeyValue` in field `number` of `out`.
fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: Value<'_>) {
    let mut any = Vec::new();
    match value {
        Value::Text(text) => put_bytes_field(&mut any, 1, text.as_bytes()),
        Value::Int(int) => put_varint_field(&mut any, 3, int),
    }
    let mut entry = Vec::new();
    put_bytes_field(&mut entry, 1, key.as_bytes());
    put_bytes_field(&mut entry, 2, &any);
    put_bytes_field(out, number, &entry);
}

fn span(index: u64, seed: u64, time: u64) -> Vec<u8> {
    let trace = mix(index / 25);
    let mut span = Vec::new();
    put_bytes_field(&mut span, 1, &[trace.to_be_bytes(), mix(trace).to_be_bytes()].concat());
    put_bytes_field(&mut span, 2, &(seed | 1).to_be_bytes());
    put_bytes_field(&mut span, 4, &(mix(index.saturating_sub(1)) | 1).to_be_bytes());
    put_bytes_field(
        &mut span,
        5,
        ["GET /v1/events", "POST /v1/bookings", "SELECT", "charge"][(seed % 4) as usize].as_bytes(),
    );
    put_varint_field(&mut span, 6, 2);
    put_fixed64_field(&mut span, 7, time);
    put_fixed64_field(&mut span, 8, time + MILLISECOND + seed % (400 * MILLISECOND));
    attribute(&mut span, 9, "http.request.method", Value::Text("GET"));
    attribute(&mut span, 9, "http.route", Value::Text("/v1/events/{event_id}/seats"));
    attribute(&mut span, 9, "http.response.status_code", Value::Int(200 + seed % 3));
    attribute(&mut span, 9, "url.path", Value::Text(&format!("/v1/events/{}/seats", seed % 5000)));
    attribute(&mut span, 9, "server.address", Value::Text("booking.example.com"));
    attribute(&mut span, 9, "user_agent.original", Value::Text("Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0"));
    attribute(&mut span, 9, "enduser.id", Value::Text(&format!("customer-{}", seed % 100_000)));
    attribute(&mut span, 9, "thread.id", Value::Int(seed % 32));
    span
}

fn log(seed: u64, time: u64) -> Vec<u8> {
    let mut record = Vec::new();
    put_fixed64_field(&mut record, 1, time);
    put_varint_field(&mut record, 2, 9);
    put_bytes_field(&mut record, 3, b"INFO");
    let text = format!("GET /v1/events/{}/seats 200 {} bytes in {} ms", seed % 5000, seed % 100_000, seed % 900);
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, text.as_bytes());
    put_bytes_field(&mut record, 5, &body);
    attribute(&mut record, 6, "http.request.method", Value::Text("GET"));
    attribute(&mut record, 6, "http.response.status_code", Value::Int(200));
    attribute(&mut record, 6, "http.route", Value::Text("/v1/events/{event_id}/seats"));
    attribute(
        &mut record,
        6,
        "client.address",
        Value::Text(&format!("10.{}.{}.{}", seed % 256, seed / 7 % 256, seed / 11 % 256)),
    );
    attribute(&mut record, 6, "code.function.name", Value::Text("com.example.booking.SeatsHandler.list"));
    attribute(&mut record, 6, "thread.name", Value::Text(&format!("worker-{}", seed % 32)));
    attribute(&mut record, 6, "enduser.id", Value::Text(&format!("customer-{}", seed % 100_000)));
    put_bytes_field(&mut record, 9, &[mix(seed / 7).to_be_bytes(), seed.to_be_bytes()].concat());
    put_bytes_field(&mut record, 10, &(seed | 1).to_be_bytes());
    put_fixed64_field(&mut record, 11, time + 1000);
    record
}

/// A gauge with one point: the 512 series of an instance, one export after the other.
fn metric(number: u64, item: u64, seed: u64, time: u64) -> Vec<u8> {
    let mut point = Vec::new();
    put_fixed64_field(&mut point, 3, time);
    put_fixed64_field(&mut point, 4, f64::to_bits((seed % 1000) as f64 / 8.0));
    attribute(&mut point, 7, "cpu", Value::Text(&(item % 64).to_string()));
    attribute(&mut point, 7, "instance", Value::Text(&(number % 100).to_string()));
    attribute(&mut point, 7, "state", Value::Text(["user", "system", "idle", "iowait"][(item / 64 % 4) as usize]));
    let mut gauge = Vec::new();
    put_bytes_field(&mut gauge, 1, &point);
    let mut metric = Vec::new();
    put_bytes_field(
        &mut metric,
        1,
        ["system.cpu.utilization", "process.cpu.utilization"][(item / 256) as usize].as_bytes(),
    );
    put_bytes_field(&mut metric, 3, b"1");
    put_bytes_field(&mut metric, 5, &gauge);
    metric
}

/// A number that looks random (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
