//! Values of settings as people write them: durations, sizes, numbers.

use std::net::{Ipv4Addr, SocketAddr};

use model::Nanos;
use model::time::{DAY, HOUR, MINUTE, SECOND};

/// Nanoseconds of `90s`, `30m`, `12h`, `15d`, `4w` or `0`.
pub(super) fn duration(text: &str) -> Option<Nanos> {
    if text == "0" {
        return Some(0);
    }
    let unit = match text.as_bytes().last()? {
        b's' => SECOND,
        b'm' => MINUTE,
        b'h' => HOUR,
        b'd' => DAY,
        b'w' => 7 * DAY,
        _ => return None,
    };
    let number: Nanos = text[..text.len() - 1].parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(unit)
}

/// Whether it is an address with something after `http://` or `https://`.
pub(super) fn is_http(url: &str) -> bool {
    url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).is_some_and(|rest| !rest.is_empty())
}

/// Bytes of `768MiB`, `50GB` or `0`; a number needs its unit.
pub(super) fn bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), unit)))?;
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(*unit)
}

/// A size that [`bytes`] reads as so many: in the largest unit of which it is whole, or rounded up to whole KiB.
pub(super) fn size_text(size: u64) -> String {
    match size {
        0 => "0".to_owned(),
        size => {
            let units = [("TiB", 40), ("GiB", 30), ("MiB", 20)];
            let whole = units.into_iter().find(|(_, shift)| size.trailing_zeros() >= *shift);
            let (name, shift) = whole.unwrap_or(("KiB", 10));
            format!("{}{name}", size.div_ceil(1 << shift))
        }
    }
}

/// The address of an IP address with a port, or of `localhost:PORT`, which is the loopback of IPv4.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

/// A value as YAML has it: in quotes where it could be read as something else.
pub(super) fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./_-+:=,@%".contains(&byte);
    let begins = value.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"./_".contains(&byte));
    // A flow mapping ends at a comma.
    if begins && value.bytes().all(is_plain) && !value.contains(',') && !value.ends_with(':') {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            // YAML 1.2, 5.7.
            control if control.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        for size in [0, 1 << 10, 5 << 20, 256 << 20, 1 << 30, 3 << 40, (1 << 30) + 1024] {
            assert_eq!(bytes(&size_text(size)), Some(size), "{}", size_text(size));
        }
        assert_eq!(size_text(1025), "2KiB");
    }

    #[test]
    fn localhost_is_an_address() {
        let table = [
            ("localhost:4317", Some("127.0.0.1:4317")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:1", Some("0.0.0.0:1")),
            ("localhost", None),
            ("localhost:", None),
            ("localhost:70000", None),
            ("box:4317", None),
        ];
        for (text, expected) in table {
            assert_eq!(address(text).map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_numbers_with_a_unit() {
        let table = [
            ("0", Some(0)),
            ("90s", Some(90 * SECOND)),
            ("2w", Some(14 * DAY)),
            ("0d", None),
            ("d", None),
            ("-1d", None),
            ("1", None),
            ("", None),
            ("99999999w", None),
        ];
        for (text, expected) in table {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_are_numbers_with_a_unit() {
        let table = [
            ("0", Some(0)),
            ("768MiB", Some(768 << 20)),
            ("50 GB", Some(50_000_000_000)),
            ("1TiB", Some(1 << 40)),
            ("1024", None),
            ("1.5GiB", None),
            ("0GiB", None),
            ("-1GB", None),
            ("GB", None),
            ("", None),
            ("99999999999TiB", None),
        ];
        for (text, expected) in table {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
