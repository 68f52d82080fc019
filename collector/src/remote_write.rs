//! Prometheus Remote-Write 1.0 and 2.0, decoded straight into the store's columns.
//!
//! A series keeps its labels letter by letter: the metric's name is `__name__`, the resource has `job` and `instance` as
//! `service.name` and `service.instance.id`, all others are attributes, and the scope carries [`model::prometheus::Mark`], by which
//! PromQL knows to change nothing. One body gives the same rows each time, as with OTLP.
//! Sources: <https://prometheus.io/docs/specs/prw/remote_write_spec/>, <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>,
//! `prompb/types.proto` and `prompb/io/prometheus/write/v2/types.proto` of Prometheus.

use model::wire::Reader;
use store::Rows;

use crate::otlp::{Context, Decoded, Malformed};

mod exemplar;
mod histogram;
mod labels;
mod metadata;
mod series;
mod texts;
mod v1;
mod v2;

pub(crate) use series::SERIES_LIMIT;

/// Which of the two messages a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

impl Version {
    /// Refuses a body without items whose fields are those of the other message: the versions share no number, so that a sender
    /// whose content-type is wrong can be told.
    pub(crate) fn check_is_not_the_other(self, body: &[u8]) -> Result<(), Malformed> {
        const V1_FIELDS: [u32; 2] = [1, 3];
        const V2_FIELDS: [u32; 2] = [4, 5];
        let (others, is, says) = match self {
            Version::V1 => (V2_FIELDS, "io.prometheus.write.v2.Request", "prometheus.WriteRequest"),
            Version::V2 => (V1_FIELDS, "prometheus.WriteRequest", "io.prometheus.write.v2.Request"),
        };
        let mut reader = Reader::new(body);
        while let Some((number, _)) = reader.next_field().map_err(Malformed::from)? {
            if others.contains(&number) {
                return Err(Malformed::new(
                    String::new(),
                    format!("the body is a {is}, and its content-type says {says}"),
                ));
            }
        }
        Ok(())
    }
}

/// What was stored, by the headers of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    /// Exemplars that were not; they are no items, so the rejected do not count them.
    pub lost_exemplars: u64,
}

/// Decodes a body. A sample or histogram that breaks a rule is left out and reported, and so are all of a series without proper
/// labels; a body that is not a message of this type fails as a whole.
pub fn decode(version: Version, body: &[u8], context: Context) -> Result<Decoded, Malformed> {
    decode_into(Rows::default(), version, body, context)
}

/// As [`decode`], into `rows`, which may have limits of their own.
pub fn decode_into(rows: Rows, version: Version, body: &[u8], context: Context) -> Result<Decoded, Malformed> {
    let mut decoded = Decoded { rows, ..Decoded::default() };
    match version {
        Version::V1 => v1::decode(body, context, &mut decoded),
        Version::V2 => v2::decode(body, context, &mut decoded),
    }?;
    Ok(decoded)
}

#[cfg(test)]
pub(crate) mod tests;
