//! Memory and processor time of the process itself, read from `/proc` at each collection; nothing where there is no
//! `/proc`.

use std::fs;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// Clock ticks per second in `/proc/self/stat`: `USER_HZ`, 100 on every Linux architecture in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// Registers `process.memory.usage` and `process.cpu.time`.
pub(super) fn observe(meter: &Meter) {
    meter
        .i64_observable_up_down_counter("process.memory.usage")
        .with_unit("By")
        .with_description("Physical memory in use by the process.")
        .with_callback(|observer| {
            if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|status| resident_bytes(&status))
            {
                observer.observe(bytes, &[]);
            }
        })
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("Processor time used by the process.")
        .with_callback(|observer| {
            if let Some((user, system)) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat))
            {
                observer.observe(user, &[KeyValue::new("cpu.mode", "user")]);
                observer.observe(system, &[KeyValue::new("cpu.mode", "system")]);
            }
        })
        .build();
}

/// Returns `VmRSS` of `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns user and system seconds of `/proc/self/stat`: its fields 14 and 15 (proc(5)).
fn cpu_seconds(stat: &str) -> Option<(f64, f64)> {
    // The second field is the command in parentheses and may hold anything, spaces and parentheses too.
    let after_command = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_command.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user / TICKS_PER_SECOND, system / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resident_memory() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   5172 kB\nThreads:\t1\n"), Some(5172 * 1024));
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }

    #[test]
    fn reads_processor_time_behind_any_command_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(cpu_seconds(stat), Some((2.5, 0.5)));
        assert_eq!(cpu_seconds("7 (a"), None);
    }
}
