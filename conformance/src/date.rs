//! Dates of HTTP headers. Source: RFC 9110, 5.6.7: senders must write the form IMF-fixdate and no other.

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Whether `text` is a date as `Sun, 06 Nov 1994 08:49:37 GMT`. That the day is in the month is not looked at.
pub(crate) fn is_http_date(text: &str) -> bool {
    let number = |text: &str, width: usize, values: std::ops::RangeInclusive<u32>| {
        text.len() == width
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|it| values.contains(&it))
    };
    let words: Vec<&str> = text.split(' ').collect();
    let [weekday, day, month, year, time, "GMT"] = words[..] else { return false };
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else { return false };
    weekday.strip_suffix(',').is_some_and(|it| DAYS.contains(&it))
        && number(day, 2, 1..=31)
        && MONTHS.contains(&month)
        && number(year, 4, 0..=9999)
        && number(hour, 2, 0..=23)
        && number(minute, 2, 0..=59)
        // A leap second is a 60th.
        && number(second, 2, 0..=60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_senders_must_write_is_a_date() {
        assert!(is_http_date("Sun, 06 Nov 1994 08:49:37 GMT"));
        for text in [
            "",
            "soon GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            assert!(!is_http_date(text), "{text}");
        }
    }
}
