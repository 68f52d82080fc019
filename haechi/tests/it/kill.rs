//! Sudden death: the process is killed at random moments, and at chosen file calls of each of its phases, while clients send
//! all three signals. Every request that was acknowledged is found after the restart, whole and once; one that was not is
//! found whole and once after its retry.
//!
//! `HAECHI_KILL_CYCLES` sets the number of kills, `HAECHI_KILL_SEED` the seed of the moments, which is printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use faults::{Action, Control, Fault, Kinds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::ledger::Ledger;
use crate::otlp;
use crate::process::Haechi;

/// What a kill is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// None: any moment.
    Moment,
    Log,
    Flush,
    Compaction,
    Retention,
    /// The start after a kill, up to three times in a row.
    Recovery,
}
use Phase::{Compaction, Flush, Log, Moment, Recovery, Retention};

/// In the order in which they come, again and again.
const PHASES: [Phase; 8] = [Moment, Flush, Compaction, Log, Moment, Recovery, Compaction, Retention];

impl Phase {
    /// The file calls that the phase makes: `(kinds, part of the path, thread, how many at least)`.
    fn calls(self) -> (Kinds, &'static str, &'static str, u64) {
        match self {
            Moment => (Kinds::CHANGES, "", "", u64::MAX),
            Log => (Kinds::CHANGES, "wal/", "haechi-commit", 60),
            Flush => (Kinds::CHANGES, "", "haechi-flush", 40),
            Compaction => (Kinds::CHANGES, "", "haechi-compact", 40),
            // On threads of the runtime, which also evaluate SLOs: their files are elsewhere.
            Retention => (Kinds::WRITE | Kinds::SYNC | Kinds::RENAME | Kinds::REMOVE, "manifest", "tokio-rt-worker", 4),
            Recovery => (Kinds::CHANGES | Kinds::READ, "", "tokio-rt-worker", 60),
        }
    }

    fn fault(self, random: &mut StdRng) -> Fault {
        let (kinds, mut path, thread, calls) = self.calls();
        let mut number = random.random_range(1..=calls);
        // Half of retention's kills: between its publication and the removal of the files.
        if self == Retention && random.random_bool(0.5) {
            (path, number) = ("segments/", random.random_range(1..=3));
        }
        Fault { path, thread, ..Fault::once(Action::Kill, kinds, number) }
    }
}

struct Run {
    dir: PathBuf,
    control: Control,
    ledger: Arc<Ledger>,
    random: StdRng,
    /// How many kills there were, by the phase that they hit.
    hits: BTreeMap<Phase, u64>,
    slowest: Duration,
}

impl Run {
    /// Starts the box, checks it, loads it and has it die.
    async fn cycle(&mut self, phase: Phase) {
        self.control.heal().unwrap();
        if phase == Recovery {
            self.kill_recovery();
        }
        let short = phase == Retention;
        let retention = if short { "2d" } else { "30d" };
        if short {
            self.ledger.expire();
        }
        let start = Haechi::start_under(&self.control, &self.dir, &["--flush-age", "1s", "--retention", retention]);
        let haechi = start.unwrap_or_else(|log| panic!("haechi is not ready; it says:\n{log}"));
        self.slowest = self.slowest.max(haechi.ready_after);
        if phase == Retention {
            // Its first round comes with the start: one that begins when the kill is aimed already.
            haechi.kill();
            return self.kill_retention().await;
        }
        self.ledger.check(&haechi).await;
        self.ledger.one_more(&haechi).await;
        if !short {
            self.ledger.keep();
        }
        self.control.arm(&phase.fault(&mut self.random)).unwrap();
        let patience = match phase {
            Moment | Recovery => Duration::from_millis(self.random.random_range(20..2500)),
            _ => Duration::from_secs(5),
        };
        self.load_until_death(haechi, phase, patience).await;
    }

    async fn load_until_death(&mut self, haechi: Haechi, phase: Phase, patience: Duration) {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let (ledger, base) = (Arc::clone(&self.ledger), haechi.otlp_http.clone());
                tokio::spawn(async move { ledger.client(&base).await })
            })
            .collect();
        let hit = haechi.outlive(patience).await;
        for client in clients {
            client.await.unwrap();
        }
        self.count(if hit { phase } else { Moment });
    }

    fn count(&mut self, phase: Phase) {
        *self.hits.entry(phase).or_default() += 1;
        if phase != Moment {
            println!("{phase:?}: {}", self.control.hit().unwrap());
        }
    }

    /// Kills starts, the next one after the last, before they are ready.
    fn kill_recovery(&mut self) {
        for _ in 0..3 {
            self.control.arm(&Recovery.fault(&mut self.random)).unwrap();
            let started = Haechi::start_under(&self.control, &self.dir, &["--flush-age", "1s"]);
            self.control.heal().unwrap();
            match started {
                Ok(haechi) => return haechi.kill(), // it made fewer calls
                Err(_) => self.count(Recovery),
            }
        }
    }

    async fn kill_retention(&mut self) {
        self.control.arm(&Retention.fault(&mut self.random)).unwrap();
        match Haechi::start_under(&self.control, &self.dir, &["--retention", "2d"]) {
            Ok(haechi) => self.load_until_death(haechi, Retention, Duration::from_secs(3)).await,
            Err(_) => self.count(Retention),
        }
    }

    /// A gentle end, after which every file is one that the manifest names.
    async fn end(&mut self) -> usize {
        self.control.heal().unwrap();
        let haechi = Haechi::start(&self.dir);
        self.ledger.settle(&haechi, Duration::from_secs(30)).await;
        let acked = self.ledger.check(&haechi).await;
        assert_eq!(haechi.terminate(), Some(0));
        // What compaction was at when it was told to end goes with the next start.
        let haechi = Haechi::start(&self.dir);
        assert_eq!(haechi.terminate(), Some(0));
        assert_eq!(strays(&self.dir), Vec::<String>::new());
        acked
    }
}

/// Files of segments that the manifest does not name, and left-overs of files that took another's place.
pub(crate) fn strays(dir: &Path) -> Vec<String> {
    let manifest = String::from_utf8_lossy(&fs::read(dir.join("manifest")).unwrap()).into_owned();
    let mut strays = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".new")
                || (name.starts_with("segments/") && !manifest.contains(&format!("\"{name}\"")))
            {
                strays.push(name);
            }
        }
    }
    strays
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_requests_survive_kill_9_whole_and_once() {
    let number = |name: &str, default: u64| std::env::var(name).ok().map_or(default, |text| text.parse().unwrap());
    let cycles = number("HAECHI_KILL_CYCLES", 8);
    let seed = number("HAECHI_KILL_SEED", otlp::now());
    println!("{cycles} cycles, seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    fs::create_dir(&dir).unwrap();
    let control = Control::create(&folder.path().join("control"), &dir).unwrap();
    let (random, slowest) = (StdRng::seed_from_u64(seed), Duration::ZERO);
    let mut run = Run { dir, control, ledger: Arc::default(), random, hits: BTreeMap::new(), slowest };
    for cycle in 0..cycles {
        run.cycle(PHASES[cycle as usize % PHASES.len()]).await;
    }
    let acked = run.end().await;
    let Run { hits, slowest, ledger, .. } = run;
    let refused = ledger.refused.load(Ordering::Relaxed);
    println!("{acked} requests acknowledged and found, {refused} refused; slowest start {} ms", slowest.as_millis());
    println!("kills: {hits:?}");
    for phase in [Log, Flush, Compaction, Retention, Recovery] {
        let aimed = PHASES.iter().cycle().take(cycles as usize).filter(|it| **it == phase).count() as u64;
        let hit = hits.get(&phase).copied().unwrap_or(0);
        assert!(hit >= aimed.div_ceil(2), "of {aimed} kills aimed at {phase:?} {hit} hit it");
    }
    assert!(acked as u64 > 10 * cycles, "only {acked} requests were acknowledged");
}
