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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn places_are_told_by_file_and_offset_and_bounded() {
        let place = store::DamagedPlace {
            kind: DamageKind::TextIndex,
            path: "data/7.text".into(),
            offset: Some(5),
            message: "20 bytes at 5 are wrong".to_owned(),
            age: Duration::from_secs(1),
        };
        let mut stats = DamageStats { places: vec![place; 150], ..DamageStats::default() };
        stats.counts[DamageKind::TextIndex as usize] = 150;
        stats.counts[DamageKind::Restored as usize] = 2;
        let report = report(&stats, 3_000_000_000);
        assert_eq!((report.unreadable, report.restored, report.places.len()), (150, 2, MAX_PLACES));
        let told = serde_json::to_value(&report.places[0]).unwrap();
        let expected = serde_json::json!({
            "found": 2_000_000_000, "kind": "text_index", "file": "data/7.text", "offset": 5,
            "message": "20 bytes at 5 are wrong",
        });
        assert_eq!(told, expected);
        assert_eq!(report.kinds.iter().map(|it| it.places).sum::<u64>(), 152);
    }
}
