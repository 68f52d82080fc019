//! This process as the kernel sees it.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Zero where the kernel does not tell.
#[derive(Default)]
pub(super) struct Process {
    pub(super) cpu: Duration,
    /// Bytes.
    pub(super) resident: u64,
    pub(super) open_files: usize,
    pub(super) threads: usize,
}

impl Process {
    pub(super) fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let entries = |folder: &str| fs::read_dir(folder).map(|entries| entries.count()).unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Process {
            cpu: Duration::new(cpu.tv_sec.try_into().unwrap_or_default(), cpu.tv_nsec.try_into().unwrap_or_default()),
            resident: resident(&status).unwrap_or_default(),
            open_files: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }
}

/// `VmRSS` of `/proc/self/status`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_threads() {
        let process = Process::now();
        assert!(process.resident > 1 << 20 && process.open_files > 2 && process.threads > 0);
        assert!(process.cpu > Duration::ZERO);
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1234 kB\n"), Some(1234 * 1024));
        assert_eq!(resident("Name:\tx\n"), None);
    }
}
