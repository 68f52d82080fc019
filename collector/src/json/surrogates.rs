//! Halves of characters. JavaScript's strings are UTF-16 and are cut anywhere, and `JSON.stringify` writes what is left of a
//! character beyond the first 65,536 as the escape of a lone surrogate, such as `\ud83d`. UTF-8 has no such thing (RFC 8259, 8.2),
//! so a parser refuses it.

/// `body` with `\ufffd`, the replacement character, in the place of each escape of a lone surrogate, and how many these were; `None`
/// where there is none.
pub(super) fn replaced(body: &[u8]) -> Option<(Vec<u8>, u64)> {
    let (mut mended, mut n_replaced, mut at) = (Vec::new(), 0, 0);
    while let Some(rest) = body.get(at..)
        && let Some(next) = rest.iter().position(|byte| *byte == b'\\')
    {
        at += next;
        at += match unit(&body[at..]) {
            Some(0xd800..=0xdbff) if matches!(unit(&body[at + ESCAPE..]), Some(0xdc00..=0xdfff)) => 2 * ESCAPE,
            Some(0xd800..=0xdfff) => {
                if n_replaced == 0 {
                    mended = body.to_vec();
                }
                mended[at..at + ESCAPE].copy_from_slice(br"\ufffd");
                n_replaced += 1;
                ESCAPE
            }
            Some(_) => ESCAPE,
            // What is escaped may be a backslash.
            None => 2,
        };
    }
    (n_replaced > 0).then_some((mended, n_replaced))
}

/// Bytes of `\u` and its four digits.
const ESCAPE: usize = 6;

/// The unit of UTF-16 that `text` begins with, as an escape.
fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.get(..ESCAPE)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_whole_characters_are_not() {
        for (text, expected) in [
            (r"", None),
            (r"\ud83d\ude00 \u00e9 \n", None),
            (r"\\ud83d \\\\ud83d", None),
            (r"\ud83", None),
            (r"\ud83g \u+d83 \", None),
            (r"a\ud83d", Some((r"a\ufffd", 1))),
            (r"\uDE00", Some((r"\ufffd", 1))),
            (r"\\\ud83d\\", Some((r"\\\ufffd\\", 1))),
            (r"\ud83d\ud83d\ude00\ude00", Some((r"\ufffd\ud83d\ude00\ufffd", 2))),
            (r"\ud83d\u0041\ud83d\n", Some((r"\ufffd\u0041\ufffd\n", 2))),
        ] {
            let found = replaced(text.as_bytes());
            let found = found.as_ref().map(|(mended, n)| (std::str::from_utf8(mended).unwrap(), *n));
            assert_eq!(found, expected, "{text}");
        }
    }
}
