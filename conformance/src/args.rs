//! The command line.

use std::path::PathBuf;

use crate::protocol::{Protocol, Signal};
use crate::run::is_named;
use crate::target::{EXAMPLES, Options, Target};

pub const HELP: &str = "\
conformance [ADDR] [OPTIONS]

Tests a receiver of OTLP by the rules of the protocol. ADDR is a host, with the ports 4317 (gRPC) and 4318 (HTTP), or host:port
with both protocols on that port. Connections are without TLS.

  --grpc ADDR             the address of OTLP/gRPC, in the place of that of ADDR
  --http ADDR             the address of OTLP/HTTP
  --http-path-prefix PATH what comes before /v1/traces
  --header NAME=VALUE     send this with each request; may be given again
  --signals LIST          the signals that the receiver takes, as traces,metrics (default all three)
  --max-body BYTES        the size of requests that the receiver takes, after decompression (default 64 MiB)
  --examples DIR          also send the official examples of opentelemetry-proto that are in this folder
  --only RULE             only this row, rule or check: T8, T8.over-limit or T8.over-limit/grpc; may be given again
  --format FORMAT         text, json or markdown
  --list                  list all rules and run none

Ends with 0 when no MUST is broken, 1 when one is, 2 when the tests could not run or none of them applied.
";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Json,
    Markdown,
}

/// What to do.
#[derive(Debug)]
pub enum Command {
    Help,
    List(Format),
    Run(Box<Args>),
}

#[derive(Debug)]
pub struct Args {
    pub target: Target,
    pub options: Options,
    pub format: Format,
}

/// Reads the arguments; `now` is the time in nanoseconds since the epoch. An error says what is wrong with which.
pub fn parse(args: impl IntoIterator<Item = String>, now: u64) -> Result<Command, String> {
    let (mut target, mut options, mut format) = (Target::default(), Options::at(now), Format::default());
    let (mut list, mut address) = (false, None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (arg, None),
        };
        let mut value = || value.clone().or_else(|| args.next()).ok_or_else(|| format!("{name} needs a value"));
        match name.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => list = true,
            "--grpc" => target.grpc = Some(with_port(&value()?, 4317)?),
            "--http" => target.http = Some(with_port(&value()?, 4318)?),
            "--http-path-prefix" => target.http_prefix = prefix(&value()?),
            "--header" => target.headers.push(header(&value()?)?),
            "--signals" => options.signals = signals(&value()?)?,
            "--max-body" => options.max_body = size(&value()?)?,
            "--examples" => options.examples = Some(PathBuf::from(value()?)),
            "--only" => options.only.push(value()?),
            "--format" => {
                format = match value()?.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "markdown" => Format::Markdown,
                    other => return Err(format!("--format is text, json or markdown, not {other:?}")),
                }
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}; --help lists them")),
            _ if address.is_some() => return Err(format!("{name} is a second address")),
            _ => address = Some(name),
        }
    }
    if list {
        return Ok(Command::List(format));
    }
    if let Some(address) = address {
        let (grpc, http) = (with_port(&address, 4317)?, with_port(&address, 4318)?);
        target.grpc.get_or_insert(grpc);
        target.http.get_or_insert(http);
    }
    if target.grpc.is_none() && target.http.is_none() {
        return Err("no address was given; try localhost".to_owned());
    }
    for only in &options.only {
        let named: Vec<Protocol> = Protocol::ALL
            .into_iter()
            .filter(|protocol| {
                crate::rules().any(|rule| rule.protocols.contains(protocol) && is_named(only, rule, *protocol))
            })
            .collect();
        if named.is_empty() {
            return Err(format!(
                "--only {only:?} is no row, rule or check, as T8, T8.over-limit or T8.over-limit/grpc; --list has them all"
            ));
        }
        if named.iter().all(|protocol| target.address(*protocol).is_none()) {
            return Err(format!("--only {only:?} is not over the protocol that an address was given for"));
        }
    }
    if let Some(folder) = &options.examples {
        for (file, _) in EXAMPLES {
            let path = folder.join(file);
            if !path.is_file() {
                return Err(format!("--examples is a folder with {}, and there is no {}", names(), path.display()));
            }
        }
    }
    Ok(Command::Run(Box::new(Args { target, options, format })))
}

/// The files of `--examples`.
fn names() -> String {
    EXAMPLES.map(|(file, _)| file).join(", ")
}

/// The address with a port: its own, or this.
fn with_port(address: &str, port: u16) -> Result<String, String> {
    if address.starts_with("https://") {
        return Err(format!("{address} needs TLS, and connections are without it; a proxy can take it off"));
    }
    let bare = address.trim_start_matches("http://").trim_end_matches('/');
    if bare.contains('/') {
        return Err(format!(
            "{address} has a path; an address is a host and a port, and --http-path-prefix takes a path"
        ));
    }
    let has_port = match bare.rsplit_once(']') {
        Some((_, rest)) => rest.starts_with(':'),
        None if bare.matches(':').count() > 1 => {
            return Err(format!("{address} looks like an IPv6 address, which is written in brackets: [{bare}]"));
        }
        None => bare.contains(':'),
    };
    Ok(if has_port { bare.to_owned() } else { format!("{bare}:{port}") })
}

fn prefix(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("--header is NAME=VALUE, not {text:?}"))?;
    let name =
        http::HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
    http::HeaderValue::from_str(value).map_err(|_| format!("the value of the header {name} is not allowed"))?;
    Ok((name.as_str().to_owned(), value.to_owned()))
}

fn signals(list: &str) -> Result<Vec<Signal>, String> {
    let named = |name: &str| Signal::ALL.into_iter().find(|signal| signal.name() == name);
    let signals = list.split(',').map(|name| {
        named(name.trim()).ok_or_else(|| format!("--signals are of traces, metrics and logs, not {name:?}"))
    });
    signals.collect()
}

/// A number of bytes of at least four MiB: with less, requests that are tested for other things are too large.
fn size(text: &str) -> Result<usize, String> {
    let size = text.parse().map_err(|_| format!("--max-body is a number of bytes, not {text:?}"))?;
    if size < 4 << 20 { Err(format!("--max-body must be at least {} (4 MiB)", 4 << 20)) } else { Ok(size) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned), 0)
    }

    #[test]
    fn addresses_get_the_default_ports() {
        for (line, grpc, http) in [
            ("localhost", Some("localhost:4317"), Some("localhost:4318")),
            ("localhost:9", Some("localhost:9"), Some("localhost:9")),
            ("[::1]", Some("[::1]:4317"), Some("[::1]:4318")),
            ("http://box:9/", Some("box:9"), Some("box:9")),
            ("--grpc a", Some("a:4317"), None),
            ("--http=a:1", None, Some("a:1")),
            ("box --http b:1", Some("box:4317"), Some("b:1")),
        ] {
            let Ok(Command::Run(args)) = parsed(line) else { panic!("{line}") };
            assert_eq!((args.target.grpc.as_deref(), args.target.http.as_deref()), (grpc, http), "{line}");
        }
    }

    #[test]
    fn options_are_read_and_what_is_wrong_is_named() {
        let line = "box --header x-api-key=a=b --http-path-prefix otlp/ --only T8 --signals logs,traces --max-body 4194304 --format json";
        let Ok(Command::Run(args)) = parsed(line) else { panic!() };
        assert_eq!(args.target.headers, [("x-api-key".to_owned(), "a=b".to_owned())]);
        assert_eq!(args.options.signals, [Signal::Logs, Signal::Traces]);
        assert_eq!(args.target.http_prefix, "/otlp");
        assert_eq!((args.options.max_body, args.format), (4 << 20, Format::Json));
        for (line, problem) in [
            ("", "no address"),
            ("a b", "second address"),
            ("a --frobnicate", "unknown option"),
            ("a --only", "needs a value"),
            ("a --only Q9", "no row, rule or check"),
            ("a --only T", "no row, rule or check"),
            ("a --only T1.ident", "no row, rule or check"),
            ("a --only T8.over-limit/foo", "no row, rule or check"),
            ("--grpc a --only J1", "not over the protocol"),
            ("--http a --only T8.over-limit/grpc", "not over the protocol"),
            ("a --examples /nowhere", "trace.json"),
            ("https://a", "needs TLS"),
            ("a:1/otlp", "--http-path-prefix"),
            ("::1", "[::1]"),
            ("a --format xml", "text, json or markdown"),
            ("a --header x", "NAME=VALUE"),
            ("a --signals profiles", "traces, metrics and logs"),
            ("a --max-body 5", "at least"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(problem), "{line}: {error}");
        }
        assert!(matches!(parsed("--list --format markdown"), Ok(Command::List(Format::Markdown))));
    }
}
