//! File descriptors: as many as the system grants, and enough of them for the store whatever connections there are.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for connections, a few thousand segments and files in the making.
const WANTED: u64 = 65_536;

/// Raises the limit of open files of this process as far as the system lets it, and gives what it is then.
pub(super) fn raise_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|now| *now < WANTED) else { return current.unwrap_or(u64::MAX) };
    let more = maximum.map_or(WANTED, |most| most.min(WANTED));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum }) {
        Ok(()) => more.max(now),
        Err(error) => {
            tracing::debug!(%error, "the limit of open files was not raised");
            now
        }
    }
}

/// How many connections there may be with so many descriptors: at most half of them, the rest is the store's.
pub(super) fn connections(descriptors: u64, wanted: usize) -> usize {
    let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
    wanted.min(half).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_half_of_the_descriptors() {
        for (descriptors, wanted, expected) in
            [(65_536, 1024, 1024), (1024, 1024, 512), (u64::MAX, 1024, 1024), (0, 9, 1)]
        {
            assert_eq!(connections(descriptors, wanted), expected);
        }
        assert!(raise_limit() >= 256);
    }
}
