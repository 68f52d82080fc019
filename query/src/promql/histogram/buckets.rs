//! The buckets of one sign of a histogram.

/// One bucket, as shown and interpolated in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub lower_inclusive: bool,
    pub upper_inclusive: bool,
    pub count: f64,
}

/// Counts by bucket index: sorted, and only those that are not zero. Sparse, so that combining histograms whose
/// buckets lie far apart costs what they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<(i32, f64)>);

impl Buckets {
    /// Buckets of consecutive indexes from `offset`.
    pub fn dense(offset: i32, counts: impl IntoIterator<Item = f64>) -> Self {
        let indexed = counts.into_iter().enumerate().map(|(i, count)| (offset.saturating_add(i as i32), count));
        Buckets(indexed.filter(|(_, count)| *count != 0.0).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> {
        self.0.iter().copied()
    }

    pub(super) fn scale(&mut self, factor: f64) {
        self.0.iter_mut().for_each(|(_, count)| *count *= factor);
        self.0.retain(|(_, count)| *count != 0.0);
    }

    /// Adds `other`, each count times `sign`.
    pub(super) fn add(&mut self, other: &Buckets, sign: f64) {
        let mut merged = Vec::with_capacity(self.0.len().max(other.0.len()));
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(&&(index, count)), None) => {
                    left.next();
                    (index, count)
                }
                (None, Some(&&(index, count))) => {
                    right.next();
                    (index, count * sign)
                }
                (Some(&&(a, left_count)), Some(&&(b, right_count))) => match a.cmp(&b) {
                    std::cmp::Ordering::Less => {
                        left.next();
                        (a, left_count)
                    }
                    std::cmp::Ordering::Greater => {
                        right.next();
                        (b, right_count * sign)
                    }
                    std::cmp::Ordering::Equal => {
                        left.next();
                        right.next();
                        (a, left_count + right_count * sign)
                    }
                },
            };
            if next.1 != 0.0 {
                merged.push(next);
            }
        }
        self.0 = merged;
    }

    /// Moves every bucket to the index that `target` gives, which must keep their order.
    pub(super) fn reindex(&mut self, target: impl Fn(i32) -> i32) {
        let mut moved: Vec<(i32, f64)> = Vec::with_capacity(self.0.len());
        for &(index, count) in &self.0 {
            let index = target(index);
            match moved.last_mut() {
                Some((last, sum)) if *last == index => *sum += count,
                _ => moved.push((index, count)),
            }
        }
        self.0 = moved;
    }

    /// Takes out the buckets that `is_inside`, and returns their sum.
    pub(super) fn drain(&mut self, is_inside: impl Fn(i32) -> bool) -> f64 {
        let mut sum = 0.0;
        self.0.retain(|(index, count)| {
            let inside = is_inside(*index);
            if inside {
                sum += count;
            }
            !inside
        });
        sum
    }

    /// Whether some bucket of `before` holds more than the same bucket here.
    pub(super) fn fell_since(&self, before: &Buckets) -> bool {
        let mut now = self.0.iter().peekable();
        before.0.iter().any(|&(index, count)| {
            while now.next_if(|(other, _)| *other < index).is_some() {}
            let current = now.peek().filter(|(other, _)| *other == index).map_or(0.0, |(_, count)| *count);
            current < count
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_keeps_order_and_drops_zeros() {
        let mut buckets = Buckets::dense(0, [1.0, 2.0]);
        buckets.add(&Buckets::dense(1, [2.0, 5.0]), -1.0);
        assert_eq!(buckets, Buckets(vec![(0, 1.0), (2, -5.0)]));
    }

    #[test]
    fn far_apart_buckets_cost_nothing_between_them() {
        let mut buckets = Buckets::dense(i32::MIN, [1.0]);
        buckets.add(&Buckets::dense(i32::MAX, [1.0]), 1.0);
        assert_eq!(buckets.len(), 2);
    }

    #[test]
    fn a_lost_bucket_is_a_fall() {
        let now = Buckets::dense(0, [1.0, 2.0]);
        assert!(!now.fell_since(&Buckets::dense(0, [1.0])));
        assert!(now.fell_since(&Buckets::dense(0, [1.0, 3.0])));
        assert!(now.fell_since(&Buckets::dense(7, [1.0])));
    }
}
