//! Variances, covariances and lines of regression over frames.
//!
//! Owns: the moments of rows, of one value and of two, and what aggregates make of them.
//! Does not own: which rows (`fold`).
//! Invariant: moments are about the mean of their own rows, so that no variance is the difference of two large numbers, and none
//! is below zero.

use super::fold::Fold;
use super::sums::Doubles;

/// Of one value: Welford's, merged as Chan, Golub and LeVeque do.
pub(super) struct Variance {
    pub(super) of: Doubles,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    /// The squares of the distances from the mean, summed up.
    m2: f64,
}

impl Fold for Variance {
    type State = Moments;

    fn add(&self, state: &mut Moments, row: usize) {
        let Some(x) = self.of.at(row) else { return };
        state.count += 1.0;
        let delta = x - state.mean;
        state.mean += delta / state.count;
        state.m2 += delta * (x - state.mean);
    }

    fn merge(&self, state: &mut Moments, later: &Moments) {
        if later.count == 0.0 {
            return;
        }
        if state.count == 0.0 {
            *state = later.clone();
            return;
        }
        let count = state.count + later.count;
        let (delta, share) = (later.mean - state.mean, later.count / count);
        state.mean += delta * share;
        state.m2 += later.m2 + delta * delta * state.count * share;
        state.count = count;
    }
}

/// What an aggregate makes of the moments of one value.
pub(super) fn of_one(name: &str) -> Option<fn(&Moments) -> Option<f64>> {
    Some(match name {
        "var_pop" => |m| m.spread(0.0),
        "var_samp" | "variance" => |m| m.spread(1.0),
        "stddev_pop" => |m| m.spread(0.0).map(f64::sqrt),
        "stddev" | "stddev_samp" => |m| m.spread(1.0).map(f64::sqrt),
        _ => return None,
    })
}

impl Moments {
    /// `lost`: the degrees of freedom that the mean took.
    fn spread(&self, lost: f64) -> Option<f64> {
        (self.count > lost).then(|| self.m2 / (self.count - lost))
    }
}

/// Of two values: `y`, the aggregate's first argument, depends on `x`.
pub(super) struct Covariance {
    pub(super) y: Doubles,
    pub(super) x: Doubles,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Comoments {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    m2_x: f64,
    m2_y: f64,
    /// The products of both distances from their means, summed up.
    c2: f64,
}

impl Fold for Covariance {
    type State = Comoments;

    fn add(&self, state: &mut Comoments, row: usize) {
        let (Some(x), Some(y)) = (self.x.at(row), self.y.at(row)) else { return };
        state.count += 1.0;
        let (dx, dy) = (x - state.mean_x, y - state.mean_y);
        state.mean_x += dx / state.count;
        state.mean_y += dy / state.count;
        state.c2 += dx * (y - state.mean_y);
        state.m2_x += dx * (x - state.mean_x);
        state.m2_y += dy * (y - state.mean_y);
    }

    fn merge(&self, state: &mut Comoments, later: &Comoments) {
        if later.count == 0.0 {
            return;
        }
        if state.count == 0.0 {
            *state = later.clone();
            return;
        }
        let count = state.count + later.count;
        let (dx, dy, share) = (later.mean_x - state.mean_x, later.mean_y - state.mean_y, later.count / count);
        state.mean_x += dx * share;
        state.mean_y += dy * share;
        state.c2 += later.c2 + dx * dy * state.count * share;
        state.m2_x += later.m2_x + dx * dx * state.count * share;
        state.m2_y += later.m2_y + dy * dy * state.count * share;
        state.count = count;
    }
}

/// What an aggregate makes of the moments of two values.
pub(super) fn of_two(name: &str) -> Option<fn(&Comoments) -> Option<f64>> {
    Some(match name {
        "covar_pop" => |m| (m.count > 0.0).then(|| m.c2 / m.count),
        "covar_samp" => |m| (m.count > 1.0).then(|| m.c2 / (m.count - 1.0)),
        "corr" => |m| finite(m.c2 / m.m2_x.sqrt() / m.m2_y.sqrt()),
        "regr_slope" => |m| finite(m.slope()),
        "regr_intercept" => |m| finite(m.mean_y - m.slope() * m.mean_x),
        _ => return None,
    })
}

/// As Trino has it: what is no number is none.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl Comoments {
    fn slope(&self) -> f64 {
        self.c2 / self.m2_x
    }
}
