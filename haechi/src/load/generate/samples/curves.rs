//! How values change with time, as functions of (series, tick): a counter's value at any tick is one look-up, not the
//! sum of all before.
//!
//! A curve is the sum of two tables of different, coprime lengths, read from places that depend on the series: it
//! repeats after 67 million ticks and no two series are alike. Only integers and exact divisions are used, so that values
//! are the same on every machine.

use super::super::dice::{Dice, Stream, mix};

/// The values that a series takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Curve {
    Constant,
    /// Counts events; how many a tick depends on the series.
    Count,
    /// A count in hundredths.
    Cents,
    /// A whole number that strays from `base` and comes back, in units of `step`. `stray` is an index of [`STRAYS`].
    Level {
        base: i64,
        stray: usize,
        step: i64,
    },
    /// As a level, divided by `per_one`.
    Decimal {
        base: i64,
        stray: usize,
        per_one: i64,
    },
    /// A double with all its bits random.
    Noise,
}

/// A value as OTLP carries it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::load) enum Number {
    Int(i64),
    Double(f64),
}

impl Number {
    pub(in crate::load) fn as_f64(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Double(double) => double,
        }
    }
}

/// Lengths of the two tables: primes.
const LENGTHS: [u64; 2] = [8191, 8179];

/// Events a tick in each of two tables, in sixteenths.
const RATES: [u64; 8] = [2, 6, 16, 48, 160, 560, 2400, 12_000];

/// Most that a level moves in a tick, in each of two tables.
const STRAYS: [i64; 4] = [1, 4, 20, 90];

pub(super) struct Curves {
    /// By rate and table: how many events came before each tick, and in the whole table at last.
    counts: Vec<[Vec<u32>; 2]>,
    /// By stray and table.
    levels: Vec<[Vec<i32>; 2]>,
}

impl Curves {
    pub(super) fn new(seed: u64) -> Self {
        let stream = Stream::new(seed, "curves");
        let tables = |index: u64, of: &dyn Fn(&mut Dice, u64) -> Vec<i64>| {
            [0, 1].map(|table: u64| of(&mut stream.dice(index * 2 + table), LENGTHS[table as usize]))
        };
        let counts = RATES.iter().enumerate().map(|(index, rate)| {
            let table = tables(index as u64, &|dice, length| count_table(dice, length, *rate));
            table.map(|table| table.into_iter().map(|it| it as u32).collect())
        });
        let levels = STRAYS.iter().enumerate().map(|(index, stray)| {
            let table = tables(100 + index as u64, &|dice, length| level_table(dice, length, *stray));
            table.map(|table| table.into_iter().map(|it| it as i32).collect())
        });
        Curves { counts: counts.collect(), levels: levels.collect() }
    }

    /// The value of the series `key` at `tick`; its counters began at zero at `born`, which is not after `tick`.
    #[inline]
    pub(super) fn value(&self, curve: Curve, key: u64, tick: u64, born: u64) -> Number {
        match curve {
            Curve::Constant => Number::Int((key % 64 * 64) as i64),
            Curve::Count => Number::Int(self.count(key >> 3 & 7, key, tick, born)),
            // At least the fourth rate: a fraction of a processor in hundredths of a second.
            Curve::Cents => Number::Double(self.count(3 + (key >> 3 & 3), key, tick, born) as f64 / 100.0),
            Curve::Level { base, stray, step } => Number::Int(self.level(base, stray, key, tick) * step),
            Curve::Decimal { base, stray, per_one } => {
                Number::Double(self.level(base, stray, key, tick) as f64 / per_one as f64)
            }
            Curve::Noise => Number::Double((mix(key ^ mix(tick)) >> 11) as f64 / (1u64 << 53) as f64 * 100.0),
        }
    }

    /// Events of rate `rate` from `born` to `tick`.
    #[inline]
    pub(super) fn count(&self, rate: u64, key: u64, tick: u64, born: u64) -> i64 {
        let [one, two] = &self.counts[rate as usize];
        let phases = (key >> 16 & 0xff_ffff, key >> 40);
        let before = |tick: u64| total(one, LENGTHS[0], tick + phases.0) + total(two, LENGTHS[1], tick + phases.1);
        (before(tick) - before(born)) as i64
    }

    #[inline]
    fn level(&self, base: i64, stray: usize, key: u64, tick: u64) -> i64 {
        let [one, two] = &self.levels[stray];
        let at = |table: &[i32], length: u64, phase: u64| i64::from(table[((tick + phase) % length) as usize]);
        let own = base + base * (key & 15) as i64 / 16;
        (own + at(one, LENGTHS[0], key >> 16 & 0xff_ffff) + at(two, LENGTHS[1], key >> 40)).max(0)
    }
}

/// How many events of a table of `length` ticks, repeated without end, come before `tick`.
#[inline]
fn total(table: &[u32], length: u64, tick: u64) -> u64 {
    tick / length * u64::from(table[length as usize]) + u64::from(table[(tick % length) as usize])
}

/// Running totals of events, `rate` sixteenths of one a tick, more by day than by night: the table is about a day and a half
/// of ticks of 15 s.
fn count_table(dice: &mut Dice, length: u64, rate: u64) -> Vec<i64> {
    let mut sum = 0;
    let mut table = vec![0];
    for tick in 0..length {
        // From a half to one and a half and back.
        let wave = (2 * tick * 256 / length).min(512 - 2 * tick * 256 / length) + 128;
        // Each trial succeeds with probability 1/8, so it takes half as many as there are sixteenths.
        let trials_in_256 = rate * wave / 2;
        let trials = trials_in_256 / 256 + u64::from(dice.below(256) < trials_in_256 % 256);
        let successes: u32 = (0..trials.div_ceil(64))
            .map(|word| {
                let left = trials - word * 64;
                let mask = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
                (dice.roll() & dice.roll() & dice.roll() & mask).count_ones()
            })
            .sum();
        sum += i64::from(successes);
        table.push(sum);
    }
    table
}

/// A walk with steps of up to `stray` that is drawn back to zero, and ends where it begins.
fn level_table(dice: &mut Dice, length: u64, stray: i64) -> Vec<i64> {
    let mut at = 0;
    let mut table = Vec::new();
    for _ in 0..length {
        at += dice.below(2 * stray as u64 + 1) as i64 - stray - at / 32;
        table.push(at);
    }
    let drift = *table.last().unwrap_or(&0) - table[0];
    table.iter().zip(0..).map(|(value, tick)| value - drift * tick / length as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_start_at_zero_never_fall_and_need_no_history() {
        let curves = Curves::new(1);
        for key in (0..200).map(mix) {
            let mut before = 0;
            for tick in 100..10_000 {
                let Number::Int(value) = curves.value(Curve::Count, key, tick, 100) else { panic!("not an integer") };
                assert!(value >= before && (tick > 100 || value == 0), "{tick}: {value} after {before}");
                before = value;
            }
        }
    }

    #[test]
    fn rates_are_those_of_the_table() {
        let curves = Curves::new(1);
        for (rate, sixteenths) in RATES.iter().enumerate() {
            let found = curves.count(rate as u64, mix(5), 80_000, 0) as f64 / 80_000.0;
            let wanted = 2.0 * *sixteenths as f64 / 16.0;
            assert!((found / wanted - 1.0).abs() < 0.25, "{found} of {wanted}");
        }
    }

    #[test]
    fn levels_stay_around_their_base_without_jumps() {
        let curves = Curves::new(1);
        let curve = Curve::Level { base: 500, stray: 2, step: 1 };
        for key in (0..50).map(mix) {
            let value = |tick| match curves.value(curve, key, tick, 0) {
                Number::Int(value) => value,
                Number::Double(double) => panic!("{double} is not an integer"),
            };
            for tick in 0..20_000 {
                assert!((0..2_000).contains(&value(tick)));
                // Two tables, each a step and what draws it back.
                assert!((value(tick + 1) - value(tick)).abs() <= 2 * (20 + 20), "{tick}");
            }
        }
    }

    #[test]
    fn hundredths_and_decimals_are_short() {
        let curves = Curves::new(1);
        for tick in 1..1000 {
            let text = format!("{}", curves.value(Curve::Cents, mix(3), tick, 0).as_f64());
            assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 2), "{text}");
        }
    }
}
