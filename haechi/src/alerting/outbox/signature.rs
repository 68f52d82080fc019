//! Signatures of requests, by the Standard Webhooks specification 1.0 (standardwebhooks.com), so that its libraries
//! verify them: HMAC-SHA256 over `<id>.<timestamp>.<body>`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;

/// Bytes that a key may have.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// More keys than any rotation needs.
const MAX_KEYS: usize = 8;

/// The header of the identity of a notification: the same over all its attempts.
pub(in crate::alerting) const ID: &str = "webhook-id";
/// The header of the time of an attempt, in seconds since the epoch.
pub(in crate::alerting) const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures: `v1,<base64>`, one for each key, with a space between them.
pub(in crate::alerting) const SIGNATURE: &str = "webhook-signature";

/// What requests are signed with; never shown.
pub(in crate::alerting) struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Keys as `whsec_<base64>`, one a line. Each of them signs, so that a receiver can be moved from one to the next.
    ///
    /// The error follows on the name of what was read, and does not quote it.
    pub(in crate::alerting) fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let decoded = line.trim().strip_prefix("whsec_").and_then(|key| BASE64.decode(key).ok());
            let decoded = decoded.filter(|key| KEY_BYTES.contains(&key.len())).ok_or_else(|| {
                let allowed =
                    "whsec_ and 24 to 64 bytes in base64, as `echo whsec_$(openssl rand -base64 32)` makes it";
                format!("line {} is not a secret of the form {allowed}", index + 1)
            })?;
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, &decoded));
        }
        match keys.len() {
            0 => Err("has no secret".to_owned()),
            1..=MAX_KEYS => Ok(Self(keys)),
            more => Err(format!("has {more} secrets, at most {MAX_KEYS} are allowed")),
        }
    }

    /// The value of the header [`SIGNATURE`].
    pub(in crate::alerting) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let begin = format!("{id}.{timestamp}.");
        let signature = |key: &hmac::Key| {
            let mut context = hmac::Context::with_key(key);
            context.update(begin.as_bytes());
            context.update(body);
            format!("v1,{}", BASE64.encode(context.sign()))
        };
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example of the libraries of Standard Webhooks, which they verify.
    #[test]
    fn signs_as_the_specification_does() {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(Keys::parse(KEY).unwrap().sign(id, 1_614_265_330, body), expected);
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let both = Keys::parse(&format!("{KEY}\n\n {other} \n")).unwrap().sign(id, 1_614_265_330, body);
        let (first, second) = both.split_once(' ').unwrap();
        assert!(first == expected && second.starts_with("v1,") && second != first, "{both}");
    }

    #[test]
    fn every_part_is_signed() {
        let keys = Keys::parse(KEY).unwrap();
        let signed = keys.sign("id", 1, b"body");
        for other in [keys.sign("ie", 1, b"body"), keys.sign("id", 2, b"body"), keys.sign("id", 1, b"bodz")] {
            assert_ne!(signed, other);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_by_its_line() {
        let long = format!("whsec_{}", BASE64.encode([0; 65]));
        let many = format!("{KEY}\n").repeat(9);
        let table = [
            ("hunter2", "line 1 is not a secret"),
            ("whsec_????", "line 1 is not a secret"),
            ("whsec_c2hvcnQ=", "line 1 is not a secret"),
            (&long, "line 1 is not a secret"),
            (&format!("{KEY}\nhunter2"), "line 2 is not a secret"),
            ("\n \n", "has no secret"),
            (&many, "has 9 secrets, at most 8 are allowed"),
        ];
        for (text, expected) in table {
            let error = Keys::parse(text).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
