//! Sums and averages.
//!
//! Owns: `sum`, `avg`, `geometric_mean`.
//! Does not own: other moments (`moments`).
//! Invariant: whole numbers and decimals are added exactly or not at all; floating numbers in the order of the rows, as Trino does.

use arrow::array::ArrayRef;
use arrow::datatypes::i256;

use super::Way;
use super::moments::each_double;
use super::states::{Reader, Rows, State, kept, write_doubles};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::{Arg as _, Call, Int, Produce as _, Result, Wide};
use crate::athena::types::{DECIMAL_PRECISION_MAX, Type};

pub(super) fn find(name: &str, _: &[Type], returns: &Type) -> Option<Way> {
    Some(Way::States(match (name, returns) {
        ("sum", Type::Bigint | Type::IntervalDay | Type::IntervalYear) => || kept(add_whole, whole),
        ("sum", Type::Decimal { .. }) => || kept(add_wide, wide_sum),
        ("avg", Type::Decimal { .. }) => || kept(add_wide, wide_average),
        ("sum", _) => || kept(add_double, sum),
        ("avg", _) => || kept(add_double, average),
        ("geometric_mean", _) => || kept(add_logarithm, geometric_mean),
        _ => return None,
    }))
}

/// The sum of whole numbers, if there is one.
#[derive(Debug, Clone, Default)]
struct Whole(Option<i64>);

impl Whole {
    fn add(&mut self, value: i64) -> Result<()> {
        let before = self.0.unwrap_or(0);
        let overflow = || AthenaError::out_of_range(format!("bigint addition overflow: {before} + {value}"));
        self.0 = Some(before.checked_add(value).ok_or_else(overflow)?);
        Ok(())
    }
}

impl State for Whole {
    fn merge(&mut self, later: Self) -> Result<()> {
        later.0.map_or(Ok(()), |sum| self.add(sum))
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.0.iter().for_each(|sum| to.extend(sum.to_le_bytes()));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(from.long().map(u64::cast_signed)))
    }
}

fn add_whole(call: &Call<'_>, rows: &mut Rows<'_, Whole>) -> Result<()> {
    let (column, values) = (call.argument(0)?, Int::reader(call.values(0)?)?);
    call.given_of(0)?.try_for_each(|row| rows.put(row, |sum| sum.add(Int::get(&values, column.at(row)))))
}

fn whole(call: &Call<'_>, all: Vec<Whole>) -> Result<ArrayRef> {
    let sums: Vec<Option<i64>> = all.into_iter().map(|sum| sum.0).collect();
    if *call.returns == Type::IntervalYear
        && let Some(sum) = sums.iter().flatten().find(|sum| i32::try_from(**sum).is_err())
    {
        let message = format!("Value {sum} {}", if *sum > 0 { "exceeds MAX_INT" } else { "is less than MIN_INT" });
        return Err(AthenaError::of_values(ErrorName::GenericInternalError, message));
    }
    i64::array(sums, call.returns)
}

/// The sum of decimals, whatever its size, and how many there are.
#[derive(Debug, Clone, Default)]
struct Decimals {
    sum: i256,
    count: u64,
}

impl State for Decimals {
    fn merge(&mut self, later: Self) -> Result<()> {
        self.sum = self.sum.wrapping_add(later.sum);
        self.count += later.count;
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.sum.to_le_bytes());
        to.extend(self.count.to_le_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { sum: i256::from_le_bytes(from.wide()?), count: from.long()? })
    }
}

fn add_wide(call: &Call<'_>, rows: &mut Rows<'_, Decimals>) -> Result<()> {
    let (column, values) = (call.argument(0)?, Wide::reader(call.values(0)?)?);
    call.given_of(0)?.try_for_each(|row| {
        let value = i256::from_i128(Wide::get(&values, column.at(row)));
        rows.put(row, |sum| sum.merge(Decimals { sum: value, count: 1 }))
    })
}

fn wide_sum(call: &Call<'_>, all: Vec<Decimals>) -> Result<ArrayRef> {
    wide(call, all, |of| of.sum)
}

fn wide_average(call: &Call<'_>, all: Vec<Decimals>) -> Result<ArrayRef> {
    wide(call, all, |of| half_up(of.sum, i256::from_i128(of.count.into())))
}

fn wide(call: &Call<'_>, all: Vec<Decimals>, of: fn(&Decimals) -> i256) -> Result<ArrayRef> {
    let one = |state: &Decimals| (state.count > 0).then(|| decimal(of(state))).transpose();
    i128::array(all.iter().map(one).collect::<Result<_>>()?, call.returns)
}

fn decimal(sum: i256) -> Result<i128> {
    let fits = |sum: &i128| sum.unsigned_abs() < 10_u128.pow(DECIMAL_PRECISION_MAX.into());
    sum.to_i128().filter(fits).ok_or_else(|| AthenaError::out_of_range("Decimal overflow"))
}

fn half_up(sum: i256, count: i256) -> i256 {
    let (quotient, rest) = (sum.wrapping_div(count), sum.wrapping_rem(count));
    let twice = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    let away = if sum.is_negative() { i256::MINUS_ONE } else { i256::ONE };
    if twice >= count { quotient.wrapping_add(away) } else { quotient }
}

/// The sum of numbers as doubles, and how many there are.
#[derive(Debug, Clone, Default)]
struct Doubles {
    sum: f64,
    count: f64,
}

impl State for Doubles {
    fn merge(&mut self, later: Self) -> Result<()> {
        self.sum += later.sum;
        self.count += later.count;
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_doubles(&[self.sum, self.count], to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.doubles().map(|[sum, count]| Self { sum, count })
    }
}

fn add_double(call: &Call<'_>, rows: &mut Rows<'_, Doubles>) -> Result<()> {
    each_double(call, 0, |row, value| rows.put(row, |all| all.merge(Doubles { sum: value, count: 1.0 })))
}

fn add_logarithm(call: &Call<'_>, rows: &mut Rows<'_, Doubles>) -> Result<()> {
    each_double(call, 0, |row, value| rows.put(row, |all| all.merge(Doubles { sum: value.ln(), count: 1.0 })))
}

fn sum(call: &Call<'_>, all: Vec<Doubles>) -> Result<ArrayRef> {
    singles(call, all.iter().map(|of| (of.count > 0.0).then_some(of.sum)))
}

fn average(call: &Call<'_>, all: Vec<Doubles>) -> Result<ArrayRef> {
    let averages = all.iter().map(|of| (of.count > 0.0).then(|| of.sum / of.count));
    match call.returns {
        Type::IntervalDay | Type::IntervalYear => i64::array(averages.map(|mean| mean.map(rounded)).collect(), call.returns),
        _ => singles(call, averages),
    }
}

fn geometric_mean(call: &Call<'_>, all: Vec<Doubles>) -> Result<ArrayRef> {
    singles(call, all.iter().map(|of| (of.count > 0.0).then(|| (of.sum / of.count).exp())))
}

/// Results of 64 bits, or of 32 where that is the call's type.
pub(super) fn singles(call: &Call<'_>, values: impl Iterator<Item = Option<f64>>) -> Result<ArrayRef> {
    match call.returns {
        Type::Real => f32::array(values.map(|value| value.map(single)).collect(), call.returns),
        _ => f64::array(values.collect(), call.returns),
    }
}

/// As Java's `Math.round`: half up, and within what 64 bits hold.
pub(super) fn rounded(value: f64) -> i64 {
    let down = value.floor();
    // The cast is the one of Java: NaN is 0, what is too great is the greatest.
    (if value - down >= 0.5 { down + 1.0 } else { down }) as i64
}

/// The nearest number of 32 bits.
pub(super) fn single(value: f64) -> f32 {
    value as f32
}
