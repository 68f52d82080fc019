//! What the processes write: their standard output as it is, their standard error with the service's name and within a
//! budget, since one fault can make every request complain. All of it is in the logs that they export.

use std::time::{Duration, Instant};

/// Lines in a row that pass.
const BURST: u32 = 5;
/// How long it takes until one more passes.
const REFILL: Duration = Duration::from_secs(10);
/// Longest line shown, in characters.
const MAX_LINE: usize = 400;

/// Lets a few lines through and counts the others.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    refilled: Instant,
    withheld: u64,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now, withheld: 0 }
    }

    /// Returns the line as it is shown, with how many were withheld before it; none when it is withheld too.
    pub(super) fn pass(&mut self, line: &str, now: Instant) -> Option<String> {
        while self.left < BURST && now.saturating_duration_since(self.refilled) >= REFILL {
            self.left += 1;
            self.refilled += REFILL;
        }
        if self.left == BURST {
            self.refilled = now;
        }
        if self.left == 0 {
            self.withheld += 1;
            return None;
        }
        self.left -= 1;
        let mut shown: String =
            line.chars().take(MAX_LINE).map(|character| if character.is_control() { ' ' } else { character }).collect();
        match std::mem::take(&mut self.withheld) {
            0 => {}
            withheld => shown.push_str(&format!(" (and {withheld} more lines, see its logs)")),
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_line_per_refill_with_the_number_withheld() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        for _ in 0..BURST {
            assert_eq!(budget.pass("x", start).as_deref(), Some("x"));
        }
        for _ in 0..7 {
            assert_eq!(budget.pass("x", start + REFILL / 2), None);
        }
        assert_eq!(budget.pass("x", start + REFILL).as_deref(), Some("x (and 7 more lines, see its logs)"));
        assert_eq!(budget.pass("x", start + REFILL), None);
        let later = start + REFILL * 100;
        assert_eq!((0..20).filter(|_| budget.pass("x", later).is_some()).count(), BURST as usize);
    }

    #[test]
    fn lines_are_cut_and_keep_to_their_line() {
        let now = Instant::now();
        let shown = Budget::new(now).pass(&format!("\u{1b}[2J{}", "x".repeat(1_000)), now).unwrap();
        assert!(shown.starts_with(" [2Jx"));
        assert_eq!(shown.chars().count(), MAX_LINE);
    }
}
