//! Sets of columns that a scan can name.
//!
//! A scan takes a static list of names, so the lists to choose from are made once: all unions of some groups of columns. A
//! set is a number with a bit for each group.

/// The columns of the groups in each set, from the empty set on.
pub(super) fn unions(groups: &[&[&'static str]]) -> Vec<Vec<&'static str>> {
    let of_set = |set: usize| (0..groups.len()).filter(move |group| set >> group & 1 == 1);
    (0..1 << groups.len()).map(|set| of_set(set).flat_map(|group| groups[group]).copied().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_columns_of_its_groups() {
        let unions = unions(&[&["a"], &["b", "c"], &["d"]]);
        assert_eq!(unions.len(), 8);
        assert_eq!(unions[0], [""; 0]);
        assert_eq!(unions[0b110], ["b", "c", "d"]);
        assert_eq!(unions[0b111], ["a", "b", "c", "d"]);
    }
}
