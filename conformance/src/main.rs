//! `conformance ADDR`: runs the suite and prints what it found. All else is in the library.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line tool")]

use std::env;
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use conformance::{Args, Command, Format, HELP};

/// The tests could not run.
const UNABLE: u8 = 2;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the top of a program of its own: the clock is passed on from here")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let outcome = conformance::parse(env::args().skip(1), now).and_then(|command| match command {
        Command::Help => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Command::List(Format::Markdown) => {
            print!("{}", conformance::markdown_list());
            Ok(ExitCode::SUCCESS)
        }
        Command::List(_) => {
            print!("{}", conformance::text_list());
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(args) => test(*args),
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("conformance: {error}");
        ExitCode::from(UNABLE)
    })
}

#[tokio::main]
async fn test(args: Args) -> Result<ExitCode, String> {
    let Args { target, options, format } = args;
    conformance::reachable(&target).await?;
    let report = conformance::run(target, options).await;
    let colours = stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    print!(
        "{}",
        match format {
            Format::Text => report.text(colours),
            Format::Json => report.json(),
            Format::Markdown => report.markdown(),
        }
    );
    if report.says_nothing() {
        return Err("no check applied, so nothing was tested".to_owned());
    }
    Ok(if report.conforms() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
