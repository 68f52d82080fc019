//! The write-ahead log and the hashes of bodies.

use super::{Directory, Report};
use crate::clock;
use crate::dedup::Dedup;
use crate::manifest;
use crate::store::body_hash;
use crate::wal::{self, Header, Record};

/// Reads every record of the log, as a start does.
pub(super) fn check(directory: &Directory, report: &mut Report) {
    let dir = directory.dir.join("wal");
    // Before the files: a running box goes on.
    let acknowledged = match wal::acknowledged::read(&directory.dir) {
        Ok(acknowledged) => {
            let damaged = wal::acknowledged::damaged_places(&directory.dir);
            damaged.into_iter().for_each(|error| report.wrong(error.path, error.message));
            acknowledged
        }
        Err(error) => {
            report.wrong(error.path, error.message);
            None
        }
    };
    let files = match wal::list(&dir) {
        Ok(files) => files,
        Err(error) => return report.wrong(dir, error),
    };
    // Read again, after the list of files: a running box retires files. Unknown when the manifest is damaged.
    let read_low_water = || {
        let whole = manifest::read(&directory.dir).ok().filter(|loaded| loaded.whole);
        whole.map(|loaded| loaded.state.low_water)
    };
    let mut low_water = read_low_water();
    let first_lsns: Vec<_> = files.iter().map(|(_, path)| Header::read(path)?.first_lsn).collect();
    // Of the last record before.
    let mut previous = None;
    for (index, (sequence, path)) in files.iter().enumerate() {
        let end = first_lsns[index + 1..].iter().flatten().min().copied().unwrap_or(u64::MAX);
        let mut records = 0;
        let mut wrong = Vec::new();
        let damage = wal::read_file(path, *sequence, previous.unwrap_or(0), end, |Record { head, body, .. }| {
            records += 1;
            let lsn = head.lsn;
            if head.hash != 0 && body_hash(head.kind, body) != head.hash {
                wrong.push(format!("request {lsn} has another hash than its body"));
            }
            let first = previous.max(low_water).map_or(lsn, |before| before + 1);
            if first < lsn {
                wrong.push(format!("requests {first} to {} are missing before request {lsn}", lsn - 1));
            }
            previous = Some(lsn.max(previous.unwrap_or(0)));
        });
        match damage {
            Ok(damage) => {
                report.log_files += 1;
                report.log_records += records;
                wrong.extend(damage.iter().map(wal::Damage::message));
            }
            // A running box retires files, once the manifest has a higher mark.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => low_water = read_low_water(),
            Err(error) => wrong.push(error.to_string()),
        }
        wrong.into_iter().for_each(|message| report.wrong(path, message));
    }
    let set_aside = wal::list_set_aside(&dir).unwrap_or_default();
    if let (Some(last), Some(low_water)) = (acknowledged, read_low_water())
        && set_aside.is_empty()
        && last > previous.unwrap_or(0).max(low_water)
    {
        let next = previous.unwrap_or(0).max(low_water) + 1;
        report.wrong(dir.clone(), format!("requests {next} to {last} were acknowledged and are not in the log"));
    }
    for path in set_aside {
        report.wrong(path, wal::SET_ASIDE);
    }
    let path = directory.dir.join("dedup");
    match Dedup::load(&path, low_water.unwrap_or(0)) {
        Ok(_) => {}
        Err(error) => report.wrong(path, error.message),
    }
    let path = directory.dir.join("clock");
    if let Err(error) = clock::load(&path) {
        report.wrong(path, error.message);
    }
}
