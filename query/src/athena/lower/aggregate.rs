//! Grouping.
//!
//! Owns: keys, grouping sets, DISTINCT rows, and which aggregates DataFusion computes as Trino does.
//! Does not own: the others (`own`).
//! Invariant: values that are the same to `DISTINCT` are one group, whatever they look like; a group shows a value it has.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_aggregate as native;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use super::expr::{column, fault, is_plain, name_of};
use super::own::Own;
use super::{Lowering, Wanted};
use crate::athena::analyze::aggregation::grouping_type;
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Aggregate, ColumnId, Kind, Typed};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// What `Plan::Aggregate` holds.
pub(super) struct Grouped {
    pub(super) keys: Vec<(ColumnId, Typed)>,
    pub(super) sets: Vec<Vec<usize>>,
    pub(super) calls: Vec<(ColumnId, Aggregate)>,
    pub(super) grouping: Vec<(ColumnId, Vec<usize>)>,
}

/// A key as it is grouped by and as it is shown, if that is something else.
struct Key {
    id: ColumnId,
    ty: Type,
    normal: ColumnId,
    shown: Option<ColumnId>,
}

/// A call and the columns of its arguments.
struct Prepared {
    id: ColumnId,
    call: Aggregate,
    arguments: Vec<ColumnId>,
    filter: Option<ColumnId>,
}

impl Lowering<'_> {
    pub(super) fn aggregate(&mut self, input: Plan, grouped: Grouped, wanted: &Wanted) -> Result<LogicalPlan> {
        let Grouped { keys, sets, calls, grouping } = grouped;
        let calls: Vec<_> = calls.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
        // Everything that is computed for each row before it is grouped.
        let mut exprs: Vec<Typed> = keys.iter().map(|(_, key)| key.clone()).collect();
        for (_, call) in &calls {
            exprs.extend(values_of(call).cloned());
            exprs.extend(call.filter.clone());
        }
        let input = self.with_constants(input, &mut exprs);
        let input = self.below(input, &exprs, &Wanted::new())?;
        let mut exprs = exprs.into_iter();
        let mut columns: Vec<(ColumnId, Expr)> = Vec::new();
        let keys = self.keys(&keys, &mut exprs, &mut columns)?;
        let calls = self.calls(calls, &mut exprs, &mut columns)?;
        let rows = self.project(input, &Wanted::new(), columns)?;
        let mut plan: Option<LogicalPlan> = None;
        for set in &sets {
            let groups = self.grouped_by(rows.clone(), &keys, set, &calls, &grouping)?;
            plan = Some(match plan {
                None => groups,
                Some(others) => LogicalPlanBuilder::from(others).union(groups)?.build()?,
            });
        }
        let plan = plan.ok_or_else(|| fault(AthenaError::internal(&"a grouping without sets")))?;
        self.project(plan, wanted, Vec::new())
    }

    fn keys(
        &mut self,
        keys: &[(ColumnId, Typed)],
        exprs: &mut impl Iterator<Item = Typed>,
        columns: &mut Vec<(ColumnId, Expr)>,
    ) -> Result<Vec<Key>> {
        let mut all = Vec::new();
        for ((id, _), key) in keys.iter().zip(exprs) {
            let normal = self.new_column();
            columns.push((normal, self.normal(&key)?));
            let shown = (!is_plain(&key.ty)).then(|| self.new_column());
            if let Some(shown) = shown {
                columns.push((shown, self.expr(&key)?));
            }
            all.push(Key { id: *id, ty: key.ty, normal, shown });
        }
        Ok(all)
    }

    fn calls(
        &mut self,
        calls: Vec<(ColumnId, Aggregate)>,
        exprs: &mut impl Iterator<Item = Typed>,
        columns: &mut Vec<(ColumnId, Expr)>,
    ) -> Result<Vec<Prepared>> {
        let mut all = Vec::new();
        for (id, call) in calls {
            let mut arguments = Vec::new();
            let count = values_of(&call).count();
            for value in exprs.by_ref().take(count) {
                let argument = self.new_column();
                columns.push((argument, self.expr(&value)?));
                arguments.push(argument);
            }
            let filter = match call.filter.is_some().then(|| exprs.next()).flatten() {
                None => None,
                Some(condition) => {
                    let filter = self.new_column();
                    columns.push((filter, self.expr(&condition)?));
                    Some(filter)
                }
            };
            all.push(Prepared { id, call, arguments, filter });
        }
        Ok(all)
    }

    /// The groups of one grouping set.
    fn grouped_by(
        &mut self,
        rows: LogicalPlan,
        keys: &[Key],
        set: &[usize],
        calls: &[Prepared],
        grouping: &[(ColumnId, Vec<usize>)],
    ) -> Result<LogicalPlan> {
        let of_set = || set.iter().filter_map(|n| keys.get(*n));
        let by: Vec<Expr> = of_set().map(|key| column(key.normal)).collect();
        let mut values: Vec<Expr> = Vec::new();
        for Prepared { id, call, arguments, filter } in calls {
            values.push(self.call(call, arguments, *filter)?.alias(name_of(*id)));
        }
        for key in of_set() {
            if let Some(shown) = key.shown {
                let first = native::first_last::first_value_udaf();
                let first = AggregateFunction::new_udf(first, vec![column(shown)], false, None, Vec::new(), None);
                values.push(Expr::AggregateFunction(first).alias(name_of(key.id)));
            }
        }
        if by.is_empty() && values.is_empty() {
            values.push(native::expr_fn::count(lit(1_i64)).alias("rows"));
        }
        let is_one_row = by.is_empty();
        let mut groups = LogicalPlanBuilder::from(rows).aggregate(by, values)?;
        if is_one_row {
            // DataFusion would move a filter of constants below it, where it takes rows away but not the one that is made of none.
            groups = groups.limit(0, Some(1))?;
        }
        let groups = groups.build()?;
        let mut columns: Vec<Expr> = calls.iter().map(|call| column(call.id)).collect();
        for (n, key) in keys.iter().enumerate() {
            columns.push(match (set.contains(&n), key.shown) {
                (false, _) => Expr::Literal(ScalarValue::try_from(&arrow_type(&key.ty))?, None).alias(name_of(key.id)),
                (true, Some(_)) => column(key.id),
                (true, None) => column(key.normal).alias(name_of(key.id)),
            });
        }
        for (id, of) in grouping {
            let bits = of.iter().fold(0_i64, |bits, key| bits << 1 | i64::from(!set.contains(key)));
            columns.push(cast(lit(bits), arrow_type(&grouping_type(of.len()))).alias(name_of(*id)));
        }
        LogicalPlanBuilder::from(groups).project(columns)?.build()
    }

    /// A call as DataFusion's own where that computes the same, else as ours.
    fn call(&self, call: &Aggregate, arguments: &[ColumnId], filter: Option<ColumnId>) -> Result<Expr> {
        let filter = filter.map(|filter| Box::new(column(filter)));
        let types: Vec<&Type> = call.arguments.iter().map(|argument| &argument.ty).collect();
        let (function, arguments) = match native_of(call, &types) {
            Some(function) => {
                let mut arguments: Vec<Expr> = arguments.iter().map(|id| column(*id)).collect();
                if arguments.is_empty() {
                    arguments.push(lit(1_i64));
                }
                if call.name == "avg" {
                    arguments = arguments.into_iter().map(|argument| cast(argument, DataType::Float64)).collect();
                }
                (function, arguments)
            }
            None => {
                let own = Own::new(call, Arc::clone(&self.session));
                (Arc::new(AggregateUDF::new_from_impl(own)), arguments.iter().map(|id| column(*id)).collect())
            }
        };
        let distinct = call.distinct && call.name == "count";
        let nulls = Some(NullTreatment::IgnoreNulls).filter(|_| is_arbitrary(call.name));
        Ok(Expr::AggregateFunction(AggregateFunction::new_udf(function, arguments, distinct, filter, Vec::new(), nulls)))
    }

    /// Every different row once.
    pub(super) fn distinct_rows(&mut self, input: LogicalPlan, columns: Vec<(ColumnId, Type)>) -> Result<LogicalPlan> {
        if columns.iter().all(|(_, ty)| is_plain(ty)) {
            return LogicalPlanBuilder::from(input).distinct()?.build();
        }
        let (keys, rows) = self.keyed(input, columns, &Wanted::new())?;
        let set: Vec<usize> = (0..keys.len()).collect();
        self.grouped_by(rows, &keys, &set, &[], &[])
    }

    /// INTERSECT and EXCEPT: rows by how often either side has them.
    pub(super) fn counted(
        &mut self,
        left: LogicalPlan,
        right: LogicalPlan,
        columns: Vec<(ColumnId, Type)>,
        both: bool,
    ) -> Result<LogicalPlan> {
        let ids: Wanted = columns.iter().map(|(id, _)| *id).collect();
        let side = self.new_column();
        let left = self.project(left, &ids, vec![(side, lit(1_i64))])?;
        let right = self.project(right, &ids, vec![(side, lit(2_i64))])?;
        let rows = LogicalPlanBuilder::from(left).union(right)?.build()?;
        let (keys, rows) = self.keyed(rows, columns, &Wanted::from([side]))?;
        let (least, most) = (self.new_column(), self.new_column());
        let edge = |name: &'static str, id: ColumnId| Prepared {
            id,
            call: Aggregate::of(name, vec![Typed::column(side, &Type::Bigint)], Type::Bigint),
            arguments: vec![side],
            filter: None,
        };
        let set: Vec<usize> = (0..keys.len()).collect();
        let groups = self.grouped_by(rows, &keys, &set, &[edge("min", least), edge("max", most)], &[])?;
        let kept = column(least).eq(lit(1_i64)).and(column(most).eq(lit(if both { 2_i64 } else { 1 })));
        let kept = LogicalPlanBuilder::from(groups).filter(kept)?.build()?;
        self.project(kept, &ids, Vec::new())
    }

    /// Columns as the keys that they are grouped by, and whatever else is to stay.
    fn keyed(&mut self, input: LogicalPlan, columns: Vec<(ColumnId, Type)>, stay: &Wanted) -> Result<(Vec<Key>, LogicalPlan)> {
        let keys: Vec<(ColumnId, Typed)> = columns.into_iter().map(|(id, ty)| (id, Typed::column(id, &ty))).collect();
        let mut made = Vec::new();
        let mut exprs = keys.iter().map(|(_, key)| key.clone());
        let keys = self.keys(&keys, &mut exprs, &mut made)?;
        Ok((keys, self.project(input, stay, made)?))
    }
}

/// The values a call is computed from: its arguments that are no lambdas, then its sort keys.
pub(super) fn values_of(call: &Aggregate) -> impl Iterator<Item = &Typed> {
    let arguments = call.arguments.iter().filter(|argument| !matches!(argument.kind, Kind::Lambda { .. }));
    arguments.chain(call.order_by.iter().map(|sort| &sort.key))
}

fn is_arbitrary(name: &str) -> bool {
    matches!(name, "arbitrary" | "any_value")
}

/// DataFusion's function that computes the same, faults and NaN included.
fn native_of(call: &Aggregate, types: &[&Type]) -> Option<Arc<AggregateUDF>> {
    let plain = types.iter().all(|ty| is_plain(ty));
    if call.distinct {
        return (call.name == "count" && plain && types.len() == 1).then(native::count::count_udaf);
    }
    if !call.order_by.is_empty() {
        return None;
    }
    Some(match (call.name, types) {
        (name, _) if is_arbitrary(name) => native::first_last::first_value_udaf(),
        ("count", _) => native::count::count_udaf(),
        ("min", [_]) if plain => native::min_max::min_udaf(),
        ("max", [_]) if plain => native::min_max::max_udaf(),
        ("$first", [_]) => native::first_last::first_value_udaf(),
        ("sum", [Type::Double]) => native::sum::sum_udaf(),
        ("avg", [Type::Double | Type::Bigint]) => native::average::avg_udaf(),
        ("bool_and" | "every", _) => native::bool_and_or::bool_and_udaf(),
        ("bool_or", _) => native::bool_and_or::bool_or_udaf(),
        ("stddev" | "stddev_samp", [Type::Double]) => native::stddev::stddev_udaf(),
        ("stddev_pop", [Type::Double]) => native::stddev::stddev_pop_udaf(),
        ("variance" | "var_samp", [Type::Double]) => native::variance::var_samp_udaf(),
        ("var_pop", [Type::Double]) => native::variance::var_pop_udaf(),
        _ => return None,
    })
}
