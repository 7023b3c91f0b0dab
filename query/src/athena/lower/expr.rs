//! Expressions as DataFusion carries them.
//!
//! Owns: which expressions DataFusion computes itself (so that it can push them into scans and join by them), and the function that
//! stands for every other one.
//! Does not own: computing (`eval`).
//! Invariant: whichever computes an expression, its value is the same.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array as _;
use arrow::compute::concat;
use arrow::datatypes::DataType;
use datafusion::common::{Column as ColumnName, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::athena::analyze::typed::{ColumnId, Kind, Sort, Typed};
use crate::athena::ast::Comparison;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::{self, Column, Env, Session, compare};
use crate::athena::types::Type;
use crate::athena::values::layout::{MICROSECOND_DIGITS, arrow_type};

/// The name of a column within the engine.
pub(super) fn name_of(id: ColumnId) -> String {
    format!("c{id}")
}

/// A column.
pub(super) fn column(id: ColumnId) -> Expr {
    Expr::Column(ColumnName::new_unqualified(name_of(id)))
}

/// A fault of values on its way through the engine.
pub(super) fn fault(error: AthenaError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The expression as DataFusion carries it, its columns among those of the relation below.
pub(super) fn lower(expr: &Typed, session: &Arc<Session>) -> Result<Expr> {
    let lower_in = |expr: &Typed| lower(expr, session);
    match &expr.kind {
        Kind::Column(id) => Ok(column(*id)),
        Kind::Compare { op, left, right } if is_native(expr) => Ok(binary(lower_in(left)?, operator(*op), lower_in(right)?)),
        Kind::Compare { .. } => {
            let whole = computed(expr, session)?;
            Ok(bound(expr, session)?.map_or(whole.clone(), |bound| binary(bound, Operator::And, whole)))
        }
        Kind::In { of, list } if is_native(expr) => {
            let list = list.iter().map(lower_in).collect::<Result<_>>()?;
            Ok(Expr::InList(InList::new(Box::new(lower_in(of)?), list, false)))
        }
        Kind::And(terms) => conjunction(expr, terms, session),
        Kind::IsNull(of) if is_native(expr) => Ok(lower_in(of)?.is_null()),
        _ => computed(expr, session),
    }
}

const DAY_US: i64 = 86_400_000_000;

/// Terms that are DataFusion's at most: it rewrites every one with every other, and walks them as a chain.
const PUSHED_MAX: usize = 64;

/// AND: what DataFusion can compute of it comes first, for the scans; the whole decides wherever a term may have faults.
fn conjunction(expr: &Typed, terms: &[Typed], session: &Arc<Session>) -> Result<Expr> {
    let (mut plain, other): (Vec<&Typed>, Vec<&Typed>) = terms.iter().partition(|term| is_native(term));
    let all_pushed = plain.len() <= PUSHED_MAX;
    plain.truncate(PUSHED_MAX);
    let mut all = plain.iter().map(|term| lower(term, session)).collect::<Result<Vec<_>>>()?;
    if other.len() > 1 || !plain.is_empty() {
        for term in other.iter().take(PUSHED_MAX) {
            all.extend(bound(term, session)?);
        }
    }
    match other.as_slice() {
        [] if all_pushed => {}
        // It is computed for every row, as if it stood alone.
        [only] if plain.is_empty() => all.push(lower(only, session)?),
        _ => all.push(computed(expr, session)?),
    }
    let whole = all.into_iter().reduce(|a, b| binary(a, Operator::And, b));
    whole.ok_or_else(|| fault(AthenaError::internal(&"AND of nothing")))
}

/// What DataFusion can check of a column's comparison with a constant, for the scans: true wherever the comparison is. The comparison
/// itself is not DataFusion's, whose NaN is above all numbers and whose -0 is below 0, and which knows no day of a time.
fn bound(expr: &Typed, session: &Arc<Session>) -> Result<Option<Expr>> {
    let Kind::Compare { op, left, right } = &expr.kind else { return Ok(None) };
    let (of, op, value) = match (bounded(left), bounded(right)) {
        (Some(id), _) if is_constant(right) => (id, *op, right),
        (_, Some(id)) if is_constant(left) => (id, op.flipped(), left),
        _ => return Ok(None),
    };
    let Expr::Literal(value, _) = computed(value, session)? else { return Ok(None) };
    let Some((least, most)) = edges(&value) else { return Ok(None) };
    let at = |op: Operator, edge: ScalarValue| binary(column(of), op, Expr::Literal(edge, None));
    Ok(Some(match op {
        Comparison::Equal => binary(at(Operator::GtEq, least), Operator::And, at(Operator::LtEq, most)),
        Comparison::NotEqual => return Ok(None),
        Comparison::Less | Comparison::LessOrEqual => at(Operator::LtEq, most),
        Comparison::Greater | Comparison::GreaterOrEqual => at(Operator::GtEq, least),
    }))
}

/// The column whose values a comparison of this bounds: itself, or the times of a day.
fn bounded(expr: &Typed) -> Option<ColumnId> {
    let day_of = |of: &Typed| match (&of.kind, &of.ty) {
        (Kind::Column(id), Type::Timestamp(digits)) if *digits <= MICROSECOND_DIGITS && expr.ty == Type::Date => Some(*id),
        _ => None,
    };
    match &expr.kind {
        Kind::Column(id) if matches!(expr.ty, Type::Double | Type::Real) => Some(*id),
        Kind::Cast { of, .. } => day_of(of),
        Kind::Call { name: "date", arguments } => arguments.first().and_then(day_of),
        _ => None,
    }
}

/// The least and the greatest value of a column that a constant may be equal to.
fn edges(value: &ScalarValue) -> Option<(ScalarValue, ScalarValue)> {
    let signed = |x: f64, below: f64| if x == 0.0 { below } else { x };
    match value {
        ScalarValue::Float64(Some(x)) if !x.is_nan() => {
            Some((ScalarValue::Float64(Some(signed(*x, -0.0))), ScalarValue::Float64(Some(signed(*x, 0.0)))))
        }
        ScalarValue::Float32(Some(x)) if !x.is_nan() => {
            let zero = |zero: f32| ScalarValue::Float32(Some(if *x == 0.0 { zero } else { *x }));
            Some((zero(-0.0), zero(0.0)))
        }
        ScalarValue::Date32(Some(day)) => {
            let at = |us: i64| ScalarValue::TimestampMicrosecond(Some(us), None);
            let first = i64::from(*day).checked_mul(DAY_US)?;
            Some((at(first), at(first.checked_add(DAY_US - 1)?)))
        }
        _ => None,
    }
}

fn is_native(expr: &Typed) -> bool {
    match &expr.kind {
        Kind::Compare { left, right, .. } => is_plain(&left.ty) && is_simple(left) && is_simple(right),
        Kind::IsNull(of) => is_simple(of),
        Kind::In { of, list } => is_plain(&of.ty) && is_simple(of) && list.iter().all(is_constant),
        _ => false,
    }
}

/// A column or a constant.
fn is_simple(expr: &Typed) -> bool {
    matches!(expr.kind, Kind::Column(_)) || is_constant(expr)
}

fn is_constant(expr: &Typed) -> bool {
    expr.columns().is_empty() && !eval::has_volatile(expr)
}

/// Types whose values Arrow compares as Trino does.
pub(super) fn is_plain(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::Real | Type::Double | Type::TimestampZoned(_) | Type::TimeZoned(_) | Type::Array(_) | Type::Map(..) | Type::Row(_)
    )
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn operator(op: Comparison) -> Operator {
    match op {
        Comparison::Equal => Operator::Eq,
        Comparison::NotEqual => Operator::NotEq,
        Comparison::Less => Operator::Lt,
        Comparison::LessOrEqual => Operator::LtEq,
        Comparison::Greater => Operator::Gt,
        Comparison::GreaterOrEqual => Operator::GtEq,
    }
}

/// An equality that a join may look up its rows by; `None` where it is none or not known to be the same.
pub(super) fn join_key(expr: &Typed, session: &Arc<Session>) -> Result<Option<Expr>> {
    match &expr.kind {
        Kind::Compare { op: Comparison::Equal, left, right } if is_plain(&left.ty) => {
            let (left, right) = (lower(left, session)?, lower(right, session)?);
            Ok(Some(binary(left, Operator::Eq, right)))
        }
        _ => Ok(None),
    }
}

/// An expression as a call of a function of ours, or as its value where that is known.
pub(super) fn computed(expr: &Typed, session: &Arc<Session>) -> Result<Expr> {
    call(Expression::new(expr, session, Form::Value))
}

/// The same, in the form whose equality and order are those of grouping and sorting.
pub(super) fn normal(expr: &Typed, session: &Arc<Session>) -> Result<Expr> {
    if is_plain(&expr.ty) {
        return lower(expr, session);
    }
    call(Expression::new(expr, session, Form::Normal))
}

/// The same as a sort key: NaN is above all numbers, but below them where NULLs come first.
pub(super) fn sort_key(sort: &Sort, session: &Arc<Session>) -> Result<Expr> {
    if is_plain(&sort.key.ty) || !sort.nulls_first {
        return normal(&sort.key, session);
    }
    call(Expression::new(&sort.key, session, Form::UnorderedFirst))
}

fn call(expression: Expression) -> Result<Expr> {
    if expression.columns.is_empty()
        && expression.signature.volatility == Volatility::Immutable
        && let Ok(value) = expression.compute(Vec::new(), 1)
    {
        let array = value.into_array().map_err(fault)?;
        return Ok(Expr::Literal(ScalarValue::try_from_array(&array, 0)?, None));
    }
    let arguments = expression.columns.iter().map(|id| column(*id)).collect();
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(expression)), arguments)))
}

/// What the values of a batch's rows may take.
const TOGETHER_BYTES_MAX: usize = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Value,
    Normal,
    UnorderedFirst,
}

/// A whole expression as one function of the columns it names.
#[derive(Debug, Clone)]
struct Expression {
    expr: Arc<Typed>,
    form: Form,
    columns: Vec<ColumnId>,
    session: Arc<Session>,
    signature: Signature,
    name: String,
}

impl Expression {
    fn new(expr: &Typed, session: &Arc<Session>, form: Form) -> Self {
        let columns = expr.columns();
        let volatility = if eval::has_volatile(expr) { Volatility::Volatile } else { Volatility::Immutable };
        let signature = signature(columns.len(), volatility);
        // The engine takes columns of one name for one: no two expressions share one, nor do the forms of one.
        let mut hasher = DefaultHasher::new();
        format!("{form:?}{expr:?}").hash(&mut hasher);
        let name = format!("athena_{:x}", hasher.finish());
        Self { expr: Arc::new(expr.clone()), form, columns, session: Arc::clone(session), signature, name }
    }

    fn compute(&self, columns: Vec<Column>, rows: usize) -> std::result::Result<Column, AthenaError> {
        let part = |from: usize, rows: usize| columns.iter().map(|column| column.slice(from, rows)).collect();
        match self.compute_at_once(part(0, rows), rows) {
            // What takes too much memory for all rows at once may not for fewer, or it is a value that does.
            Err(error) if error.name == ErrorName::ExceededFunctionMemoryLimit && rows > 1 => {
                let half = rows / 2;
                let first = self.compute(part(0, half), half)?.into_array()?;
                let second = self.compute(part(half, rows - half), rows - half)?.into_array()?;
                if first.get_array_memory_size() + second.get_array_memory_size() > TOGETHER_BYTES_MAX {
                    return Err(error);
                }
                let both = concat(&[&first, &second]).map_err(|error| AthenaError::internal(&error))?;
                Ok(Column::new(both))
            }
            value => value,
        }
    }

    fn compute_at_once(&self, columns: Vec<Column>, rows: usize) -> std::result::Result<Column, AthenaError> {
        let columns = self.columns.iter().copied().zip(columns).collect();
        let value = eval::eval(&self.expr, &Env::new(&self.session, rows, columns))?;
        match self.form {
            Form::Value => Ok(value),
            Form::Normal => Ok(Column::new(compare::normal(&self.expr.ty, &value.into_array()?)?)),
            Form::UnorderedFirst => Ok(Column::new(compare::normal_in_order(&self.expr.ty, &value.into_array()?, true)?)),
        }
    }
}

/// Of a function of so many arguments, whatever their types.
pub(super) fn signature(arguments: usize, volatility: Volatility) -> Signature {
    if arguments == 0 { Signature::nullary(volatility) } else { Signature::any(arguments, volatility) }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form && self.expr == other.expr
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Expression {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.expr.ty))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|value| match value {
            ColumnarValue::Array(array) => Ok(Column::new(array)),
            ColumnarValue::Scalar(value) => Ok(Column::constant(value.to_array()?, rows)),
        });
        let value = self.compute(columns.collect::<Result<_>>()?, rows);
        let value = value.map_err(|error| {
            // Scans keep no more of it than words.
            let _ = self.session.fault.set(error.clone());
            fault(error)
        })?;
        if value.is_constant() && !value.values().is_empty() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(value.values(), 0)?));
        }
        Ok(ColumnarValue::Array(value.into_array().map_err(fault)?))
    }
}
