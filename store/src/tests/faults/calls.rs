//! Every file call that changes something fails once, and fails from then on, with each error: the store ends clean, or refuses
//! with an error that is worth a retry and goes on when the disk does.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use faults::{Action, Control, Error, Fault, Kinds};

use super::script::{Player, busy, config};
use super::{in_own_process, one_in, panics};
use crate::StoreConfig;

/// Makes a fault of an action, the kinds of calls, and a number among those.
type Make = fn(Action, Kinds, u64) -> Fault;

type Config = fn(&Path) -> StoreConfig;

/// How calls fail: with nothing done, or, of a write, with half of it done.
const ACTIONS: [Action; 4] = [
    Action::Fail(Error::Eio),
    Action::FailHalfway(Error::Eio),
    Action::Fail(Error::Enospc),
    Action::FailHalfway(Error::Enospc),
];

/// Runs the script with each call failing in turn in each way, until a run is over before its turn comes.
fn fail_each(control: &Control, folder: &Path, make: Make, config: Config) {
    for (index, action) in ACTIONS.into_iter().enumerate() {
        // A quick run takes other calls with each action.
        let step = one_in(83);
        let (mut failures, mut runs) = (Vec::new(), 0);
        let mut number = 1 + index * step / ACTIONS.len();
        loop {
            let dir = folder.join("data");
            control.set_root(&dir).unwrap();
            let fault = make(action, Kinds::CHANGES, number as u64);
            let run = || play(control, config(&dir), &fault);
            let (panics_before, outcome) = (panics(), catch_unwind(AssertUnwindSafe(run)));
            control.heal().unwrap();
            fs::remove_dir_all(&dir).unwrap();
            if control.fired().unwrap() == 0 {
                break;
            }
            runs += 1;
            let hit = control.hit().unwrap();
            if outcome.is_err() || panics() > panics_before {
                failures.push(format!("call {number}: {hit}"));
            }
            number += step;
        }
        println!("{action:?}: {runs} runs");
        assert_eq!(failures, Vec::<String>::new(), "{action:?}");
        assert!(number > 150, "the script makes {number} calls and no more");
    }
}

fn play(control: &Control, config: StoreConfig, fault: &Fault) {
    fs::create_dir(&config.dir).unwrap();
    control.arm(fault).unwrap();
    let mut player = Player::new(config);
    let once = fault.first == fault.last;
    player.play(usize::from(once), |_| ());
    control.heal().unwrap();
    if once {
        let refused = &player.refused;
        assert!(refused.len() <= 1, "one failed call has more than one consequence: {refused:#?}");
    }
    player.settle();
}

#[test]
fn one_failed_call_costs_one_refusal_at_most() {
    in_own_process("tests::faults::calls::one_failed_call_costs_one_refusal_at_most", |control, folder| {
        fail_each(control, folder, Fault::once, config);
    });
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing_acknowledged() {
    in_own_process(
        "tests::faults::calls::a_disk_that_fails_for_a_while_loses_nothing_acknowledged",
        |control, folder| fail_each(control, folder, Fault::from, config),
    );
}

#[test]
fn a_disk_that_fails_for_a_while_ends_no_thread_in_the_background() {
    in_own_process(
        "tests::faults::calls::a_disk_that_fails_for_a_while_ends_no_thread_in_the_background",
        |control, folder| fail_each(control, folder, Fault::from, busy),
    );
}
