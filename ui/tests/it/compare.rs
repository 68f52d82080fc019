//! `/traces/compare`: what is said of two traces that differ in known ways.

use axum::http::StatusCode;
use model::{Nanos, SpanKind, TraceId};

use crate::fixture::Fixture;
use crate::fixture::traces::{self, Draft};
use crate::{NOW, clock, get};

const MILLISECOND: Nanos = 1_000_000;
const A: TraceId = TraceId([0xa; 16]);
const B: TraceId = TraceId([0xb; 16]);

/// A request of `length` ms to the gateway; the rest is below it.
fn request(length: Nanos, rest: Vec<Draft<'static>>) -> Vec<Draft<'static>> {
    let root = Draft::new(1, 0, 0, length * MILLISECOND).of("gateway", "POST /orders", SpanKind::Server);
    std::iter::once(root).chain(rest).collect()
}

fn span(
    id: u64,
    parent: u64,
    start: Nanos,
    length: Nanos,
    service: &'static str,
    name: &'static str,
) -> Draft<'static> {
    Draft::new(id, parent, start * MILLISECOND, length * MILLISECOND).of(service, name, SpanKind::Server)
}

fn fast() -> Vec<Draft<'static>> {
    request(
        100,
        vec![
            span(2, 1, 10, 40, "payment", "authorize"),
            span(3, 2, 20, 20, "bank", "debit"),
            span(4, 1, 60, 10, "mail", "send"),
        ],
    )
}

/// The same with a proxy before the payment, which is tried three times, and without a mail.
fn slow() -> Vec<Draft<'static>> {
    let authorize = |id, start| span(id, 9, start, 100, "payment", "authorize");
    request(
        400,
        vec![
            span(9, 1, 10, 380, "proxy", "forward"),
            authorize(2, 20).failed(),
            authorize(5, 140).failed(),
            authorize(6, 260),
            span(3, 6, 270, 20, "bank", "debit"),
        ],
    )
}

fn fixture(with: &[(TraceId, Nanos, Vec<Draft<'static>>)]) -> Fixture {
    let fixture = Fixture::empty(clock);
    for (id, before, drafts) in with {
        fixture.append(0, traces::rows(*id, NOW - before * 1_000 * MILLISECOND, drafts.clone()));
    }
    fixture
}

/// The text of the page without its tags, its spaces made one.
fn words(html: &str) -> String {
    let mut out = String::new();
    let mut tag = false;
    for char in html.chars() {
        match char {
            '<' => tag = true,
            '>' => {
                tag = false;
                out.push(' ');
            }
            _ if !tag => out.push(char),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_largest_differences_come_first_and_a_span_between_hides_nothing() {
    let fixture = fixture(&[(A, 60, fast()), (B, 30, slow())]);
    let router = ui::router(fixture.state.clone());
    let page = get(&router, &format!("/traces/compare?a={A}&b={B}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let text = words(page.text());
    assert!(text.contains("B takes 300 ms longer than A."), "{text}");
    let payment = text.find("+260 ms payment authorize 3 times instead of once, 2 failed instead of 0").expect(&text);
    let proxy = text.find("proxy forward only in B, once").expect(&text);
    let mail = text.find("−10 ms mail send only in A, once").expect(&text);
    assert!(payment < proxy && proxy < mail, "{text}");
    // The bank, which took as long in both, is one line below the payment, wherever that is.
    let table = &text[text.find("path by path").unwrap()..];
    assert_eq!(table.matches("bank debit").count(), 1, "{table}");
    assert_eq!(table.matches("payment authorize").count(), 1, "{table}");
    // In words, what became of each path; the proxy is between what both have.
    assert!(text.contains("2 slower, 1 added, 1 removed, 1 alike"), "{text}");
    for (path, change) in [("payment authorize", "slower"), ("proxy forward", "added"), ("mail send", "removed")] {
        assert!(table.contains(&format!("{path} {change}")), "{change}: {table}");
    }
    assert!(page.text().contains("Only in B; what is below it is in both"), "{text}");
    let changed = words(get(&router, &format!("/traces/compare?a={A}&b={B}&only=changed")).await.text());
    assert!(!changed.contains("bank debit 20 ms") && changed.contains("All paths"), "{changed}");
    // Both on one scale: the call of the bank begins after 20 of 400 ms, and after 270.
    for start in ["5.000", "67.500"] {
        assert!(page.text().contains(&format!("x=\"{start}%\" width=\"5.000%\"")), "{start}: {}", page.text());
    }
    // The other way round, and as a list sends two that were ticked.
    let swapped = words(get(&router, &format!("/traces/compare?t={B}&t={A}&order=newest")).await.text());
    assert!(
        swapped.contains("B takes 300 ms less than A.") && swapped.contains("proxy forward only in A"),
        "{swapped}"
    );
}

#[tokio::test]
async fn equal_traces_differ_in_nothing() {
    let fixture = fixture(&[(A, 60, fast()), (B, 30, fast())]);
    let router = ui::router(fixture.state.clone());
    let text = words(get(&router, &format!("/traces/compare?a={A}&b={B}")).await.text());
    assert!(text.contains("Both take the same time.") && text.contains("Nothing makes a difference"), "{text}");
    assert!(!text.contains("only in"), "{text}");
}

#[tokio::test]
async fn the_typical_trace_is_the_one_in_the_middle() {
    let id = |n: u8| TraceId([n; 16]);
    let others = (1..=5).map(|n: u8| (id(n), Nanos::from(n) * 10, request(Nanos::from(n) * 100, Vec::new())));
    let mut all: Vec<_> = others.collect();
    all.push((A, 60, slow()));
    // Of another operation, and so of no interest.
    all.push((B, 5, vec![span(1, 0, 0, 9_000, "gateway", "GET /")]));
    let fixture = fixture(&all);
    let router = ui::router(fixture.state.clone());
    let page = get(&router, &format!("/traces/compare?a={A}&b=typical")).await.text().to_owned();
    assert!(page.contains(&format!("/traces/{}", id(3))), "{page}");
    let alone = get(&router, &format!("/traces/compare?a={B}&b=typical")).await.text().to_owned();
    assert!(alone.contains("no other trace with the same root"), "{alone}");
}

#[tokio::test]
async fn a_trace_is_held_against_the_medians_of_a_group() {
    let id = |n: u8| TraceId([n; 16]);
    // Of five, the authorization takes 10, 20, 30, 40 and 50 ms; two have a mail, one failed.
    let member = |n: u8| {
        let n_ms = Nanos::from(n) * 10;
        let mut rest = vec![span(2, 1, 5, n_ms, "payment", "authorize")];
        rest.extend((n > 3).then(|| span(4, 1, 90, 5, "mail", "send")));
        if n == 5 {
            rest[0].error = true;
        }
        request(100, rest)
    };
    let mut all: Vec<_> = (1..=5).map(|n| (id(n), Nanos::from(n) * 10, member(n))).collect();
    all.push((A, 60, fast()));
    let fixture = fixture(&all);
    let router = ui::router(fixture.state.clone());
    let query = "service%3Dmail";
    for (b, n, name) in [("group", "5", "gateway POST /orders"), (query, "3", "service=mail")] {
        let page = get(&router, &format!("/traces/compare?a={A}&b={b}&from=now-1h")).await;
        let text = words(page.text());
        assert!(text.contains(&format!("B · {name} Traces {n} Median duration 100 ms")), "{b}: {text}");
    }
    let group = words(get(&router, &format!("/traces/compare?a={A}&b=group")).await.text());
    assert!(group.contains("Errors 1 of the traces"), "{group}");
    let table = &group[group.find("path by path").unwrap()..];
    assert!(table.contains("payment authorize faster 40 ms 30 ms 20 % failed 20 ms to 40 ms +10 ms"), "{table}");
    // Less than half of them have a mail: they would not be slower for it.
    assert!(table.contains("mail send faster 10 ms 5 ms in 40 % −10 ms"), "{table}");
    assert!(table.contains("bank debit removed 20 ms – −20 ms"), "{table}");
    assert!(group.contains("−10 ms mail send in 40 % of B"), "{group}");
}

#[tokio::test]
async fn deep_traces_are_compared_without_recursion() {
    let deep = |n: u64| (0..n).map(|i| span(i + 1, i, 0, 10, "shop", "work")).collect::<Vec<_>>();
    let fixture = fixture(&[(A, 60, deep(5_000)), (B, 30, deep(4_000))]);
    let router = ui::router(fixture.state.clone());
    let text = words(get(&router, &format!("/traces/compare?a={A}&b={B}")).await.text());
    assert!(text.contains("4000 more paths are not shown."), "{}", &text[text.len().saturating_sub(300)..]);
}

#[tokio::test]
async fn what_cannot_be_compared_is_said() {
    let fixture = fixture(&[(A, 60, fast())]);
    let router = ui::router(fixture.state.clone());
    let cases = [
        ("", "Enter two trace ids"),
        ("?a=xyz", "B is missing"),
        (&format!("?b={A}"), "A is missing"),
        (&format!("?a={A}&b=xyz"), "no trace of the range matches xyz"),
        (&format!("?a={A}&b=status%3D"), "Query not understood"),
        ("?a=group&b=typical", "which is no trace"),
        (&format!("?a={A}&b=group"), "no other trace with the same root"),
        (&format!("?a={A}&b={B}"), "no span of the trace 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b is stored"),
        (&format!("?a={B}&b=typical"), "no span of the trace"),
        ("?a=%3Cscript%3E&b=1", "no trace of the range matches &#60;script&#62;"),
    ];
    for (query, expected) in cases {
        let page = get(&router, &format!("/traces/compare{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert!(page.text().contains(expected) && !page.text().contains("<script>"), "{query}: {}", words(page.text()));
    }
}
