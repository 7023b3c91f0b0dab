//! A sketch of how numbers are spread: a merging t-digest.
//!
//! Owns: taking numbers in, and the number below which a part of them lies. After T. Dunning and O. Ertl, "Computing extremely
//! accurate quantiles using t-digests", with the sizes and the interpolation of Trino's `TDigest`.
//! Does not own: the functions that ask (`percentile`).
//! Invariant: up to some hundred numbers each is kept, and a quantile of them is one of them.

use super::states::{Reader, write_doubles};

/// How fine the sketch is.
const COMPRESSION: f64 = 200.0;
/// Most centroids and numbers not yet merged.
const SIZE_MAX: usize = 1260;

#[derive(Debug, Clone, Default)]
pub(super) struct Digest {
    /// Means and weights; sorted once merged.
    centroids: Vec<(f64, f64)>,
    total: f64,
    min: f64,
    max: f64,
    /// Whether the next merge goes from the greatest down.
    backwards: bool,
}

impl Digest {
    /// Takes in a finite number with a finite weight.
    pub(super) fn add(&mut self, value: f64, weight: f64) {
        if self.centroids.len() == SIZE_MAX {
            self.merge();
        }
        (self.min, self.max) =
            if self.centroids.is_empty() { (value, value) } else { (self.min.min(value), self.max.max(value)) };
        self.centroids.push((value, weight));
        self.total += weight;
    }

    /// Takes in what another holds.
    pub(super) fn add_all(&mut self, other: &Self) {
        if self.centroids.is_empty() {
            *self = other.clone();
            return;
        }
        let (min, max) = (self.min.min(other.min), self.max.max(other.max));
        other.centroids.iter().for_each(|(mean, weight)| self.add(*mean, *weight));
        (self.min, self.max) = (min, max);
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.backwards));
        write_doubles(&[self.total, self.min, self.max], to);
        self.centroids.iter().for_each(|(mean, weight)| write_doubles(&[*mean, *weight], to));
    }

    /// What was written, up to the end.
    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let backwards = from.flag()?;
        let [total, min, max] = from.doubles()?;
        let centroids = std::iter::from_fn(|| from.doubles().map(|[mean, weight]| (mean, weight))).collect();
        Some(Self { centroids, total, min, max, backwards })
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.centroids.capacity() * size_of::<(f64, f64)>()
    }

    /// Joins what lies close together: the farther from the ends, the more.
    pub(super) fn merge(&mut self) {
        self.centroids.sort_by(|a, b| a.0.total_cmp(&b.0));
        if self.backwards {
            self.centroids.reverse();
        }
        let normalizer = COMPRESSION / (4.0 * (self.total / COMPRESSION).ln() + 24.0);
        let size = |quantile: f64| quantile * (1.0 - quantile) / normalizer;
        let mut merged: Vec<(f64, f64)> = Vec::new();
        let (mut before, mut limit) = (0.0, size(0.0));
        for (mean, weight) in self.centroids.drain(..) {
            let Some(last) = merged.last_mut() else {
                merged.push((mean, weight));
                continue;
            };
            let both = last.1 + weight;
            let quantile = ((before + both) / self.total).min(1.0);
            if both <= self.total * limit.min(size(quantile)) {
                *last = (last.0 + (mean - last.0) * weight / both, both);
            } else {
                before += last.1;
                limit = size(before / self.total);
                merged.push((mean, weight));
            }
        }
        if self.backwards {
            merged.reverse();
        }
        self.backwards = !self.backwards;
        self.centroids = merged;
    }

    /// The number below which a part of all lies; after [`Digest::merge`], of at least one number.
    pub(super) fn value_at(&self, quantile: f64) -> f64 {
        let (Some(first), Some(last)) = (self.centroids.first(), self.centroids.last()) else { return f64::NAN };
        if self.centroids.len() == 1 {
            return first.0;
        }
        let offset = quantile * self.total;
        let above = || self.max + along(self.total - offset, (1.0, self.max), (last.1 / 2.0, last.0));
        if offset < 1.0 {
            return self.min;
        }
        if offset < first.1 / 2.0 {
            return self.min + along(offset, (1.0, self.min), (first.1 / 2.0, first.0));
        }
        let has_above = offset <= self.total - 1.0 && last.1 / 2.0 > 1.0;
        if has_above && self.total - offset <= last.1 / 2.0 {
            return above();
        }
        if offset >= self.total - 1.0 {
            return self.max;
        }
        let mut before = first.1 / 2.0;
        for pair in self.centroids.windows(2) {
            let delta = f64::midpoint(pair[0].1, pair[1].1);
            if before + delta > offset {
                return between(pair[0], pair[1], offset - before, delta);
            }
            before += delta;
        }
        if has_above { above() } else { self.max }
    }
}

/// The number at a distance from the first centroid's middle to that of the second, `delta` away. One that is a single number is
/// not blurred.
fn between(left: (f64, f64), right: (f64, f64), distance: f64, delta: f64) -> f64 {
    let is_single = |centroid: (f64, f64)| (centroid.1 - 1.0).abs() < f64::EPSILON;
    let is_left = distance < left.1 / 2.0;
    match (is_single(left), is_single(right)) {
        (true, _) if is_left => left.0,
        (_, true) if !is_left => right.0,
        (true, _) => left.0 + along(distance - left.1 / 2.0, (0.0, left.0), (right.1 / 2.0, right.0)),
        (_, true) => left.0 + along(distance, (0.0, left.0), (left.1 / 2.0, right.0)),
        _ => left.0 + along(distance, (0.0, left.0), (delta, right.0)),
    }
}

/// How far the line from one point to another has risen at `x`.
fn along(x: f64, from: (f64, f64), to: (f64, f64)) -> f64 {
    (x - from.0) / (to.0 - from.0) * (to.1 - from.1)
}
