//! How two arguments hang together.
//!
//! Owns: `corr`, `covar_*`, `regr_*`.
//! Does not own: moments of one (`moments`).
//! Invariant: a row counts only if it has both; the first argument is `y`, the second `x`.

use arrow::array::ArrayRef;

use super::Reduce;
use super::average::single;
use crate::athena::functions::scalar::{Call, Double, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "covar_pop" => |call| both(call, |sums| (sums.count > 0.0).then(|| sums.xy / sums.count)),
        "covar_samp" => |call| both(call, |sums| (sums.count > 1.0).then(|| sums.xy / (sums.count - 1.0))),
        "corr" => |call| both(call, |sums| Some(sums.xy / sums.xx.sqrt() / sums.yy.sqrt()).filter(|corr| corr.is_finite())),
        "regr_slope" => |call| both(call, Sums::slope),
        "regr_intercept" => |call| both(call, |sums| sums.slope().map(|slope| sums.mean_y - slope * sums.mean_x)),
        _ => return None,
    })
}

/// Sums of products about the means so far.
#[derive(Default)]
struct Sums {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let (from_x, from_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += from_x / self.count;
        self.mean_y += from_y / self.count;
        self.xy += from_x * (y - self.mean_y);
        self.xx += from_x * (x - self.mean_x);
        self.yy += from_y * (y - self.mean_y);
    }

    fn slope(&self) -> Option<f64> {
        Some(self.xy / self.xx).filter(|slope| slope.is_finite())
    }
}

fn both(call: &Call<'_>, of: fn(&Sums) -> Option<f64>) -> Result<ArrayRef> {
    let mut sums = Sums::default();
    let is_real = *call.returns == Type::Real;
    if is_real {
        let all = pairs::<Real>(call)?;
        all.for_each(|(y, x)| sums.add(x.into(), y.into()));
    } else {
        let all = pairs::<Double>(call)?;
        all.for_each(|(y, x)| sums.add(x, y));
    }
    let value = of(&sums);
    if is_real { call.one(value.map(single)) } else { call.one(value) }
}

fn pairs<'c, A: crate::athena::functions::scalar::Arg + 'c>(
    call: &'c Call<'_>,
) -> Result<impl Iterator<Item = (A::Of<'c>, A::Of<'c>)>> {
    let (y, x) = (A::reader(call.values(0)?)?, A::reader(call.values(1)?)?);
    Ok(call.given().map(move |row| (A::get(&y, call.place(0, row)), A::get(&x, call.place(1, row)))))
}
