//! Histograms as text, in the form that `count_values` makes a label value of.

use std::fmt;

use super::super::number::general;
use super::Histogram;

/// `{count:3, sum:4, (0.5,1]:1, (1,2]:2}`
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", general(self.count), general(self.sum))?;
        for bucket in self.buckets() {
            let open = if bucket.lower_inclusive { '[' } else { '(' };
            let close = if bucket.upper_inclusive { ']' } else { ')' };
            let (lower, upper) = (general(bucket.lower), general(bucket.upper));
            write!(f, ", {open}{lower},{upper}{close}:{}", general(bucket.count))?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Buckets;
    use super::*;

    #[test]
    fn shows_buckets_with_the_side_that_they_include() {
        let histogram = Histogram {
            count: 20.0,
            sum: 10.0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive: Buckets::dense(0, [1.0, 2.0]),
            negative: Buckets::dense(0, [1.0, 2.0]),
            ..Default::default()
        };
        let expected = "{count:20, sum:10, [-2,-1):2, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2}";
        assert_eq!(histogram.to_string(), expected);
    }
}
