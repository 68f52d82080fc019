//! Lives of silences, and what they keep quiet.

use model::time::{HOUR, SECOND};

use super::*;

const NOW: Nanos = 1000 * SECOND;

fn matchers(text: &str) -> Vec<Matcher> {
    Matcher::parse_all(text).unwrap()
}

fn draft(text: &str, starts_at: Nanos, ends_at: Nanos) -> Draft {
    let (created_by, comment) = ("somebody".to_owned(), "they know".to_owned());
    Draft {
        id: None,
        matchers: matchers(text),
        starts_at: starts_at * SECOND,
        ends_at: ends_at * SECOND,
        created_by,
        comment,
    }
}

fn labels(text: &str) -> Labels {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split(' ').filter_map(pair).collect()
}

/// Each silence as `id start..end state`, in seconds.
fn shown(silences: &Silences, now: Nanos) -> Vec<String> {
    let line = |silence: &Silence| {
        let (start, end) = (silence.starts_at / SECOND, silence.ends_at / SECOND);
        format!("{} {start}..{end} {}", silence.id, silence.state(now).name())
    };
    silences.iter().map(line).collect()
}

#[test]
fn a_change_is_of_the_same_silence_where_it_can_be() {
    let first =
        |starts_at, ends_at| Silences::default().with(draft("a=b", starts_at, ends_at), "1".to_owned(), NOW).unwrap().0;
    let active = || first(0, 2000);
    let pending = || first(1500, 2000);
    // A start that has been is now.
    assert_eq!(shown(&active(), NOW), ["1 1000..2000 active"]);
    assert_eq!(shown(&pending(), NOW), ["1 1500..2000 pending"]);
    let table: [(Silences, Draft, &[&str]); 7] = [
        (active(), draft("a=b", 1000, 3000), &["1 1000..3000 active"]),
        // Another start, or other matchers: the old one ends.
        (active(), draft("a=b", 1200, 3000), &["1 1000..1100 expired", "2 1200..3000 pending"]),
        (active(), draft("a=c", 1000, 3000), &["1 1000..1100 expired", "2 1100..3000 active"]),
        (pending(), draft("a=b", 1600, 3000), &["1 1600..3000 pending"]),
        (pending(), draft("a=b", 1000, 3000), &["1 1100..1100 expired", "2 1100..3000 active"]),
        (pending(), draft("a=c", 1600, 3000), &["1 1100..1100 expired", "2 1600..3000 pending"]),
        (
            active().without("1", NOW).unwrap(),
            draft("a=b", 1000, 3000),
            &["1 1000..1000 expired", "2 1100..3000 active"],
        ),
    ];
    let later = NOW + 100 * SECOND;
    for (silences, draft, expected) in table {
        let (next, id) = silences.with(Draft { id: Some("1".to_owned()), ..draft }, "2".to_owned(), later).unwrap();
        assert_eq!(shown(&next, later), expected);
        assert_eq!(id, if expected.len() == 1 { "1" } else { "2" });
        assert!(next.get(&id).is_some_and(|silence| silence.updated_at == later));
    }
}

#[test]
fn what_is_no_silence_is_refused() {
    let good = || draft("a=b", 1000, 2000);
    let long = "x".repeat(2001);
    let table = [
        (Draft { matchers: Vec::new(), ..good() }, "a silence has 1 to 50 matchers"),
        (Draft { matchers: vec![matchers("a=b").remove(0); 51], ..good() }, "a silence has 1 to 50 matchers"),
        (draft("a=~\".*\"", 1000, 2000), "at least one matcher must not match an empty text"),
        (draft("a!=b", 1000, 2000), "at least one matcher must not match an empty text"),
        (draft("a=b", 2000, 2000), "its start must be before its end"),
        (draft("a=b", 0, 1000), "its end has been"),
        (Draft { created_by: " ".to_owned(), ..good() }, "createdBy is missing"),
        (Draft { comment: String::new(), ..good() }, "comment is missing"),
        (Draft { comment: long, ..good() }, "a text of it has more than 2000 bytes"),
        (Draft { id: Some("9".to_owned()), ..good() }, "there is no silence \"9\""),
    ];
    for (draft, expected) in table {
        let refusal = Silences::default().with(draft, "1".to_owned(), NOW).unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{refusal}");
    }
    let mut full = Silences::default();
    for id in 0..1000 {
        full = full.with(good(), id.to_string(), NOW).unwrap().0;
    }
    let refusal = full.with(good(), "x".to_owned(), NOW).unwrap_err().to_string();
    assert_eq!(refusal, "there are 1000 silences; no more are taken");
    // One that is there can still be changed, and what has ended long ago makes room.
    assert!(full.with(Draft { id: Some("5".to_owned()), ..good() }, "x".to_owned(), NOW).is_ok());
    let later = NOW + 6 * DAY;
    let far = Draft { starts_at: later, ends_at: later + HOUR, ..good() };
    assert_eq!(shown(&full.with(far, "x".to_owned(), later).unwrap().0, later).len(), 1);
}

#[test]
fn alerts_are_silenced_while_a_silence_is_active_and_return_once_at_its_end() {
    let mut silences = Silences::default();
    for (id, text, from, to) in [("1", "slo=a", 1100, 1200), ("2", "slo=~\"a|b\",severity=page", 1150, 1300)] {
        silences = silences.with(draft(text, from, to), id.to_owned(), NOW).unwrap().0;
    }
    let page = labels("slo=a severity=page");
    let ticket = labels("slo=a severity=ticket");
    // (second, the page is silenced by, the ticket is)
    let table: [(Nanos, &[&str], &[&str]); 6] = [
        (1099, &[], &[]),
        (1100, &["1"], &["1"]),
        (1150, &["1", "2"], &["1"]),
        (1200, &["2"], &[]),
        (1299, &["2"], &[]),
        (1300, &[], &[]),
    ];
    for (second, by_page, by_ticket) in table {
        let ids = |labels: &Labels| -> Vec<String> {
            silences.of(labels, second * SECOND).map(|silence| silence.id.clone()).collect()
        };
        assert_eq!(
            (ids(&page), ids(&ticket)),
            (
                by_page.iter().map(|it| (*it).to_owned()).collect(),
                by_ticket.iter().map(|it| (*it).to_owned()).collect()
            ),
            "{second}"
        );
    }
    let returned =
        |labels: &Labels, since: Nanos, now: Nanos| silences.has_returned(labels, since * SECOND, now * SECOND);
    // The other one still holds the page.
    assert!(returned(&ticket, 1190, 1200) && !returned(&page, 1190, 1200));
    assert!(!returned(&ticket, 1200, 1210) && !returned(&ticket, 1100, 1190));
    assert!(returned(&page, 1190, 1310) && !returned(&labels("slo=c"), 0, 2000));
    // One that was ended before it began has kept nothing quiet.
    let (cancelled, id) = Silences::default().with(draft("slo=a", 1500, 1600), "1".to_owned(), NOW).unwrap();
    let cancelled = cancelled.without(&id, NOW + SECOND).unwrap();
    assert!(!cancelled.has_returned(&ticket, NOW, NOW + 2 * SECOND));
}

#[test]
fn the_end_is_warned_of() {
    let (silences, _) = Silences::default().with(draft("a=b", 1000, 2000), "1".to_owned(), NOW).unwrap();
    let silence = silences.get("1").unwrap();
    for (second, expected) in [(1000, false), (1399, false), (1400, true), (1999, true), (2000, false)] {
        assert_eq!(silence.ends_soon(second * SECOND), expected, "{second}");
    }
}

#[test]
fn what_is_stored_is_read_again() {
    let text = "a=b,c!=\"d\",e=~\"f|g\",h!~\"\\\"\"";
    let (silences, _) = Silences::default().with(draft(text, 1000, 2000), "1".to_owned(), NOW).unwrap();
    let json = serde_json::to_string(&silences.to_saved()).unwrap();
    assert_eq!(Silences::from_saved(serde_json::from_str(&json).unwrap()).unwrap(), silences);
}
