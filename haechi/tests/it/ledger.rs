//! Requests that are numbered, what became of each, and whether the box has what it acknowledged.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use prost::Message;

use crate::otlp::{self, SECOND};
use crate::process::Haechi;

/// Items in each request.
pub(crate) const ITEMS: u64 = 5;
const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];
const HOUR: u64 = 3600 * SECOND;

/// When the items of a request are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// From a window that is closed, so that a flush makes work for compaction.
    Late,
    /// Outside a retention of two days.
    Old,
}

impl Age {
    /// Of the request number `n`: one in nine is late, and one old. A multiple of three, so that all signals are among them.
    fn of(n: u64) -> Self {
        match n / 3 % 9 {
            4 => Age::Late,
            8 => Age::Old,
            _ => Age::Fresh,
        }
    }

    fn nanos(self) -> u64 {
        match self {
            Age::Fresh => 0,
            Age::Late => 5 * HOUR,
            Age::Old => 10 * 24 * HOUR,
        }
    }
}

/// A request that is not answered yet.
struct Batch {
    signal: &'static str,
    age: Age,
    body: Vec<u8>,
}

/// All requests of a run.
#[derive(Default)]
pub(crate) struct Ledger {
    next: AtomicU64,
    acked: Mutex<BTreeMap<u64, (&'static str, Age)>>,
    /// Sent without an answer, or refused for now: an exporter sends them again.
    open: Mutex<BTreeMap<u64, Batch>>,
    /// How often a request was refused with a code that asks to try again.
    pub(crate) refused: AtomicU64,
    /// Old requests below this number may be gone.
    expired: AtomicU64,
    /// No old requests are begun.
    no_old: AtomicBool,
    pub(crate) stop: AtomicBool,
}

/// The request number `n`: five items that carry the number.
fn batch(n: u64, age: Age) -> Batch {
    let signal = SIGNALS[(n % 3) as usize];
    let time = otlp::now() - age.nanos();
    let tag = otlp::text("batch", &n.to_string());
    let body = match signal {
        "traces" => {
            let mut spans = Vec::new();
            for item in 0..ITEMS {
                let mut span = otlp::span(n.into(), n * ITEMS + item + 1, 0, "work", time, time + 1000);
                span.trace_id[0] = 1;
                span.attributes = vec![tag.clone()];
                spans.push(span);
            }
            otlp::traces("killed", spans).encode_to_vec()
        }
        "logs" => {
            let mut records = Vec::new();
            for item in 0..ITEMS {
                let mut record = otlp::log(1, 1, time, &format!("item {item} of {n}"));
                record.attributes = vec![tag.clone()];
                records.push(record);
            }
            otlp::logs("killed", records).encode_to_vec()
        }
        _ => {
            let points: Vec<_> = (0..ITEMS).map(|item| (time + item * 1000, item as i64)).collect();
            otlp::metrics("killed", vec![otlp::counter("work.done", &points, vec![tag])]).encode_to_vec()
        }
    };
    Batch { signal, age, body }
}

impl Ledger {
    /// Sends until [`Ledger::stop`] is set or nobody listens: first what is open from before, then new requests.
    pub(crate) async fn client(&self, base: &str) {
        let http = reqwest::Client::new();
        while !self.stop.load(Ordering::Relaxed) {
            let retry = self.open.lock().unwrap().pop_first();
            let (n, batch) = retry.unwrap_or_else(|| self.begin());
            if !self.send(&http, base, n, batch).await {
                return;
            }
            // A steady load: what counts is when the box dies, not how much it has by then.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn begin(&self) -> (u64, Batch) {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let old_is_fresh = self.no_old.load(Ordering::Relaxed);
        let age = Some(Age::of(n)).filter(|age| !(old_is_fresh && *age == Age::Old)).unwrap_or(Age::Fresh);
        (n, batch(n, age))
    }

    /// Whether somebody listened.
    async fn send(&self, http: &reqwest::Client, base: &str, n: u64, batch: Batch) -> bool {
        let request = http.post(format!("{base}/v1/{}", batch.signal)).header("content-type", "application/x-protobuf");
        match request.body(batch.body.clone()).send().await {
            Ok(reply) if reply.status() == 200 => {
                self.acked.lock().unwrap().insert(n, (batch.signal, batch.age));
                true
            }
            Ok(reply) => {
                let retryable =
                    matches!(reply.status().as_u16(), 429 | 503) && reply.headers().contains_key("retry-after");
                assert!(retryable, "request {n} is answered {}", reply.status());
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.open.lock().unwrap().insert(n, batch);
                true
            }
            Err(_) => {
                self.open.lock().unwrap().insert(n, batch);
                false
            }
        }
    }

    /// A new request is acknowledged, and a query right after it sees it.
    pub(crate) async fn one_more(&self, haechi: &Haechi) {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let fresh = batch(n, Age::Fresh);
        let signal = fresh.signal;
        assert!(self.send(&reqwest::Client::new(), &haechi.otlp_http, n, fresh).await);
        assert!(self.acked.lock().unwrap().contains_key(&n), "request {n} is refused");
        let table = table(signal);
        let query = format!("SELECT count(*) AS n FROM {table} WHERE attributes['batch'] = '{n}'");
        assert_eq!(haechi.sql(&query).await["rows"][0]["n"].as_u64(), Some(ITEMS), "request {n} of {signal}");
    }

    /// Sends what is open until all is acknowledged.
    pub(crate) async fn settle(&self, haechi: &Haechi, within: Duration) {
        let begun = std::time::Instant::now();
        let http = reqwest::Client::new();
        loop {
            let Some((n, batch)) = self.open.lock().unwrap().pop_first() else { return };
            assert!(self.send(&http, &haechi.otlp_http, n, batch).await, "nobody listens");
            assert!(begun.elapsed() < within, "{} requests are still refused", self.open.lock().unwrap().len());
            if self.open.lock().unwrap().contains_key(&n) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// From here on old rows may be dropped, and no more of them are sent.
    pub(crate) fn expire(&self) {
        self.no_old.store(true, Ordering::Relaxed);
        self.expired.store(u64::MAX, Ordering::Relaxed);
    }

    /// Old rows that are sent from here on stay.
    pub(crate) fn keep(&self) {
        if self.no_old.swap(false, Ordering::Relaxed) {
            self.expired.store(self.next.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Every request that was acknowledged is there, whole and once, and every other one whole and once or not at all. Returns the
    /// number of those acknowledged.
    pub(crate) async fn check(&self, haechi: &Haechi) -> usize {
        let found = stored(haechi).await;
        let acked = self.acked.lock().unwrap().clone();
        let expired = self.expired.load(Ordering::Relaxed);
        for (n, (signal, age)) in &acked {
            let may_be_gone = *age == Age::Old && *n < expired;
            let there = found.get(&(*signal, *n));
            assert!(
                there == Some(&ITEMS) || (may_be_gone && there.is_none()),
                "acknowledged request {n} of {signal}: {there:?}"
            );
        }
        for ((signal, n), items) in &found {
            assert_eq!(*items, ITEMS, "request {n} of {signal} is stored in part or twice");
        }
        acked.len()
    }
}

fn table(signal: &str) -> &'static str {
    match signal {
        "traces" => "spans",
        "logs" => "logs",
        _ => "metrics",
    }
}

/// The number of stored items of each request, by signal.
async fn stored(haechi: &Haechi) -> BTreeMap<(&'static str, u64), u64> {
    let mut found = BTreeMap::new();
    for signal in SIGNALS {
        let table = table(signal);
        // A page at a time: an answer has at most 10,000 rows.
        for page in 0.. {
            let rows = haechi
                .sql(&format!(
                    "SELECT CAST(attributes['batch'] AS BIGINT) AS batch, count(*) AS n FROM {table} \
                     WHERE service = 'killed' GROUP BY 1 ORDER BY 1 LIMIT 5000 OFFSET {}",
                    page * 5000
                ))
                .await;
            let rows = rows["rows"].as_array().unwrap().clone();
            for row in &rows {
                found.insert((signal, row["batch"].as_u64().unwrap()), row["n"].as_u64().unwrap());
            }
            if rows.len() < 5000 {
                break;
            }
        }
    }
    found
}
