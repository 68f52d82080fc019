//! Runs all services of the demo, each as a process of its own, and lets none outlive it.
//!
//! A service whose process ends is started again, with growing pauses. Every process holds the reading end of a pipe as
//! its standard input and ends when the pipe does: also when the supervisor is killed and can tell nobody.

mod backoff;
mod child;
mod output;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::{join_all, try_join_all};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::backoff::Backoff;
use self::child::{Child, Spec};
use crate::addresses::Addresses;
use crate::config::ServiceConfig;
use crate::error::DemoError;
use crate::name::ServiceName;
use crate::peer::Peer;

/// What the supervisor needs to know.
#[derive(Clone, Debug)]
pub struct DemoConfig {
    /// The program that runs a service when called with `leading_args` and the service's own arguments.
    pub executable: PathBuf,
    pub leading_args: Vec<String>,
    pub addresses: Addresses,
    /// The folder of the services' databases.
    pub data_dir: PathBuf,
    /// OTLP/gRPC endpoint that the services export to; without one they export nothing.
    pub otlp: Option<Peer>,
    /// Sessions that the load generator starts per second; 0 leaves the demo quiet.
    pub sessions_per_second: f64,
    /// Takes the lines that a person at the terminal should see: webhooks, and what goes wrong.
    pub console: Console,
}

/// Takes lines of text for a person to read.
#[derive(Clone)]
pub struct Console(Arc<dyn Fn(&str) + Send + Sync>);

impl Console {
    /// Returns a console that hands each line, without its end, to a function. The function must not block for long.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    fn line(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Console")
    }
}

/// Runs the demo until `shutdown` is ready, then ends every service.
///
/// # Errors
/// [`DemoError`] when a service cannot be started; those already started are ended.
pub async fn run(config: DemoConfig, shutdown: impl Future<Output = ()>) -> Result<(), DemoError> {
    tokio::pin!(shutdown);
    let supervisor = tokio::select! {
        started = Supervisor::start(config) => started?,
        // Dropping the start ends what it has started.
        () = &mut shutdown => return Ok(()),
    };
    shutdown.await;
    supervisor.stop().await;
    Ok(())
}

/// The running demo. Dropping it ends the services too, without waiting for them.
#[derive(Debug)]
pub struct Supervisor {
    keepers: Vec<Keeper>,
}

/// The task that keeps one service running.
#[derive(Debug)]
struct Keeper {
    service: ServiceName,
    /// Dropped to end the task, which ends its process first.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Starts every service and returns when each has answered; the load generator is started last, when there is
    /// somebody to answer it.
    ///
    /// # Errors
    /// [`DemoError`] when a process cannot be started, ends at once, or does not answer in time.
    pub async fn start(config: DemoConfig) -> Result<Self, DemoError> {
        let (load, others): (Vec<_>, Vec<_>) = ServiceName::ALL
            .into_iter()
            .map(|service| spec(&config, service))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .partition(|spec| spec.service == ServiceName::Load);
        let mut children = try_join_all(others.into_iter().map(start)).await?;
        children.extend(try_join_all(load.into_iter().map(start)).await?);
        let keepers = children
            .into_iter()
            .map(|(spec, child)| {
                let (stop, stopped) = oneshot::channel();
                Keeper { service: spec.service, stop, task: tokio::spawn(keep(spec, child, stopped)) }
            })
            .collect();
        Ok(Self { keepers })
    }

    /// Ends every service, the load generator first, and returns when the last process is gone.
    pub async fn stop(self) {
        let (load, others): (Vec<_>, Vec<_>) =
            self.keepers.into_iter().partition(|keeper| keeper.service == ServiceName::Load);
        for keepers in [load, others] {
            let ends = keepers.into_iter().map(|Keeper { stop, task, .. }| {
                drop(stop);
                task
            });
            join_all(ends).await;
        }
    }
}

fn spec(config: &DemoConfig, service: ServiceName) -> Result<Spec, DemoError> {
    let peers = service.peers().iter().map(|&peer| (peer, Peer::from(config.addresses.get(peer)))).collect();
    let listen = config.addresses.get(service);
    let settings = ServiceConfig {
        service,
        listen,
        data_dir: config.data_dir.clone(),
        otlp: config.otlp.clone(),
        peers,
        sessions_per_second: config.sessions_per_second,
        lifeline: true,
    };
    let args = config.leading_args.iter().cloned().chain(settings.to_args()?).collect();
    Ok(Spec { service, executable: config.executable.clone(), args, listen, console: config.console.clone() })
}

async fn start(spec: Spec) -> Result<(Spec, Child), DemoError> {
    let mut child = spec.spawn()?;
    child.ready(&spec).await?;
    Ok((spec, child))
}

/// Starts a service again whenever its process ends, until `stopped` is ready.
async fn keep(spec: Spec, mut child: Child, mut stopped: oneshot::Receiver<()>) {
    let mut backoff = Backoff::default();
    let mut started = Instant::now();
    loop {
        let ended = tokio::select! {
            ended = child.wait() => ended,
            _ = &mut stopped => return child.end().await,
        };
        // A process that cannot be started again is treated as one that has ended again.
        let mut what = ended;
        loop {
            let pause = backoff.pause_after(started.elapsed());
            spec.console.line(&format!("[{}] {what}; starting it again in {} s", spec.service, pause.as_secs()));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut stopped => return,
            }
            started = Instant::now();
            match spec.spawn() {
                Ok(started_again) => {
                    child = started_again;
                    break;
                }
                Err(error) => what = error.to_string(),
            }
        }
    }
}
