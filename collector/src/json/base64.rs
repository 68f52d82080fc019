//! Base64 as protobuf's JSON mapping reads it: the standard or the URL-safe alphabet, with or without padding.

/// Appends the decoded bytes to `out`; `None` when `text` is not base64.
pub(super) fn decode(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let digits = text.trim_end_matches('=').as_bytes();
    let padding = text.len() - digits.len();
    if padding > 0 && !text.len().is_multiple_of(4) || padding > 2 || digits.len() % 4 == 1 {
        return None;
    }
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | u32::from(sextet(*digit)?);
        }
        bits <<= 6 * (4 - group.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(())
}

fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_alphabets_with_and_without_padding() {
        let cases: [(&str, Option<&[u8]>); 11] = [
            ("", Some(b"")),
            ("aGVsbA==", Some(b"hell")),
            ("aGVsbA", Some(b"hell")),
            ("aGVsbG8=", Some(b"hello")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("-_-_", Some(&[0xfb, 0xff, 0xbf])),
            ("a", None),
            ("aGVsbA=", None),
            ("aGVs====", None),
            ("aG=sbA==", None),
            ("aG sbA", None),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            let decoded = decode(text, &mut out).map(|()| &out[..]);
            assert_eq!(decoded, expected, "{text:?}");
        }
    }
}
