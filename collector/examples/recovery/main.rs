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
use store::{Request, Store, StoreConfig};
use tikv_jemallocator::Jemalloc;

mod bodies;

use bodies::{body, received_at};

/// As the box has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

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
        let received_at = received_at(number);
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
