//! The background task that evaluates all SLOs every few seconds: reads changed files, counts, steps the alerts,
//! commits, publishes a [`Status`].

mod counted;
mod counting;
mod dispatch;
mod ending;
mod notify;
mod resend;
mod round;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use slo::Status;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

pub(crate) use self::counted::{Counted, OfSlo};
use self::round::Rounds;
use super::rules::{self, Book};
use super::state::State;
use super::{Config, Silencing, Sources, StartError, Trials, outbox};

/// How often files are looked at, and the shortest time between two evaluations.
const LOOK: Duration = Duration::from_secs(2);

/// SLO evaluation and alert delivery, ready to run.
pub(crate) struct Evaluator {
    config: Config,
    sources: Sources,
    state: Arc<State>,
    clients: outbox::Clients,
    rules: Option<Arc<Book>>,
    rounds: Arc<Mutex<Rounds>>,
    status: watch::Sender<Arc<Status>>,
}

impl Evaluator {
    /// Reads the files of SLOs and rules, and the stored states. Blocks; evaluates nothing yet.
    ///
    /// Errors: any mistake in one of them, a directory that cannot be used, states of a newer format.
    pub(crate) fn open(config: Config, sources: Sources) -> Result<Self, StartError> {
        let clients = outbox::Clients::new()?;
        let (state, problems) = State::open(&config.dir)?;
        let state = Arc::new(state);
        let rules = if config.rules.is_empty() {
            None
        } else {
            let (series, url) = (Arc::clone(&sources.series), config.external_url.clone());
            let book = Book::open(config.rules.clone(), series, url, Arc::clone(&state));
            Some(Arc::new(book.map_err(StartError::Rules)?))
        };
        let rounds = Rounds::open(&config, sources.clone(), Arc::clone(&state), rules.clone(), problems)?;
        let status = watch::Sender::new(Arc::new(rounds.status()));
        Ok(Self { config, sources, state, clients, rules, rounds: Arc::new(Mutex::new(rounds)), status })
    }

    /// The state of all SLOs, replaced after every evaluation and every delivery.
    pub(crate) fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.subscribe()
    }

    /// Lets others look at deliveries, and try receivers.
    pub(crate) fn trials(&self) -> Trials {
        let Config { receivers, external_url, .. } = &self.config;
        let (state, now) = (Arc::clone(&self.state), Arc::clone(&self.sources.now));
        Trials::new(receivers.clone(), external_url.clone(), state, self.clients.clone(), now)
    }

    /// Lets others read what is counted.
    pub(crate) fn counted(&self) -> Counted {
        Counted(Arc::clone(&self.rounds))
    }

    /// Lets others change silences.
    pub(crate) fn silencing(&self) -> Silencing {
        Silencing::new(Arc::clone(&self.state), Arc::clone(&self.sources.now))
    }

    /// Evaluates and delivers until `shutdown`, then stores the counts.
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut deliverers = JoinSet::new();
        if let Some(book) = &self.rules {
            deliverers.spawn(rules::run(Arc::clone(book), Arc::clone(&self.sources.now)));
        }
        for receiver in &self.config.receivers {
            let (state, clients, now) = (Arc::clone(&self.state), self.clients.clone(), Arc::clone(&self.sources.now));
            deliverers.spawn(outbox::deliver(receiver.clone(), state, clients, now));
        }
        if let Some(heartbeat) = self.config.heartbeat.clone() {
            let (status, state) = (self.status.subscribe(), Arc::clone(&self.state));
            let (clients, now) = (self.clients.clone(), Arc::clone(&self.sources.now));
            deliverers.spawn(outbox::beat(heartbeat, status, state, clients, now));
        }
        let mut changes = self.state.changes();
        let mut ticks = tokio::time::interval(LOOK);
        // A slow round is followed by a pause, not by a burst.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = ticks.tick() => self.blocking(Rounds::look).await,
                // The sender lives in `self.state`, so this ends with a change only.
                _ = changes.changed() => {
                    let delivery = self.state.delivery(&self.config.receivers);
                    let silences = self.state.silences();
                    self.status.send_modify(|status| {
                        let status = Arc::make_mut(status);
                        (status.delivery, status.silences) = (delivery, silences);
                    });
                }
            }
        }
        if let Some(book) = &self.rules {
            book.stop();
        }
        // What is cut off in the middle of a request is sent again, with the same key.
        deliverers.shutdown().await;
        self.blocking(|rounds, _| rounds.close()).await;
    }

    /// Runs a part of a round on a blocking thread and publishes what came of it.
    async fn blocking(&self, part: impl FnOnce(&mut Rounds, Instant) + Send + 'static) {
        let rounds = Arc::clone(&self.rounds);
        let outcome = spawn_blocking(move || {
            // After a panic the rounds go on: counts and alerts are only ever replaced whole.
            let mut rounds = rounds.lock().unwrap_or_else(PoisonError::into_inner);
            part(&mut rounds, Instant::now());
            rounds.status()
        });
        match outcome.await {
            Ok(status) => {
                self.status.send_replace(Arc::new(status));
            }
            Err(error) => {
                tracing::error!(%error, "the evaluation of SLOs failed");
                let problem = Some(format!("the evaluation failed: {error}"));
                self.status.send_modify(|status| {
                    let status = Arc::make_mut(status);
                    (status.problem, status.works) = (problem, false);
                });
            }
        }
    }
}
