//! Requests in a file, so that the same bytes can be sent to several systems. The format is in docs/load.md.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use collector::Signal;
use model::Nanos;

use super::Error;
use super::payload::{Coding, Payload};
use super::workload::Workload;

/// The first bytes; the last of them is the version. The length of a description (four bytes) and the description follow:
/// the workload as JSON, or nothing.
const MAGIC: [u8; 8] = *b"otlpreq\x01";
const MAX_DESCRIPTION: usize = 1 << 20;

/// Bytes before each body: signal and coding (one each), two of zero, items (four), number and due (eight each), length of
/// the body (four).
const HEAD: usize = 28;

/// No request is larger: receivers take 64 MiB at most.
const MAX_BODY: usize = 256 << 20;

pub(super) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Writer {
    /// Creates or replaces the file for requests of `workload`.
    pub(super) fn create(path: &Path, workload: &Workload) -> Result<Self, Error> {
        let at = |error| Error::file(path, error);
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(at)?);
        let description = serde_json::to_vec(workload).map_err(|error| Error::file(path, error))?;
        let length = u32::try_from(description.len()).unwrap_or_default().to_le_bytes();
        file.write_all(&[&MAGIC[..], &length, &description].concat()).map_err(at)?;
        Ok(Writer { path: path.to_owned(), file })
    }

    pub(super) fn write(&mut self, payload: &Payload) -> Result<(), Error> {
        let head = head(payload).ok_or_else(|| Error::file(&self.path, "a request is larger than 256 MiB"))?;
        let written = self.file.write_all(&head).and_then(|()| self.file.write_all(&payload.body));
        written.map_err(|error| Error::file(&self.path, error))
    }

    /// Makes what was written complete.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.file.flush().map_err(|error| Error::file(&self.path, error))
    }
}

fn head(payload: &Payload) -> Option<[u8; HEAD]> {
    let length = u32::try_from(payload.body.len()).ok().filter(|length| *length as usize <= MAX_BODY)?;
    let mut head = [0; HEAD];
    head[0] = payload.signal.kind();
    head[1] = payload.coding as u8;
    head[4..8].copy_from_slice(&u32::try_from(payload.items).ok()?.to_le_bytes());
    head[8..16].copy_from_slice(&payload.number.to_le_bytes());
    head[16..24].copy_from_slice(&payload.due.to_le_bytes());
    head[24..28].copy_from_slice(&length.to_le_bytes());
    Some(head)
}

pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    offset: u64,
    workload: Option<Workload>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let at = |error| Error::file(path, error);
        let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(at)?);
        let mut start = [0; MAGIC.len() + 4];
        let found = file.read_exact(&mut start);
        if found.is_err() || start[..MAGIC.len()] != MAGIC {
            return Err(Error::file(path, "is not a file of requests of a known version"));
        }
        let [.., a, b, c, d] = start;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let mut description = Vec::new();
        let read = (&mut file).take(length.min(MAX_DESCRIPTION) as u64).read_to_end(&mut description);
        if read.is_err() || description.len() < length {
            return Err(Error::file(path, "ends inside the description"));
        }
        // The requests can be sent without it, and by programs that do not know this version of it.
        let workload = serde_json::from_slice(&description).ok();
        let offset = (start.len() + length) as u64;
        Ok(Reader { path: path.to_owned(), file, offset, workload })
    }

    /// What the requests were made of, if this version knows it.
    pub(super) fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }

    /// The next request; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Payload>, Error> {
        let wrong = |what: &str| Error::file(&self.path, format!("at byte {}: {what}", self.offset));
        let mut head = [0; HEAD];
        match self.file.read(&mut head[..1]) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(wrong(&error.to_string())),
        }
        self.file.read_exact(&mut head[1..]).map_err(|_| wrong("ends inside the head of a request"))?;
        let [signal, coding, rest @ ..] = &head;
        let number = |at: usize| rest[at - 2..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let short = |at: usize| rest[at - 2..].first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let signal = Signal::from_kind(*signal).ok_or_else(|| wrong("unknown signal"))?;
        let coding = Coding::from_number(*coding).ok_or_else(|| wrong("unknown coding"))?;
        let length = short(24) as usize;
        if length > MAX_BODY {
            return Err(wrong("a request is larger than 256 MiB"));
        }
        let mut body = Vec::new();
        let read = (&mut self.file).take(length as u64).read_to_end(&mut body);
        if read.is_err() || body.len() < length {
            return Err(wrong("ends inside a request"));
        }
        let payload = Payload {
            signal,
            coding,
            items: short(4).into(),
            number: number(8),
            due: number(16) as Nanos,
            body: Bytes::from(body),
        };
        self.offset += (HEAD + length) as u64;
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(signal: Signal, number: u64) -> Payload {
        let body = Bytes::from(vec![number as u8; 3 * number as usize]);
        Payload { signal, number, due: -5 + number as Nanos, items: 7, coding: Coding::Gzip, body }
    }

    #[test]
    fn requests_come_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("requests");
        let mut writer = Writer::create(&path, &Workload::sample()).unwrap();
        let written: Vec<Payload> =
            Signal::ALL.into_iter().zip([0, 1, 300]).map(|(signal, number)| payload(signal, number)).collect();
        written.iter().for_each(|payload| writer.write(payload).unwrap());
        writer.finish().unwrap();
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!(reader.workload(), Some(&Workload::sample()));
        for wanted in written {
            let found = reader.next().unwrap().unwrap();
            assert_eq!(
                (found.signal, found.number, found.due, found.items),
                (wanted.signal, wanted.number, wanted.due, 7)
            );
            assert_eq!((found.coding, found.body), (Coding::Gzip, wanted.body));
        }
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("requests");
        let mut writer = Writer::create(&path, &Workload::sample()).unwrap();
        writer.write(&payload(Signal::Logs, 5)).unwrap();
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let head = whole.len() - 15 - HEAD;
        let replaced = |at: usize, bytes: &[u8]| [&whole[..at], bytes, &whole[at + bytes.len()..]].concat();
        let table: [(&str, Vec<u8>, &str); 6] = [
            ("description", whole[..20].to_vec(), "ends inside the description"),
            ("head", whole[..head + 9].to_vec(), "ends inside the head of a request"),
            ("torn", whole[..whole.len() - 1].to_vec(), "ends inside a request"),
            ("signal", replaced(head, &[9]), "unknown signal"),
            ("length", replaced(head + 24, &[0xff; 4]), "a request is larger than 256 MiB"),
            ("magic", b"otlpreq\x02".to_vec(), "is not a file of requests of a known version"),
        ];
        for (name, bytes, expected) in table {
            std::fs::write(&path, bytes).unwrap();
            let found = Reader::open(&path).and_then(|mut reader| reader.next());
            let Err(error) = found else { panic!("{name} was read") };
            assert!(error.to_string().ends_with(expected), "{name}: {error}");
            let has_place = error.to_string().contains(&format!("at byte {head}: "));
            assert_eq!(has_place, !["description", "magic"].contains(&name), "{name}: {error}");
        }
    }
}
