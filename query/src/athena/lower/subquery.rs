//! Subqueries within expressions.
//!
//! Owns: computing them beside the relation whose rows they are asked for.
//! Does not own: rewriting correlated ones as joins, which DataFusion does.
//! Invariant: a subquery never changes how many rows there are; of NULLs and of no rows it says what SQL says.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery as EngineSubquery};

use super::aggregate::Grouped;
use super::expr::{fault, free_columns, join_key};
use super::{Lowering, Wanted, mentioned, typed_column};
use crate::athena::analyze::plan::{Plan, Relation, Subquery};
use crate::athena::analyze::typed::{Aggregate, ColumnId, Kind, Literal, Typed};
use crate::athena::ast::{Comparison, Span};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;

impl Lowering<'_> {
    /// The relation below with what the expressions name, their subqueries being columns of it afterwards.
    pub(super) fn with_subqueries(&mut self, input: Plan, exprs: &mut [Typed], wanted: &Wanted) -> Result<LogicalPlan> {
        let mut below = wanted.clone();
        exprs.iter().for_each(|expr| mentioned(expr, &mut below));
        let mut plan = self.plan(input, &below)?;
        for expr in exprs {
            while let Some(found) = first_subquery(expr) {
                let Kind::Subquery(query) = &found.kind else { break };
                let (with, value) = self.subquery(plan, (**query).clone(), &found.ty)?;
                plan = with;
                let taken = std::mem::replace(expr, value.clone());
                *expr = taken.replaced(&mut |part| (*part == found).then(|| value.clone()));
            }
        }
        Ok(plan)
    }

    /// A subquery's value for each row of a relation.
    fn subquery(&mut self, plan: LogicalPlan, query: Subquery, ty: &Type) -> Result<(LogicalPlan, Typed)> {
        let outer = outer_columns(&query.relation().plan);
        if !outer.is_empty() {
            let value = self.correlated(query, outer, ty)?;
            return Ok((plan, value));
        }
        match query {
            Subquery::Scalar(relation) => {
                let (one, value) = self.single(relation, ty)?;
                Ok((LogicalPlanBuilder::from(plan).cross_join(one)?.build()?, value))
            }
            Subquery::Exists(relation) => {
                let limited = limited(relation.plan, 1);
                let (count, plan_of_count) = self.counted_rows(limited, None)?;
                let exists = compare(Comparison::Greater, count, bigint(0));
                Ok((LogicalPlanBuilder::from(plan).cross_join(plan_of_count)?.build()?, exists))
            }
            Subquery::In { of, relation } => self.in_rows(plan, of, relation),
            Subquery::Quantified { op: Comparison::Equal, all: false, left, relation } => self.in_rows(plan, left, relation),
            Subquery::Quantified { op: Comparison::NotEqual, all: true, left, relation } => {
                let (plan, found) = self.in_rows(plan, left, relation)?;
                let span = found.span;
                Ok((plan, Typed::new(Kind::Not(Box::new(found)), Type::Boolean, span)))
            }
            Subquery::Quantified { op, all, left, relation } => self.quantified(plan, op, all, left, relation),
        }
    }

    /// The one row of a relation as one value.
    fn single(&mut self, relation: Relation, ty: &Type) -> Result<(LogicalPlan, Typed)> {
        let (plan, value) = as_one_column(relation, ty, self.new_column());
        let id = self.new_column();
        let call = Aggregate::of("$single", vec![value], ty.clone());
        let grouped = Grouped::of_all(vec![(id, call)]);
        let one = self.aggregate(plan, grouped, &Wanted::from([id]))?;
        Ok((one, typed_column(id, ty)))
    }

    /// How many rows, and how many with a value that is not NULL, there are.
    fn counted_rows(&mut self, plan: Plan, value: Option<&Typed>) -> Result<(Typed, LogicalPlan)> {
        let id = self.new_column();
        let call = Aggregate::of("count", value.into_iter().cloned().collect(), Type::Bigint);
        let counted = self.aggregate(plan, Grouped::of_all(vec![(id, call)]), &Wanted::from([id]))?;
        Ok((typed_column(id, &Type::Bigint), counted))
    }

    /// Whether a value is among a relation's rows.
    fn in_rows(&mut self, plan: LogicalPlan, of: Typed, relation: Relation) -> Result<(LogicalPlan, Typed)> {
        let ty = of.ty.clone();
        let (rows, value) = as_one_column(relation, &ty, self.new_column());
        let id = column_id(&value)?;
        // Facts of the relation as a whole: how many rows, how many of them not NULL.
        let (all, some) = (self.new_column(), self.new_column());
        let calls = vec![
            (all, Aggregate::of("count", Vec::new(), Type::Bigint)),
            (some, Aggregate::of("count", vec![value.clone()], Type::Bigint)),
        ];
        let facts = self.aggregate(rows.clone(), Grouped::of_all(calls), &Wanted::from([all, some]))?;
        // The different values, each of which meets a row at most once; NaN equals none, itself least of all.
        let span = value.span;
        let itself = compare(Comparison::Equal, value.clone(), value.clone());
        let distinct =
            Plan::Distinct { input: Box::new(Plan::Filter { input: Box::new(rows), condition: itself }), columns: vec![id] };
        let found = self.new_column();
        let marker = Typed::new(Kind::Literal(Literal::Boolean(true)), Type::Boolean, span);
        let marked = Plan::Extend { input: Box::new(distinct), columns: vec![(found, marker)] };
        let marked = self.plan(marked, &Wanted::from([id, found]))?;
        let equal = compare(Comparison::Equal, of.clone(), value);
        let on = match join_key(&equal, &self.session, &|id| self.stands_for(id))? {
            Some(key) => key,
            None => self.expr(&equal)?,
        };
        let joined = LogicalPlanBuilder::from(plan).join_on(marked, JoinType::Left, [on])?.cross_join(facts)?.build()?;
        let (all, some) = (typed_column(all, &Type::Bigint), typed_column(some, &Type::Bigint));
        let truth = |value: Literal| Typed::new(Kind::Literal(value), Type::Boolean, span);
        let is_null = |of: Typed| Typed::new(Kind::IsNull(Box::new(of)), Type::Boolean, span);
        let is_found = Typed::new(Kind::Not(Box::new(is_null(typed_column(found, &Type::Boolean)))), Type::Boolean, span);
        let branches = vec![
            (compare(Comparison::Equal, all.clone(), bigint(0)), truth(Literal::Boolean(false))),
            (is_null(of), truth(Literal::Null)),
            (is_found, truth(Literal::Boolean(true))),
            (compare(Comparison::NotEqual, all, some), truth(Literal::Null)),
        ];
        let otherwise = Some(Box::new(truth(Literal::Boolean(false))));
        Ok((joined, Typed::new(Kind::Case { branches, otherwise }, Type::Boolean, span)))
    }

    /// `left op ALL | ANY (rows)`, by the least and the greatest of the rows.
    fn quantified(
        &mut self,
        plan: LogicalPlan,
        op: Comparison,
        every: bool,
        left: Typed,
        relation: Relation,
    ) -> Result<(LogicalPlan, Typed)> {
        let ty = left.ty.clone();
        let (rows, value) = as_one_column(relation, &ty, self.new_column());
        let [all, some, least, most] = [(); 4].map(|()| self.new_column());
        let calls = vec![
            (all, Aggregate::of("count", Vec::new(), Type::Bigint)),
            (some, Aggregate::of("count", vec![value.clone()], Type::Bigint)),
            (least, Aggregate::of("min", vec![value.clone()], ty.clone())),
            (most, Aggregate::of("max", vec![value], ty.clone())),
        ];
        let facts = self.aggregate(rows, Grouped::of_all(calls), &Wanted::from([all, some, least, most]))?;
        let joined = LogicalPlanBuilder::from(plan).cross_join(facts)?.build()?;
        let (least, most) = (typed_column(least, &ty), typed_column(most, &ty));
        let span = left.span;
        let to = |edge: &Typed| compare(op, left.clone(), edge.clone());
        let holds =
            match (op, every) {
                (Comparison::Less | Comparison::LessOrEqual, true)
                | (Comparison::Greater | Comparison::GreaterOrEqual, false) => to(&least),
                (Comparison::Less | Comparison::LessOrEqual, false)
                | (Comparison::Greater | Comparison::GreaterOrEqual, true) => to(&most),
                (_, true) => Typed::new(Kind::And(vec![to(&least), to(&most)]), Type::Boolean, span),
                (_, false) => Typed::new(Kind::Or(vec![to(&least), to(&most)]), Type::Boolean, span),
            };
        let truth = |value: Literal| Typed::new(Kind::Literal(value), Type::Boolean, span);
        let decided = if every { Typed::new(Kind::Not(Box::new(holds.clone())), Type::Boolean, span) } else { holds.clone() };
        let (all, some) = (typed_column(all, &Type::Bigint), typed_column(some, &Type::Bigint));
        let branches = vec![
            (compare(Comparison::Equal, all.clone(), bigint(0)), truth(Literal::Boolean(every))),
            (decided, truth(Literal::Boolean(!every))),
            (compare(Comparison::NotEqual, all, some), truth(Literal::Null)),
        ];
        Ok((joined, Typed::new(Kind::Case { branches, otherwise: Some(Box::new(holds)) }, Type::Boolean, span)))
    }

    /// A subquery that names columns of the rows it is asked for, left to DataFusion to be made a join.
    fn correlated(&mut self, query: Subquery, outer: Vec<(ColumnId, Type)>, ty: &Type) -> Result<Typed> {
        let known = self.around.len();
        self.around.extend(outer.iter().cloned());
        let lowered = self.correlated_in(query, &outer, ty);
        self.around.truncate(known);
        let id = self.new_column();
        self.correlated.push((id, lowered?));
        Ok(typed_column(id, ty))
    }

    fn correlated_in(&mut self, query: Subquery, outer: &[(ColumnId, Type)], ty: &Type) -> Result<Expr> {
        let references: Vec<Expr> = outer.iter().filter_map(|(id, _)| self.stands_for(*id)).collect();
        let engine = |plan: LogicalPlan| EngineSubquery {
            subquery: Arc::new(plan),
            outer_ref_columns: references.clone(),
            spans: datafusion::common::Spans::new(),
        };
        Ok(match query {
            Subquery::Scalar(relation) if is_one_row(&relation.plan) => {
                let (plan, value) = as_one_column(relation, ty, self.new_column());
                Expr::ScalarSubquery(engine(self.plan(plan, &Wanted::from([column_id(&value)?]))?))
            }
            Subquery::Scalar(relation) => Expr::ScalarSubquery(engine(self.single(relation, ty)?.0)),
            Subquery::Exists(relation) => {
                let ids = relation.fields.iter().map(|field| field.id).collect();
                Expr::Exists(Exists { subquery: engine(self.plan(relation.plan, &ids)?), negated: false })
            }
            Subquery::In { of, relation } => {
                let (plan, value) = as_one_column(relation, &of.ty, self.new_column());
                let plan = self.plan(plan, &Wanted::from([column_id(&value)?]))?;
                let known = std::mem::take(&mut self.around);
                let of = self.expr(&of);
                self.around = known;
                Expr::InSubquery(InSubquery { expr: Box::new(of?), subquery: engine(plan), negated: false })
            }
            Subquery::Quantified { .. } => {
                return Err(fault(AthenaError::not_supported(
                    "a comparison with ALL or ANY row of a correlated subquery is not computed here yet",
                )));
            }
        })
    }
}

/// The first subquery within an expression that no other one holds.
fn first_subquery(expr: &Typed) -> Option<Typed> {
    let mut found = None;
    expr.walk(&mut |part| {
        if found.is_none() && matches!(part.kind, Kind::Subquery(_)) {
            found = Some(part.clone());
        }
        found.is_none()
    });
    found
}

/// The columns that a plan names and does not make.
pub(super) fn outer_columns(plan: &Plan) -> Vec<(ColumnId, Type)> {
    let (mut named, mut made) = (Vec::new(), Wanted::new());
    gather(plan, &mut named, &mut made);
    let mut outer: Vec<(ColumnId, Type)> = Vec::new();
    for (id, ty) in named {
        if !made.contains(&id) && !outer.iter().any(|(known, _)| *known == id) {
            outer.push((id, ty));
        }
    }
    outer
}

fn gather(plan: &Plan, named: &mut Vec<(ColumnId, Type)>, made: &mut Wanted) {
    made.extend(plan.all_made().into_iter().map(|(id, _)| id));
    plan.walk_exprs(&mut |expr| {
        let free = free_columns(expr);
        expr.walk(&mut |part| {
            match &part.kind {
                Kind::Column(id) if free.contains(id) => named.push((*id, part.ty.clone())),
                Kind::Subquery(query) => gather(&query.relation().plan, named, made),
                _ => {}
            }
            true
        });
    });
}

/// A relation whose rows are one value each.
fn as_one_column(relation: Relation, ty: &Type, id: ColumnId) -> (Plan, Typed) {
    let values: Vec<Typed> = relation.fields.iter().map(|field| typed_column(field.id, &field.ty)).collect();
    let value = match <[Typed; 1]>::try_from(values) {
        Ok([one]) => one.coerced(ty),
        Err(several) => {
            let fields = Type::row(several.iter().map(|value| value.ty.clone()));
            Typed::new(Kind::Row(several), fields, Span::default()).coerced(ty)
        }
    };
    (Plan::Extend { input: Box::new(relation.plan), columns: vec![(id, value)] }, typed_column(id, ty))
}

fn column_id(column: &Typed) -> Result<ColumnId> {
    match column.kind {
        Kind::Column(id) => Ok(id),
        _ => Err(fault(AthenaError::internal(&"a column was expected"))),
    }
}

/// Whether a plan gives one row whatever there is.
fn is_one_row(plan: &Plan) -> bool {
    match plan {
        Plan::Extend { input, .. } | Plan::Sort { input, .. } => is_one_row(input),
        Plan::Aggregate { keys, .. } => keys.is_empty(),
        _ => false,
    }
}

fn limited(plan: Plan, rows: i64) -> Plan {
    Plan::Limit { input: Box::new(plan), offset: None, count: Some(bigint(rows)), with_ties: false }
}

fn bigint(value: i64) -> Typed {
    Typed::new(Kind::Literal(Literal::Integer(value)), Type::Bigint, Span::default())
}

fn compare(op: Comparison, left: Typed, right: Typed) -> Typed {
    let span = left.span;
    Typed::new(Kind::Compare { op, left: Box::new(left), right: Box::new(right) }, Type::Boolean, span)
}
