//! Processor time, as the kernel counts it.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time of the calling thread.
pub(super) fn thread() -> Duration {
    of(ClockId::ThreadCPUTime)
}

/// Processor time of this process, threads that have ended included.
pub(super) fn process() -> Duration {
    of(ClockId::ProcessCPUTime)
}

fn of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Processor time of each thread of this process that has not ended, by name, to the hundredth of a second.
pub(super) fn threads() -> BTreeMap<String, Duration> {
    let mut threads = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if let Some((name, time)) = parse_stat(&text) {
            *threads.entry(name.to_owned()).or_default() += time;
        }
    }
    threads
}

/// Processor time of another process so far, to the hundredth of a second; `None` when there is none of this id.
pub(super) fn of_process(id: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    parse_stat(&text).map(|(_, time)| time)
}

/// The most memory that this process has had resident so far, in bytes.
pub(super) fn peak_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or_default() * 1024
}

/// Name and processor time in a line of `/proc/…/stat`: proc_pid_stat(5). Clock ticks are hundredths of a second on every
/// Linux that Rust supports (`USER_HZ`).
fn parse_stat(text: &str) -> Option<(&str, Duration)> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // The state is field 3; user and system time are fields 14 and 15.
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((name, Duration::from_millis((ticks()? + ticks()?) * 10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_may_have_brackets_in_names() {
        let line = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 125 75 0 0 20 0";
        assert_eq!(parse_stat(line), Some(("a (b) c", Duration::from_secs(2))));
        assert_eq!(parse_stat("42 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_counted() {
        let before = thread();
        let mut sum = 0u64;
        while thread() - before < Duration::from_millis(30) {
            sum = (0..100_000u64).fold(sum, |sum, it| std::hint::black_box(sum ^ it));
        }
        assert!(process() >= Duration::from_millis(30));
        assert!(of_process(std::process::id()) >= Some(Duration::from_millis(10)));
        assert!(threads().values().sum::<Duration>() >= Duration::from_millis(10));
        assert!(peak_memory() > 1 << 20);
    }
}
