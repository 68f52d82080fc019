//! Starts the binary on free ports and ends it, gently or not.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use faults::Control;
use serde_json::Value;

/// A running box; killed when dropped.
pub(crate) struct Haechi {
    child: Child,
    pub(crate) otlp_grpc: String,
    pub(crate) otlp_http: String,
    pub(crate) ui: String,
    /// From the start of the process to its `ready`.
    pub(crate) ready_after: Duration,
}

/// How long a start may take on a busy machine, a debug build and a log to replay included.
const START: Duration = Duration::from_secs(60);

/// The binary under test; `HAECHI_BIN` names another one than that of this build, such as a release build.
pub(crate) fn command(args: &[&str]) -> Command {
    let binary = std::env::var("HAECHI_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_haechi").to_owned());
    let mut command = Command::new(binary);
    command.args(args).stdin(Stdio::null());
    command
}

fn serve(data_dir: &Path, more: &[&str]) -> Command {
    let any = "127.0.0.1:0";
    let dir = data_dir.to_str().unwrap();
    let mut command = command(&["serve", "--data-dir", dir, "--otlp-grpc", any, "--otlp-http", any, "--ui", any]);
    // What a test stores is all that is there.
    command.env("HAECHI_OWN_METRICS", "0");
    command.args(more);
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

impl Haechi {
    pub(crate) fn start(data_dir: &Path) -> Self {
        Haechi::start_with(data_dir, &[])
    }

    pub(crate) fn start_with(data_dir: &Path, more: &[&str]) -> Self {
        Haechi::try_start(&mut serve(data_dir, more))
            .unwrap_or_else(|log| panic!("haechi is not ready; it says:\n{log}"))
    }

    /// Starts it below the library that lets its file calls fail. An error has what it said before it ended.
    pub(crate) fn start_under(control: &Control, data_dir: &Path, more: &[&str]) -> Result<Self, String> {
        let mut command = serve(data_dir, more);
        control.preload(&mut command);
        Haechi::try_start(&mut command)
    }

    fn try_start(command: &mut Command) -> Result<Self, String> {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (lines, received) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| _ = lines.send(line)));
        let mut addresses = Vec::new();
        loop {
            match received.recv_timeout(START.saturating_sub(started.elapsed())) {
                Ok(line) if line == "ready" => break,
                Ok(line) => addresses.extend(line.strip_prefix("listening ").map(str::to_owned)),
                Err(_) => {
                    _ = child.kill();
                    child.wait().unwrap();
                    let mut log = String::new();
                    _ = stderr.read_to_string(&mut log);
                    return Err(log);
                }
            }
        }
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let address = |name: &str| {
            let found = addresses.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            format!("http://{}", found.unwrap_or_else(|| panic!("no address of {name} in {addresses:?}")))
        };
        Ok(Haechi {
            otlp_grpc: address("otlp-grpc"),
            otlp_http: address("otlp-http"),
            ui: address("ui"),
            ready_after: started.elapsed(),
            child,
        })
    }

    /// Waits until it ends by itself, for `patience` at most; then kills it. Whether it ended by itself.
    pub(crate) async fn outlive(mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.kill();
        false
    }

    /// The most memory that it has had resident so far, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    /// SIGKILL: no destructor runs, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code after it has drained.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// The JSON that an API answers, whatever its status.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = reqwest::get(format!("{}{path}", self.ui)).await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// The rows of a query in SQL, as objects.
    pub(crate) async fn sql(&self, query: &str) -> Value {
        let url = format!("{}/api/v1/sql", self.ui);
        let response =
            reqwest::Client::new().post(url).json(&serde_json::json!({ "query": query })).send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{query}: {body}");
        body
    }
}

impl Drop for Haechi {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
