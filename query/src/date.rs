//! `date(x)`: the day of a timestamp, date or text, as Athena has it and DataFusion has not.
//!
//! Owns: the function, and telling the optimizer which range of times a day stands for, so that
//! `WHERE date(time) = DATE '2020-02-22'` skips files by their bounds on `time`.
//! Invariant: the same value as `CAST(x AS date)`.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

const DAY_S: i64 = 86_400;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DateFunction {
    signature: Signature,
}

impl DateFunction {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for DateFunction {
    fn name(&self) -> &str {
        "date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match arguments {
            [
                kind @ (DataType::Timestamp(..)
                | DataType::Date32
                | DataType::Date64
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View),
            ] => Ok(vec![kind.clone()]),
            [DataType::Null] => Ok(vec![DataType::Date32]),
            [other] => plan_err!("date(x) takes a timestamp, a date or a text, not {other}"),
            _ => plan_err!("date(x) takes one argument"),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.as_slice() {
            [value] => value.cast_to(&DataType::Date32, None),
            _ => exec_err!("date(x) takes one argument"),
        }
    }

    fn preimage(&self, arguments: &[Expr], day: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        let ([time], Some(ScalarValue::Date32(Some(day)))) = (arguments, day.as_literal()) else {
            return Ok(PreimageResult::None);
        };
        let DataType::Timestamp(unit, None) = info.get_data_type(time)? else {
            return Ok(PreimageResult::None);
        };
        let (Some(from), Some(to)) = (start_of(i64::from(*day), unit), start_of(i64::from(*day) + 1, unit)) else {
            return Ok(PreimageResult::None);
        };
        Ok(PreimageResult::Range { expr: time.clone(), interval: Box::new(Interval::try_new(from, to)?) })
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        // Later times have the same or a later day; texts sort otherwise.
        Ok(match inputs {
            [input] if matches!(input.range.data_type(), DataType::Timestamp(_, None)) => input.sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}

/// The first instant of a day; `None` beyond what the type can hold.
fn start_of(day: i64, unit: TimeUnit) -> Option<ScalarValue> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let value = Some(day.checked_mul(DAY_S)?.checked_mul(per_second)?);
    Some(match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(value, None),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, None),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, None),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, None),
    })
}
