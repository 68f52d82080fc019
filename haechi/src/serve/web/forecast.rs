//! Where the disk is heading, in a sentence.

use store::{DiskState, DiskStats, Retention};

/// What a forecast is made of.
pub(super) struct Disk<'a> {
    pub(super) stats: &'a DiskStats,
    pub(super) retention: &'a Retention,
    /// Bytes of segments of traces, metrics and logs, and of the log.
    pub(super) bytes: [u64; 3],
    pub(super) log_bytes: u64,
    /// Bytes that the segments grew by in so many seconds, by signal; `None` before there was a reading.
    pub(super) growth: Option<([i64; 3], f64)>,
}

/// With readings of less time than this a flush more or less would decide.
const LEAST_SECONDS: f64 = 600.0;
const DAY: f64 = 86_400.0;

/// A sentence on how long the disk lasts, or what holds it.
pub(super) fn forecast(disk: &Disk<'_>) -> String {
    let Disk { stats, retention, bytes, log_bytes, growth } = disk;
    let stored = bytes.iter().sum::<u64>() + log_bytes;
    if stats.total == 0 {
        return "The file system does not tell how much is free.".to_owned();
    }
    if stats.state == DiskState::Full {
        return format!("Full: requests are refused until {} are free.", size(stats.full as f64));
    }
    let Some((grown, seconds)) = growth.filter(|(_, seconds)| *seconds >= LEAST_SECONDS) else {
        return "Not known yet: it takes ten minutes of readings.".to_owned();
    };
    let rates = grown.map(|bytes| bytes as f64 / seconds);
    let rate: f64 = rates.iter().sum();
    let room = stats.free.saturating_sub(stats.full) as f64;
    let ages = [retention.traces, retention.metrics, retention.logs].map(|age| age.map(|age| age as f64 / 1e9));
    // What each signal comes to when its age is over; without an end where there is no age.
    let of_signal = |i: usize| match ages[i] {
        Some(age) => (bytes[i] as f64).max(rates[i] * age),
        None if rates[i] > 0.0 => f64::INFINITY,
        None => bytes[i] as f64,
    };
    let by_age = (0..3).map(of_signal).sum::<f64>() + *log_bytes as f64;
    let held = retention.max_bytes.map_or(by_age, |max| by_age.min(max as f64));
    let over = if seconds >= 3_500.0 { "hour".to_owned() } else { format!("{:.0} minutes", seconds / 60.0) };
    if rate <= 0.0 {
        format!("It did not grow in the last {over}.")
    } else if held <= stored as f64 + room {
        format!("Retention holds it at about {} at the rate of the last {over}.", size(held))
    } else {
        format!("Full in about {} at the rate of the last {over}.", time(room / rate))
    }
}

fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.max(1.0).log2() / 10.0).floor().clamp(0.0, 4.0);
    let value = bytes / 1024f64.powf(unit);
    let places = usize::from(value < 10.0 && unit > 0.0);
    format!("{value:.places$} {}", units[unit as usize])
}

fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 120.0 * 60.0 => format!("{:.0} minutes", (seconds / 60.0).max(1.0)),
        _ if seconds < 2.0 * DAY => format!("{:.0} hours", seconds / 3600.0),
        _ if seconds < 730.0 * DAY => format!("{:.0} days", seconds / DAY),
        _ => format!("{:.0} years", seconds / DAY / 365.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const AGE: i64 = 86_400_000_000_000;

    #[test]
    fn the_sentence_follows_rate_room_and_retention() {
        let stats = |free, state| DiskStats { state, free, total: 100 * GIB, low: 5 * GIB, full: GIB };
        let enough = stats(91 * GIB, DiskState::Enough);
        let hour = |gib_a_day: f64| Some(([(gib_a_day * GIB as f64 / 24.0) as i64, 0, 0], 3600.0));
        let none = Retention::default();
        let week = Retention::of_age(Some(7 * AGE));
        let capped = Retention { max_bytes: Some(20 * GIB), ..week };
        let table = [
            (DiskStats::default(), none, None, "does not tell"),
            (stats(GIB / 2, DiskState::Full), none, hour(1.0), "refused until 1.0 GiB are free"),
            (enough, none, None, "Not known yet"),
            (enough, none, Some(([1; 3], 60.0)), "Not known yet"),
            (enough, none, hour(10.0), "Full in about 9 days at the rate of the last hour."),
            (
                enough,
                none,
                Some(([GIB as i64, 0, 0], 1200.0)),
                "Full in about 30 hours at the rate of the last 20 minutes.",
            ),
            (enough, week, hour(10.0), "Retention holds it at about 70 GiB at the rate of the last hour."),
            (enough, week, hour(100.0), "Full in about 22 hours at the rate of the last hour."),
            (enough, capped, hour(100.0), "Retention holds it at about 20 GiB"),
            (enough, none, hour(-1.0), "did not grow"),
            (enough, none, hour(0.0), "did not grow"),
        ];
        for (stats, retention, growth, words) in table {
            let disk = Disk { stats: &stats, retention: &retention, bytes: [GIB / 2, 0, 0], log_bytes: 0, growth };
            let sentence = forecast(&disk);
            assert!(sentence.contains(words), "{words}: {sentence}");
        }
    }
}
