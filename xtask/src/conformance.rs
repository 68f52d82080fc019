//! The conformance suite against a receiver of OTLP: the crate `conformance`, built and started.

use std::process::ExitCode;

use crate::step::cargo;

/// Ends as the suite does: 0 when no MUST is broken, 1 when one is, 2 when it could not run.
pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let mut suite = cargo();
    suite.args(["run", "--release", "--quiet", "--package", "conformance", "--"]).args(args);
    let status = suite.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    // A build that fails, or a signal, is no verdict on a receiver.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code <= 1);
    Ok(ExitCode::from(code.unwrap_or(2)))
}
