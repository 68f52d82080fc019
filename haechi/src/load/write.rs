//! Requests into a file, in the order in which they are due.

use std::path::Path;

use collector::Signal;

use super::Error;
use super::file::Writer;
use super::generate::{Generator, Scratch};
use super::payload::{Coding, Payload};
use super::workload::Workload;
use crate::logging::say;

/// Writes the requests of `workload` to the file at `path`.
pub(super) fn requests(path: &Path, workload: &Workload, coding: Coding) -> Result<(), Error> {
    if workload.requests.contains(&u64::MAX) {
        return Err(Error::usage("--write: with --max give totals, such as --spans 1M, or use --span"));
    }
    let generator = Generator::new(workload);
    let mut writer = Writer::create(path, workload)?;
    let mut scratch = Scratch::default();
    let mut next = [0; 3];
    let mut items = [0; 3];
    let mut bytes = 0;
    loop {
        let places = Signal::ALL.into_iter().zip(0..);
        let left = places.filter(|(signal, place): &(Signal, usize)| next[*place] < workload.requests(*signal));
        let due = left.map(|(signal, place)| (workload.due(signal, next[place]), place, signal)).min_by_key(|it| it.0);
        let Some((due, place, signal)) = due else { break };
        let number = next[place];
        let body = generator.request(signal, number, &mut scratch);
        let encoded = coding.encode(body.bytes).map_err(|error| Error::file(path, error))?;
        bytes += encoded.len();
        items[place] += body.items;
        writer.write(&Payload { signal, number, due, items: body.items, coding, body: encoded })?;
        next[place] += 1;
    }
    writer.finish()?;
    for (signal, (requests, items)) in Signal::ALL.into_iter().zip(next.into_iter().zip(items)) {
        if requests > 0 {
            say(format_args!("{}: {items} {} in {requests} requests", signal.name(), signal.item(items)));
        }
    }
    say(format_args!("{}: {bytes} bytes of bodies", path.display()));
    Ok(())
}
