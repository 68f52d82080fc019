//! A small cache in front of the two hot reads. One reader at a time fills a missing entry, the others wait for it.

use std::future::Future;
use std::time::{Duration, Instant};

use opentelemetry::metrics::Counter;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use tokio::sync::Mutex;

use crate::telemetry::Telemetry;
use crate::telemetry::attributes::{CACHE_NAME, CACHE_USAGE};

/// Most entries held; the oldest goes first.
const CAPACITY: usize = 64;

/// Values by key, each for a time to live.
pub(super) struct Cache<V> {
    name: &'static str,
    time_to_live: Duration,
    entries: Mutex<Vec<Entry<V>>>,
    requests: Counter<u64>,
}

struct Entry<V> {
    key: i64,
    value: V,
    filled: Instant,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(name: &'static str, time_to_live: Duration, telemetry: &Telemetry) -> Self {
        let requests =
            telemetry.counter("boxoffice.cache.requests", "{request}", "Reads through a cache, by hit and miss.");
        Self { name, time_to_live, entries: Mutex::new(Vec::new()), requests }
    }

    /// Returns the value of a key, from `fill` when there is none that is fresh. The current span is told which it was.
    pub(super) async fn get<E>(&self, key: i64, fill: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let mut entries = self.entries.lock().await;
        entries.retain(|entry| entry.filled.elapsed() < self.time_to_live);
        let found = entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone());
        let usage = KeyValue::new(CACHE_USAGE, if found.is_some() { "hit" } else { "miss" });
        let name = KeyValue::new(CACHE_NAME, self.name);
        self.requests.add(1, &[usage.clone(), name.clone()]);
        Context::current().span().set_attributes([usage, name]);
        if let Some(value) = found {
            return Ok(value);
        }
        let value = fill.await?;
        if entries.len() == CAPACITY {
            entries.remove(0);
        }
        entries.push(Entry { key, value: value.clone(), filled: Instant::now() });
        Ok(value)
    }

    /// Forgets the value of a key.
    pub(super) async fn forget(&self, key: i64) {
        self.entries.lock().await.retain(|entry| entry.key != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ServiceName;
    use crate::telemetry::Providers;

    fn cache(time_to_live: Duration) -> Cache<i64> {
        Cache::new("test", time_to_live, &Telemetry::new(&Providers::silent(ServiceName::Catalogue)))
    }

    async fn get(cache: &Cache<i64>, key: i64, value: i64) -> i64 {
        cache.get(key, async { Ok::<_, ()>(value) }).await.unwrap()
    }

    #[tokio::test]
    async fn a_fresh_value_is_returned_until_it_is_forgotten() {
        let cache = cache(Duration::from_secs(3600));
        assert_eq!(get(&cache, 1, 10).await, 10);
        assert_eq!(get(&cache, 1, 11).await, 10);
        assert_eq!(get(&cache, 2, 20).await, 20);
        cache.forget(1).await;
        assert_eq!(get(&cache, 1, 11).await, 11);
        assert_eq!(get(&cache, 2, 21).await, 20);
    }

    #[tokio::test]
    async fn a_value_past_its_time_is_filled_again() {
        let cache = cache(Duration::ZERO);
        assert_eq!(get(&cache, 1, 10).await, 10);
        assert_eq!(get(&cache, 1, 11).await, 11);
    }

    #[tokio::test]
    async fn a_failed_fill_is_not_kept() {
        let cache = cache(Duration::from_secs(3600));
        assert_eq!(cache.get(1, async { Err::<i64, _>("down") }).await, Err("down"));
        assert_eq!(get(&cache, 1, 10).await, 10);
    }

    #[tokio::test]
    async fn the_number_of_values_is_bounded() {
        let cache = cache(Duration::from_secs(3600));
        for key in 0..1_000 {
            get(&cache, key, key).await;
        }
        assert_eq!(cache.entries.lock().await.len(), CAPACITY);
    }
}
