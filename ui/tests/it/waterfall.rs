//! The rows of the waterfall, of traces that are long, deep, broken, or all of it.

use axum::Router;
use model::{SpanKind, TraceId};
use serde_json::Value;

use crate::fixture::Fixture;
use crate::fixture::shop::Shop;
use crate::fixture::traces::{self, Draft};
use crate::payload::Data;
use crate::{NOW, clock, get};

const ID: TraceId = TraceId([7; 16]);
const MILLISECOND: f64 = 1e6;

const VIEWS: [&str; 6] = ["waterfall", "flame", "statistics", "logs", "graph", "links"];

const ERROR: u8 = 1;
const SHARED_ID: u8 = 2;
const CYCLE: u8 = 4;
const LINKS: u8 = 8;
const LINKED: u8 = 16;

async fn data_of(rows: store::Rows) -> (Fixture, Router, Data) {
    let fixture = Fixture::empty(clock);
    fixture.append(0, rows);
    let router = ui::router(fixture.state.clone());
    let data = Data::get(&router, ID).await;
    (fixture, router, data)
}

#[tokio::test]
async fn a_long_trace_sends_a_few_rows_and_all_columns() {
    let (_fixture, router, data) = data_of(Shop::batch_job(ID, NOW, 3_000)).await;
    let list = get(&router, "/traces").await;
    assert!(list.text().contains("nightly settlement"));
    let page = get(&router, &format!("/traces/{ID}")).await;
    assert!(page.text().matches("wf-cell-name").count() <= 40);
    assert!(data.n_rows() >= 3_000);
    assert_eq!(data.bytes("kind").iter().filter(|kind| **kind == 0).count(), 3_000);
    assert!(data.body.len() < data.n_rows() * 60, "{} bytes", data.body.len());
    assert!(data.times("offset").iter().all(|offset| *offset >= 0.0));
}

#[tokio::test]
async fn ten_thousand_equal_children_are_one_row_and_the_one_that_failed() {
    let (_fixture, router, data) = data_of(traces::fan_out(ID, NOW - 60_000_000_000)).await;
    assert_eq!(data.n_rows(), 10_002);
    let shape = data.shape();
    assert_eq!(shape[..3], ["import", ".*SELECT seats", "..SELECT seats"]);
    assert_eq!(shape[10_001], ".SELECT seats");
    assert_eq!((data.bytes("flags")[10_001], data.bytes("flags")[2]), (ERROR, 0));
    // One after the other, on a database: the pattern has a name and a statement.
    assert_eq!(data.numbers("repeatRow"), [1]);
    assert_eq!(data.text(data.numbers("repeatText")[0]), "SELECT seats");
    // The row that stands for them lasts from the first to the last.
    assert_eq!(data.times("offset")[1], 0.0);
    assert_eq!(data.times("length")[1], 9_999.8 * MILLISECOND);
    let page = get(&router, &format!("/traces/{ID}")).await;
    assert!(page.text().contains("9,999 × SELECT seats"));
    assert_eq!(page.text().matches("wf-cell-name").count(), 3);
}

#[tokio::test]
async fn only_equal_calls_without_children_fold() {
    use model::SpanKind::{Client, Internal, Server};
    let mut drafts = vec![Draft::new(1, 0, 0, 1_000)];
    // Four are not enough; five at the same time are no N+1; what leads to another service stays.
    drafts.extend((0..4).map(|i| Draft::new(10 + i, 1, i as i64, 1).of("shop", "four", Client)));
    drafts.extend((0..5).map(|i| Draft::new(20 + i, 1, 10, 100).of("shop", "five", Client)));
    for i in 0..5 {
        drafts.push(Draft::new(30 + i, 1, 200 + i as i64, 1).of("shop", "call", Client));
        drafts.push(Draft::new(40 + i, 30 + i, 200 + i as i64, 1).of("stock", "serve", Server));
        // Equal names of two services are not equal.
        let service = if i < 3 { "shop" } else { "stock" };
        drafts.push(Draft::new(50 + i, 1, 300, 1).of(service, "two services", Internal));
    }
    let (_fixture, _, data) = data_of(traces::rows(ID, NOW - 60_000_000_000, drafts)).await;
    let folds: Vec<String> = data.shape().into_iter().filter(|line| line.contains('*')).collect();
    assert_eq!(folds, [".*five"]);
    assert!(data.numbers("repeatRow").is_empty());
}

#[tokio::test]
async fn services_that_are_not_named_are_counted() {
    let names: Vec<String> = (1..=12).map(|i| format!("service-{i}")).collect();
    let spans = names.iter().zip(1..).map(|(name, i)| Draft::new(i, i - 1, 0, 10).of(name, "work", SpanKind::Server));
    let (_fixture, router, _) = data_of(traces::rows(ID, NOW - 60_000_000_000, spans)).await;
    let page = get(&router, &format!("/traces/{ID}")).await;
    let more = page.text().split(">4 more</a>").next().unwrap().rsplit("href=\"").next().unwrap().replace("&#38;", "&");
    assert!(more.starts_with(&format!("/traces/{ID}?view=statistics&by=service\"")), "{more}");
    let all = get(&router, &format!("/traces/{ID}?view=statistics&by=service")).await;
    assert!(names.iter().all(|name| all.text().contains(&format!("<bdi>{name}</bdi>"))));
}

#[tokio::test]
async fn a_deep_trace_is_as_deep_as_it_was_sent() {
    for depth in [500, 5_000] {
        let (_fixture, _, data) = data_of(traces::chain(ID, NOW - 60_000_000_000, depth)).await;
        assert_eq!(data.depths(), (0..usize::try_from(depth).unwrap()).collect::<Vec<_>>());
        assert_eq!(data.numbers("pathRow").len(), data.times("pathLength").len());
    }
}

#[tokio::test]
async fn hours_in_which_nothing_ran_are_a_gap() {
    let (_fixture, router, data) = data_of(traces::late_consumer(ID, NOW - 3 * 3_600_000_000_000)).await;
    let hours = 2 * 3_600_000_000_000_i64;
    assert_eq!(data.header["gaps"], serde_json::json!([[40_000_000, hours]]));
    // 100 ms ran; the gap is drawn as 12 of them.
    assert_eq!(data.header["gap_length"], 12_000_000.0);
    // Raw times are what is sent.
    assert_eq!(data.times("offset")[3], hours as f64);
    assert_eq!((data.numbers("linkFrom"), data.numbers("linkTo")), (vec![3], vec![2]));
    assert_eq!((data.flags("orders process"), data.flags("orders publish")), (vec![LINKS], vec![LINKED]));
    // The first row of the page ends where the gap begins.
    let page = get(&router, &format!("/traces/{ID}")).await;
    assert!(page.text().contains("width=\"35.714%\""), "{}", page.text());
}

#[tokio::test]
async fn gaps_are_few_however_many_there_are() {
    let minute = 60_000_000_000;
    // The later, the longer the pause; the longest forty are drawn short.
    let polls = (0..300).map(|i| Draft::new(i as u64 + 1, u64::from(i > 0), i * i * minute, 1_000_000));
    let (_fixture, _, data) = data_of(traces::rows(ID, NOW - 300 * 300 * minute, polls)).await;
    let gaps = data.header["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 40);
    assert_eq!(gaps[39], serde_json::json!([298 * 298 * minute + 1_000_000, 299 * 299 * minute]));
    assert_eq!(gaps[0], serde_json::json!([259 * 259 * minute + 1_000_000, 260 * 260 * minute]));
}

#[tokio::test]
async fn what_senders_get_wrong_is_shown_as_it_is() {
    let (_fixture, router, data) = data_of(traces::odd(ID, NOW - 60_000_000_000)).await;
    assert_eq!(
        data.shape(),
        [
            "GET /odd",
            ".POST /charge",
            ".twin",
            ".other twin",
            ".no length",
            ".one microsecond",
            ".linked",
            "?lost child",
            ".lost child",
            ".lost child too",
            "?other lost child",
            ".other lost child",
            "first",
            ".second",
        ]
    );
    // A missing parent has its own id, and lasts as long as what is below.
    assert_eq!(data.bytes("id")[7 * 8..8 * 8], 0xdead_u64.to_be_bytes());
    assert_eq!((data.times("offset")[7], data.times("length")[7]), (17.0 * MILLISECOND, 50.0 * MILLISECOND));
    // The clocks differ by 7 ms, and nothing was moved.
    assert_eq!((data.numbers("skewRow"), data.times("skewBy")), (vec![1], vec![7.0 * MILLISECOND]));
    assert_eq!((data.times("offset")[1], data.times("offset")[0]), (0.0, 7.0 * MILLISECOND));
    assert_eq!((data.flags("twin"), data.flags("other twin")), (vec![SHARED_ID], vec![SHARED_ID]));
    assert_eq!(data.flags("first"), [CYCLE]);
    assert_eq!((data.times("length")[4], data.times("length")[5]), (0.0, 1_000.0));
    assert_eq!((data.numbers("markRow"), data.bytes("markLevel")), (vec![5, 5], [0, 3].as_slice()));
    // Each of two spans with one id has a panel of its own.
    for (nth, name) in [("", "twin"), (".2", "other twin")] {
        let panel = get(&router, &format!("/traces/{ID}/spans/0000000000000005{nth}")).await;
        assert_eq!(panel.status, 200);
        assert!(panel.text().contains(&format!("<bdi>{name}</bdi></h2>")), "{}", panel.text());
    }
    assert_eq!(get(&router, &format!("/traces/{ID}/spans/0000000000000005.3")).await.status, 404);
}

#[tokio::test]
async fn what_names_an_id_that_two_spans_share_is_below_one_of_them_and_both_say_so() {
    let drafts = [
        Draft::new(1, 0, 0, 100).of("shop", "root", SpanKind::Server),
        Draft::new(5, 1, 30, 50).of("shop", "later twin", SpanKind::Internal),
        Draft::new(5, 1, 20, 50).of("shop", "twin", SpanKind::Internal),
        Draft::new(6, 5, 40, 0).of("shop", "below", SpanKind::Internal),
        Draft::new(7, 5, 41, 2).of("shop", "below too", SpanKind::Internal),
    ];
    let (_fixture, router, data) = data_of(traces::rows(ID, NOW - 60_000_000_000, drafts)).await;
    assert_eq!(data.shape(), ["root", ".twin", "..below", "..below too", ".later twin"]);
    let named = "Which of the two the spans meant that name it as their parent was not sent: they are below";
    let no_time = "It takes no time: it was sent so, or as ending before it starts";
    let panels =
        [("5", format!("{named} this one.")), ("5.2", format!("{named} the other.")), ("6", no_time.to_owned())];
    for (span, words) in panels {
        let panel = get(&router, &format!("/traces/{ID}/spans/000000000000000{span}")).await;
        assert!(panel.text().contains(&words), "{span}: {}", panel.text());
    }
    assert!(!get(&router, &format!("/traces/{ID}/spans/0000000000000007")).await.text().contains(no_time));
}

#[tokio::test]
async fn a_trace_is_searched_in_the_search_language_and_by_plain_words() {
    let (_fixture, router, data) = data_of(traces::odd(ID, NOW - 60_000_000_000)).await;
    let cases: [(&str, &[usize]); 6] = [
        ("status=error", &[5]),
        ("service.name=stock AND duration >= 20ms", &[8, 9]),
        ("twin", &[2, 3]),
        ("STOCK", &[8, 9, 11]),
        ("00000000000000", &[0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13]),
        ("no-such-thing", &[]),
    ];
    for (query, rows) in cases {
        let query = query.replace(' ', "%20").replace('=', "%3D").replace('>', "%3E");
        let answer = get(&router, &format!("/traces/{ID}/find?q={query}")).await;
        let found: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&found["rows"], &found["n_rows"]), (&rows.into(), &data.n_rows().into()), "{query}");
    }
    let wrong = get(&router, &format!("/traces/{ID}/find?q=status%3D")).await;
    let answer: Value = serde_json::from_slice(&wrong.body).unwrap();
    assert!(answer["problem"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
}

#[tokio::test]
async fn every_view_stands_every_shape() {
    let fixture = Fixture::empty(clock);
    let router = ui::router(fixture.state.clone());
    for (i, (id, rows)) in traces::all(NOW - 3 * 3_600_000_000_000).into_iter().enumerate() {
        fixture.append(i, rows);
        // The page has the first of the rows that its columns have, but for those below a fold.
        let page = get(&router, &format!("/traces/{id}")).await;
        let data = Data::get(&router, id).await;
        let (up, kind) = (data.numbers("up"), data.bytes("kind"));
        let n_shown = (0..data.n_rows()).filter(|row| up[*row] == 0 || kind[*row - up[*row]] != 1).count();
        assert_eq!(page.text().matches("<td class=\"wf-cell-name\">").count(), n_shown.min(40), "{id}");
        for view in VIEWS {
            let page = get(&router, &format!("/traces/{id}?view={view}")).await;
            assert_eq!(page.status, 200, "{view} of {id}");
            assert!(page.text().contains("aria-current=\"page\">"), "{view} of {id}");
            assert!(page.body.len() < 400_000, "{view} of {id}: {} bytes", page.body.len());
        }
    }
}

#[tokio::test]
async fn links_are_told_in_both_directions_with_the_time_between() {
    let begin = NOW - 60_000_000_000;
    let sender = TraceId([8; 16]);
    let link = [(sender, 2)];
    let sent = [
        Draft::new(1, 0, 0, 9).of("shop", "POST /orders", model::SpanKind::Server),
        Draft::new(2, 1, 0, 5).of("shop", "orders publish", model::SpanKind::Producer),
    ];
    let handled =
        [Draft { links: &link, ..Draft::new(3, 0, 0, 9).of("mailer", "orders process", model::SpanKind::Consumer) }];
    let (fixture, router, _) = data_of(traces::rows(ID, begin + 2_500_000_000, handled)).await;
    fixture.append(1, traces::rows(sender, begin, sent));
    // The columns have what leads to another trace, for a page that shows both.
    let data = Data::get(&router, ID).await;
    assert_eq!((data.numbers("outRow"), data.bytes("outTrace")), (vec![0], [8; 16].as_slice()));
    assert_eq!((data.bytes("outSpan"), data.numbers("linkFrom")), (2_u64.to_be_bytes().as_slice(), vec![]));
    let both = format!("/traces/{ID}?with={sender}");
    let panel = get(&router, &format!("/traces/{ID}/spans/0000000000000003")).await;
    assert!(panel.text().contains(&both), "{}", panel.text());
    let out = get(&router, &format!("/traces/{ID}?view=links")).await;
    assert!(out.text().contains(&both), "{}", out.text());
    let into = get(&router, &format!("/traces/{sender}?view=links")).await;
    for (page, other, absent) in [
        (&out, format!("/traces/{sender}?span=0000000000000002"), "No span of this trace has a link"),
        (&into, format!("/traces/{ID}?span=0000000000000003"), "No span of another trace links here"),
    ] {
        assert!(page.text().contains("2.5 s later") && page.text().contains(&other), "{}", page.text());
        assert!(!page.text().contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn a_panel_groups_by_convention_and_orders_by_time() {
    let attrs = [
        ("http.route", model::Value::Str("/odd")),
        ("tls.cipher", model::Value::Str("AES")),
        ("seat", model::Value::Int(4)),
    ];
    let draft = Draft { attrs: &attrs, exception: Some(3_000_000), ..Draft::new(1, 0, 0, 9_000_000) };
    let (fixture, router, _) = data_of(traces::rows(ID, NOW - 60_000_000_000, [draft.failed()])).await;
    let mut logs = store::Rows::default();
    for (time, body) in [(5_000_000, "after it"), (1_000_000, "before it")] {
        logs.logs.push(&traces::log(ID, 1, NOW - 60_000_000_000 + time, body));
    }
    fixture.append(1, logs);
    for path in [format!("/traces/{ID}/spans/0000000000000001"), format!("/traces/{ID}?span=0000000000000001")] {
        let page = get(&router, &path).await;
        let at = |words: &str| page.text().find(words).unwrap_or_else(|| panic!("{path} lacks {words}"));
        assert!(at("before it") < at("TimeoutError</bdi>") && at("TimeoutError</bdi>") < at("after it"), "{path}");
        assert!(
            at("at retry (client.js:9)") < at("<h3>HTTP")
                && at("<h3>HTTP") < at("<h3>TLS")
                && at("<h3>TLS") < at("<h3>Custom")
        );
    }
}

#[tokio::test]
async fn a_panel_tells_what_is_typical_for_the_operation() {
    let begin = NOW - 60_000_000_000;
    let of = |region: &'static str| [("region", model::Value::Str(region))];
    let (here, usual) = (of("<eu>"), of("us"));
    let charge = |attrs, length: i64| Draft {
        attrs,
        ..Draft::new(1, 0, 0, length).of("pay", "charge", model::SpanKind::Server)
    };
    let (fixture, router, _) = data_of(traces::rows(ID, begin, [charge(&here, 90_000_000)])).await;
    let typical = async || {
        let panel = get(&router, &format!("/traces/{ID}/spans/0000000000000001")).await;
        let path = format!("/traces/{ID}/spans/0000000000000001/typical");
        assert!(panel.text().contains(&format!("data-load=\"{path}\"")), "{}", panel.text());
        get(&router, &path).await.text().to_owned()
    };
    assert!(typical().await.contains("No other span of this operation"));
    for i in 0..30_u8 {
        let id = TraceId([100 + i; 16]);
        fixture.append(1 + usize::from(i), traces::rows(id, begin, [charge(&usual, i64::from(i + 1) * 4_000_000)]));
    }
    let text = typical().await;
    for words in ["Longer than 73.3 % of them.", "<dd>60 ms</dd>", "<dd>116 ms</dd>", "<dd>120 ms</dd>", "<dd>0 %</dd>"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        text.contains("<bdi>region</bdi> = <bdi>&#60;eu&#62;</bdi></a> <span class=\"muted\">none of them"),
        "{text}"
    );
    for path in ["/traces/1/spans/2/typical", "/traces/x/spans/1/typical", "/traces/1/spans/1.x/typical"] {
        assert_eq!(get(&router, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn statistics_are_by_operation_service_or_attribute() {
    let (_fixture, router, _) = data_of(traces::fan_out(ID, NOW - 60_000_000_000)).await;
    let view = async |by: &str| get(&router, &format!("/traces/{ID}?view=statistics&by={by}")).await.text().to_owned();
    assert!(view("").await.contains("<th>Operation</th>"));
    let by_service = view("service").await;
    assert!(!by_service.contains("<th>Operation</th>") && by_service.contains("10,001"), "{by_service}");
    let by_attribute = view("db.query.summary").await;
    assert!(by_attribute.contains("SELECT seats") && by_attribute.contains("without it"), "{by_attribute}");
}

#[tokio::test]
async fn a_trace_is_written_as_otlp() {
    let (_fixture, router, _) = data_of(traces::odd(ID, NOW - 60_000_000_000)).await;
    let answer = get(&router, &format!("/traces/{ID}/otlp.json")).await;
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    let resources = json["resourceSpans"].as_array().unwrap();
    let spans: Vec<&Value> = resources.iter().flat_map(|it| it["scopeSpans"][0]["spans"].as_array().unwrap()).collect();
    assert_eq!((resources.len(), spans.len()), (4, 12));
    assert_eq!(resources[0]["resource"]["attributes"][0]["value"]["stringValue"], "shop");
    let failed = spans.iter().find(|span| span["name"] == "one microsecond").unwrap();
    assert_eq!(failed["status"], serde_json::json!({ "code": 2, "message": "it failed" }));
    assert_eq!(failed["parentSpanId"], "0000000000000001");
    let [start, end] =
        ["startTimeUnixNano", "endTimeUnixNano"].map(|key| failed[key].as_str().unwrap().parse::<i64>().unwrap());
    assert_eq!(end - start, 1_000);
    assert_eq!(failed["events"][0]["attributes"][0]["key"], "exception.type");
}
