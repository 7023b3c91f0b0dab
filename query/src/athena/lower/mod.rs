//! From what a statement means to a plan that DataFusion runs.
//!
//! Owns: each step of a relation as DataFusion's, which columns are carried how far.
//! Does not own: what a statement means (`analyze`), values (`eval`), DataFusion's own rewriting and running of plans.
//! Invariant: a relation's columns are named by their numbers alone, so that no rewriting can take one for another.

mod aggregate;
mod block;
mod expr;
mod gathered;
mod join;
mod kept;
mod numbered;
mod ordered;
mod own;
mod unnest;
mod values;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, cast};

pub(crate) use block::Planner;

use super::analyze::plan::{Plan, Relation, SetColumn};
use super::analyze::typed::{ColumnId, Kind, Sort, Typed};
use super::ast::SetOp;
use super::error::{AthenaError, ErrorName};
use super::eval::compare::is_nested;
use super::eval::{Env, Session, eval, has_volatile};
use super::types::Type;
use super::values::layout::arrow_type;
use expr::{column, fault, name_of};
use ordered::Ordered;

/// Columns that somebody above asks for; some may not be there.
type Wanted = BTreeSet<ColumnId>;

/// The lowering of one statement.
pub(crate) struct Lowering<'t> {
    pub(crate) session: Arc<Session>,
    /// The provider of a table.
    pub(crate) tables: &'t dyn Fn(&str) -> Option<Arc<dyn TableProvider>>,
    /// Columns of the lowering's own are numbered from here on.
    pub(crate) next: ColumnId,
}

/// Above the numbers that analysis gives.
const OWN_COLUMNS: ColumnId = 1 << 32;

impl<'t> Lowering<'t> {
    pub(crate) fn new(session: Arc<Session>, tables: &'t dyn Fn(&str) -> Option<Arc<dyn TableProvider>>) -> Self {
        Self { session, tables, next: OWN_COLUMNS }
    }

    /// The plan of a whole statement, its columns in the order of the relation's fields.
    pub(crate) fn relation(&mut self, relation: Relation) -> Result<LogicalPlan> {
        let ids: Vec<ColumnId> = relation.fields.iter().map(|field| field.id).collect();
        let plan = self.plan(relation.plan, &ids.iter().copied().collect())?;
        // A column may be asked for twice.
        let columns = ids.iter().enumerate().map(|(i, id)| column(*id).alias(format!("o{i}")));
        LogicalPlanBuilder::from(plan).project(columns.collect::<Vec<_>>())?.build()
    }

    fn new_column(&mut self) -> ColumnId {
        self.next += 1;
        self.next
    }

    fn expr(&self, expr: &Typed) -> Result<Expr> {
        expr::lower(expr, &self.session)
    }

    fn normal(&self, expr: &Typed) -> Result<Expr> {
        expr::normal(expr, &self.session)
    }

    /// A step and all below it, with the wanted columns it has.
    fn plan(&mut self, plan: Plan, wanted: &Wanted) -> Result<LogicalPlan> {
        match plan {
            Plan::Nothing => LogicalPlanBuilder::empty(true).build(),
            Plan::Values { columns, rows } => values::table(values::of_rows(&columns, &rows, &self.session), wanted),
            Plan::Scan { table, columns, .. } => self.scan(&table, &columns, wanted),
            Plan::Filter { input, condition } => self.filter(*input, condition, wanted),
            Plan::Extend { input, columns } => self.extend(*input, columns, wanted),
            Plan::Join { kind, left, right, on, .. } => self.join(kind, *left, *right, on, wanted),
            Plan::Aggregate { input, keys, sets, calls, grouping } => {
                self.aggregate(*input, aggregate::Grouped { keys, sets, calls, grouping }, wanted)
            }
            Plan::Window { input, calls } => self.window(*input, calls, wanted),
            Plan::Distinct { input, columns } => self.distinct(*input, &columns, wanted),
            Plan::Sort { input, by } => self.sort(*input, by, wanted),
            Plan::Limit { input, offset, count } => self.limit(*input, offset, count, wanted),
            Plan::SetOperation { op, distinct, left, right, columns } => self.set_operation(op, distinct, *left, *right, columns),
            Plan::Unnest { input, arrays, ordinality, outer } => self.unnest(*input, arrays, ordinality, outer, wanted),
            Plan::Sample { input, percentage, .. } => self.sample(*input, percentage, wanted),
            Plan::Numbered { input, id } => self.numbered(*input, id, wanted),
        }
    }

    /// What a step reads: the wanted columns and those its expressions name.
    fn below<'e>(&mut self, input: Plan, exprs: impl IntoIterator<Item = &'e Typed>, wanted: &Wanted) -> Result<LogicalPlan> {
        let mut below = wanted.clone();
        below.extend(exprs.into_iter().flat_map(Typed::columns));
        self.plan(input, &below)
    }

    /// A relation's columns that are wanted, and these.
    fn project(&self, input: LogicalPlan, wanted: &Wanted, more: Vec<(ColumnId, Expr)>) -> Result<LogicalPlan> {
        let mut columns: Vec<Expr> = Vec::new();
        for id in ids_of(&input) {
            if wanted.contains(&id) && !more.iter().any(|(other, _)| *other == id) {
                columns.push(column(id));
            }
        }
        columns.extend(more.into_iter().map(|(id, expr)| expr.alias(name_of(id))));
        LogicalPlanBuilder::from(input).project(columns)?.build()
    }

    fn scan(&mut self, table: &str, columns: &[(ColumnId, String, Type)], wanted: &Wanted) -> Result<LogicalPlan> {
        let Some(provider) = (self.tables)(table) else {
            return Err(fault(AthenaError::not_supported(format!("the table {table} cannot be read here"))));
        };
        let schema = provider.schema();
        let source = LogicalPlanBuilder::scan(table, provider_as_source(provider), None)?;
        let as_laid_out = |(id, name, ty): &(ColumnId, String, Type)| {
            let read = Expr::Column(Column::new(Some(table), name.as_str()));
            let wanted = arrow_type(ty);
            let is_so = schema.field_with_name(name).is_ok_and(|field| *field.data_type() == wanted);
            if is_so { read } else { cast(read, wanted) }.alias(name_of(*id))
        };
        source.project(columns.iter().filter(|(id, ..)| wanted.contains(id)).map(as_laid_out).collect::<Vec<_>>())?.build()
    }

    fn filter(&mut self, input: Plan, condition: Typed, wanted: &Wanted) -> Result<LogicalPlan> {
        let is_volatile = has_volatile(&condition);
        let mut input = self.below(input, [&condition], wanted)?;
        let mut condition = self.expr(&condition)?;
        if is_volatile {
            // Once for each row here; DataFusion would move it to where there are fewer.
            let (id, all) = (self.new_column(), ids_of(&input).into_iter().collect());
            input = self.project(input, &all, vec![(id, condition)])?;
            condition = column(id);
        }
        let filtered = LogicalPlanBuilder::from(input).filter(condition)?.build()?;
        self.project(filtered, wanted, Vec::new())
    }

    fn extend(&mut self, input: Plan, columns: Vec<(ColumnId, Typed)>, wanted: &Wanted) -> Result<LogicalPlan> {
        let columns: Vec<(ColumnId, Typed)> = columns.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
        if let Some(rows) = values::extended(&input, &columns, &self.session) {
            return values::table(rows, wanted);
        }
        let (ids, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let input = self.below(input, &values, wanted)?;
        let values = values.iter().map(|value| self.expr(value)).collect::<Result<Vec<_>>>()?;
        self.project(input, wanted, ids.into_iter().zip(values).collect())
    }

    fn distinct(&mut self, input: Plan, columns: &[ColumnId], wanted: &Wanted) -> Result<LogicalPlan> {
        let of = columns.iter().copied().collect();
        let mut keys = input.columns();
        keys.retain(|(id, _)| columns.contains(id));
        let input = self.plan(input, &of)?;
        let distinct = self.distinct_rows(input, keys)?;
        self.project(distinct, wanted, Vec::new())
    }

    fn sort(&mut self, input: Plan, mut by: Vec<Sort>, wanted: &Wanted) -> Result<LogicalPlan> {
        let mut keys: Vec<Typed> = by.iter().map(|sort| sort.key.clone()).collect();
        let input = self.with_constants(input, &mut keys);
        let input = self.below(input, &keys, wanted)?;
        for (sort, key) in by.iter_mut().zip(keys) {
            sort.key = key;
        }
        if by.iter().any(|sort| is_nested(&sort.key.ty)) {
            return self.sort_nested(input, &by, wanted);
        }
        let by = by.iter().map(|sort| {
            let expr = expr::sort_key(sort, &self.session)?;
            Ok(SortExpr { expr, asc: !sort.descending, nulls_first: sort.nulls_first })
        });
        let sorted = LogicalPlanBuilder::from(input).sort(by.collect::<Result<Vec<_>>>()?)?.build()?;
        self.project(sorted, wanted, Vec::new())
    }

    /// A sort whose rows are looked at once they are in order.
    fn sort_nested(&mut self, input: LogicalPlan, by: &[Sort], wanted: &Wanted) -> Result<LogicalPlan> {
        let (mut keys, mut order) = (Vec::new(), Vec::new());
        for sort in by {
            let id = self.new_column();
            keys.push((id, expr::sort_key(sort, &self.session)?));
            order.push((id, SortOptions { descending: sort.descending, nulls_first: sort.nulls_first }));
        }
        let all = ids_of(&input).into_iter().collect();
        let input = self.project(input, &all, keys)?;
        let schema = input.schema().as_arrow().clone();
        let sorted = block::step(input, schema, block::Step::Ordered(Ordered { by: order }))?;
        self.project(sorted, wanted, Vec::new())
    }

    fn limit(&mut self, input: Plan, offset: Option<Typed>, count: Option<Typed>, wanted: &Wanted) -> Result<LogicalPlan> {
        // What is computed of a row is computed of those that are left.
        if let Plan::Extend { input, columns } = input {
            return self.extend(Plan::Limit { input, offset, count }, columns, wanted);
        }
        let rows = |expr: Option<Typed>| -> Result<Option<usize>> {
            let number = expr.map(|expr| self.number(expr)).transpose()?.flatten();
            Ok(number.and_then(|number| number.as_u64()).and_then(|n| usize::try_from(n).ok()))
        };
        let (offset, count) = (rows(offset)?, rows(count)?);
        let input = self.plan(input, wanted)?;
        LogicalPlanBuilder::from(input).limit(offset.unwrap_or(0), count)?.build()
    }

    /// The number that an expression without columns gives; `None` for NULL.
    fn number(&self, expr: Typed) -> Result<Option<serde_json::Number>> {
        let env = Env::new(&self.session, 1, Vec::new());
        let value = eval(&expr, &env).and_then(super::eval::Column::into_array).map_err(fault)?;
        match super::values::text::json(&expr.ty, &value, 0).map_err(fault)? {
            serde_json::Value::Number(number) => Ok(Some(number)),
            _ => Ok(None),
        }
    }

    fn set_operation(
        &mut self,
        op: SetOp,
        distinct: bool,
        left: Plan,
        right: Plan,
        columns: Vec<SetColumn>,
    ) -> Result<LogicalPlan> {
        let mut side = |input: Plan, value: fn(&SetColumn) -> &Typed| -> Result<LogicalPlan> {
            let columns_of_side = columns.iter().map(|column| (column.id, value(column).clone())).collect();
            let ids = columns.iter().map(|column| column.id).collect();
            self.extend(input, columns_of_side, &ids)
        };
        let left = side(left, |column| &column.left)?;
        let right = side(right, |column| &column.right)?;
        let keys: Vec<(ColumnId, Type)> = columns.iter().map(|column| (column.id, column.ty.clone())).collect();
        match op {
            SetOp::Union => {
                let both = LogicalPlanBuilder::from(left).union(right)?.build()?;
                if distinct { self.distinct_rows(both, keys) } else { Ok(both) }
            }
            SetOp::Intersect => self.counted(left, right, keys, true),
            SetOp::Except => self.counted(left, right, keys, false),
        }
    }

    fn sample(&mut self, input: Plan, percentage: Typed, wanted: &Wanted) -> Result<LogicalPlan> {
        // Rows one by one by either method: Trino's SYSTEM takes whole splits, which an engine of one process has none of.
        let span = percentage.span;
        let percent = self.number(percentage.clone().coerced(&Type::Double))?.and_then(|number| number.as_f64());
        let Some(percent) = percent else {
            return Err(fault(AthenaError::at(ErrorName::InvalidArguments, span, "Sample percentage cannot be NULL")));
        };
        let wrong = match percent {
            percent if percent < 0.0 => Some("greater than or equal to 0"),
            percent if percent > 100.0 => Some("less than or equal to 100"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            let message = format!("Sample percentage must be {wrong}");
            return Err(fault(AthenaError::at(ErrorName::NumericValueOutOfRange, span, message)));
        }
        let random = Typed::new(Kind::Call { name: "random", arguments: Vec::new() }, Type::Double, span);
        let hundred = Typed::new(Kind::Literal(super::analyze::typed::Literal::Double(100.0)), Type::Double, span);
        let percent = percentage.coerced(&Type::Double);
        let share = Typed::new(Kind::Call { name: "$divide", arguments: vec![percent, hundred] }, Type::Double, span);
        let chosen = Kind::Compare { op: super::ast::Comparison::Less, left: Box::new(random), right: Box::new(share) };
        self.filter(input, Typed::new(chosen, Type::Boolean, span), wanted)
    }
}

/// The columns a relation has.
fn ids_of(plan: &LogicalPlan) -> Vec<ColumnId> {
    plan.schema().fields().iter().filter_map(|field| field.name().strip_prefix('c')?.parse().ok()).collect()
}
