//! How often values of which size occurred.
//!
//! Owns: counts between fixed bounds, and the values' sum.
//! Does not own: what is measured (`tally`, `ingest`), how it is written for Prometheus (`ingest/metrics`).
//! Invariant: the bounds never change, so two histograms of the same kind can be added.

/// Counts of values between ascending bounds; a value equal to a bound lies below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds: the last counts what is above all of them.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty one between these bounds.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts a value.
    pub fn observe(&mut self, value: f64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    /// Adds what another one of the same bounds has counted.
    pub fn add(&mut self, other: &Self) {
        debug_assert_eq!(self.bounds, other.bounds);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Each upper bound, infinity last, with the values between it and the one before.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        self.bounds.iter().copied().chain([f64::INFINITY]).zip(self.counts.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_is_never_above_it() {
        let mut one = Histogram::new(&[1.0, 10.0]);
        [0.5, 1.0, 10.0, 11.0].iter().for_each(|value| one.observe(*value));
        assert_eq!(one.buckets(), [(1.0, 2), (10.0, 1), (f64::INFINITY, 1)]);
        let mut both = one.clone();
        both.add(&one);
        assert_eq!((both.count(), both.sum()), (8, 45.0));
    }
}
