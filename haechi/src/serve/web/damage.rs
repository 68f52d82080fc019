//! What the store could not read, as the pages and `/api/v1/ingest` tell it.

use model::Nanos;
use store::{DamageKind, DamageStats};
use ui::{DamageKindReport, DamageReport, DamagedPlace};

/// Places listed.
const MAX_PLACES: usize = 100;

pub(super) fn report(stats: &DamageStats, now: Nanos) -> DamageReport {
    let kinds = DamageKind::ALL.into_iter().zip(stats.counts);
    let restored = stats.counts[DamageKind::Restored as usize];
    DamageReport {
        unreadable: stats.counts.iter().sum::<u64>() - restored,
        restored,
        kinds: kinds.map(|(kind, places)| DamageKindReport { kind: kind.name(), words: words(kind), places }).collect(),
        places: stats.places.iter().take(MAX_PLACES).map(|it| place(it, now)).collect(),
    }
}

fn place(it: &store::DamagedPlace, now: Nanos) -> DamagedPlace {
    let age = Nanos::try_from(it.age.as_nanos()).unwrap_or(Nanos::MAX);
    DamagedPlace {
        found: now.saturating_sub(age),
        kind: it.kind.name(),
        words: words(it.kind),
        file: it.path.display().to_string(),
        offset: it.offset,
        message: it.message.clone(),
    }
}

fn words(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::Manifest => "the manifest",
        DamageKind::Log => "the write-ahead log",
        DamageKind::Dedup => "the hashes of bodies",
        DamageKind::Segment => "segments",
        DamageKind::TextIndex => "full-text indexes",
        DamageKind::BloomFilter => "bloom filters",
        DamageKind::Summary => "summaries of spans",
        DamageKind::Parity => "parity",
        DamageKind::Clock => "the clock file",
        DamageKind::Restored => "segments, restored from parity",
    }
}
