use super::*;
use crate::buckets::DecodeError;
use crate::spec::parse;

fn slo(more: &str) -> Slo {
    let text = format!("service: s\nindicator: availability\nobjective: 99\nwindow: 1d\n{more}");
    parse("f.yaml", &text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

/// Events, all good, as (group, bucket, number).
fn tally(cells: &[(&str, i64, u64)]) -> Tally {
    let mut tally = Tally::default();
    for (name, bucket, total) in cells {
        let group = Group::of([*name]);
        let place = tally.groups.iter().position(|it| *it == group).unwrap_or_else(|| {
            tally.groups.push(group);
            tally.groups.len() - 1
        });
        tally.cells.push((place as u32, *bucket, Count { good: *total, total: *total }));
    }
    tally
}

/// The groups with their events.
fn groups(counts: &Counts) -> String {
    let words = counts.groups().map(|(group, ring)| {
        let name = match group {
            Group::Values(values) => values.concat(),
            other => format!("{other:?}"),
        };
        format!("{name}={}", ring.sum(ring.covered()).total)
    });
    words.collect::<Vec<_>>().join(" ")
}

const NEVER: &dyn Fn(&Group) -> bool = &|_| false;

fn counted(by: &str) -> Counts {
    let mut counts = Counts::new(&slo(by), 0);
    counts.extend(0, 100);
    counts
}

#[test]
fn an_slo_without_groups_has_one_ring() {
    let mut counts = counted("");
    let all = Tally { groups: vec![Group::All], cells: vec![(0, 5, Count { good: 1, total: 3 })] };
    counts.add(&all, NEVER);
    counts.add(&all, NEVER);
    assert_eq!((counts.all().sum(0..100), counts.groups().count()), (Count { good: 2, total: 6 }, 0));
    assert_eq!(counts.alerting().map(|(group, _)| group.clone()).collect::<Vec<_>>(), [Group::All]);
}

#[test]
fn groups_beyond_the_limit_are_counted_together() {
    let mut counts = counted("by: a\nmax_groups: 2\n");
    counts.add(&tally(&[("x", 1, 10), ("y", 1, 20), ("z", 1, 5)]), NEVER);
    assert_eq!((groups(&counts), counts.all().sum(0..100).total), ("x=10 y=20 Rest=5".to_owned(), 35));
    // The rest goes on, and who waits gets a place when it has more than those who hold one; they join the rest.
    counts.add(&tally(&[("z", 2, 3), ("w", 2, 1)]), NEVER);
    assert_eq!((groups(&counts), counts.n_waiting()), ("x=10 y=20 Rest=9".to_owned(), 2));
    counts.add(&tally(&[("z", 3, 6)]), NEVER);
    assert_eq!(groups(&counts), "y=20 z=6 Rest=19");
    assert_eq!(counts.all().sum(0..100).total, 45);
    // Whoever alerts stays.
    let z_alerts: &dyn Fn(&Group) -> bool = &|group| *group == Group::of(["z"]);
    counts.add(&tally(&[("v", 3, 1000)]), z_alerts);
    assert_eq!(groups(&counts), "v=1000 z=6 Rest=39");
}

#[test]
fn a_recount_moves_events_to_where_they_belong() {
    let mut counts = counted("by: a\nmax_groups: 1\n");
    counts.add(&tally(&[("x", 1, 10), ("y", 1, 5)]), NEVER);
    counts.replace(1..3, &tally(&[("x", 1, 12), ("y", 1, 3), ("y", 2, 5)]), Recount::Grows, NEVER);
    assert_eq!((groups(&counts), counts.all().sum(1..2).total), ("x=12 Rest=8".to_owned(), 15));
}

#[test]
fn what_retention_dropped_stays_counted() {
    for (recount, expected) in [(Recount::Grows, "x=10 y=9"), (Recount::Changes, "x=3 y=9")] {
        let mut counts = counted("by: a\n");
        counts.add(&tally(&[("x", 1, 10), ("y", 2, 9)]), NEVER);
        counts.replace(1..3, &tally(&[("x", 1, 3)]), recount, NEVER);
        assert_eq!(groups(&counts), expected, "{recount:?}");
    }
}

#[test]
fn a_group_that_has_left_the_window_lets_go_of_its_place() {
    let mut counts = counted("by: a\nmax_groups: 2\n");
    counts.add(&tally(&[("x", 1, 10), ("y", 90, 9)]), NEVER);
    counts.extend(100, 10 + slo("").bucket_count());
    counts.leave();
    assert_eq!(groups(&counts), "y=9");
}

#[test]
fn those_who_wait_are_bounded() {
    let mut counts = counted("by: a\nmax_groups: 1\n");
    counts.add(&tally(&[("x", 1, 1_000_000)]), NEVER);
    for round in 0..5 {
        let names: Vec<String> = (0..700).map(|index| format!("{round} {index}")).collect();
        let cells: Vec<_> = names.iter().map(|name| (name.as_str(), 2, 1)).collect();
        counts.add(&tally(&cells), NEVER);
        assert!(counts.n_waiting() <= WAITING);
    }
    assert_eq!(groups(&counts), "x=1000000 Rest=3500");
}

#[test]
fn counts_come_back_as_they_were_stored() {
    let grouped = slo("by: [a, b]\nmax_groups: 2\n");
    let mut counts = Counts::new(&grouped, 5);
    counts.extend(10, 20);
    let groups = vec![Group::of(["x", ""]), Group::of(["", "가"]), Group::of(["z", "z"])];
    let cells = (0..3).map(|place| (place, 12, Count { good: 1, total: 2 })).collect();
    counts.add(&Tally { groups, cells }, NEVER);
    let bytes = counts.encode(&grouped);
    let again = Counts::decode(&bytes, &grouped, 5).unwrap();
    let content = |counts: &Counts| {
        let rings = counts.groups().map(|(group, ring)| (group.clone(), ring.covered(), ring.sum(0..100)));
        (counts.all().sum(0..100), rings.collect::<Vec<_>>())
    };
    assert_eq!((content(&again), content(&again).1.len()), (content(&counts), 3));
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(Counts::decode(&damaged, &grouped, 5).is_err(), "byte {at}");
        assert!(Counts::decode(&bytes[..at], &grouped, 5).is_err(), "cut at {at}");
    }
    let without = slo("");
    assert!(matches!(Counts::decode(&bytes, &without, 5), Err(DecodeError::OtherDefinition)));
    let mut plain = Counts::new(&without, 0);
    plain.extend(3, 9);
    let bytes = plain.encode(&without);
    assert_eq!(Counts::decode(&bytes, &without, 0).unwrap().all().covered(), 3..9);
    assert!(matches!(Counts::decode(&bytes, &grouped, 0), Err(DecodeError::OtherDefinition)));
}
