//! One command of a longer run, announced and timed.

use std::env;
use std::io;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::root;

/// A command with a name for people.
pub(crate) struct Step<'c> {
    name: &'c str,
    command: &'c mut Command,
    limit: Option<Duration>,
}

impl<'c> Step<'c> {
    pub(crate) fn new(name: &'c str, command: &'c mut Command) -> Self {
        Step { name, command, limit: None }
    }

    /// Ends the command when it runs for longer.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Step { limit: Some(limit), ..self }
    }

    /// Runs it with its output shown. An error says what failed and how to run it alone.
    pub(crate) fn run(self) -> Result<(), String> {
        let shown = shown(self.command);
        println!("== {}: {shown}", self.name);
        let started = Instant::now();
        let outcome = match self.limit {
            None => self.command.status().map(Some),
            Some(limit) => status_within(self.command, limit),
        };
        let status = outcome.map_err(|error| format!("{}: cannot run `{shown}`: {error}", self.name))?;
        let Some(status) = status else {
            let seconds = started.elapsed().as_secs();
            return Err(format!("{} was ended after {seconds} s; alone: `{shown}`", self.name));
        };
        if !status.success() {
            return Err(format!("{} failed ({status}); alone: `{shown}`", self.name));
        }
        println!("== {}: done in {:.0} s", self.name, started.elapsed().as_secs_f64());
        Ok(())
    }
}

/// How `command` ended; `None` when it had to be ended after `limit`.
fn status_within(command: &mut Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(Duration::from_millis(50));
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The cargo that runs this, at the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let started = Instant::now();
        let mut slow = Command::new("sleep");
        let error = Step::new("a nap", slow.arg("60")).within(Duration::from_millis(100)).run().unwrap_err();
        assert!(error.contains("a nap was ended after") && error.contains("`sleep 60`"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
        Step::new("nothing", &mut Command::new("true")).within(Duration::from_secs(30)).run().unwrap();
        Step::new("a failure", &mut Command::new("false")).within(Duration::from_secs(30)).run().unwrap_err();
    }
}
