//! Finds series by what they have in common, without walking all of a metric.

use std::ops::Bound;
use std::sync::Arc;

use model::Resource;
use roaring::RoaringBitmap;

use super::postings::{Posting, Values};
use super::{SeriesIndex, StoredSeries};

/// Values, or series, that are looked at while the index is locked.
const STEP: usize = 1024;

/// What is asked of series. A hint: some that come out may not satisfy it, none that do are left out.
pub enum Condition<'a> {
    /// One of the attributes `keys` has a value that is wanted; `None` stands for any.
    Attribute { keys: Vec<Arc<str>>, value: Option<WantedLabel<'a>> },
    /// The resource passes.
    Resource(&'a dyn Fn(Resource<'_>) -> bool),
}

/// Values of an attribute, as text.
pub enum WantedLabel<'a> {
    Is(&'a str),
    OneOf(&'a [String]),
    /// Asked of each distinct value.
    Passing(&'a dyn Fn(&str) -> bool),
}

impl SeriesIndex {
    /// The keys of all attributes of points, in order.
    pub fn attribute_keys(&self) -> Vec<Arc<str>> {
        self.read().attributes.keys().cloned().collect()
    }

    /// The series of the metrics whose name (as sent) passes `may_be_named` that satisfy all `conditions`, by metric name.
    pub fn select(&self, may_be_named: impl Fn(&str) -> bool, conditions: &[Condition<'_>]) -> Vec<Arc<StoredSeries>> {
        let mut within: Option<RoaringBitmap> = None;
        for condition in conditions {
            let found = self.satisfying(condition);
            within = Some(within.map_or(found.clone(), |within| within & found));
            if within.as_ref().is_some_and(RoaringBitmap::is_empty) {
                return Vec::new();
            }
        }
        let mut series = Vec::new();
        for name in self.names() {
            if !may_be_named(&name) {
                continue;
            }
            let Some(mut numbers) = self.read().names.get(&name).map(Posting::to_bitmap) else { continue };
            if let Some(within) = &within {
                numbers &= within;
            }
            self.push_series(&numbers, &mut series);
        }
        series
    }

    /// Appends the series of these numbers.
    fn push_series(&self, numbers: &RoaringBitmap, series: &mut Vec<Arc<StoredSeries>>) {
        let mut numbers = numbers.iter().peekable();
        while numbers.peek().is_some() {
            let inner = self.read();
            let step = numbers.by_ref().take(STEP);
            series.extend(step.filter_map(|number| inner.series.get(number as usize)?.clone()));
        }
    }

    fn satisfying(&self, condition: &Condition<'_>) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        match condition {
            Condition::Attribute { keys, value } => {
                for key in keys {
                    self.add_having(key, value.as_ref(), &mut found);
                }
            }
            Condition::Resource(passes) => self.add_of_resources(passes, &mut found),
        }
        found
    }

    fn add_having(&self, key: &str, value: Option<&WantedLabel<'_>>, found: &mut RoaringBitmap) {
        let add = |values: &Values, texts: &mut dyn Iterator<Item = &str>, found: &mut RoaringBitmap| {
            texts.filter_map(|text| values.listed.get(text)).for_each(|posting| posting.add_to(found));
        };
        if let Some(values) = self.read().attributes.get(key) {
            *found |= &values.others;
            match value {
                Some(WantedLabel::Is(text)) => return add(values, &mut std::iter::once(*text), found),
                Some(WantedLabel::OneOf(texts)) => return add(values, &mut texts.iter().map(String::as_str), found),
                Some(WantedLabel::Passing(_)) | None => {}
            }
        }
        let passes = |text: &str| match value {
            Some(WantedLabel::Passing(passes)) => passes(text),
            _ => true,
        };
        let mut after: Option<Box<str>> = None;
        loop {
            let inner = self.read();
            let Some(values) = inner.attributes.get(key) else { return };
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut last = None;
            for (text, posting) in values.listed.range::<str, _>((from, Bound::Unbounded)).take(STEP) {
                if passes(text) {
                    posting.add_to(found);
                }
                last = Some(text);
            }
            match last {
                Some(text) => after = Some(text.clone()),
                None => return,
            }
        }
    }

    fn add_of_resources(&self, passes: &dyn Fn(Resource<'_>) -> bool, found: &mut RoaringBitmap) {
        let mut after: Option<Arc<[u8]>> = None;
        loop {
            let inner = self.read();
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut last = None;
            for (resource, posting) in inner.resources.range::<[u8], _>((from, Bound::Unbounded)).take(STEP) {
                if passes(Resource::new(resource)) {
                    posting.add_to(found);
                }
                last = Some(resource);
            }
            match last {
                Some(resource) => after = Some(Arc::clone(resource)),
                None => return,
            }
        }
    }
}
