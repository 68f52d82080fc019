//! Attributes of each scope and type, arrays, events and links.

use super::{ALL, Case, check};

#[test]
fn scopes() {
    let cases: &[Case] = &[
        ("{ span.http.method = \"GET\" }", &[1]),
        ("{ .http.method = \"GET\" }", &[1]),
        ("{ resource.http.method = \"GET\" }", &[]),
        ("{ span.service.name = \"gateway\" }", &[]),
        ("{ resource.service.name = \"gateway\" }", &[1, 2]),
        ("{ .service.name = \"gateway\" }", &[1, 2]),
        ("{ .service.name = \"not the service\" }", &[10]),
        ("{ resource.service.name = \"not the service\" }", &[]),
        ("{ resource.service.name =~ \"pay.*|queue\" }", &[1, 5]),
        ("{ resource.service.name != \"gateway\" }", &[1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ("{ resource.service.name > \"t\" }", &[4, 6, 9, 11]),
        ("{ resource.cloud.region = \"eu-1\" }", &[1]),
        ("{ resource.service.version = \"1.0\" }", &[10]),
        // The span's own decides.
        ("{ .k = \"own\" }", &[10]),
        ("{ .k = \"res\" }", &[10]),
        ("{ .k = \"res\" && .only = \"a\" }", &[]),
        ("{ resource.k = \"res\" && .only = \"a\" }", &[10]),
        ("{ span.k = \"res\" }", &[]),
        ("{ span.k = \"own\" && resource.k = \"res\" }", &[10]),
        ("{ span.k = resource.k }", &[]),
        ("{ resource.k = .k }", &[10]),
        ("{ instrumentation:name = \"otel.http\" }", &[1]),
        ("{ instrumentation:version = \"1.2.0\" }", &[1]),
        ("{ instrumentation.language = \"rust\" }", &[1]),
        ("{ instrumentation:name =~ \"otel.*\" }", &[1]),
        ("{ .language = \"rust\" }", &[]),
        // Keys as they are written.
        ("{ span.\"key with space\" = \"v\" }", &[6]),
        ("{ span.key\" with \"space = \"v\" }", &[6]),
        ("{ .\"a\\\"b\" = \"quoted\" }", &[6]),
        ("{ span.resource.kind = \"dotted\" }", &[6]),
        ("{ span.a-b/c = 1 }", &[6]), // no arithmetic within a key
        ("{ span.note = \"\" }", &[6]),
    ];
    check(cases);
}

#[test]
fn existence() {
    let cases: &[Case] = &[
        ("{ span.retry != nil }", &[1]),
        ("{ nil != span.retry }", &[1]),
        ("{ span.user.id = nil }", ALL),
        ("{ !(span.user.id = nil) }", &[12]),
        ("{ span.user.id = nil && kind = server }", &[1, 2, 3, 9]),
        ("{ span.nothing != nil }", &[]), // sent, without a value
        ("{ span.nothing = nil && kind = consumer }", &[4]),
        ("{ span.note != nil }", &[6]),
        ("{ resource.cloud.region != nil }", &[1]),
        ("{ resource.service.version = nil && resource.service.name = \"places\" }", &[10]),
        ("{ event.exception.type = nil }", ALL),
        ("{ event.exception.type != nil }", &[1]),
        ("{ event:name != nil }", &[1, 12]),
        ("{ link:traceID != nil }", &[1, 4]),
        // What is missing is neither equal nor unequal to a value.
        ("{ span.missing = 1 }", &[]),
        ("{ span.missing != 1 }", &[]),
        ("{ span.missing =~ \".*\" }", &[]),
        ("{ span.missing !~ \".*\" }", &[]),
        ("{ !(span.missing = 1) }", ALL),
        ("{ span.missing < 1 || span.missing >= 1 }", &[]),
    ];
    check(cases);
}

#[test]
fn types() {
    let cases: &[Case] = &[
        ("{ span.http.status_code = 200 }", &[1]),
        ("{ span.http.status_code = \"200\" }", &[2]),
        ("{ span.http.status_code >= 400 }", &[1, 3, 12]),
        ("{ span.http.status_code >= \"100\" }", &[2]),
        ("{ span.http.status_code >= 200 && span.http.status_code < 300 }", &[1]),
        ("{ span.http.status_code != 200 }", &[1, 3, 12]),
        ("{ span.http.status_code = 503.0 }", &[1]),
        ("{ span.http.status_code > 499.5 }", &[1, 12]),
        ("{ span.http.method != \"GET\" }", &[]),
        ("{ span.http.method !~ \"G.*\" }", &[]),
        ("{ span.retry }", &[1]),
        ("{ !span.retry }", &[]),
        ("{ !!span.retry }", &[1]),
        ("{ span.retry = true }", &[1]),
        ("{ span.retry = false }", &[]),
        ("{ span.retry != false }", &[1]),
        ("{ span.retry && status = error }", &[1]),
        ("{ !(span.retry = true) }", ALL),
        ("{ span.n = 5 }", &[11]),
        ("{ span.n = \"5\" }", &[11]),
        ("{ span.n = true }", &[11]),
        // Values of other types are neither equal nor unequal.
        ("{ span.n != 5 }", &[]),
        ("{ span.n != \"5\" }", &[]),
        ("{ span.n != 6 && span.n != 5.5 }", &[11]),
        ("{ span.n > \"4\" }", &[11]),
        ("{ span.n < 5.5 && span.n > 4.5 }", &[11]),
        ("{ span.n = 5ns }", &[11]),
        ("{ span.n =~ \"5\" }", &[11]),
        ("{ span.n = nil && resource.service.name = \"types\" }", &[11]),
        ("{ event.handled < span.retry }", &[]), // what is true or false has no order
        ("{ span.big = 9007199254740993 }", &[5]),
        ("{ span.big = 9007199254740992 }", &[]),
        ("{ span.big > 9007199254740992 }", &[5]),
        ("{ span.big != minInt && span.big != maxInt }", &[5]),
        ("{ span.negative = -3 }", &[5]),
        ("{ span.negative < 0 }", &[5]),
        ("{ -span.negative = 3 }", &[5]),
    ];
    check(cases);
}

#[test]
fn arithmetic() {
    let cases: &[Case] = &[
        ("{ span.queue.depth + 1 = 8 }", &[5]),
        ("{ span.queue.depth * 2 > 13 }", &[5]),
        ("{ 20 - span.queue.depth = 13 }", &[5]),
        ("{ span.queue.depth / 2 = 3 }", &[5]),
        ("{ span.queue.depth / 2. = 3.5 }", &[5]),
        ("{ span.queue.depth % 4 = 3 }", &[5]),
        ("{ span.queue.depth ^ 2 = 49 }", &[5]),
        ("{ span.queue.depth = span.negative + 10 }", &[5]),
        ("{ span.rows > 4 * 10 }", &[1]),
        ("{ (span.rows - 2) / 4 = 10 }", &[1]),
        ("{ span.rows * span.ratio = 21 }", &[1]),
        ("{ span.http.status_code / 100 = 5 }", &[1, 12]),
        // Tempo ends a query whose span divides by zero with an error.
        ("{ span.rows / 0 = 1 }", &[]),
        ("{ span.http.method + 1 = 1 }", &[]),
        ("{ span.missing + 1 = 1 }", &[]),
    ];
    check(cases);
}

#[test]
fn arrays() {
    let cases: &[Case] = &[
        ("{ span.tags = \"red\" }", &[4]),
        ("{ \"blue\" = span.tags }", &[4]),
        ("{ span.tags != \"green\" }", &[4]), // no element is
        ("{ span.tags != \"red\" }", &[]),
        ("{ span.tags =~ \"b.*\" }", &[4]),
        ("{ span.tags !~ \"b.*\" }", &[]),
        ("{ span.tags !~ \"g.*\" }", &[4]),
        ("{ span.tags = 1 }", &[]),
        ("{ span.sizes = 5 }", &[4]),
        ("{ span.sizes = 5.0 }", &[4]),
        ("{ span.sizes > 9 }", &[4]),
        ("{ span.sizes > 10 }", &[]),
        ("{ 2 > span.sizes }", &[4]),
        ("{ 3 != span.sizes }", &[4]),
        ("{ span.sizes > 9 && span.sizes < 2 }", &[4]),
        ("{ span.sizes != nil }", &[4]),
        ("{ span.ratios = 2.5 }", &[4]),
        ("{ span.flags = true && span.flags = false }", &[4]),
        ("{ span.flags != true }", &[]),
    ];
    check(cases);
}

#[test]
fn events_and_links() {
    let cases: &[Case] = &[
        ("{ event:name = \"exception\" }", &[1]),
        ("{ event:name = \"retry\" }", &[1]), // any of the events
        ("{ event:name = \"gc\" }", &[12]),
        ("{ event:name != \"exception\" }", &[12]), // none of the events
        ("{ event:name =~ \"exc.*\" }", &[1]),
        ("{ event.exception.type = \"Timeout\" }", &[1]),
        ("{ event.attempt > 1 }", &[1]),
        ("{ event.handled = false }", &[1]),
        ("{ event:timeSinceStart > 6ms }", &[1]),
        ("{ event:timeSinceStart < 0s }", &[12]),
        ("{ event:timeSinceStart > -5s }", &[1, 12]),
        ("{ span.exception.type = \"Timeout\" }", &[]),
        ("{ .exception.type = \"Timeout\" }", &[]), // the span's or its resource's
        ("{ link:traceID = \"00000000000000000000000000000002\" }", &[1]),
        ("{ link:traceID = \"5\" }", &[4]),
        ("{ link:traceID != \"5\" }", &[1]),
        ("{ link:spanID = \"00000000000000c8\" }", &[1]),
        ("{ link:spanID = \"64\" }", &[4]),
        ("{ link.reason = \"retry\" }", &[1]),
        ("{ link.reason = \"retry\" && status = error }", &[1]),
    ];
    check(cases);
}

#[test]
fn logic() {
    let cases: &[Case] = &[
        ("{ kind = server && status = error || kind = producer }", &[1, 5]),
        // `&&` and `||` bind equally, from the left.
        ("{ kind = producer || kind = server && status = error }", &[1]),
        ("{ kind = producer || (kind = server && status = error) }", &[1, 5]),
        ("{ !(kind = server || kind = internal) }", &[1, 4, 5, 12]),
        ("{ !(span.missing = 1 || kind = internal) }", &[1, 2, 3, 4, 5, 9, 12]),
    ];
    check(cases);
}
