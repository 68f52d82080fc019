//! Amounts on the command line: `20M` of something, or `50k/s`.

use std::fmt;

/// How much of a signal is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    /// Items in all, spread over the time that is covered.
    Total(u64),
    /// Items per second.
    Rate(f64),
}

impl Amount {
    pub(super) const NONE: Amount = Amount::Total(0);

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not an amount such as 20M or 50k/s");
        match text.strip_suffix("/s") {
            Some(number) => {
                let rate = number_of(number).ok_or_else(wrong)?;
                Ok(if rate == 0.0 { Amount::NONE } else { Amount::Rate(rate) })
            }
            None => {
                let total = number_of(text).filter(|total| total.fract() == 0.0).ok_or_else(wrong)?;
                Ok(Amount::Total(total as u64))
            }
        }
    }
}

/// A number with `k`, `M` or `G`, from 0 to 10^15.
fn number_of(text: &str) -> Option<f64> {
    let (number, unit) = match text.chars().last()? {
        'k' => (&text[..text.len() - 1], 1e3),
        'M' => (&text[..text.len() - 1], 1e6),
        'G' => (&text[..text.len() - 1], 1e9),
        _ => (text, 1.0),
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = number.parse().ok().filter(|_| plain)?;
    // A thousandth of a product may be lost in binary; amounts are whole.
    let value = (value * unit * 1000.0).round() / 1000.0;
    (0.0..=1e15).contains(&value).then_some(value)
}

/// A number with three or more significant digits and its unit, as people read it: `12.3k`.
pub(super) struct Short(pub(super) f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.0 {
            value if value >= 1e9 => (value / 1e9, "G"),
            value if value >= 1e6 => (value / 1e6, "M"),
            value if value >= 1e3 => (value / 1e3, "k"),
            value => (value, ""),
        };
        let digits = if value >= 100.0 || unit.is_empty() && value.fract() == 0.0 { 0 } else { 1 };
        f.pad(&format!("{value:.digits$}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_totals_or_rates() {
        let table = [
            ("20M", Some(Amount::Total(20_000_000))),
            ("1.5k/s", Some(Amount::Rate(1500.0))),
            ("0.5/s", Some(Amount::Rate(0.5))),
            ("0", Some(Amount::NONE)),
            ("0/s", Some(Amount::NONE)),
            ("0.5", None),
            ("1e5", None),
            ("-1", None),
            ("k", None),
            ("", None),
            ("99999999G", None),
        ];
        for (text, expected) in table {
            assert_eq!(Amount::parse(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn short_numbers_keep_three_digits() {
        let table = [(0.0, "0"), (0.25, "0.2"), (999.0, "999"), (1234.0, "1.2k"), (123_456.0, "123k"), (2.5e9, "2.5G")];
        for (value, expected) in table {
            assert_eq!(Short(value).to_string(), expected);
        }
        assert_eq!(format!("{:>6}", Short(1234.0)), "  1.2k");
    }
}
