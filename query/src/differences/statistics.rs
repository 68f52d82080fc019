//! The tests, each by the book it is from.

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_964;

/// Logarithms of factorials.
pub(super) struct Factorials(Vec<f64>);

impl Factorials {
    /// Up to `n`.
    pub(super) fn up_to(n: usize) -> Self {
        let mut sums = Vec::with_capacity(n + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for number in 1..=n {
            sum += (number as f64).ln();
            sums.push(sum);
        }
        Factorials(sums)
    }

    /// How likely it is by chance that of `n1` and `n0` observations, of which `a + b` have something, `a` or more of the first
    /// have it: Fisher's exact test, one-sided.
    pub(super) fn fisher(&self, a: usize, n1: usize, b: usize, n0: usize) -> f64 {
        let (with, all) = (a + b, n1 + n0);
        if a == 0 || all >= self.0.len() {
            return 1.0;
        }
        let choose = |n: usize, k: usize| self.0[n] - self.0[k] - self.0[n - k];
        let mut term = (choose(n1, a) + choose(n0, b) - choose(all, with)).exp();
        let mut sum = term;
        // Each next table by its ratio to the one before.
        let (mut a, mut b) = (a, b);
        while b > 0 && a < n1 {
            term *= (n1 - a) as f64 * b as f64 / ((a + 1) as f64 * (n0 - b + 1) as f64);
            (a, b) = (a + 1, b - 1);
            sum += term;
            if term < sum * 1e-12 {
                break;
            }
        }
        sum.min(1.0)
    }
}

/// The interval of a share `p` of `n` observations (Wilson 1927).
pub(super) fn wilson(p: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let z2 = Z * Z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// The lower bound of `p1 - p0` (Newcombe 1998, method 10).
pub(super) fn least_difference(p1: f64, n1: f64, p0: f64, n0: f64) -> f64 {
    let (low, _) = wilson(p1, n1);
    let (_, high) = wilson(p0, n0);
    p1 - p0 - ((p1 - low).powi(2) + (high - p0).powi(2)).sqrt()
}

/// How likely two samples of one distribution are so far apart: Kuiper's test with the approximation of Stephens (1970). `v` is
/// the sum of the largest distances of the two distribution functions above and below.
pub(super) fn kuiper(v: f64, n1: f64, n0: f64) -> f64 {
    let n = (n1 * n0 / (n1 + n0)).sqrt();
    if !n.is_finite() || n <= 0.0 {
        return 1.0;
    }
    let lambda = (n + 0.155 + 0.24 / n) * v;
    if lambda < 0.4 {
        return 1.0;
    }
    let term = |j: i32| {
        let a = 4.0 * f64::from(j * j) * lambda * lambda;
        2.0 * (a - 1.0) * (-a / 2.0).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// For each p-value the smallest false discovery rate at which it is a discovery (Benjamini and Hochberg 1995).
pub(super) fn false_discovery_rates(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut rates = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p[index] * p.len() as f64 / (rank + 1) as f64);
        rates[index] = least;
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= 1e-4 * expected.abs().max(1e-3)
    }

    #[test]
    fn fisher_is_the_tail_of_the_hypergeometric_distribution() {
        let factorials = Factorials::up_to(100);
        // The lady tasting tea, Fisher 1935: 1 in 70, and 17 in 70 for three right.
        assert!(close(factorials.fisher(4, 4, 0, 4), 1.0 / 70.0));
        assert!(close(factorials.fisher(3, 4, 1, 4), 17.0 / 70.0));
        assert!(close(factorials.fisher(0, 4, 4, 4), 1.0));
        // 10 of 10 against 0 of 10 is one table of C(20, 10).
        assert!(close(factorials.fisher(10, 10, 0, 10), 1.0 / 184_756.0));
    }

    #[test]
    fn intervals_are_those_of_the_papers() {
        // Newcombe 1998, table II of the paper on single proportions: 81 of 263.
        let (low, high) = wilson(81.0 / 263.0, 263.0);
        assert!(close(low, 0.2553) && close(high, 0.3662), "{low} {high}");
        // … and example (a) of the one on differences: 56/70 - 48/80 is at least 0.0524.
        let least = least_difference(56.0 / 70.0, 70.0, 48.0 / 80.0, 80.0);
        assert!((least - 0.0524).abs() < 1e-4, "{least}");
    }

    #[test]
    fn kuipers_table_has_its_critical_values() {
        // Stephens 1970: V* of 1.747 at 5 %, 2.001 at 1 %.
        for (lambda, expected) in [(1.747, 0.05), (2.001, 0.01)] {
            let n: f64 = 1e6;
            let v = lambda / (n.sqrt() + 0.155 + 0.24 / n.sqrt());
            let p = kuiper(v, 2.0 * n, 2.0 * n);
            assert!((p - expected).abs() < expected * 0.02, "{lambda}: {p}");
        }
    }

    #[test]
    fn rates_of_false_discoveries_grow_with_the_number_of_tests() {
        let rates = false_discovery_rates(&[0.01, 0.5, 0.02, 0.03]);
        let expected = [0.04, 0.5, 0.04, 0.04];
        assert!(rates.iter().zip(expected).all(|(rate, expected)| close(*rate, expected)), "{rates:?}");
    }
}
