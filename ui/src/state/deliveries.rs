//! How the pages look at deliveries, and try receivers.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use slo::status::Exchange;

type Ask<Q, A> = Arc<dyn Fn(Q) -> BoxFuture<'static, A> + Send + Sync>;

/// What is known of attempts beyond [`slo::status::Attempt`], and attempts on demand.
#[derive(Clone)]
pub struct Deliveries {
    /// What went over the wire in the attempt of a number; `None` if it is not kept any more.
    pub exchange: Ask<u64, Option<Exchange>>,
    /// Sends a notification of no alert to the receiver of a name; gives the numbers of the attempts, at least one.
    pub test: Ask<String, Result<Vec<u64>, String>>,
}

impl Deliveries {
    /// Knows nothing and sends nothing.
    pub fn none() -> Self {
        Self {
            exchange: Arc::new(|_| Box::pin(async { None })),
            test: Arc::new(|_| Box::pin(async { Err("nothing can be sent".to_owned()) })),
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").finish_non_exhaustive()
    }
}
