//! `google.rpc.Status`, the body of every refusal.

use serde_json::Value as Json;

use crate::wire::{Raw, fields};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: i32,
    pub(crate) message: String,
    /// The types of the details, as URLs.
    pub(crate) details: Vec<String>,
}

impl Status {
    /// `None` when `body` is no such message. Fields that it does not have make it none either: a plain text can pass for a
    /// message of fields that nobody knows.
    pub(crate) fn from_protobuf(body: &[u8]) -> Option<Self> {
        let mut status = Status::default();
        for (number, raw) in fields(body)? {
            match (number, raw) {
                (1, Raw::Varint(code)) => status.code = code as i32,
                (2, Raw::Bytes(message)) => status.message = String::from_utf8(message.to_vec()).ok()?,
                (3, Raw::Bytes(any)) => {
                    let any = fields(any)?;
                    let type_url = any.into_iter().find_map(|field| match field {
                        (1, Raw::Bytes(type_url)) => String::from_utf8(type_url.to_vec()).ok(),
                        _ => None,
                    });
                    status.details.push(type_url?);
                }
                _ => return None,
            }
        }
        Some(status)
    }

    /// `None` when `body` is no JSON object with the keys of a `Status` only.
    pub(crate) fn from_json(body: &[u8]) -> Option<Self> {
        let Json::Object(object) = serde_json::from_slice(body).ok()? else { return None };
        let mut status = Status::default();
        for (key, value) in object {
            match (key.as_str(), value) {
                ("code", Json::Number(code)) => status.code = i32::try_from(code.as_i64()?).ok()?,
                ("message", Json::String(message)) => status.message = message,
                ("details", Json::Array(details)) => {
                    for detail in details {
                        status.details.push(detail.get("@type")?.as_str()?.to_owned());
                    }
                }
                _ => return None,
            }
        }
        Some(status)
    }

    /// Whether there is a detail of the type `google.rpc.{name}`.
    pub(crate) fn has_detail(&self, name: &str) -> bool {
        self.details.iter().any(|type_url| type_url.ends_with(&format!("/google.rpc.{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_and_other_messages_are_no_status() {
        let status = Status { code: 3, message: "bad".to_owned(), details: vec!["x/google.rpc.BadRequest".to_owned()] };
        let any = b"\x1a\x19\x0a\x17x/google.rpc.BadRequest";
        let bytes = [&[0x08, 3, 0x12, 3, b'b', b'a', b'd'][..], any].concat();
        assert_eq!(Status::from_protobuf(&bytes), Some(status.clone()));
        assert!(status.has_detail("BadRequest") && !status.has_detail("RetryInfo"));
        let json =
            br#"{"code":3,"message":"bad","details":[{"@type":"x/google.rpc.BadRequest","fieldViolations":[]}]}"#;
        assert_eq!(Status::from_json(json), Some(status));
        for text in ["Not Found\n", "404 page not found\n", "method not allowed", "unsupported"] {
            assert_eq!(Status::from_protobuf(text.as_bytes()), None, "{text}");
            assert_eq!(Status::from_json(text.as_bytes()), None, "{text}");
        }
        for json in [r#"{"error":"x"}"#, r#"{"message":5}"#, r#""message""#, r#"{"details":[{}]}"#] {
            assert_eq!(Status::from_json(json.as_bytes()), None, "{json}");
        }
    }
}
