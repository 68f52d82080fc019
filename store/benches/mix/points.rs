//! Metric points as servers send them: what the figures of `docs/benchmarks.md` for metrics are measured on.
//!
//! A resource has 100 series, exported together every 15 seconds: 35 that do not change, 27 counters of whole numbers, 10
//! of hundredths (seconds of a processor), 13 gauges of whole numbers, 11 of decimal fractions and 4 of noise.

/// Series of one resource.
pub const SERIES: usize = 100;
pub const INTERVAL: i64 = 15_000_000_000;
/// Points of a series in a window of two hours.
pub const POINTS_A_WINDOW: usize = 480;

/// The numbers of a series.
pub enum Numbers {
    Integers(Vec<i64>),
    Doubles(Vec<f64>),
}

/// Whether exports are on the millisecond, or late by up to eight of them to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Aligned,
    Jittered,
}

/// The times at which the resource numbered `resource` exports `n` points, the first at or shortly after `start`.
pub fn times(resource: usize, start: i64, n: usize, clock: Clock) -> Vec<i64> {
    let mut dice = Dice::new(resource as u64, 0x7e57);
    let phase = (dice.next() % 15_000) as i64 * 1_000_000;
    let late = |dice: &mut Dice| match clock {
        Clock::Aligned => 0,
        Clock::Jittered => (dice.next() % 8_000_000) as i64,
    };
    (0..n as i64).map(|i| start + phase + i * INTERVAL + late(&mut dice)).collect()
}

/// `n` numbers of one series of a resource, and whether they count from a start.
pub fn numbers(resource: usize, series: usize, n: usize) -> (Numbers, bool) {
    let mut dice = Dice::new(resource as u64 + 1, series as u64 + 1);
    let first = dice.next() % 10_000_000;
    match series {
        0..35 => (Numbers::Doubles(vec![(first % 100_000) as f64; n]), false),
        35..62 => {
            let rate = 10f64.powf(dice.unit() * 3.8 - 1.0);
            let mut count = first as i64;
            let mut next = || {
                count += dice.poisson(rate);
                count
            };
            (Numbers::Integers((0..n).map(|_| next()).collect()), true)
        }
        62..72 => {
            let rate = 10.0 + dice.unit() * 900.0;
            let mut hundredths = first as i64;
            let mut next = || {
                hundredths += dice.poisson(rate).min(1500);
                hundredths as f64 / 100.0
            };
            (Numbers::Doubles((0..n).map(|_| next()).collect()), true)
        }
        72..85 => {
            let base = 10f64.powf(1.0 + dice.unit() * 5.0);
            let deviation = 10f64.powf(dice.unit() * 3.2 - 0.3);
            let walk = dice.walk(0.9, deviation, n);
            (Numbers::Integers(walk.iter().map(|it| (base + it).round() as i64).collect()), false)
        }
        85..96 => {
            let steps = [10.0, 100.0, 100.0][series % 3];
            let base = 20.0 + dice.unit() * 60.0;
            let deviation = 10f64.powf(dice.unit() * 1.8) / steps * 1.5;
            let walk = dice.walk(0.8, deviation, n);
            (Numbers::Doubles(walk.iter().map(|it| ((base + it) * steps).round() / steps).collect()), false)
        }
        _ => {
            let base = dice.unit() * 1000.0;
            (Numbers::Doubles((0..n).map(|_| base * (1.0 + 0.01 * dice.normal())).collect()), false)
        }
    }
}

/// SplitMix64, and what is made of it.
struct Dice(u64);

impl Dice {
    fn new(one: u64, other: u64) -> Self {
        Dice(one.wrapping_mul(0xd134_2543_de82_ef95) ^ other.wrapping_mul(0xa24b_aed4_963e_e407))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to 1, without 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().max(f64::MIN_POSITIVE).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn poisson(&mut self, mean: f64) -> i64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as i64;
        }
        let least = (-mean).exp();
        let (mut count, mut product) = (0, self.unit());
        while product > least {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A walk that is drawn back to zero.
    fn walk(&mut self, back: f64, deviation: f64, n: usize) -> Vec<f64> {
        let mut at = 0.0;
        let mut next = || {
            at = back * at + deviation * self.normal();
            at
        };
        (0..n).map(|_| next()).collect()
    }
}
