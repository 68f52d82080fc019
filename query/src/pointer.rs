//! Shows where in a query something is wrong.

/// Characters of the line on each side of the place.
const AROUND: usize = 60;

/// The line of `query` that holds the byte `position`, with a caret below the place.
pub fn pointer(query: &str, position: usize) -> String {
    let position = (0..=position.min(query.len())).rev().find(|&at| query.is_char_boundary(at)).unwrap_or(0);
    let (before, after) = query.split_at(position);
    let line_before = before.rsplit('\n').next().unwrap_or_default();
    let line_after = after.split('\n').next().unwrap_or_default();
    let n_before = line_before.chars().count();
    let shown_before: String = line_before.chars().skip(n_before.saturating_sub(AROUND)).collect();
    let shown_after: String = line_after.chars().take(AROUND).collect();
    let blanks = " ".repeat(shown_before.chars().count());
    let line = format!("{shown_before}{shown_after}").replace(['\r', '\t'], " ");
    format!("{line}\n{blanks}^")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_at_the_mistake_in_a_query() {
        assert_eq!(pointer("a = = b", 4), "a = = b\n    ^");
        assert_eq!(pointer("해치 =", 3), "해치 =\n ^");
        assert_eq!(pointer("", 9), "\n^");
        assert_eq!(pointer("{ a }\n\tAND b\n", 11), " AND b\n     ^");
        assert!(pointer(&"x".repeat(10_000), 5_000).len() < 300);
    }
}
