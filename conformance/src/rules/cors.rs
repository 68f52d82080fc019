//! T14: pages of another origin, as the OpenTelemetry web SDK is in.

use http::Method;

use crate::probe::Probe;
use crate::reply::Reply;
use crate::request::Request;
use crate::rule::{Check, HTTP, Miss, Rule, Test};

const ORIGIN: &str = "https://shop.example";
const PREFLIGHT: &str = "fetch: CORS-preflight fetch";
const CHECK: &str = "fetch: CORS check";

pub(super) const RULES: &[Rule] = &[
    Rule::practice(
        "T14.preflight",
        HTTP,
        PREFLIGHT,
        "a preflight for POST with content-type is answered with 2xx and allows both",
        Test::Send(|p| preflight(p, "content-type"), |reply| allows(reply, &["content-type"])),
    ),
    Rule::practice(
        "T14.preflight-authorization",
        HTTP,
        PREFLIGHT,
        "a preflight allows authorization by its name: a star does not stand for it",
        Test::Send(
            |p| preflight(p, "authorization,content-type"),
            |reply| allows(reply, &["authorization", "content-type"]),
        ),
    ),
    Rule::practice(
        "T14.preflight-custom",
        HTTP,
        PREFLIGHT,
        "a preflight allows custom headers, as exporters are told to send by users",
        Test::Send(
            |p| preflight(p, "content-encoding,content-type,x-api-key"),
            |reply| allows(reply, &["content-encoding", "content-type", "x-api-key"]),
        ),
    ),
    Rule::practice(
        "T14.reply",
        HTTP,
        CHECK,
        "the reply to a POST from a page names its origin or a star",
        Test::Send(|p| p.export(p.any(), &p.sample(p.any())).header("origin", ORIGIN), allows_origin),
    ),
    Rule::practice(
        "T14.refusal",
        HTTP,
        CHECK,
        "so does a refusal, or the page never learns why",
        Test::Send(|p| p.undecodable(p.any()).header("origin", ORIGIN), allows_origin),
    ),
    Rule::practice(
        "T14.credentials",
        HTTP,
        "fetch: CORS protocol and credentials",
        "a page that sends with credentials, as by navigator.sendBeacon, is allowed by its own origin, its headers by name",
        Test::Send(|p| preflight(p, "content-type"), allows_credentials),
    ),
    Rule::practice(
        "T14.star-credentials",
        HTTP,
        "fetch: CORS protocol and credentials",
        "a star for the origin does not come with Access-Control-Allow-Credentials: it allows nothing to who sends with them",
        Test::Send(
            |p| preflight(p, "content-type"),
            |reply| {
                let star = allowed_origin(reply) == "*";
                match (star, reply.header("access-control-allow-credentials")) {
                    (true, "true") => Miss::broken("a star and credentials"),
                    (true, _) => Ok(()),
                    (false, _) => Miss::not_applicable("the origin is not allowed by a star"),
                }
            },
        ),
    ),
];

fn preflight(p: &Probe, headers: &str) -> Request {
    p.post(p.any(), "")
        .method(Method::OPTIONS)
        .without_header("content-type")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers)
}

fn allows_origin(reply: &Reply) -> Check {
    match allowed_origin(reply).as_str() {
        "*" | ORIGIN => Ok(()),
        other => Miss::broken(format!("access-control-allow-origin is {other:?}")),
    }
}

/// The values of the header as browsers read them: two are one that no origin is equal to.
fn allowed_origin(reply: &Reply) -> String {
    let values = reply.headers.get_all("access-control-allow-origin");
    values.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(", ")
}

/// As browsers ask of a preflight whose request has credentials: no star stands for anything.
fn allows_credentials(reply: &Reply) -> Check {
    allows(reply, &["content-type"])?;
    let names = reply.header("access-control-allow-headers").to_ascii_lowercase();
    match (allowed_origin(reply).as_str(), reply.header("access-control-allow-credentials")) {
        ("*", _) => Miss::broken("access-control-allow-origin is a star"),
        (_, "true") if names.split(',').any(|it| it.trim() == "content-type") => Ok(()),
        (_, "true") => Miss::broken(format!("access-control-allow-headers is {names:?}, without content-type")),
        (_, other) => Miss::broken(format!("access-control-allow-credentials is {other:?}")),
    }
}

fn allows(reply: &Reply, names: &[&str]) -> Check {
    if !(200..300).contains(&reply.http_status) {
        return Miss::broken(format!("HTTP {} for a preflight", reply.http_status));
    }
    allows_origin(reply)?;
    let allowed = reply.header("access-control-allow-headers").to_ascii_lowercase();
    let is_allowed =
        |name: &str| allowed.split(',').map(str::trim).any(|it| it == name || it == "*" && name != "authorization");
    match names.iter().find(|name| !is_allowed(name)) {
        Some(name) => Miss::broken(format!("access-control-allow-headers is {allowed:?}, without {name}")),
        None => Ok(()),
    }
}
