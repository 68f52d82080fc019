//! The outbound heartbeat: an address that is called while alerts are evaluated and stored, and is not when they are not. Whoever
//! expects the call then says what this box cannot.

use std::sync::Arc;
use std::time::Duration;

use model::Nanos;
use model::time::{MINUTE, SECOND};
use slo::Status;
use slo::status::HeartbeatStatus;
use slo::webhook::rfc3339;
use tokio::sync::watch;

use super::prepare::Post;
use super::send::{Answer, Clients, send};
use super::{Receiver, State};
use crate::alerting::{Clock, Template};

/// Where and how often it is called. Its address is as secret as that of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// A webhook by the name of `heartbeat`.
    pub(crate) receiver: Receiver,
    pub(crate) interval: Duration,
}

/// After a call that failed, and while it is not called, it is looked again so soon.
const AGAIN: Duration = Duration::from_secs(10);

/// Rounds that may be late before it is taken for stopped, and the least time for that.
const LATE_ROUNDS: Nanos = 4;
const LATE: Nanos = MINUTE;

/// Calls for ever.
pub(in crate::alerting) async fn beat(
    heartbeat: Heartbeat,
    status: watch::Receiver<Arc<Status>>,
    state: Arc<State>,
    clients: Clients,
    now: Clock,
) {
    let Heartbeat { receiver, interval } = heartbeat;
    let mut shown = HeartbeatStatus {
        interval: Nanos::try_from(interval.as_nanos()).unwrap_or(Nanos::MAX),
        taken_at: None,
        problem: None,
    };
    loop {
        let time = now();
        let why_not = stopped(&status.borrow(), time);
        let problem = match why_not {
            Some(reason) => Some(format!("not called, since {reason}")),
            None => call(&receiver, &clients, time).await.err(),
        };
        if let Some(problem) = problem.as_ref().filter(|problem| shown.problem.as_ref() != Some(*problem)) {
            tracing::warn!(problem, "heartbeat");
        }
        if problem.is_none() {
            shown.taken_at = Some(time);
        }
        let pause = if problem.is_none() { interval } else { interval.min(AGAIN) };
        shown.problem = problem;
        state.set_heartbeat(shown.clone());
        tokio::time::sleep(pause).await;
    }
}

/// Why alerts are not evaluated at `now`, if they are not.
fn stopped(status: &Status, now: Nanos) -> Option<String> {
    let age = now.saturating_sub(status.evaluated_at);
    if status.evaluated_at == 0 {
        Some("nothing has been evaluated yet".to_owned())
    } else if !status.works {
        let problem = status.problem.clone().or_else(|| status.rules.problem.clone());
        Some(problem.unwrap_or_else(|| "the evaluation failed".to_owned()))
    } else if age > (LATE_ROUNDS * status.interval).max(LATE) {
        Some(format!("the last evaluation was {} ago", slo::duration::format(age / SECOND * SECOND)))
    } else {
        None
    }
}

async fn call(receiver: &Receiver, clients: &Clients, now: Nanos) -> Result<(), String> {
    let body = format!("{{\"evaluating\":true,\"time\":\"{}\"}}", rfc3339(now)).into_bytes();
    // Read anew for each call, as secrets are.
    let asked = receiver.clone();
    let url = tokio::task::spawn_blocking(move || asked.target()).await.map_err(|error| error.to_string())??;
    let post = Post { url, keys: None, content_type: Template::JSON.to_owned(), body, secret: None };
    match send(clients, receiver, post, &format!("heartbeat-{now}"), now).await.0 {
        Answer::Delivered(_) => Ok(()),
        Answer::Again { error, .. } | Answer::Final { error, .. } => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::outbox::tests::stub;

    fn status(works: bool, evaluated_at: Nanos) -> Status {
        let problem = (!works).then(|| "the disk is full".to_owned());
        Status { works, problem, evaluated_at, interval: 30 * SECOND, ..Status::default() }
    }

    #[test]
    fn evaluation_that_stopped_is_told_from_one_that_works() {
        let second = SECOND;
        let table = [
            (status(true, 0), 5 * second, Some("nothing has been evaluated yet")),
            (status(true, 100 * second), 100 * second, None),
            (status(true, 100 * second), 220 * second, None),
            (status(true, 100 * second), 221 * second, Some("the last evaluation was 2m1s ago")),
            // A clock that was set back.
            (status(true, 100 * second), 50 * second, None),
            (status(false, 100 * second), 100 * second, Some("the disk is full")),
            (Status { interval: second, ..status(true, 100 * second) }, 160 * second, None),
            (
                Status { interval: second, ..status(true, 100 * second) },
                161 * second,
                Some("the last evaluation was 1m1s ago"),
            ),
            // What was damaged at the start is shown, and stops nothing.
            (Status { problem: Some("set aside".to_owned()), ..status(true, second) }, second, None),
        ];
        for (status, now, expected) in table {
            assert_eq!(stopped(&status, now).as_deref(), expected, "{status:?}");
        }
    }

    #[tokio::test]
    async fn it_is_called_while_evaluation_works_and_only_then() {
        let (stub, url) = stub(&[(500, None), (200, None)]).await;
        let dir = tempfile::tempdir().unwrap();
        let state = Arc::new(State::open(dir.path()).unwrap().0);
        let (sender, receiver) = watch::channel(Arc::new(status(true, SECOND)));
        let heartbeat = Heartbeat { receiver: Receiver::new("heartbeat", &url), interval: Duration::from_millis(20) };
        let clients = Clients::new().unwrap();
        let task = tokio::spawn(beat(heartbeat, receiver, Arc::clone(&state), clients, Arc::new(|| SECOND)));
        let mut changes = state.changes();
        let mut shown = Vec::new();
        let mut until = async |wanted: &dyn Fn(&HeartbeatStatus) -> bool| loop {
            changes.changed().await.unwrap();
            let heartbeat = state.delivery(&[]).heartbeat.unwrap();
            shown.push(heartbeat.clone());
            if wanted(&heartbeat) {
                return;
            }
        };
        until(&|heartbeat| heartbeat.taken_at.is_some()).await;
        sender.send_replace(Arc::new(status(false, SECOND)));
        let is_stopped =
            |heartbeat: &HeartbeatStatus| heartbeat.problem.as_deref() == Some("not called, since the disk is full");
        until(&is_stopped).await;
        let calls = || stub.got.lock().unwrap().len();
        let before = calls();
        for _ in 0..5 {
            until(&is_stopped).await;
        }
        assert_eq!(calls(), before);
        sender.send_replace(Arc::new(status(true, SECOND)));
        until(&|heartbeat| heartbeat.problem.is_none()).await;
        assert!(calls() > before);
        task.abort();
        let problem = shown[0].problem.as_deref().unwrap_or_default();
        assert!(problem.starts_with("the receiver answered 500"), "{shown:?}");
        assert!(stub.got.lock().unwrap()[0].1.starts_with(b"{\"evaluating\":true,"));
    }
}
