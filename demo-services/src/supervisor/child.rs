//! One process of one service: its start, its output, its end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinHandle;

use super::Console;
use super::output::Budget;
use crate::error::DemoError;
use crate::http_client::plain_client;
use crate::http_server::{HEALTH_PATH, Health};
use crate::name::ServiceName;
use crate::peer::Peer;

/// How long a service may take until it answers; a slow disk or a busy machine needs more than a second.
const READY_WITHIN: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(50);
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a service may take to end: it drains its requests and sends its last telemetry.
const END_WITHIN: Duration = Duration::from_secs(8);
/// Last lines of standard error kept for an error message.
const KEPT_LINES: usize = 5;

/// How a service is started.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) service: ServiceName,
    pub(super) executable: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) listen: SocketAddr,
    pub(super) console: Console,
}

/// A process that is killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    /// The process ends when this does.
    lifeline: Option<ChildStdin>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    stderr: Option<JoinHandle<()>>,
}

impl Spec {
    /// Starts the process.
    pub(super) fn spawn(&self) -> Result<Child, DemoError> {
        let mut process = Command::new(&self.executable)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to the whole foreground group: the supervisor decides when its services end.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| DemoError::Spawn {
                service: self.service,
                executable: self.executable.clone(),
                source,
            })?;
        let lifeline = process.stdin.take();
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(forward_stdout(stdout, self.console.clone()));
        }
        let stderr = process
            .stderr
            .take()
            .map(|stderr| tokio::spawn(forward_stderr(stderr, self.service, self.console.clone(), last_lines.clone())));
        Ok(Child { process, lifeline, last_lines, stderr })
    }
}

impl Child {
    /// Returns when the process answers on its address.
    ///
    /// # Errors
    /// [`DemoError::EndedEarly`] with its last lines when it ends instead; [`DemoError::NotReady`] when it takes too
    /// long.
    pub(super) async fn ready(&mut self, spec: &Spec) -> Result<(), DemoError> {
        let client = plain_client()?;
        let url = Peer::from(spec.listen).url(HEALTH_PATH);
        let pid = self.process.id();
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            tokio::select! {
                status = self.process.wait() => {
                    let status = status.map_err(|source| DemoError::Serve { service: spec.service, source })?;
                    return Err(DemoError::EndedEarly { service: spec.service, status, stderr: self.last_words().await });
                }
                answered = answers(&client, &url, pid) => if answered { return Ok(()) },
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Err(DemoError::NotReady { service: spec.service, address: spec.listen, after: READY_WITHIN })
    }

    /// Returns in words how the process has ended, once it has.
    pub(super) async fn wait(&mut self) -> String {
        self.process.wait().await.map_or_else(|error| format!("lost ({error})"), describe)
    }

    /// Ends the process: by its lifeline, and by force when that takes too long.
    pub(super) async fn end(mut self) {
        drop(self.lifeline.take());
        if tokio::time::timeout(END_WITHIN, self.process.wait()).await.is_err() {
            // An error means that it has ended in the meantime.
            self.process.kill().await.ok();
        }
    }

    async fn last_words(&mut self) -> String {
        if let Some(stderr) = self.stderr.take() {
            // The end of the pipe follows the end of the process.
            tokio::time::timeout(READY_TIMEOUT, stderr).await.ok();
        }
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

fn describe(status: ExitStatus) -> String {
    format!("ended ({status})")
}

/// Returns whether the process itself answers, and not a stranger on its port.
async fn answers(client: &reqwest::Client, url: &str, pid: Option<u32>) -> bool {
    let Ok(response) = client.get(url).timeout(READY_TIMEOUT).send().await else { return false };
    let Ok(body) = response.bytes().await else { return false };
    serde_json::from_slice::<Health>(&body).is_ok_and(|health| Some(health.pid) == pid)
}

async fn forward_stdout(stdout: impl AsyncRead + Unpin, console: Console) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        console.line(&line);
    }
}

async fn forward_stderr(
    stderr: impl AsyncRead + Unpin,
    service: ServiceName,
    console: Console,
    last_lines: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(stderr).lines();
    let mut budget = Budget::new(Instant::now());
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(shown) = budget.pass(&line, Instant::now()) {
            console.line(&format!("[{service}] {shown}"));
        }
        let mut last_lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        if last_lines.len() == KEPT_LINES {
            last_lines.pop_front();
        }
        last_lines.push_back(line);
    }
}
