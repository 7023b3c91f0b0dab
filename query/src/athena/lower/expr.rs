//! Expressions as DataFusion carries them.
//!
//! Owns: which expressions DataFusion computes itself (so that it can push them into scans and join by them), and the function that
//! stands for every other one.
//! Does not own: computing (`eval`), subqueries (`subquery`).
//! Invariant: whichever computes an expression, its value is the same.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::Array as _;
use arrow::datatypes::DataType;
use datafusion::common::{Column as ColumnName, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::athena::analyze::typed::{ColumnId, Kind, Sort, Typed};
use crate::athena::ast::Comparison;
use crate::athena::error::AthenaError;
use crate::athena::eval::{self, Column, Env, Session, compare};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

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
pub(super) fn lower(expr: &Typed, session: &Arc<Session>, stands_for: &dyn Fn(ColumnId) -> Option<Expr>) -> Result<Expr> {
    let lower_in = |expr: &Typed| lower(expr, session, stands_for);
    match &expr.kind {
        Kind::Column(id) => Ok(stands_for(*id).unwrap_or_else(|| column(*id))),
        Kind::Compare { op, left, right } if is_native(expr) => Ok(binary(lower_in(left)?, operator(*op), lower_in(right)?)),
        Kind::In { of, list } if is_native(expr) => {
            let list = list.iter().map(lower_in).collect::<Result<_>>()?;
            Ok(Expr::InList(InList::new(Box::new(lower_in(of)?), list, false)))
        }
        Kind::And(terms) => conjunction(expr, terms, session, stands_for),
        Kind::IsNull(of) if is_native(expr) => Ok(lower_in(of)?.is_null()),
        _ => computed(expr, session, stands_for),
    }
}

/// AND: what DataFusion can compute of it comes first, for the scans; the whole decides wherever a term may have faults.
fn conjunction(
    expr: &Typed,
    terms: &[Typed],
    session: &Arc<Session>,
    stands_for: &dyn Fn(ColumnId) -> Option<Expr>,
) -> Result<Expr> {
    let (plain, other): (Vec<&Typed>, Vec<&Typed>) = terms.iter().partition(|term| is_native(term));
    let mut all = plain.iter().map(|term| lower(term, session, stands_for)).collect::<Result<Vec<_>>>()?;
    match other.as_slice() {
        [] => {}
        // It is computed for every row, as if it stood alone.
        [only] if plain.is_empty() => all.push(lower(only, session, stands_for)?),
        _ => all.push(computed(expr, session, stands_for)?),
    }
    let whole = all.into_iter().reduce(|a, b| binary(a, Operator::And, b));
    whole.ok_or_else(|| fault(AthenaError::internal(&"AND of nothing")))
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
    free_columns(expr).is_empty() && !eval::has_volatile(expr)
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
pub(super) fn join_key(
    expr: &Typed,
    session: &Arc<Session>,
    stands_for: &dyn Fn(ColumnId) -> Option<Expr>,
) -> Result<Option<Expr>> {
    match &expr.kind {
        Kind::Compare { op: Comparison::Equal, left, right } if is_plain(&left.ty) => {
            let (left, right) = (lower(left, session, stands_for)?, lower(right, session, stands_for)?);
            Ok(Some(binary(left, Operator::Eq, right)))
        }
        _ => Ok(None),
    }
}

/// An expression as a call of a function of ours, or as its value where that is known.
pub(super) fn computed(expr: &Typed, session: &Arc<Session>, stands_for: &dyn Fn(ColumnId) -> Option<Expr>) -> Result<Expr> {
    call(Expression::new(expr, session, Form::Value), stands_for)
}

/// The same, in the form whose equality and order are those of grouping and sorting.
pub(super) fn normal(expr: &Typed, session: &Arc<Session>, stands_for: &dyn Fn(ColumnId) -> Option<Expr>) -> Result<Expr> {
    if is_plain(&expr.ty) {
        return lower(expr, session, stands_for);
    }
    call(Expression::new(expr, session, Form::Normal), stands_for)
}

/// A sort key, in the form whose order is that of sorting.
pub(super) fn sort_key(sort: &Sort, session: &Arc<Session>, stands_for: &dyn Fn(ColumnId) -> Option<Expr>) -> Result<Expr> {
    if is_plain(&sort.key.ty) || !sort.nulls_first {
        return normal(&sort.key, session, stands_for);
    }
    call(Expression::new(&sort.key, session, Form::UnorderedFirst), stands_for)
}

fn call(expression: Expression, stands_for: &dyn Fn(ColumnId) -> Option<Expr>) -> Result<Expr> {
    if expression.columns.is_empty()
        && expression.signature.volatility == Volatility::Immutable
        && let Ok(value) = expression.compute(Vec::new(), 1)
    {
        let array = value.into_array().map_err(fault)?;
        return Ok(Expr::Literal(ScalarValue::try_from_array(&array, 0)?, None));
    }
    let arguments = expression.columns.iter().map(|id| stands_for(*id).unwrap_or_else(|| column(*id))).collect();
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(expression)), arguments)))
}

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
        let columns = free_columns(expr);
        let volatility = if eval::has_volatile(expr) { Volatility::Volatile } else { Volatility::Immutable };
        let signature = signature(columns.len(), volatility);
        // The engine takes columns of one name for one: no two expressions share one, nor do the forms of one.
        let mut hasher = DefaultHasher::new();
        format!("{form:?}{expr:?}").hash(&mut hasher);
        let name = format!("athena_{:x}", hasher.finish());
        Self { expr: Arc::new(expr.clone()), form, columns, session: Arc::clone(session), signature, name }
    }

    fn compute(&self, columns: Vec<Column>, rows: usize) -> std::result::Result<Column, AthenaError> {
        let columns = self.columns.iter().copied().zip(columns).collect();
        let value = eval::eval(&self.expr, &Env::new(&self.session, rows, columns))?;
        match self.form {
            Form::Value => Ok(value),
            Form::Normal => Ok(Column::new(compare::normal(&self.expr.ty, &value.into_array()?)?)),
            Form::UnorderedFirst => Ok(Column::new(compare::normal_unordered_first(&self.expr.ty, &value.into_array()?)?)),
        }
    }
}

/// Of a function of so many arguments, whatever their types.
pub(super) fn signature(arguments: usize, volatility: Volatility) -> Signature {
    if arguments == 0 { Signature::nullary(volatility) } else { Signature::any(arguments, volatility) }
}

/// The columns that come from outside: all but the parameters of lambdas.
pub(super) fn free_columns(expr: &Typed) -> Vec<ColumnId> {
    let mut bound = Vec::new();
    expr.walk(&mut |part| {
        if let Kind::Lambda { parameters, .. } = &part.kind {
            bound.extend(parameters.iter().copied());
        }
        true
    });
    let mut named = eval::columns_of(expr);
    named.retain(|id| !bound.contains(id));
    named
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form && self.expr == other.expr
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.columns.hash(state);
        self.expr.span.start.hash(state);
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
        let value = self.compute(columns.collect::<Result<_>>()?, rows).map_err(fault)?;
        if value.is_constant() && !value.values().is_empty() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(value.values(), 0)?));
        }
        Ok(ColumnarValue::Array(value.into_array().map_err(fault)?))
    }
}
