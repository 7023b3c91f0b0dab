//! How two arguments hang together.
//!
//! Owns: `corr`, `covar_*`, `regr_*`.
//! Does not own: the sums (`welford`), moments of one (`moments`).
//! Invariant: a row counts only if it has both; the first argument is `y`, the second `x`.

use arrow::array::ArrayRef;

use super::States;
use super::average::singles;
use super::states::{Rows, kept};
use super::welford::{Comoments, of_two};
use crate::athena::functions::scalar::{Arg as _, Call, Double, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<fn() -> Box<dyn States>> {
    Some(match name {
        "covar_pop" | "covar_samp" | "corr" | "regr_slope" | "regr_intercept" => || kept(add, both),
        _ => return None,
    })
}

fn add(call: &Call<'_>, rows: &mut Rows<'_, Comoments>) -> Result<()> {
    let (ys, xs) = (call.values(0)?, call.values(1)?);
    let mut each = |y: &dyn Fn(usize) -> f64, x: &dyn Fn(usize) -> f64| {
        call.given().try_for_each(|row| {
            rows.put(row, |moments| {
                moments.add(y(call.place(0, row)), x(call.place(1, row)));
                Ok(())
            })
        })
    };
    if *call.returns == Type::Real {
        let (ys, xs) = (Real::reader(ys)?, Real::reader(xs)?);
        return each(&|at| ys.value(at).into(), &|at| xs.value(at).into());
    }
    let (ys, xs) = (Double::reader(ys)?, Double::reader(xs)?);
    each(&|at| ys.value(at), &|at| xs.value(at))
}

fn both(call: &Call<'_>, all: Vec<Comoments>) -> Result<ArrayRef> {
    let of = of_two(call.name).ok_or_else(|| call.wrong_layout())?;
    singles(call, all.iter().map(of))
}
