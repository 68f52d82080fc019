//! What TraceQL queries find. Expectations follow Tempo's documentation of the language.

use crate::traces::Language;

use super::{fixture, sets, traces};

mod attributes;
mod intrinsics;
mod structure;

const ALL: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// A query and the traces that it finds; it must find no others.
type Case = (&'static str, &'static [u8]);

fn check(cases: &[Case]) {
    let store = fixture::store();
    for (query, expected) in cases {
        assert_eq!(traces(&store, Language::TraceQl, query), *expected, "{query}");
    }
}

fn check_sets(cases: &[(&str, &str)]) {
    let store = fixture::store();
    for (query, expected) in cases {
        assert_eq!(sets(&store, Language::TraceQl, query), *expected, "{query}");
    }
}
