//! Power cuts: the box runs on an ext4 and an XFS of their own, whose kernel drops at a random moment all that is not durable.
//! What was acknowledged is there after the file system was mounted again, whole and once.
//!
//! `HAECHI_POWER_CUTS` sets the number of cuts, `HAECHI_POWER_SEED` the seed of the moments, which is printed. Needs root,
//! loop devices, and the package xfsprogs; without them the test says that it was left out.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::kill::strays;
use crate::ledger::Ledger;
use crate::otlp;
use crate::process::Haechi;

/// XFS takes no less than 300 MB.
const IMAGE_BYTES: u64 = 512 << 20;
/// Set in the process that has mounts of its own.
const INSIDE: &str = "HAECHI_POWER_INSIDE";

/// Runs a command; an error says what it said.
fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program} {}: {said}", args.join(" "))) }
}

/// A file system in a file, mounted.
struct Volume {
    _folder: tempfile::TempDir,
    image: PathBuf,
    mount: PathBuf,
}

impl Volume {
    fn create(kind: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES)).unwrap();
        fs::create_dir(&mount).unwrap();
        run(&format!("mkfs.{kind}"), &["-q", image.to_str().unwrap()])?;
        let volume = Volume { _folder: folder, image, mount };
        volume.mount()?;
        Ok(volume)
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop", self.image.to_str().unwrap(), self.mount.to_str().unwrap()])
    }

    fn unmount(&self) -> Result<(), String> {
        run("umount", &[self.mount.to_str().unwrap()])
    }

    /// From here on nothing reaches the image. With `log` the journal still does, without the data that it is about.
    fn cut(&self, log: bool) -> Result<(), String> {
        let command = if log { "shutdown -f" } else { "shutdown" };
        run("xfs_io", &["-x", "-c", command, self.mount.to_str().unwrap()])
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        _ = self.unmount();
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// One after the other: load, cut, kill, mount, check.
async fn cuts(volume: &Volume, kind: &str, cuts: u64, random: &mut StdRng) {
    let dir = volume.mount.join("data");
    let ledger = Arc::new(Ledger::default());
    let begun = Instant::now();
    for cut in 0..cuts {
        let haechi = Haechi::start_with(&dir, &["--flush-age", "1s"]);
        ledger.check(&haechi).await;
        ledger.one_more(&haechi).await;
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let (ledger, base) = (Arc::clone(&ledger), haechi.otlp_http.clone());
                tokio::spawn(async move { ledger.client(&base).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(20..3000))).await;
        volume.cut(cut % 2 == 1).unwrap();
        // The server is killed after the cut: what it believes to be durable from here on is not.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..50))).await;
        haechi.kill();
        for client in clients {
            client.await.unwrap();
        }
        volume.unmount().unwrap();
        volume.mount().unwrap();
    }
    let haechi = Haechi::start(&dir);
    ledger.settle(&haechi, Duration::from_secs(30)).await;
    let acked = ledger.check(&haechi).await;
    assert_eq!(haechi.terminate(), Some(0));
    assert_eq!(Haechi::start(&dir).terminate(), Some(0));
    assert_eq!(strays(&dir), Vec::<String>::new());
    let refused = ledger.refused.load(Ordering::Relaxed);
    let each = begun.elapsed().as_secs_f64() / cuts.max(1) as f64;
    println!("{kind}: {cuts} cuts, {acked} requests acknowledged and found, {refused} refused; {each:.1} s a cut");
    assert!(acked as u64 > 5 * cuts, "only {acked} requests were acknowledged");
}

#[test]
fn acknowledged_requests_survive_power_cuts_whole_and_once() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let possible = run("unshare", &["--mount", "true"]).and_then(|()| run("xfs_io", &["-V"]));
    if let Err(missing) = possible.and_then(|()| run("mkfs.xfs", &["-V"])) {
        return println!("power cuts were left out: {missing}");
    }
    // Mounts go with the process that has them, however it ends.
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "power::acknowledged_requests_survive_power_cuts_whole_and_once", "--nocapture"]);
    assert!(command.env(INSIDE, "1").status().unwrap().success());
}

fn inside() {
    let each = number("HAECHI_POWER_CUTS", 2).div_ceil(2);
    let seed = number("HAECHI_POWER_SEED", otlp::now());
    println!("{} power cuts, seed {seed}", 2 * each);
    let mut random = StdRng::seed_from_u64(seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for kind in ["ext4", "xfs"] {
        match Volume::create(kind) {
            Ok(volume) => runtime.block_on(cuts(&volume, kind, each, &mut random)),
            Err(missing) => println!("power cuts on {kind} were left out: {missing}"),
        }
    }
}
