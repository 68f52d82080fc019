//! Which filters a query gives.

use model::{SpanKind, TimeRange};
use store::{Place, Scan, Texts};

use super::*;
use crate::lang::tests::span_filter;
use crate::lang::{LogFilter, LogTerms, Plan, SpanTerms};

mod rows;

fn of_texts(texts: &Texts) -> String {
    format!("{:?}{}", texts.texts, if texts.ignore_case { "i" } else { "" })
}

/// Filters in short, one after another.
fn in_short(scan: &Scan) -> String {
    let of_filter = |filter: &Filter| match filter {
        Filter::Text { column, wanted } => format!("{column}{}", of_texts(wanted)),
        // The unknown numbers at the end stand for the rest.
        Filter::Number { column, wanted } => {
            let known: Vec<u8> = wanted.iter().copied().filter(|number| *number < 25).collect();
            format!("{column}{known:?}{}", if known.len() < wanted.len() { "+" } else { "" })
        }
        Filter::Attribute(any) => {
            let attributes = any.iter().map(|AttributeFilter { place, key, wanted }| {
                assert!(wanted.arrays, "an element is enough");
                let place = match place {
                    Place::Own => "own ",
                    Place::Resource => "resource ",
                    Place::Any => "",
                };
                let numbers = format!("{:?}{:?}", wanted.ints, wanted.doubles).replace("[][]", "");
                let ranges: String = wanted.numbers.iter().map(|range| format!(" {range:?}")).collect();
                format!("{place}{key}{}{numbers}{ranges}", of_texts(&wanted.texts))
            });
            attributes.collect::<Vec<_>>().join(" or ")
        }
    };
    scan.filters.iter().map(|filter| of_filter(filter)).collect::<Vec<_>>().join("; ").replace('"', "")
}

fn of_spans(query: &str) -> String {
    let filter = span_filter(query).unwrap();
    in_short(&filter.with_hints(Scan::new(TimeRange::ALL)))
}

fn of_logs(query: &str) -> String {
    let filter = LogFilter::new(&LogTerms { query, ..LogTerms::default() }).unwrap();
    in_short(&filter.with_hints(Scan::new(TimeRange::ALL)))
}

fn of_traceql(query: &str) -> String {
    let plan = Plan::traceql(&SpanTerms { query, ..SpanTerms::default() }).unwrap();
    let scans = plan.required.iter().map(|filter| in_short(&filter.with_hints(Scan::new(TimeRange::ALL))));
    scans.collect::<Vec<_>>().join(" / ")
}

/// One part for each condition that a span of the trace must satisfy; candidates are looked for by the first.
#[test]
fn the_filters_of_traceql() {
    let table = [
        ("{ resource.service.name = \"a\" && name = \"n\" }", "service[a]; name[n]"),
        ("{ kind = server && span.k = \"v\" }", "kind[2]; own k[v]"),
        ("{ .k = 500 }", "k[][500][500.0]"),
        ("{ \"v\" = resource.k }", "resource k[v]"),
        ("{ span.k = true }", "own k[true]"),
        ("{ span.k = 10 * 2 }", "own k[][20][20.0]"),
        ("{ .k = \"a\" || .k = \"b\" }", "k[a, b]"),
        ("{ status != error }", ""),
        ("{ !(.k = \"a\") }", ""),
        ("{ .k = 1e30 }", ""),
        ("{ .k = \"\" }", ""),
        ("{ event.k = \"a\" }", ""),
        ("{ .k + 1 = 2 }", ""),
        ("{ rootName = \"a\" && .k = \"v\" }", "k[v]"),
        ("{ rootName = \"a\" || .k = \"v\" }", ""),
        // Of two sets the more selective leads.
        ("{ status = error } >> { .k = \"v\" }", "k[v] / status[2]"),
        ("{ .k = \"v\" } !> { status = error }", "status[2]"),
        ("{ .k = \"v\" } || { .k = \"w\" }", "k[v, w]"),
        ("{ .k = \"v\" } || { duration > 1s }", ""),
        ("{ } | { .k = \"v\" } | count() > 1", "k[v] / "),
        ("count() > 1", ""),
    ];
    for (query, expected) in table {
        assert_eq!(of_traceql(query), expected, "{query}");
    }
}

#[test]
fn the_filters_of_span_queries() {
    let table = [
        ("", ""),
        ("service=checkout", "service[checkout]"),
        ("service.name=checkout", "service[checkout]"),
        ("service:Checkout", "service[checkout]i"),
        ("service=check*", ""),
        ("service=~check", ""),
        ("service:*", ""),
        ("service=\"\"", ""),
        ("service>\"a\"", ""),
        ("service!=checkout", ""),
        ("-service=checkout", ""),
        ("name=\"GET /\"", "name[GET /]"),
        ("name:get", ""), // a word in it
        ("status_message=late", "status_message[late]"),
        ("kind=server", "kind[2]"),
        ("kind=internal", "kind[0, 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]+"),
        ("status=error", "status[2]"),
        ("kind:*", ""),
        ("duration>5ms", ""),
        ("refused", ""),
        ("event_name=exception", ""),
        ("event.exception.type=Timeout", ""),
        // Attributes.
        ("k=v", "k[v]"),
        ("k:V", "k[v]i"),
        ("k=500", "k[500][500][500.0]"),
        ("k=500.0", "k[500.0][500][500.0]"),
        ("k=0.5", "k[0.5][][0.5]"),
        ("k=10KB", "k[10KB][10000][10000.0]"),
        ("k=9007199254740993", "k[9007199254740993][9007199254740993][9007199254740992.0]"),
        ("k=1e30", ""), // several integers compare as this double
        ("k=\"500\"", "k[500]"),
        ("k=\"\"", ""),
        ("k>500", "k[] 500.0..=inf"),
        ("k>=1KB", "k[] 1000.0..=inf"),
        ("k<9007199254740993", "k[] -inf..=9007199254740992.0"),
        ("k>\"500\"", ""),
        ("k=5*", ""),
        ("k=~5", ""),
        ("k:*", ""),
        ("k!=v", ""),
        ("\"name\"=x", "name[x]"),
        // In one place; the whole key may be one as well.
        ("span.k=v", "own k[v] or span.k[v]"),
        ("resource.k=v", "resource k[v] or resource.k[v]"),
        ("scope.k=v", ""),
        ("scope.name=v", ""),
        // Together: cheap ones first.
        ("k=v service=a kind=client name=n", "kind[3]; service[a]; name[n]; k[v]"),
        ("service=a AND service=a", "service[a]"),
        ("service=a AND NOT k=v", "service[a]"),
        ("service=a AND (k=v AND (l=w AND duration>1s))", "service[a]; k[v]; l[w]"),
        // Alternatives.
        ("service:(A OR b)", "service[a, b]i"),
        ("service=(a OR b OR a)", "service[a, b]"),
        ("service=(a OR b*)", ""),
        ("service!=(a OR b)", ""),
        ("kind=server OR kind=client", "kind[2, 3]"),
        ("status=(unset OR ok OR error)", ""),
        ("k=(v OR 5)", "k[v, 5][5][5.0]"),
        ("k=v OR l=w", "k[v] or l[w]"),
        ("span.k=(v OR w)", "own k[v, w] or span.k[v, w]"),
        ("k=v OR service=a", ""),
        ("k=v OR duration>1s", ""),
        ("k=v OR NOT k=v", ""),
        ("service=a k=v OR service=b k=w", "service[a, b]; k[v, w]"),
        ("k=1 l=2 OR l=3 k=4", "k[1, 4][1, 4][1.0, 4.0]; l[2, 3][2, 3][2.0, 3.0]"),
        ("service=a OR service=b k=v", "service[a, b]"),
        ("(service=a OR service=b) (k=v OR l=w) status=error", "status[2]; service[a, b]; k[v] or l[w]"),
        ("a=x OR b=x OR c=x OR d=x OR e=x OR f=x OR g=x OR h=x OR i=x", ""), // too many places to look
    ];
    for (query, expected) in table {
        assert_eq!(of_spans(query), expected, "{query}");
    }
}

#[test]
fn the_filters_of_log_queries() {
    let table = [
        ("", ""),
        ("refused \"connection refused\"", ""),
        ("service=checkout AND http.status_code = 500", "service[checkout]; http.status_code[500][500][500.0]"),
        ("severity=error", "severity_number[0, 17, 18, 19, 20]"),
        ("severity>fatal", "severity_number[0]+"),
        ("severity>=error", "severity_number[0, 17, 18, 19, 20, 21, 22, 23, 24]+"),
        ("severity=unspecified", "severity_number[0]"),
        ("severity:*", ""),
        ("severity_text=Warning", "severity_text[Warning]"),
        ("event_name=cart.emptied", "event_name[cart.emptied]"),
        ("event_name:Cart.Emptied", "event_name[cart.emptied]i"),
        ("body=refused", ""),
        ("body.user.id=7", ""),
        ("trace_id=9", ""),
        ("log.k=v", "own k[v] or log.k[v]"),
        ("refused service=a OR refused service=b", "service[a, b]"),
        ("severity=(warn OR error)", "severity_number[0, 13, 14, 15, 16, 17, 18, 19, 20]"),
    ];
    for (query, expected) in table {
        assert_eq!(of_logs(query), expected, "{query}");
    }
}

#[test]
fn what_forms_ask_for_is_pushed_down_too() {
    let attributes = [("http.status_code".to_owned(), "500".to_owned())];
    let terms = SpanTerms {
        query: "service=a",
        service: Some("a"),
        operation: Some("GET"),
        kinds: &[SpanKind::Server, SpanKind::Consumer],
        attributes: &attributes,
        ..SpanTerms::default()
    };
    let scan = Plan::search(&terms).unwrap().single().unwrap().with_hints(Scan::new(TimeRange::ALL));
    assert_eq!(in_short(&scan), "kind[2, 5]; service[a]; name[GET]; http.status_code[500][500][500.0]");
    let terms = LogTerms { service: Some("a"), min_severity: Some(21), ..LogTerms::default() };
    let scan = LogFilter::new(&terms).unwrap().with_hints(Scan::new(TimeRange::ALL));
    assert_eq!(in_short(&scan), "severity_number[0, 21, 22, 23, 24]+; service[a]");
}

#[test]
fn a_long_list_of_values_is_one_filter_and_many_conditions_are_few() {
    let list: Vec<String> = (0..400).map(|value| format!("v{value}")).collect();
    let scan = |query: &str| {
        let filter = LogFilter::new(&LogTerms { query, ..LogTerms::default() }).unwrap();
        filter.with_hints(Scan::new(TimeRange::ALL))
    };
    let listed = scan(&format!("k=({})", list.join(" OR ")));
    let [filter] = listed.filters.as_slice() else { panic!("{listed:?}") };
    assert!(matches!(&**filter, Filter::Attribute(any) if any.len() == 1 && any[0].wanted.texts.texts == list));
    let keys: Vec<String> = (0..300).map(|key| format!("k{key}=v")).collect();
    assert_eq!(scan(&keys.join(" ")).filters.len(), MAX_FILTERS);
}
