//! Work under a deadline, on a thread with room for deep expressions.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use query::Budget;

/// Planning recurses over nested expressions.
const STACK: usize = 16 << 20;

/// Runs `work` on a thread of that name; when `time` is up its budget ends. Fails when the system has no thread to give.
pub(crate) fn within<T: Send>(name: &str, time: Duration, work: impl FnOnce(Budget) -> T + Send) -> Result<T, String> {
    let budget = Budget::unlimited();
    thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        let of_work = budget.clone();
        let run = move || {
            let _done = done;
            work(of_work)
        };
        let running = thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, run)
            .map_err(|error| format!("no thread to evaluate on: {error}"))?;
        if ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            budget.end_time();
        }
        Ok(running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
