//! The full-text index of log bodies: what building it costs, what it takes on disk, and how long look-ups are.
//!
//! `cargo bench -p store --bench text`. The mix is that of a web shop: access lines 55 %, business events 35 %, slow calls 7 %
//! and errors 3 %, 64 bytes on average; beside it text of many different words.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may stop")]
#![expect(clippy::print_stdout, reason = "sizes are printed before the timings")]

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use store::text::{Builder, BundleFile, Index, Phrase, query_tokens};

const ROWS: u32 = 1 << 20;
const MEMORY: usize = 64 << 20;

/// Knuth's generator (MMIX): the same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(n)) >> 64) as u64
    }
}

const ROUTES: [&str; 8] =
    ["/api/v1/cart", "/api/v1/checkout", "/", "/api/v1/products", "/search", "/login", "/health", "/api/v1/orders"];
const STATUS: [u32; 8] = [200, 200, 200, 200, 201, 304, 404, 500];
const SERVICES: [&str; 6] = ["payment", "catalog", "shipping", "inventory", "email", "currency"];

fn shop_log(row: u32, random: &mut Random) -> String {
    match random.below(100) {
        0..55 => format!(
            "{} {}/{} HTTP/1.1 {} {} {}ms",
            if random.below(4) == 0 { "POST" } else { "GET" },
            ROUTES[random.below(8) as usize],
            random.below(100_000),
            STATUS[random.below(8) as usize],
            random.below(20_000),
            random.below(900),
        ),
        55..90 => format!(
            "order {:08x} placed by user {} with {} items, total {}.{:02} EUR",
            u64::from(row) * 2_654_435_761 % (1 << 32),
            random.below(50_000),
            random.below(9) + 1,
            random.below(400),
            random.below(100),
        ),
        90..97 => format!(
            "slow call to {} took {} ms, retry {} of 3, request {:016x}",
            SERVICES[random.below(6) as usize],
            random.below(9_000) + 1_000,
            random.below(3) + 1,
            random.below(u64::MAX),
        ),
        _ => format!(
            "rpc error: code = Unavailable desc = connection refused by {}:{}{}",
            SERVICES[random.below(6) as usize],
            8080 + random.below(3),
            if random.below(300) == 0 { " after deadline" } else { "" },
        ),
    }
}

/// Words by Zipf's law out of 200,000, as prose has them.
fn prose(random: &mut Random) -> String {
    let mut text = String::new();
    while text.len() < 60 {
        let exponent = random.below(1 << 20) as f64 / f64::from(1 << 20);
        let mut word = 200_000f64.powf(exponent) as u64;
        while word > 0 {
            text.push(char::from(b'a' + (word % 26) as u8));
            word /= 26;
        }
        text.push(' ');
    }
    text
}

static SHOP: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut random = Random(7);
    (0..ROWS).map(|row| shop_log(row, &mut random)).collect()
});
static PROSE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut random = Random(11);
    (0..ROWS / 2).map(|_| prose(&mut random)).collect()
});

fn build(bodies: &[String]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new(), MEMORY).unwrap();
    bodies.iter().for_each(|body| builder.push(body).unwrap());
    let (blobs, tail) = builder.finish().unwrap();
    [blobs, tail].concat()
}

fn open(bundle: &[u8]) -> Arc<Index> {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(bundle).unwrap();
    Arc::new(Index::open(Arc::new(BundleFile::new("bench.text", file, bundle.len() as u64))).unwrap())
}

static SHOP_INDEX: LazyLock<Arc<Index>> = LazyLock::new(|| open(&build(&SHOP)));

/// What this thread has used of a core, in nanoseconds: wall times of a busy machine say little.
fn cpu_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(f64::NAN)
}

fn main() {
    for (name, bodies) in [("shop", &*SHOP), ("prose", &*PROSE)] {
        let started = cpu_time();
        let bundle = build(bodies);
        let micros = (cpu_time() - started) / 1e3 / bodies.len() as f64;
        let index = open(&bundle);
        let per_row = |bytes: usize| bytes as f64 / bodies.len() as f64;
        let body = per_row(bodies.iter().map(String::len).sum());
        println!(
            "{name}: {} rows of {body:.1} B in {micros:.2} CPU µs each, index {:.2} B/row: {}",
            bodies.len(),
            per_row(bundle.len()),
            index.sizes()
        );
    }
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_shop(bencher: Bencher<'_, '_>) {
    let bodies = &SHOP[..];
    bencher.counter(ItemsCount::new(bodies.len())).bench(|| build(bodies));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_prose(bencher: Bencher<'_, '_>) {
    let bodies = &PROSE[..];
    bencher.counter(ItemsCount::new(bodies.len())).bench(|| build(bodies));
}

/// A word of every third row, one of few, one of none, an id, a port that is an id but frequent, and words together.
const LOOK_UPS: [&str; 6] = ["post", "deadline", "absent", "9e3779b1", "8081", "slow payment"];

#[divan::bench(args = LOOK_UPS)]
fn rows(bencher: Bencher<'_, '_>, phrase: &str) {
    let tokens = query_tokens(phrase);
    let rows = SHOP_INDEX.rows();
    bencher.bench(|| {
        let mut search = SHOP_INDEX.search(&tokens).unwrap();
        (0..rows)
            .step_by(1 << 16)
            .map(|start| search.rows(start..rows.min(start + (1 << 16))).unwrap().len())
            .sum::<usize>()
    });
}

#[divan::bench(args = LOOK_UPS)]
fn count(bencher: Bencher<'_, '_>, phrase: &str) {
    let tokens = query_tokens(phrase);
    bencher.bench(|| SHOP_INDEX.search(&tokens).unwrap().count(0..SHOP_INDEX.rows()).unwrap());
}

#[divan::bench(args = ["deadline", "connection refused", "결제"])]
fn check_phrase(bencher: Bencher<'_, '_>, phrase: &str) {
    let phrase = Phrase::new(phrase);
    let bodies = &SHOP[..10_000];
    bencher.counter(ItemsCount::new(bodies.len())).bench(|| bodies.iter().filter(|body| phrase.matches(body)).count());
}
