//! Variance and its kin.
//!
//! Owns: `var_*`, `stddev_*`, `skewness`, `kurtosis`.
//! Does not own: the second moment itself (`welford`), those of two arguments (`regression`).
//! Invariant: a moment is kept about the mean so far (Welford), never as a difference of great sums.

use arrow::array::{Array as _, ArrayRef};

use super::Way;
use super::states::{Reader, Rows, State, kept, write_doubles};
use super::welford::{Moments, of_one};
use crate::athena::functions::scalar::{Arg as _, Call, Double, Int, Produce as _, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str, _: &[Type], _: &Type) -> Option<Way> {
    Some(Way::States(match name {
        "var_pop" | "var_samp" | "variance" | "stddev_pop" | "stddev_samp" | "stddev" => || kept(add, spread),
        "skewness" | "kurtosis" => || kept(add_shape, shape),
        _ => return None,
    }))
}

/// Hands over an argument's values that are not NULL, of whatever numeric type, as the nearest doubles.
pub(super) fn each_double(call: &Call<'_>, argument: usize, mut take: impl FnMut(usize, f64) -> Result<()>) -> Result<()> {
    let (column, values) = (call.argument(argument)?, call.values(argument)?);
    let mut each = |value: &dyn Fn(usize) -> f64| {
        (0..call.rows).filter(|row| !column.is_null(*row)).try_for_each(|row| take(row, value(column.at(row))))
    };
    match call.types.get(argument) {
        Some(Type::Double) => {
            let values = Double::reader(values)?;
            if column.is_constant() || values.null_count() > 0 {
                return each(&|at| values.value(at));
            }
            values.values().iter().enumerate().try_for_each(|(row, value)| take(row, *value))
        }
        Some(Type::Real) => {
            let values = Real::reader(values)?;
            each(&|at| values.value(at).into())
        }
        _ => {
            let values = Int::reader(values)?;
            each(&|at| Int::get(&values, at) as f64)
        }
    }
}

fn add(call: &Call<'_>, rows: &mut Rows<'_, Moments>) -> Result<()> {
    each_double(call, 0, |row, value| {
        rows.put(row, |moments| {
            moments.add(value);
            Ok(())
        })
    })
}

/// Variance or its root.
fn spread(call: &Call<'_>, all: Vec<Moments>) -> Result<ArrayRef> {
    let of = of_one(call.name).ok_or_else(|| call.wrong_layout())?;
    f64::array(all.iter().map(of).collect(), call.returns)
}

/// How many values there are, their mean and their central moments.
#[derive(Debug, Clone, Default)]
struct Shape {
    n: f64,
    m1: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl State for Shape {
    fn merge(&mut self, later: Self) -> Result<()> {
        let (a, b) = (self.clone(), later);
        let n = a.n + b.n;
        if n == 0.0 {
            return Ok(());
        }
        let delta = b.m1 - a.m1;
        let square = delta * delta;
        let product = a.n * b.n;
        *self = Self {
            n,
            m1: (a.n * a.m1 + b.n * b.m1) / n,
            m2: a.m2 + b.m2 + square * product / n,
            m3: a.m3 + b.m3 + delta * square * product * (a.n - b.n) / (n * n) + 3.0 * delta * (a.n * b.m2 - b.n * a.m2) / n,
            m4: a.m4
                + b.m4
                + square * square * product * (a.n * a.n - product + b.n * b.n) / (n * n * n)
                + 6.0 * square * (a.n * a.n * b.m2 + b.n * b.n * a.m2) / (n * n)
                + 4.0 * delta * (a.n * b.m3 - b.n * a.m3) / n,
        };
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_doubles(&[self.n, self.m1, self.m2, self.m3, self.m4], to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.doubles().map(|[n, m1, m2, m3, m4]| Self { n, m1, m2, m3, m4 })
    }
}

impl Shape {
    fn add(&mut self, value: f64) {
        let before = self.n;
        self.n += 1.0;
        let n = self.n;
        let delta = value - self.m1;
        let part = delta / n;
        let part2 = part * part;
        let square = delta * part * before;
        self.m1 += part;
        self.m4 = self.m4 + square * part2 * (n * n - 3.0 * n + 3.0) + 6.0 * part2 * self.m2 - 4.0 * part * self.m3;
        self.m3 = self.m3 + square * part * (n - 2.0) - 3.0 * part * self.m2;
        self.m2 += square;
    }

    fn skewness(&self) -> Option<f64> {
        (self.n >= 3.0).then(|| self.n.sqrt() * self.m3 / self.m2.powf(1.5))
    }

    fn kurtosis(&self) -> Option<f64> {
        let n = self.n;
        let rest = (n - 2.0) * (n - 3.0);
        let second = 3.0 * ((n - 1.0) * (n - 1.0)) / rest;
        (n >= 4.0).then(|| (n - 1.0) * n * (n + 1.0) / rest * self.m4 / (self.m2 * self.m2) - second)
    }
}

fn add_shape(call: &Call<'_>, rows: &mut Rows<'_, Shape>) -> Result<()> {
    each_double(call, 0, |row, value| {
        rows.put(row, |shape| {
            shape.add(value);
            Ok(())
        })
    })
}

fn shape(call: &Call<'_>, all: Vec<Shape>) -> Result<ArrayRef> {
    let of = if call.name == "skewness" { Shape::skewness } else { Shape::kurtosis };
    f64::array(all.iter().map(of).collect(), call.returns)
}
