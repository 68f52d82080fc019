//! The supervisor with real processes: this program runs again as each service, and once as a supervisor that is killed.
//!
//! It is its own test harness (`harness = false`), because the processes must not be a test runner; it speaks as much of
//! libtest's command line as test runners use.

mod otlp_sink;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use demo_services::supervisor::{Console, DemoConfig, Supervisor};
use demo_services::{Addresses, DemoError, ServiceName, fault, run_from_args};
use rustix::process::{Pid, Signal, kill_process};

type TestResult = Result<(), Box<dyn Error>>;

type Test = fn() -> TestResult;

const TESTS: [(&str, Test); 6] = [
    ("every_service_exports_all_three_signals", every_service_exports_all_three_signals),
    ("starts_every_service_and_ends_them_all", starts_every_service_and_ends_them_all),
    ("starts_a_killed_service_again", starts_a_killed_service_again),
    ("no_service_outlives_a_killed_supervisor", no_service_outlives_a_killed_supervisor),
    ("a_port_in_use_stops_the_start_and_is_named", a_port_in_use_stops_the_start_and_is_named),
    ("a_dropped_supervisor_takes_its_services_with_it", a_dropped_supervisor_takes_its_services_with_it),
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let result = match args.first().map(String::as_str) {
        Some("service") => run_from_args(&args[1..]).map_err(Into::into),
        Some("supervise") => supervise(&args[1]),
        _ if args.iter().any(|arg| arg == "--list") => list(&args),
        _ => run_tests(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn list(args: &[String]) -> TestResult {
    if !args.iter().any(|arg| arg == "--ignored") {
        for (name, _) in TESTS {
            writeln!(io::stdout(), "{name}: test")?;
        }
    }
    Ok(())
}

fn run_tests(args: &[String]) -> TestResult {
    let is_exact = args.iter().any(|arg| arg == "--exact");
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let fits = |name: &str| {
        let one = |filter: &&String| if is_exact { filter.as_str() == name } else { name.contains(filter.as_str()) };
        filters.is_empty() || filters.iter().any(one)
    };
    for (name, test) in TESTS.into_iter().filter(|(name, _)| fits(name)) {
        test().map_err(|error| format!("{name}: {error}"))?;
        writeln!(io::stdout(), "test {name} ... ok")?;
    }
    Ok(())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// The lines that a console has been given.
type Lines = Arc<Mutex<Vec<String>>>;

fn config(folder: &Path) -> Result<(DemoConfig, Lines), Box<dyn Error>> {
    let lines = Lines::default();
    let console = {
        let lines = lines.clone();
        Console::new(move |line| lines.lock().expect("no panic holds it").push(line.to_owned()))
    };
    let config = DemoConfig {
        executable: env::current_exe()?,
        leading_args: vec!["service".to_owned()],
        addresses: Addresses::unused(),
        data_dir: folder.to_owned(),
        // Nobody listens there: the services must not mind.
        otlp: Some("http://127.0.0.1:9".parse()?),
        sessions_per_second: 5.0,
        console,
    };
    Ok((config, lines))
}

/// Returns a client that no proxy of the environment gets in the way of.
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().expect("a client")
}

/// Returns the process id of every service that answers.
async fn pids(addresses: &Addresses) -> BTreeMap<ServiceName, i32> {
    let mut pids = BTreeMap::new();
    for service in ServiceName::ALL {
        let url = format!("http://{}/healthz", addresses.get(service));
        let Ok(response) = client().get(url).send().await else { continue };
        let Ok(health) = response.json::<serde_json::Value>().await else { continue };
        assert_eq!(health["service"], service.as_str());
        pids.insert(service, i32::try_from(health["pid"].as_i64().expect("a number")).expect("a process id"));
    }
    pids
}

/// Returns whether a process runs. One that has ended and that nobody has asked about yet does not.
fn runs(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

fn kill(pid: i32) -> TestResult {
    Ok(kill_process(Pid::from_raw(pid).ok_or("no process id")?, Signal::KILL)?)
}

/// Waits until a condition holds.
async fn eventually(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) -> TestResult {
    let started = Instant::now();
    while started.elapsed() < within {
        if holds().await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("not within {} s: {what}", within.as_secs()).into())
}

fn starts_every_service_and_ends_them_all() -> TestResult {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let (config, lines) = config(folder.path())?;
        let addresses = config.addresses.clone();
        let supervisor = Supervisor::start(config).await?;
        let pids = pids(&addresses).await;
        assert_eq!(pids.len(), ServiceName::ALL.len());

        let gateway = format!("http://{}/v1/shows", addresses.get(ServiceName::Gateway));
        let shows: serde_json::Value = client().get(&gateway).send().await?.json().await?;
        assert_eq!(shows["shows"].as_array().map(Vec::len), Some(12));
        let receiver = format!("http://{}/", addresses.get(ServiceName::Receiver));
        let webhook = serde_json::json!({"status": "firing", "alerts": [
            {"status": "firing", "labels": {"alertname": "Test"}, "startsAt": "2026-11-22T10:00:00Z"}]});
        client().post(receiver).json(&webhook).send().await?.error_for_status()?;
        eventually("the webhook is on the console", Duration::from_secs(5), async || {
            lines.lock().expect("no panic holds it").iter().any(|line| line == "FIRING   Test")
        })
        .await?;
        fault::set(addresses.get(ServiceName::Psp), "payment-errors", true).await?;

        let started = Instant::now();
        supervisor.stop().await;
        assert!(started.elapsed() < Duration::from_secs(8), "the services had to be killed");
        for (service, pid) in pids {
            assert!(!runs(pid), "{service} runs on");
        }
        Ok(())
    })
}

fn every_service_exports_all_three_signals() -> TestResult {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let (mut config, _) = config(folder.path())?;
        let sink = otlp_sink::Sink::start().await?;
        config.otlp = Some(format!("http://{}", sink.address).parse()?);
        config.sessions_per_second = 20.0;
        let receiver = format!("http://{}/", config.addresses.get(ServiceName::Receiver));
        let supervisor = Supervisor::start(config).await?;
        // The receiver has nothing to trace before its first request.
        client().get(receiver).send().await?;

        let all: BTreeSet<String> = ServiceName::ALL.iter().map(ToString::to_string).collect();
        let has_all = async || {
            let seen = sink.seen();
            let crosses = seen.services_by_trace.values().any(|services| services.len() >= 5);
            [&seen.spans, &seen.metrics, &seen.logs].iter().all(|services| **services == all)
                && crosses
                && !seen.business_logs.is_empty()
        };
        let result = eventually("all signals of all services", Duration::from_secs(30), has_all).await;
        supervisor.stop().await;
        let seen = sink.seen();
        result.map_err(|error| format!("{error}; seen: {seen:?}"))?;
        for (name, trace) in &seen.business_logs {
            assert!(
                seen.services_by_trace.contains_key(trace),
                "log {name} belongs to no trace that was sent: {trace:?}"
            );
        }
        for name in [
            "http.server.request.duration",
            "http.client.request.duration",
            "rpc.server.call.duration",
            "rpc.client.call.duration",
            "db.client.operation.duration",
            "boxoffice.bookings",
            "boxoffice.saga.duration",
            "process.memory.usage",
        ] {
            assert!(seen.metric_names.contains(name), "{name} is missing in {:?}", seen.metric_names);
        }
        Ok(())
    })
}

fn starts_a_killed_service_again() -> TestResult {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let (config, lines) = config(folder.path())?;
        let addresses = config.addresses.clone();
        let supervisor = Supervisor::start(config).await?;
        let before = pids(&addresses).await;
        kill(before[&ServiceName::Catalogue])?;
        eventually("the catalogue is back", Duration::from_secs(20), async || {
            pids(&addresses)
                .await
                .get(&ServiceName::Catalogue)
                .is_some_and(|pid| *pid != before[&ServiceName::Catalogue])
        })
        .await?;
        let after = pids(&addresses).await;
        for (service, pid) in before {
            assert_eq!(after[&service] == pid, service != ServiceName::Catalogue, "{service}");
        }
        let expected = "[catalogue] ended (signal: 9 (SIGKILL)); starting it again in 1 s";
        let lines = lines.lock().expect("no panic holds it").clone();
        assert!(lines.iter().any(|line| line == expected), "{lines:?}");
        supervisor.stop().await;
        Ok(())
    })
}

/// Runs a demo and says on standard output when it is up and which processes it has.
fn supervise(folder: &str) -> TestResult {
    block_on(async {
        let (config, _) = config(Path::new(folder))?;
        let addresses = config.addresses.clone();
        let _supervisor = Supervisor::start(config).await?;
        let pids: Vec<_> = pids(&addresses).await.values().map(i32::to_string).collect();
        writeln!(io::stdout(), "{}", pids.join(" "))?;
        std::future::pending().await
    })
}

fn no_service_outlives_a_killed_supervisor() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut supervisor = Command::new(env::current_exe()?)
        .args(["supervise", folder.path().to_str().ok_or("a path that is not UTF-8")?])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(supervisor.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let pids = line.split_whitespace().map(str::parse).collect::<Result<Vec<i32>, _>>()?;
    assert_eq!(pids.len(), ServiceName::ALL.len());
    assert!(pids.iter().all(|pid| runs(*pid)));
    // SIGKILL: it can tell nobody.
    supervisor.kill()?;
    supervisor.wait()?;
    block_on(eventually("all services are gone", Duration::from_secs(10), async || !pids.iter().any(|pid| runs(*pid))))
}

fn a_port_in_use_stops_the_start_and_is_named() -> TestResult {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let (config, _) = config(folder.path())?;
        let addresses = config.addresses.clone();
        let taken = addresses.get(ServiceName::Booking);
        let stranger = TcpListener::bind(taken)?;
        let error = Supervisor::start(config).await.expect_err("the port is in use");
        assert!(matches!(error, DemoError::EndedEarly { service: ServiceName::Booking, .. }), "{error}");
        assert!(error.to_string().contains(&format!("cannot listen on {taken}")), "{error}");
        drop(stranger);
        eventually("the others are gone", Duration::from_secs(10), async || pids(&addresses).await.is_empty()).await
    })
}

fn a_dropped_supervisor_takes_its_services_with_it() -> TestResult {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let (config, _) = config(folder.path())?;
        let addresses = config.addresses.clone();
        let supervisor = Supervisor::start(config).await?;
        let pids = pids(&addresses).await;
        drop(supervisor);
        let gone = async || !pids.values().any(|pid| runs(*pid));
        eventually("all services are gone", Duration::from_secs(10), gone).await
    })
}
