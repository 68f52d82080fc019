//! Disks that fail and power that goes. The store is driven through a script in a process of its own, below a library that
//! makes its file calls fail or writes them down (the crate `faults`), so what is tested is the code that runs, with all
//! its dependencies.
//!
//! `HAECHI_FAULTS` makes the tests thorough instead of quick; docs/reliability.md says how long that takes.

mod calls;
mod power;
mod script;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use faults::Control;

/// Runs `body` in a process of its own whose file calls are under a control. `test` is the full name of the calling test.
fn in_own_process(test: &str, body: impl FnOnce(&Control, &Path)) {
    if let Some(page) = std::env::var_os(Control::VARIABLE) {
        let folder = Path::new(&page).parent().unwrap().to_owned();
        count_panics();
        return body(&Control::open(page).unwrap(), &folder);
    }
    // In memory where that is to be had: which calls are made counts here, not what a disk does with them.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let control = Control::create(&folder.path().join("control"), folder.path()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    control.preload(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    print!("{text}");
    assert!(output.status.success(), "{}", output.status);
    assert!(text.contains("1 passed"), "{test} is the name of no test");
}

/// A number of one in `n` of all cases, or of all when the tests are to be thorough.
fn one_in(n: usize) -> usize {
    if std::env::var_os("HAECHI_FAULTS").is_some() { 1 } else { n }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A panic of a thread of the store ends that thread and nothing else: it must be looked for.
fn count_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(panic);
    }));
}

fn panics() -> usize {
    PANICS.load(Ordering::SeqCst)
}
