//! `cargo xtask COMMAND`: what a developer runs besides cargo itself. `test` is the one that counts.
//!
//! The tests of the map (imports, sizes, paths named in documents) are in `tests/tidy.rs` and run with all others.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line tool")]

mod conformance;
mod fuzz;
mod interop;
mod setup;
mod step;
mod torture;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use step::{Step, cargo};

const HELP: &str = "\
cargo xtask COMMAND

  test [ARGS]   install what the tests need, then run all of them: unit tests, tests of the pages' scripts, end to end with
                the real binary, browser. ARGS go to the test runner (cargo nextest, or cargo test where that is absent)
  tidy          only the tests of the map: imports, sizes, paths and routes named in documents, container files
  setup         only install what the tests need
  fuzz TARGET [MINUTES]
                feeds a decoder whatever makes it take another path, for ten minutes or as told: `otlp_protobuf`, `otlp_json`,
                `remote_write`, `compressed`
  conformance ADDR [OPTIONS]
                test any receiver of OTLP by the rules of the protocol; --help has the options, docs/conformance.md the rules
  interop [NAME...]
                OpenTelemetry SDKs from their registries send to a box, and everything must come back; NAME is how variants
                begin, such as `python` or `node-express` (docs/interop.md)
  torture WHAT [N] [SEED]
                the tests of durability at length, with a release build: `calls` fails every file call of a script and cuts the
                power at each, `kill` N kills, `power` N power cuts (root)
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "test" => test(&rest),
        "tidy" => Step::new("tidy", cargo().args(["test", "--package", "xtask", "--test", "tidy"])).run(),
        "fuzz" => fuzz::run(&rest),
        "interop" => interop::run(&rest),
        "torture" => torture::run(&rest),
        "setup" => setup::all().map(|_| ()),
        "conformance" => {
            return conformance::run(&rest).unwrap_or_else(|error| {
                eprintln!("xtask: {error}");
                ExitCode::from(2)
            });
        }
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        unknown => Err(format!("unknown command {unknown:?}; `cargo xtask help` lists them")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(PathBuf::from).unwrap_or(own)
}

fn test(args: &[String]) -> Result<(), String> {
    let missing = setup::all()?;
    let web = root().join("ui/web");
    Step::new("types of the pages' scripts", setup::npm().args(["run", "--silent", "check"]).current_dir(&web))
        .run()?;
    Step::new("tests of the pages' scripts", setup::npm().args(["test", "--silent", "--if-present"]).current_dir(&web))
        .run()?;
    if setup::has_nextest() {
        Step::new("all tests", cargo().args(["nextest", "run", "--workspace"]).args(args)).run()?;
    } else {
        println!("cargo-nextest is not installed; `cargo test` runs the same tests, one binary after the other");
        Step::new("all tests", cargo().args(["test", "--workspace"]).args(args)).run()?;
    }
    for message in missing {
        println!("note: {message}");
    }
    Ok(())
}
