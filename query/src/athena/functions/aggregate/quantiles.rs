//! A sketch of how whole numbers are spread: a q-digest.
//!
//! Owns: taking numbers in, and the number below which a part of them lies, to the accuracy asked for. After N. Shrivastava and
//! others, "Medians and beyond", as Trino's `QuantileDigest` has it.
//! Does not own: the function that asks (`percentile`), the finer sketch of the others (`digest`).
//! Invariant: what is counted is never lost, only counted for a greater range of numbers.

/// A count below which a range is empty.
const NOTHING: f64 = 1e-5;

pub(super) struct Quantiles {
    root: Option<Box<Node>>,
    error: f64,
    count: f64,
    min: i64,
    max: i64,
}

/// A range of numbers: those that have all but the last `level` bits of `value`.
struct Node {
    value: u64,
    level: u32,
    count: f64,
    /// The half with the next bit clear, and that with it set.
    halves: [Option<Box<Node>>; 2],
}

impl Quantiles {
    pub(super) fn new(error: f64) -> Self {
        Self { root: None, error, count: 0.0, min: i64::MAX, max: i64::MIN }
    }

    pub(super) fn add(&mut self, value: i64, weight: f64) {
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        let before = self.count;
        if weight >= NOTHING {
            insert(&mut self.root, bits(value), weight);
            self.count += weight;
        }
        let factor = self.factor();
        // Whenever the count passes a multiple of the factor, ranges may be joined.
        if (before.trunc() / factor).trunc() < (self.count.trunc() / factor).trunc() {
            let bound = (self.count / factor).floor();
            compress(&mut self.root, bound);
            if self.root.as_ref().is_some_and(|root| root.count < NOTHING) {
                self.root = self.root.take().and_then(emptied);
            }
        }
    }

    fn factor(&self) -> f64 {
        self.root.as_ref().map_or(1.0, |root| (f64::from(root.level + 1) / self.error).trunc().clamp(1.0, f64::from(i32::MAX)))
    }

    /// The number below which a part of all lies, or somewhat more.
    pub(super) fn value_at(&self, quantile: f64) -> i64 {
        let mut sum = 0.0;
        let found = self.root.as_deref().and_then(|root| reach(root, &mut sum, quantile * self.count));
        found.map_or(self.max, |value| value.min(self.max))
    }
}

/// As bits whose order is that of the numbers.
fn bits(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// A range's greatest number.
fn upper(node: &Node) -> i64 {
    let below = u64::MAX.checked_shr(64 - node.level).unwrap_or(0);
    ((node.value | below) ^ (1 << 63)).cast_signed()
}

fn half(value: u64, level: u32) -> usize {
    usize::from(value >> (level - 1) & 1 == 1)
}

fn insert(place: &mut Option<Box<Node>>, value: u64, count: f64) {
    let Some(node) = place else {
        *place = Some(Box::new(Node { value, level: 0, count, halves: [None, None] }));
        return;
    };
    let differing = 64 - (value ^ node.value).leading_zeros();
    if differing > node.level {
        // A range that holds both.
        let mut both = Node { value: node.value, level: differing, count: 0.0, halves: [None, None] };
        both.halves[half(both.value, differing)] = place.take();
        insert(&mut both.halves[half(value, differing)], value, count);
        *place = Some(Box::new(both));
    } else if node.level == 0 {
        node.count += count;
    } else {
        insert(&mut node.halves[half(value, node.level)], value, count);
    }
}

/// Counts halves for their whole where together they are below the bound.
fn compress(place: &mut Option<Box<Node>>, bound: f64) {
    let Some(node) = place else { return };
    for half in &mut node.halves {
        compress(half, bound);
    }
    let counts = [0, 1].map(|i| node.halves[i].as_ref().map_or(0.0, |half| half.count));
    let joins = node.count + counts[0] + counts[1] < bound;
    for (half, count) in node.halves.iter_mut().zip(counts) {
        if half.is_some() && (joins || count < NOTHING) {
            *half = half.take().and_then(emptied);
            node.count += count;
        }
    }
}

/// What is left of a range when nothing is counted for it any more.
fn emptied(mut node: Box<Node>) -> Option<Box<Node>> {
    if node.halves.iter().all(Option::is_some) {
        node.count = 0.0;
        return Some(node);
    }
    node.halves.into_iter().flatten().next()
}

/// The greatest number of the range in which the sum of counts passes a limit.
fn reach(node: &Node, sum: &mut f64, limit: f64) -> Option<i64> {
    for half in node.halves.iter().flatten() {
        if let Some(found) = reach(half, sum, limit) {
            return Some(found);
        }
    }
    *sum += node.count;
    (*sum > limit).then(|| upper(node))
}
