//! How two arguments hang together.
//!
//! Owns: `corr`, `covar_*`, `regr_*`.
//! Does not own: the sums (`welford`), moments of one (`moments`).
//! Invariant: a row counts only if it has both; the first argument is `y`, the second `x`.

use arrow::array::ArrayRef;

use super::Reduce;
use super::average::single;
use super::welford::{Comoments, of_two};
use crate::athena::functions::scalar::{Call, Double, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "covar_pop" | "covar_samp" | "corr" | "regr_slope" | "regr_intercept" => both,
        _ => return None,
    })
}

fn both(call: &Call<'_>) -> Result<ArrayRef> {
    let mut moments = Comoments::default();
    let is_real = *call.returns == Type::Real;
    if is_real {
        let all = pairs::<Real>(call)?;
        all.for_each(|(y, x)| moments.add(y.into(), x.into()));
    } else {
        let all = pairs::<Double>(call)?;
        all.for_each(|(y, x)| moments.add(y, x));
    }
    let value = of_two(call.name).and_then(|of| of(&moments));
    if is_real { call.one(value.map(single)) } else { call.one(value) }
}

fn pairs<'c, A: crate::athena::functions::scalar::Arg + 'c>(
    call: &'c Call<'_>,
) -> Result<impl Iterator<Item = (A::Of<'c>, A::Of<'c>)>> {
    let (y, x) = (A::reader(call.values(0)?)?, A::reader(call.values(1)?)?);
    Ok(call.given().map(move |row| (A::get(&y, call.place(0, row)), A::get(&x, call.place(1, row)))))
}
