//! What the process says on standard error, and the lines of standard output that scripts rely on.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error with the given filter, which has been checked before.
pub(crate) fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_default();
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false);
    // A second start would keep the first; nothing in this process does that.
    _ = logs.try_init();
}

/// Why the process ends, in one line.
#[expect(clippy::print_stderr, reason = "the command line's own error output")]
pub(crate) fn complain(error: &dyn std::fmt::Display) {
    eprintln!("haechi: {error}");
}

/// A line for the person or the script that started the process. A closed standard output is not an error.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
