//! How many span names and log attribute keys each service uses: the ones that grow without end are a mistake of the sender.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashSet};
use model::Nanos;

use super::kept::Kept;

/// Services counted for each kind.
const MAX_SERVICES: usize = 128;
/// Names of a service are told apart up to this many.
pub const MAX_NAMES: usize = 1_000;

/// The names of one service since the start, as far as they were met: the first items of each request are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameStats {
    pub service: String,
    /// Different names; [`MAX_NAMES`] stands for that many or more.
    pub distinct: usize,
    /// The one met last for the first time, and when that was.
    pub newest: String,
    pub newest_at: Nanos,
}

/// Distinct names by service.
pub(super) struct Names {
    services: Kept<String, Distinct>,
    hasher: DefaultHashBuilder,
}

#[derive(Default)]
struct Distinct {
    hashes: HashSet<u64>,
    newest: String,
    newest_at: Nanos,
}

impl Default for Names {
    fn default() -> Self {
        Names { services: Kept::new(MAX_SERVICES), hasher: DefaultHashBuilder::default() }
    }
}

impl Names {
    pub(super) fn note(&mut self, service: &str, names: &[String], at: Nanos) {
        if names.is_empty() {
            return;
        }
        let distinct = &mut self.services.see(service.to_owned(), at, Distinct::default).value;
        for name in names {
            let hash = self.hasher.hash_one(name);
            if distinct.hashes.len() < MAX_NAMES && distinct.hashes.insert(hash) {
                distinct.newest.clone_from(name);
                distinct.newest_at = at;
            }
        }
    }

    /// The services of the last hour with the most names first.
    pub(super) fn top(&self, most: usize, now: Nanos) -> Vec<NameStats> {
        let stats = self.services.recent(now).into_iter().map(|(service, slot)| NameStats {
            service: service.clone(),
            distinct: slot.value.hashes.len(),
            newest: slot.value.newest.clone(),
            newest_at: slot.value.newest_at,
        });
        let mut stats: Vec<NameStats> = stats.collect();
        stats.sort_by(|a, b| b.distinct.cmp(&a.distinct).then_with(|| a.service.cmp(&b.service)));
        stats.truncate(most);
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_up_to_a_limit() {
        let mut names = Names::default();
        names.note("calm", &["GET /".to_owned(), "GET /".to_owned()], 1);
        for i in 0..100_000 {
            names.note("wild", &[format!("GET /{i}")], 2 + i);
        }
        let top = names.top(10, 100_000);
        assert_eq!(
            top.iter().map(|it| (it.service.as_str(), it.distinct)).collect::<Vec<_>>(),
            [("wild", 1000), ("calm", 1)]
        );
        assert_eq!((top[0].newest.as_str(), top[0].newest_at), ("GET /999", 1001));
    }

    #[test]
    fn services_are_bounded() {
        let mut names = Names::default();
        for i in 0..100_000 {
            names.note(&format!("service {i}"), &["a".to_owned()], i);
        }
        assert!((MAX_SERVICES / 8 * 7..=MAX_SERVICES).contains(&names.top(usize::MAX, 100_000).len()));
    }
}
