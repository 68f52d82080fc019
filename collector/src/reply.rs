//! The answer to an accepted request: `Export{Trace,Metrics,Logs}ServiceResponse`.

use model::attrs::write_json_string;
use model::wire::{put_bytes_field, put_varint_field};

use crate::remote_write::Written;
use crate::signal::Signal;

/// What became of a request whose items were stored, all or some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rejected: u64,
    /// Why, or a warning when nothing was rejected; empty when there is nothing to say.
    pub(crate) message: String,
    /// What a reply to Remote-Write counts.
    pub(crate) written: Written,
}

impl Reply {
    /// The response in protobuf: no bytes at all for a full success, because `partial_success` must be unset then.
    pub(crate) fn protobuf(&self) -> Vec<u8> {
        let mut response = Vec::new();
        if self.rejected > 0 || !self.message.is_empty() {
            let mut partial = Vec::new();
            if self.rejected > 0 {
                put_varint_field(&mut partial, 1, self.rejected);
            }
            put_bytes_field(&mut partial, 2, self.message.as_bytes());
            put_bytes_field(&mut response, 1, &partial);
        }
        response
    }

    /// The response in JSON; the count is a string, as the JSON mapping of protobuf writes 64-bit integers.
    pub(crate) fn json(&self, signal: Signal) -> String {
        if self.rejected == 0 && self.message.is_empty() {
            return "{}".to_owned();
        }
        let mut json = String::from("{\"partialSuccess\":{");
        if self.rejected > 0 {
            json.push_str(&format!("\"{}\":\"{}\",", signal.rejected_key(), self.rejected));
        }
        json.push_str("\"errorMessage\":");
        write_json_string(&mut json, &self.message);
        json.push_str("}}");
        json
    }
}
