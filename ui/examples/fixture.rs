//! Serves the pages over the fixture of the tests, to look at them:
//! `cargo run -p ui --example fixture [ADDRESS] [empty | refusing | traces | SPANS…]`; `traces` adds traces of odd shapes, and
//! each `SPANS` a trace of that many.

#[path = "../tests/it/fixture.rs"]
mod fixture;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use fixture::Fixture;
use model::time::HOUR;
use model::{Nanos, TraceId};
use tokio::net::TcpListener;

#[expect(clippy::disallowed_methods, reason = "an example has nobody to give it the time")]
fn clock() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Nanos::try_from(since.as_nanos()).expect("it is before 2262")
}

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4320".to_owned());
    let what = std::env::args().nth(2).unwrap_or_default();
    let mut fixture = if what == "empty" { Fixture::empty(clock) } else { Fixture::shop(clock) };
    if what == "refusing" {
        fixture.state.report = Arc::new(|| fixture::receiving::refusing(clock(), &fixture::shop::SERVICES));
    }
    if what == "traces" {
        let begin = clock() - 3 * HOUR;
        for (i, (_, rows)) in (0..).zip(fixture::traces::all(begin)) {
            fixture.append(usize::MAX - i, rows);
        }
    }
    for (i, n_spans) in (0..).zip(std::env::args().skip(2).filter_map(|it| it.parse().ok())) {
        let id = TraceId([9 + i; 16]);
        fixture.append(usize::MAX / 2 + usize::from(i), fixture::shop::Shop::batch_job(id, clock(), n_spans));
    }
    let listener = TcpListener::bind(&address).await.expect("the address is free");
    #[expect(clippy::print_stdout, reason = "the person who started it wants to know")]
    {
        println!("http://{address}");
    }
    axum::serve(listener, ui::router(fixture.state.clone())).await.expect("serving goes on");
}
