//! How the pages change silences.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use slo::silences::{Draft, Refusal};

type Change<Q, A> = Arc<dyn Fn(Q) -> BoxFuture<'static, Result<A, Refusal>> + Send + Sync>;

/// Changes of silences; each is stored when it is answered.
#[derive(Clone)]
pub struct Silencing {
    /// Makes a silence, or changes one; gives its id.
    pub set: Change<Draft, String>,
    /// Ends the silence of an id.
    pub expire: Change<String, ()>,
}

impl Silencing {
    /// Takes no silence.
    pub fn none() -> Self {
        let refusal = || Refusal::NotStored("there is nothing to store them in".to_owned());
        Self {
            set: Arc::new(move |_| Box::pin(async move { Err(refusal()) })),
            expire: Arc::new(move |_| Box::pin(async move { Err(refusal()) })),
        }
    }
}

impl fmt::Debug for Silencing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Silencing").finish_non_exhaustive()
    }
}
