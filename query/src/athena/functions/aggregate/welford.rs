//! Moments, kept about the mean so far.
//!
//! Owns: Welford's sums of one and of two values, merged as Chan, Golub and LeVeque do, and what aggregates make of them.
//! Does not own: which rows count (`moments`, `regression`, `functions::window`).
//! Invariant: moments are about the mean of their own rows, so that no variance is the difference of two large numbers, and none
//! is below zero. Of an origin near its values a mean keeps digits that no double has, and so do differences of means; of the
//! origin 0, which aggregates have, every digit is Trino's.

use super::states::{Reader, State, write_doubles};
use crate::athena::functions::scalar::Result;

/// Of one value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    count: f64,
    origin: f64,
    /// From the origin.
    mean: f64,
    /// The squares of the distances from the mean, summed up.
    m2: f64,
}

/// Of two values: `y`, the aggregate's first argument, depends on `x`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Comoments {
    count: f64,
    origin_x: f64,
    origin_y: f64,
    /// From the origins.
    mean_x: f64,
    mean_y: f64,
    m2_x: f64,
    m2_y: f64,
    /// The products of both distances from their means, summed up.
    c2: f64,
}

impl State for Moments {
    fn merge(&mut self, later: Self) -> Result<()> {
        Moments::merge(self, &later);
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_doubles(&[self.count, self.origin, self.mean, self.m2], to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.doubles().map(|[count, origin, mean, m2]| Self { count, origin, mean, m2 })
    }
}

impl State for Comoments {
    fn merge(&mut self, later: Self) -> Result<()> {
        Comoments::merge(self, &later);
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        let Self { count, origin_x, origin_y, mean_x, mean_y, m2_x, m2_y, c2 } = *self;
        write_doubles(&[count, origin_x, origin_y, mean_x, mean_y, m2_x, m2_y, c2], to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let [count, origin_x, origin_y, mean_x, mean_y, m2_x, m2_y, c2] = from.doubles()?;
        Some(Self { count, origin_x, origin_y, mean_x, mean_y, m2_x, m2_y, c2 })
    }
}

impl Moments {
    /// Of no values yet, which will lie near `origin`.
    pub(crate) fn near(origin: f64) -> Self {
        Self { origin, ..Self::default() }
    }

    pub(crate) fn add(&mut self, x: f64) {
        let x = x - self.origin;
        self.count += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.count;
        self.m2 += delta * (x - self.mean);
    }

    /// Adds those of later rows.
    pub(crate) fn merge(&mut self, later: &Self) {
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = later.clone();
            return;
        }
        let count = self.count + later.count;
        let (delta, share) = ((later.origin - self.origin) + (later.mean - self.mean), later.count / count);
        self.mean += delta * share;
        self.m2 += later.m2 + delta * delta * self.count * share;
        self.count = count;
    }

    /// `lost`: the degrees of freedom that the mean took.
    fn spread(&self, lost: f64) -> Option<f64> {
        (self.count > lost).then(|| self.m2 / (self.count - lost))
    }
}

impl Comoments {
    /// Of no values yet, which will lie near these.
    pub(crate) fn near(origin_y: f64, origin_x: f64) -> Self {
        Self { origin_x, origin_y, ..Self::default() }
    }

    pub(crate) fn add(&mut self, y: f64, x: f64) {
        let (x, y) = (x - self.origin_x, y - self.origin_y);
        self.count += 1.0;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx / self.count;
        self.mean_y += dy / self.count;
        self.c2 += dx * (y - self.mean_y);
        self.m2_x += dx * (x - self.mean_x);
        self.m2_y += dy * (y - self.mean_y);
    }

    /// Adds those of later rows.
    pub(crate) fn merge(&mut self, later: &Self) {
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = later.clone();
            return;
        }
        let count = self.count + later.count;
        let dx = (later.origin_x - self.origin_x) + (later.mean_x - self.mean_x);
        let dy = (later.origin_y - self.origin_y) + (later.mean_y - self.mean_y);
        let share = later.count / count;
        self.mean_x += dx * share;
        self.mean_y += dy * share;
        self.c2 += later.c2 + dx * dy * self.count * share;
        self.m2_x += later.m2_x + dx * dx * self.count * share;
        self.m2_y += later.m2_y + dy * dy * self.count * share;
        self.count = count;
    }

    fn slope(&self) -> f64 {
        self.c2 / self.m2_x
    }

    fn intercept(&self) -> f64 {
        (self.origin_y + self.mean_y) - self.slope() * (self.origin_x + self.mean_x)
    }
}

/// What an aggregate makes of the moments of one value.
pub(crate) fn of_one(name: &str) -> Option<fn(&Moments) -> Option<f64>> {
    Some(match name {
        "var_pop" => |m| m.spread(0.0),
        "var_samp" | "variance" => |m| m.spread(1.0),
        "stddev_pop" => |m| m.spread(0.0).map(f64::sqrt),
        "stddev" | "stddev_samp" => |m| m.spread(1.0).map(f64::sqrt),
        _ => return None,
    })
}

/// What an aggregate makes of the moments of two values.
pub(crate) fn of_two(name: &str) -> Option<fn(&Comoments) -> Option<f64>> {
    Some(match name {
        "covar_pop" => |m| (m.count > 0.0).then(|| m.c2 / m.count),
        "covar_samp" => |m| (m.count > 1.0).then(|| m.c2 / (m.count - 1.0)),
        "corr" => |m| finite(m.c2 / m.m2_x.sqrt() / m.m2_y.sqrt()),
        "regr_slope" => |m| finite(m.slope()),
        "regr_intercept" => |m| finite(m.intercept()),
        _ => return None,
    })
}

/// As Trino has it: what is no number is none.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
