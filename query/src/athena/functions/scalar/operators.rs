//! Arithmetic.
//!
//! Owns: `+ - * / %` and the sign, of numbers.
//! Does not own: those of dates, times and intervals.
//! Invariant: nothing wraps around: what the result's type cannot hold is a fault, with the words of Trino.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, Datum, Scalar, new_empty_array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::i256;
use arrow::error::ArrowError;

use super::{Call, Compute, Double, Int, Real, Result, Wide};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::Column;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

const DECIMAL_DIGITS: u32 = 38;
const DECIMAL_END: i128 = 10_i128.pow(DECIMAL_DIGITS);

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "$add" | "$subtract" | "$multiply" | "$divide" | "$modulus" | "mod" => binary,
        "$negate" => negate,
        _ => return None,
    })
}

fn binary(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        _ if !call.types.iter().all(Type::is_numeric) => Err(of_times(call)),
        Type::Decimal { scale, .. } => decimals(call, *scale),
        Type::Real | Type::Double => floating(call),
        _ => integers(call),
    }
}

fn of_times(call: &Call<'_>) -> AthenaError {
    let types: Vec<String> = call.types.iter().map(ToString::to_string).collect();
    AthenaError::not_supported(format!("arithmetic of {} is not computed here yet; Athena has it", types.join(" and ")))
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError>;

/// Both arguments at once.
fn kernel(call: &Call<'_>, kernel: Kernel) -> Result<std::result::Result<ArrayRef, ArrowError>> {
    if call.rows == 0 {
        return Ok(Ok(new_empty_array(&arrow_type(call.returns))));
    }
    let (a, b) = (call.argument(0)?, call.argument(1)?);
    if a.is_constant() && b.is_constant() && call.rows > 1 {
        return Ok(kernel(&a.clone().into_array()?, &b.clone().into_array()?));
    }
    let datum = |column: &Column| -> Box<dyn Datum> {
        let values = column.values().clone();
        if column.is_constant() { Box::new(Scalar::new(values)) } else { Box::new(values) }
    };
    Ok(kernel(&*datum(a), &*datum(b)))
}

fn integers(call: &Call<'_>) -> Result<ArrayRef> {
    let of_all: Kernel = match call.name {
        "$add" => numeric::add,
        "$subtract" => numeric::sub,
        "$multiply" => numeric::mul,
        "$divide" => numeric::div,
        _ => numeric::rem,
    };
    match kernel(call, of_all)? {
        Ok(values) => Ok(values),
        // One of them is a fault: which and how, the rows tell.
        Err(_) => call.try2::<Int, Int, i64>(|a, b| integer(call, a, b).map(Some)),
    }
}

fn integer(call: &Call<'_>, a: i64, b: i64) -> Result<i64> {
    let (least, most) = match call.returns {
        Type::Tinyint => (i64::from(i8::MIN), i64::from(i8::MAX)),
        Type::Smallint => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Integer => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let overflow =
        |what: &str, sign: char| AthenaError::out_of_range(format!("{} {what} overflow: {a} {sign} {b}", call.returns));
    let (value, fault) = match call.name {
        "$add" => (a.checked_add(b), overflow("addition", '+')),
        "$subtract" => (a.checked_sub(b), overflow("subtraction", '-')),
        "$multiply" => (a.checked_mul(b), overflow("multiplication", '*')),
        "$divide" if b == 0 => return Err(AthenaError::division_by_zero()),
        "$divide" if *call.returns == Type::Bigint => (a.checked_div(b), overflow("division", '/')),
        // Trino does not name what it is that does not fit.
        "$divide" => (a.checked_div(b), AthenaError::internal(&format!("Value {} exceeds the {}'s most", -a, call.returns))),
        "mod" if b == 0 => return Err(AthenaError::internal(&"/ by zero")),
        _ if b == 0 => return Err(AthenaError::division_by_zero()),
        _ => return Ok(a.checked_rem(b).unwrap_or(0)),
    };
    value.filter(|value| (least..=most).contains(value)).ok_or(fault)
}

fn floating(call: &Call<'_>) -> Result<ArrayRef> {
    let of_all: Kernel = match call.name {
        "$add" => numeric::add,
        "$subtract" => numeric::sub,
        "$multiply" => numeric::mul,
        "$divide" => numeric::div,
        _ if *call.returns == Type::Real => return call.map2::<Real, Real, f32>(|a, b| a % b),
        _ => return call.map2::<Double, Double, f64>(|a, b| a % b),
    };
    kernel(call, of_all)?.map_err(|error| AthenaError::internal(&error))
}

fn negate(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        Type::Decimal { .. } => call.map1::<Wide, i128>(|value| -value),
        Type::Real => call.map1::<Real, f32>(|value| -value),
        Type::Double => call.map1::<Double, f64>(|value| -value),
        ty if ty.is_integer() => {
            let least = match ty {
                Type::Tinyint => i64::from(i8::MIN),
                Type::Smallint => i64::from(i16::MIN),
                Type::Integer => i64::from(i32::MIN),
                _ => i64::MIN,
            };
            let fault = |value| AthenaError::out_of_range(format!("{ty} negation overflow: {value}"));
            call.try1::<Int, i64>(|value| value.checked_neg().filter(|_| value != least).map(Some).ok_or_else(|| fault(value)))
        }
        _ => Err(of_times(call)),
    }
}

fn overflow() -> AthenaError {
    AthenaError::of_values(ErrorName::NumericValueOutOfRange, "Decimal overflow")
}

fn fitting(value: Option<i128>) -> Result<i128> {
    value.filter(|value| value.unsigned_abs() < DECIMAL_END.unsigned_abs()).ok_or_else(overflow)
}

fn decimals(call: &Call<'_>, scale: u8) -> Result<ArrayRef> {
    let [Type::Decimal { scale: left, .. }, Type::Decimal { scale: right, .. }] = call.types else {
        return Err(call.wrong_layout());
    };
    if u32::from(scale) > DECIMAL_DIGITS {
        let message = format!("DECIMAL scale must be in range [0, precision ({DECIMAL_DIGITS})]: {scale}");
        return Err(call.invalid(message));
    }
    let (left, right, scale) = (u32::from(*left), u32::from(*right), u32::from(scale));
    match call.name {
        "$multiply" => each(call, |a, b| fitting(a.checked_mul(b))),
        "$divide" => {
            let shift = (scale + right).saturating_sub(left);
            each(call, |a, b| divided(a, b, shift))
        }
        "$modulus" | "mod" => each(call, |a, b| remainder((a, scale.saturating_sub(left)), (b, scale.saturating_sub(right)))),
        name => {
            let (left, right) = (10_i128.pow(scale.saturating_sub(left)), 10_i128.pow(scale.saturating_sub(right)));
            let adds = name == "$add";
            each(call, |a, b| {
                let (a, b) = (a.checked_mul(left).ok_or_else(overflow)?, b.checked_mul(right).ok_or_else(overflow)?);
                fitting(if adds { a.checked_add(b) } else { a.checked_sub(b) })
            })
        }
    }
}

fn each(call: &Call<'_>, f: impl Fn(i128, i128) -> Result<i128>) -> Result<ArrayRef> {
    call.try2::<Wide, Wide, i128>(|a, b| f(a, b).map(Some))
}

/// Half up, with so many more digits before.
fn divided(a: i128, b: i128, shift: u32) -> Result<i128> {
    if b == 0 {
        return Err(AthenaError::division_by_zero());
    }
    // Trino shifts by no more, even a zero.
    if shift >= DECIMAL_DIGITS {
        return Err(overflow());
    }
    let sign = a.signum() * b.signum();
    if let Some(value) = 10_i128.checked_pow(shift).and_then(|unit| a.checked_mul(unit)) {
        let (quotient, rest) = (value.unsigned_abs() / b.unsigned_abs(), value.unsigned_abs() % b.unsigned_abs());
        let up = u128::from(rest >= b.unsigned_abs() - rest);
        return fitting(i128::try_from(quotient + up).ok().map(|value| value * sign));
    }
    let value = wide(a, shift)?.wrapping_abs();
    let by = i256::from_i128(b).wrapping_abs();
    let (quotient, rest) = (value.checked_div(by).ok_or_else(overflow)?, value.checked_rem(by).ok_or_else(overflow)?);
    let up = i256::from_i128(i128::from(rest.cmp(&by.wrapping_sub(rest)) != Ordering::Less));
    fitting(quotient.wrapping_add(up).to_i128().map(|value| value * sign))
}

fn wide(value: i128, shift: u32) -> Result<i256> {
    let unit = i256::from_i128(10).checked_pow(shift).ok_or_else(overflow)?;
    i256::from_i128(value).checked_mul(unit).ok_or_else(overflow)
}

/// Trino computes the quotient with it: one beyond 128 bits is a fault.
fn remainder((a, left): (i128, u32), (b, right): (i128, u32)) -> Result<i128> {
    if b == 0 {
        return Err(AthenaError::division_by_zero());
    }
    let (a, b) = (wide(a, left)?, wide(b, right)?);
    let quotient = a.checked_div(b).ok_or_else(overflow)?;
    quotient.to_i128().ok_or_else(overflow)?;
    fitting(a.checked_rem(b).and_then(i256::to_i128))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray as _, Int64Array};
    use arrow::datatypes::Int64Type;

    use super::*;
    use crate::athena::eval::Session;
    use crate::athena::eval::tests::value_of;

    fn computed(name: &'static str, a: &Column, b: &Column) -> Result<ArrayRef> {
        let session = Session::default();
        let (types, rows) = ([Type::Bigint, Type::Bigint], a.rows());
        let arguments = [a.clone(), b.clone()];
        binary(&Call {
            name,
            arguments: &arguments,
            types: &types,
            lambdas: &[],
            returns: &Type::Bigint,
            rows,
            session: &session,
        })
    }

    #[test]
    fn a_number_that_does_not_fit_is_never_another_one() {
        let column = Column::new(Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX), Some(-7)])));
        let constant = |value: i64| Column::constant(Arc::new(Int64Array::from(vec![value])), 4);
        let sum = computed("$add", &column, &constant(-1)).unwrap();
        let expected: Vec<Option<i64>> = vec![Some(0), None, Some(i64::MAX - 1), Some(-8)];
        assert_eq!(sum.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), expected);
        let fault = computed("$add", &column, &constant(1)).unwrap_err();
        assert_eq!(fault.message, "bigint addition overflow: 9223372036854775807 + 1");
        assert_eq!(computed("$divide", &column, &constant(0)).unwrap_err().name, ErrorName::DivisionByZero);
        let none = Column::new(Arc::new(Int64Array::from(Vec::<i64>::new())));
        let zero = Column::constant(Arc::new(Int64Array::from(vec![0])), 0);
        assert_eq!(computed("$divide", &none, &zero).unwrap().len(), 0, "a fault of no rows is none");
    }

    #[test]
    fn a_decimal_is_never_computed_with_fewer_digits_than_in_trino() {
        for (expression, expected) in [
            ("DECIMAL '1' - DECIMAL '0.00000000000000000000000000000000000003'", "0.99999999999999999999999999999999999997"),
            ("DECIMAL '12345678901234567890.1234567890' / DECIMAL '98765432109876543210.987654321'", "0.1249999989"),
            ("DECIMAL '100000000000000000000000000000000000.00' % DECIMAL '3.0000000000'", "1.0000000000"),
            ("-7.5 / 2", "-3.8"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
        let fault = value_of("DECIMAL '99999999999999999999999999999999999999' + 1");
        assert_eq!(fault, Err("NUMERIC_VALUE_OUT_OF_RANGE: Decimal overflow".to_owned()));
    }
}
