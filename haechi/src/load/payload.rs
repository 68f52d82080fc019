//! A request as it goes over the wire or into a file.

use std::io::{self, Write};

use bytes::Bytes;
use collector::Signal;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::Nanos;

/// How a body is compressed. Numbers are those of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Coding {
    None = 0,
    Gzip = 1,
    Zstd = 2,
}

impl Coding {
    pub(super) const ALL: [Coding; 3] = [Coding::None, Coding::Gzip, Coding::Zstd];

    /// As `content-encoding` and `grpc-encoding` name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::None => "identity",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }

    /// As the command line names it.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Coding::ALL.into_iter().find(|coding| coding.name() == name || (*coding == Coding::None && name == "none"))
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Coding::ALL.into_iter().find(|coding| *coding as u8 == number)
    }

    /// The body in this coding, at the fastest level: the sender's processor is not what is measured.
    pub(super) fn encode(self, body: Bytes) -> io::Result<Bytes> {
        Ok(match self {
            Coding::None => body,
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
                encoder.write_all(&body)?;
                encoder.finish()?.into()
            }
            Coding::Zstd => zstd::bulk::compress(&body, 1)?.into(),
        })
    }
}

/// A request, ready to be sent as often as it takes.
#[derive(Clone)]
pub(super) struct Payload {
    pub(super) signal: Signal,
    /// Its number among those of its signal.
    pub(super) number: u64,
    /// Nanoseconds from the start at which it should be sent.
    pub(super) due: Nanos,
    pub(super) items: u64,
    pub(super) coding: Coding,
    pub(super) body: Bytes,
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn codings_can_be_undone() {
        let body = Bytes::from("service.name ".repeat(100));
        assert_eq!(Coding::None.encode(body.clone()).unwrap(), body);
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&Coding::Gzip.encode(body.clone()).unwrap()[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, body);
        assert_eq!(zstd::decode_all(&Coding::Zstd.encode(body.clone()).unwrap()[..]).unwrap(), body);
        assert_eq!(Coding::parse("none"), Some(Coding::None));
        assert_eq!(Coding::parse("lz4"), None);
    }
}
