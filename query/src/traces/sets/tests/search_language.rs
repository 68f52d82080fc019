//! The search language on the same traces: fields of traces and links, sets in braces and their relations.

use crate::traces::Language;

use super::{fixture, sets, traces};

#[test]
fn finds_exactly_what_it_says() {
    let cases: &[(&str, &[u8])] = &[
        // One span.
        ("status=error", &[1, 7]),
        ("{ status=error }", &[1, 7]),
        ("{}", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("{status=error kind=client}", &[1]),
        ("{ name=\"GET /checkout\" OR leaf }", &[1, 7]),
        ("{ service=(gateway OR fan) -status=error }", &[1, 2, 7]),
        ("{ resource.cloud.region:* }", &[1]),
        ("{ http.status_code>=500 }", &[1, 12]),
        ("{ name=~\"^GET /[a-z]+$\" }", &[1, 2, 12]),
        ("{ name=/{x} }", &[]),
        // Of the trace.
        ("root=\"GET /health\"", &[2]),
        ("root:get", &[1, 2, 12]),
        ("root.service=gateway status=error", &[1]),
        ("root.service=gateway OR service=queue", &[1, 2, 5]),
        ("NOT root:*", &[3]),
        ("trace.duration>1s", &[4, 12]),
        ("trace.duration<=10ms", &[2, 5, 6, 7]),
        ("trace.duration>1s kind=client", &[12]),
        ("NOT trace.duration<1s", &[4, 12]),
        ("\"root\"=x", &[]),
        // Links.
        ("link.trace_id:*", &[1, 4]),
        ("link.trace_id=2", &[1]),
        ("link.span_id=64", &[4]),
        ("link.reason=retry", &[1]),
        ("link.reason:*", &[1]),
        ("link.reason!=retry status=error", &[1, 7]),
        ("event.attempt>1 event_name=exception", &[1]),
        // Several spans of one trace.
        ("{ cloud.region=eu-1 } AND { cloud.region=us-2 }", &[1]),
        ("{ cloud.region=eu-1 } { cloud.region=us-2 }", &[1]),
        ("{ cloud.region=eu-1 } and { cloud.region=us-2 }", &[1]),
        ("{ cloud.region=eu-1 cloud.region=us-2 }", &[]),
        ("{ kind=producer } OR { kind=consumer }", &[4, 5]),
        ("{ kind=producer } OR { status=error } AND { service=fan }", &[5, 7]),
        ("({ kind=producer } OR { status=error }) AND { service=fan }", &[7]),
        ("{ service=gateway } AND NOT { status=error }", &[2]),
        ("{ service=gateway } -{ status=error }", &[2]),
        ("NOT { kind=internal }", &[4, 5, 9, 12]),
        ("NOT { kind=internal } AND NOT { kind=server }", &[4, 5]),
        // Relations.
        ("{ status=error } CHILD OF { status=error }", &[1]),
        ("{ status=error } child of { status=error }", &[1]),
        ("{ status=error } CHILD OF { name=spread }", &[7]),
        ("{ status=error } DESCENDANT OF { service=gateway }", &[1]),
        ("{ status=error } CHILD OF { name=\"GET /checkout\" }", &[]),
        ("{ service=gateway } ANCESTOR OF { status=error }", &[1]),
        ("{ kind=client } PARENT OF { service=payment }", &[1]),
        ("{ item=1 } SIBLING OF { item=3 }", &[7]),
        ("{ item=1 } SIBLING OF { item=1 }", &[]),
        ("{} CHILD OF {} CHILD OF {}", &[1, 8]),
        ("{ d5 } DESCENDANT OF { d3 } CHILD OF { d2 }", &[8]),
        ("{ d5 } DESCENDANT OF { d3 } CHILD OF { d1 }", &[]),
        ("{ status=error } NOT DESCENDANT OF { kind=server }", &[7]),
        ("{ status=error } NOT PARENT OF { status=error }", &[1, 7]),
        ("NOT { status=error } CHILD OF { status=error } AND { status=error }", &[7]),
        ("({ d5 } OR { leaf }) DESCENDANT OF {}", &[7, 8]),
    ];
    let store = fixture::store();
    for (query, expected) in cases {
        assert_eq!(traces(&store, Language::Search, query), *expected, "{query}");
    }
}

#[test]
fn selects_the_spans_of_the_left_side() {
    let cases = [
        ("{ status=error } CHILD OF { status=error }", "104 105"),
        ("{ status=error } DESCENDANT OF { service=gateway }", "102 104 105"),
        ("{ service=gateway } ANCESTOR OF { status=error }", "100 101"),
        ("{ item=1 } SIBLING OF { leaf }", "701"),
        ("{} CHILD OF {} CHILD OF { d1 }", "803"),
        ("{ service=gateway } AND NOT { status=error }", "200 201"),
        ("{ cloud.region=eu-1 } AND { cloud.region=us-2 }", "100 105"),
        ("NOT { kind=internal } AND NOT { kind=server }", ""),
    ];
    let store = fixture::store();
    for (query, expected) in cases {
        assert_eq!(sets(&store, Language::Search, query), expected, "{query}");
    }
}
