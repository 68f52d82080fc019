//! What is behind the lock of the index.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use hashbrown::{HashMap, HashSet};
use model::{Nanos, Series, SeriesId, Value};
use roaring::RoaringBitmap;

use super::StoredSeries;
use super::postings::{Posting, Values};

/// Series by number. A number is free again when its series is forgotten.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) series: Vec<Option<Arc<StoredSeries>>>,
    free: Vec<u32>,
    by_id: HashMap<SeriesId, Arc<StoredSeries>>,
    pub(super) names: BTreeMap<Arc<str>, Posting>,
    /// By key and by the text of the value.
    pub(super) attributes: BTreeMap<Arc<str>, Values>,
    pub(super) resources: BTreeMap<Arc<[u8]>, Posting>,
    /// Scopes, units and descriptions, each kept once.
    scopes: HashSet<Arc<[u8]>>,
    words: HashSet<Arc<str>>,
    /// What all series take, roughly.
    pub(super) bytes: usize,
}

/// What a series takes whose attributes have so many bytes: they are kept as they came, and each value as a key of the postings.
pub(super) fn bytes_of(n_attribute_bytes: usize) -> usize {
    512 + 2 * n_attribute_bytes
}

impl Inner {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: SeriesId) -> Option<&Arc<StoredSeries>> {
        self.by_id.get(&id)
    }

    pub(super) fn insert(&mut self, id: SeriesId, series: &Series<'_>, (first, last): (Nanos, Nanos)) {
        if let Some(known) = self.get(id) {
            return known.saw(first, last);
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.series.push(None);
            (self.series.len() - 1) as u32
        });
        let stored = StoredSeries {
            id,
            name: post(&mut self.names, series.name, number),
            unit: share(&mut self.words, series.unit),
            description: share(&mut self.words, series.description),
            kind: series.kind,
            temporality: series.temporality,
            monotonic: series.monotonic,
            attrs: series.attr_bytes.into(),
            resource: post(&mut self.resources, series.resource.as_bytes(), number),
            scope: share(&mut self.scopes, series.scope.as_bytes()),
            first_time: AtomicI64::new(first),
            last_time: AtomicI64::new(last),
            described: AtomicI64::new(i64::MIN),
            forgotten: AtomicBool::new(false),
        };
        for (key, value) in series.attrs.iter() {
            let values = match self.attributes.get_mut(key) {
                Some(values) => values,
                None => self.attributes.entry(key.into()).or_default(),
            };
            match value {
                Value::Str(text) => values.add(text, number),
                other => values.add(&other.to_string(), number),
            }
        }
        self.bytes += bytes_of(stored.attrs.len());
        let stored = Arc::new(stored);
        self.series[number as usize] = Some(Arc::clone(&stored));
        self.by_id.insert(id, stored);
    }

    pub(super) fn forget_before(&mut self, oldest: Nanos) {
        let mut gone = RoaringBitmap::new();
        for (number, slot) in (0..).zip(&mut self.series) {
            if slot.as_ref().is_some_and(|series| series.last_time.load(Ordering::Relaxed) < oldest) {
                if let Some(series) = slot.take() {
                    series.forgotten.store(true, Ordering::Relaxed);
                    self.by_id.remove(&series.id);
                    self.bytes = self.bytes.saturating_sub(bytes_of(series.attrs.len()));
                }
                gone.insert(number);
            }
        }
        if gone.is_empty() {
            return;
        }
        self.names.retain(|_, posting| posting.keep_without(&gone));
        self.attributes.retain(|_, values| values.keep_without(&gone));
        self.resources.retain(|_, posting| posting.keep_without(&gone));
        self.scopes.retain(|bytes| Arc::strong_count(bytes) > 1);
        self.words.retain(|word| Arc::strong_count(word) > 1);
        self.free.extend(gone);
    }
}

/// Adds `number` to the posting of `key`, and gives the copy of the key that is kept.
fn post<K: ?Sized + Ord>(postings: &mut BTreeMap<Arc<K>, Posting>, key: &K, number: u32) -> Arc<K>
where
    Arc<K>: for<'a> From<&'a K>,
{
    if let Some((kept, _)) = postings.get_key_value(key) {
        let kept = Arc::clone(kept);
        if let Some(posting) = postings.get_mut(key) {
            posting.add(number);
        }
        return kept;
    }
    let kept = Arc::from(key);
    postings.insert(Arc::clone(&kept), Posting::One(number));
    kept
}

fn share<K: ?Sized + Eq + std::hash::Hash>(kept: &mut HashSet<Arc<K>>, key: &K) -> Arc<K>
where
    Arc<K>: for<'a> From<&'a K>,
{
    if let Some(known) = kept.get(key) {
        return Arc::clone(known);
    }
    let new = Arc::from(key);
    kept.insert(Arc::clone(&new));
    new
}
