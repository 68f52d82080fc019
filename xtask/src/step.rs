//! One command of a longer run, announced and timed.

use std::env;
use std::process::Command;
use std::time::Instant;

use crate::root;

/// A command with a name for people.
pub(crate) struct Step<'c> {
    name: &'c str,
    command: &'c mut Command,
}

impl<'c> Step<'c> {
    pub(crate) fn new(name: &'c str, command: &'c mut Command) -> Self {
        Step { name, command }
    }

    /// Runs it with its output shown. An error says what failed and how to run it alone.
    pub(crate) fn run(self) -> Result<(), String> {
        let shown = shown(self.command);
        println!("== {}: {shown}", self.name);
        let started = Instant::now();
        let status = self.command.status().map_err(|error| format!("{}: cannot run `{shown}`: {error}", self.name))?;
        if !status.success() {
            return Err(format!("{} failed ({status}); alone: `{shown}`", self.name));
        }
        println!("== {}: done in {:.0} s", self.name, started.elapsed().as_secs_f64());
        Ok(())
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
