//! `load`: customers, simulated. An open model: sessions start at a steady rate with jitter, whether or not those
//! before them have ended.

mod mix;
mod session;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use opentelemetry::trace::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::mix::Persona;
use self::session::Sessions;
use super::Parts;
use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::http_server;
use crate::telemetry::Telemetry;

/// Most sessions under way. Beyond it customers stay away: they are counted, not queued, so that a demo that stands
/// still is not flooded once it goes on.
const MAX_SESSIONS: usize = 128;

pub(super) fn build(config: &ServiceConfig, telemetry: &Telemetry) -> Result<Parts, DemoError> {
    let sessions = Arc::new(Sessions::new(config, telemetry)?);
    let away =
        telemetry.counter("boxoffice.load.sessions_skipped", "{session}", "Sessions not started: too many under way.");
    let rate = config.sessions_per_second;
    let generate = async move {
        let slots = Arc::new(Semaphore::new(MAX_SESSIONS));
        let mut running = JoinSet::new();
        loop {
            tokio::time::sleep(pause(rate, rand::random())).await;
            while running.try_join_next().is_some() {}
            let Ok(slot) = slots.clone().try_acquire_owned() else {
                away.add(1, &[]);
                continue;
            };
            let sessions = sessions.clone();
            let persona = Persona::draw(rand::random());
            let session = async move {
                sessions.run(persona).await;
                drop(slot);
            };
            running.spawn(session.with_context(opentelemetry::Context::new()));
        }
    };
    let tasks = if rate > 0.0 { vec![generate.boxed()] } else { Vec::new() };
    Ok(Parts { router: http_server::health(config.service), tasks })
}

/// Returns how long to wait for the next session: half to one and a half times the mean. `draw` is from 0 to 1.
fn pause(sessions_per_second: f64, draw: f64) -> Duration {
    Duration::from_secs_f64((0.5 + draw) / sessions_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_start_at_the_rate_on_average() {
        for (rate, draw, milliseconds) in [(2.0, 0.0, 250), (2.0, 0.5, 500), (2.0, 1.0, 750), (0.1, 0.5, 10_000)] {
            assert_eq!(pause(rate, draw), Duration::from_millis(milliseconds));
        }
    }
}
