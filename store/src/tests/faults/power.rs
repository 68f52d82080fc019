//! The power goes at every file call of the script: what a disk may then hold is made, and the store opened on it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use faults::crash::Disk;
use faults::{Event, Recording};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::script::{Player, Sent, check, config, reopen, request, strays};
use super::{in_own_process, one_in, panics};

/// The seconds of a request that nobody has sent before.
const FRESH: u64 = 30_000;

/// What the client knows at a moment of the recording.
#[derive(Default)]
struct Known {
    sent: Vec<Sent>,
    expired: bool,
}

impl Known {
    fn hear(&mut self, mark: &str) {
        match mark.split_once(' ') {
            Some((_, first)) => {
                let first: u64 = first.parse().unwrap();
                self.sent.iter_mut().filter(|sent| sent.first == first).for_each(|sent| sent.acked = true);
            }
            None => self.expired = true,
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_call() {
    in_own_process(
        "tests::faults::power::what_was_acknowledged_survives_a_power_cut_at_any_call",
        |control, folder| {
            let dir = folder.join("data");
            fs::create_dir(&dir).unwrap();
            control.set_root(&dir).unwrap();
            let mut disk = Disk::new(&dir, fs::metadata(&dir).unwrap().ino());
            control.record(true).unwrap();
            let mut player = Player::new(config(&dir));
            player.play(0, |mark| Recording::mark(control.log(), mark).unwrap());
            assert_eq!(player.refused, Vec::<String>::new());
            control.record(false).unwrap();
            let recording = Recording::read(control.log()).unwrap();
            let sent = player.sent.iter().map(|sent| Sent { acked: false, ..sent.clone() }).collect();
            drop(player);

            let mut known = Known { sent, expired: false };
            let mut random = StdRng::seed_from_u64(1);
            let (mut failures, mut cuts) = (Vec::new(), 0);
            for (number, event) in recording.events.iter().enumerate() {
                disk.apply(event).unwrap();
                if let Event::Mark(mark) = event {
                    known.hear(mark);
                }
                if number % one_in(3) != 0 {
                    continue;
                }
                for state in 0..4 / one_in(4) {
                    let after = folder.join("after");
                    disk.write_crashed(&after, &mut random).unwrap();
                    let panics_before = panics();
                    let outcome = catch_unwind(AssertUnwindSafe(|| recover(&after, &known)));
                    cuts += 1;
                    if outcome.is_err() || panics() > panics_before {
                        let shown: String = format!("{event:?}").chars().take(150).collect();
                        failures.push(format!("cut {number}, state {state}, after {shown}"));
                    }
                    fs::remove_dir_all(&after).unwrap();
                }
            }
            println!("{} events, {cuts} power cuts", recording.events.len());
            assert_eq!(failures, Vec::<String>::new());
            let live = folder.join("live");
            disk.write_live(&live).unwrap();
            assert_same(&dir, &live);
        },
    );
}

/// Opens what a power cut has left, twice, with a request in between.
fn recover(dir: &Path, known: &Known) {
    let (store, recovery) = reopen(dir);
    assert_eq!(recovery.damage, Vec::<String>::new(), "a power cut is no damage");
    check(&store, &known.sent, known.expired);
    store.append_blocking(request(FRESH)).unwrap();
    drop(store);
    let mut sent = known.sent.clone();
    sent.push(Sent { first: FRESH, acked: true });
    let (store, recovery) = reopen(dir);
    check(&store, &sent, known.expired);
    assert_eq!((recovery.orphans, recovery.damage), (0, Vec::new()), "the second start finds nothing to do");
    assert_eq!(strays(dir), Vec::<String>::new());
}

/// The recording has all that was done to the files: replayed, it gives the same.
fn assert_same(a: &Path, b: &Path) {
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(a), names(b), "{}", a.display());
    for name in names(a) {
        let (a, b) = (a.join(&name), b.join(&name));
        if name == "reserve" {
            continue; // allocated, which is not recorded: it holds nothing
        }
        if a.is_dir() {
            assert_same(&a, &b);
        } else if name != "reserve" {
            // Of the space set aside there is no write to record.
            assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap(), "{} is not what was recorded", a.display());
        }
    }
}
