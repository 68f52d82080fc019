//! A box on free ports with a data directory of its own.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that a box may take to be ready.
const LIMIT: Duration = Duration::from_secs(60);

/// A running box; ended when dropped.
pub(super) struct Running {
    child: Child,
    pub(super) otlp_grpc: String,
    pub(super) otlp_http: String,
    pub(super) ui: String,
}

impl Running {
    /// Starts `binary` with everything it writes in `folder`, and waits until it is ready.
    pub(super) fn start(binary: &Path, folder: &Path) -> Result<Self, String> {
        let failed =
            |what: &str| format!("{}: {what}; it says why in {}", binary.display(), folder.join("log").display());
        let log = File::create(folder.join("log")).map_err(|error| format!("{}: {error}", folder.display()))?;
        // Of its own and empty: what is where the check is run does not matter.
        let slos = folder.join("slos");
        fs::create_dir_all(&slos).map_err(|error| format!("{}: {error}", slos.display()))?;
        let any = "127.0.0.1:0";
        let child = Command::new(binary)
            .args(["serve", "--otlp-grpc", any, "--otlp-http", any, "--ui", any])
            // What the box says of itself would be among what was sent.
            .args(["--own-metrics", "0"])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .arg("--slos")
            .arg(slos)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
        let mut running = Running { child, otlp_grpc: String::new(), otlp_http: String::new(), ui: String::new() };
        let stdout = running.child.stdout.take().ok_or_else(|| failed("it has no output"))?;
        // Read by a thread: reading has no time limit of its own, and what is written later must go somewhere.
        let (lines, written) = channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)))
        });
        let end = Instant::now() + LIMIT;
        loop {
            let line = match written.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(failed(&format!("it is not ready after {} s", LIMIT.as_secs())));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(failed("it ended before it was ready")),
            };
            match line.strip_prefix("listening ").and_then(|rest| rest.split_once(' ')) {
                Some(("otlp-grpc", address)) => running.otlp_grpc = format!("http://{address}"),
                Some(("otlp-http", address)) => running.otlp_http = format!("http://{address}"),
                Some(("ui", address)) => running.ui = format!("http://{address}"),
                _ if line == "ready" => return Ok(running),
                _ => {}
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
