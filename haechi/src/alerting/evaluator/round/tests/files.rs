//! Files of SLOs that go, are wrong, or change while the box runs.

use super::*;

#[test]
fn an_slo_whose_file_goes_resolves_what_fires_even_over_a_restart() {
    for restart in [false, true] {
        let bench = Bench::new();
        let mut rounds = bench.open();
        bench.events(T0, T0 + 2 * MINUTE, 2);
        bench.run(&mut rounds, T0, T0 + 2 * MINUTE);
        std::fs::remove_file(bench.dir.path().join("slos/booking.yaml")).unwrap();
        if restart {
            rounds.close();
            drop(rounds);
            rounds = bench.open();
        } else {
            rounds.look(bench.begin + Duration::from_secs(120));
        }
        bench.at(&mut rounds, T0 + 2 * MINUTE + 6 * SECOND);
        assert!(rounds.status().slos.is_empty());
        let last = sent(&rounds).pop().unwrap();
        assert_eq!((&last["status"], &last["receiver"]), (&"resolved".into(), &"team".into()));
        assert!(rounds.state.alerts().is_empty());
        // And it is told once.
        let count = sent(&rounds).len();
        bench.at(&mut rounds, T0 + 2 * MINUTE + 12 * SECOND);
        assert_eq!(sent(&rounds).len(), count);
    }
}

#[test]
fn a_bad_file_keeps_its_slo_and_is_shown() {
    let bench = Bench::new();
    let mut rounds = bench.open();
    bench.write("booking.yaml", "name: booking\n");
    rounds.look(bench.begin);
    let status = rounds.status();
    assert_eq!((status.slos.len(), status.file_errors.len()), (1, 3));
    assert_eq!(status.file_errors[0].key, "service");
    bench.write("booking.yaml", &FILE.replace("99", "95"));
    rounds.look(bench.begin);
    let status = rounds.status();
    assert_eq!((status.slos[0].slo.objective.percent(), status.file_errors.len()), (95.0, 0));
}

#[test]
fn a_changed_objective_keeps_the_counts_and_a_changed_indicator_counts_again() {
    let bench = Bench::new();
    bench.events(T0 - HOUR, T0, 0);
    let mut rounds = bench.open();
    bench.at(&mut rounds, T0);
    bench.at(&mut rounds, T0 + MINUTE);
    bench.write("booking.yaml", &FILE.replace("objective: 99", "objective: 90"));
    let before = bench.paper.counted.load(Ordering::Relaxed);
    rounds.files.poll();
    rounds.follow_files(Vec::new());
    assert_eq!(rounds.tracks["booking"].counts.all().sum(0..i64::MAX).total, 3600);
    assert_eq!(bench.paper.counted.load(Ordering::Relaxed), before);
    bench.write("booking.yaml", &FILE.replace("service: booking", "service: other"));
    rounds.files.poll();
    rounds.follow_files(Vec::new());
    assert!(rounds.tracks["booking"].counts.all().covered().is_empty());
}
