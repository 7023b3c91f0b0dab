//! What subqueries say of their rows.
//!
//! Owns: the value of a scalar subquery, of EXISTS, IN and comparisons with ALL or ANY.
//! Does not own: how the rows come beside those they are asked for (`apply`).
//! Invariant: of NULLs and of no rows it is said what SQL says; each gives the rows around with columns that the value names.

use super::apply::joined;
use super::{Wanted, is_one_row};
use crate::athena::analyze::Analyzer;
use crate::athena::analyze::plan::{Plan, Relation};
use crate::athena::analyze::typed::{Aggregate, ColumnId, Kind, Typed};
use crate::athena::ast::{Comparison, JoinKind, Span};
use crate::athena::types::Type;

/// A plan and what stands for a subquery over it; `None` where Trino finds no way.
type Answer = Option<(Plan, Typed)>;

impl Analyzer<'_> {
    /// The one row as one value.
    pub(super) fn scalar(&mut self, left: Plan, relation: Relation, ty: &Type) -> Answer {
        let (rows, id) = self.as_one_column(relation, ty);
        let used = Wanted::from([id]);
        let found = self.pull(&rows, &used);
        if found.is_none() && is_one_row(&rows) {
            return Some((self.beside(JoinKind::Left, left, rows, None, &used)?, Typed::column(id, ty)));
        }
        let single = self.new_column();
        let call = (single, Aggregate::of("$single", vec![Typed::column(id, ty)], ty.clone()));
        match found {
            Some(found) if found.single || found.conditions.is_empty() && is_one_row(&found.plan) => {
                let kind = if found.conditions.is_empty() { JoinKind::Cross } else { JoinKind::Left };
                Some((joined(kind, left, found.plan, found.conditions), Typed::column(id, ty)))
            }
            Some(_) => Some((self.aggregated(left, &rows, vec![call])?, Typed::column(single, ty))),
            None => {
                let beside = self.unnested(JoinKind::Left, left, rows, &used)?;
                Some((self.collected(beside, Vec::new(), vec![call]), Typed::column(single, ty)))
            }
        }
    }

    /// Whether there is a row.
    pub(super) fn exists_in(&mut self, left: Plan, relation: Relation) -> Answer {
        let nothing = Wanted::new();
        let (_, mut rows) = super::apply::peeled(relation.plan, &nothing);
        if is_one_row(&rows) {
            return Some((left, Typed::boolean(Some(true))));
        }
        if rows.outer_columns().is_empty() {
            let count = Some(Typed::bigint(1));
            rows = Plan::Limit { input: Box::new(rows), offset: None, count };
        }
        let (id, count) = self.counting(None);
        let found = self.aggregated(left, &rows, vec![(id, count)])?;
        Some((found, Typed::compare(Comparison::Greater, Typed::column(id, &Type::Bigint), Typed::bigint(0))))
    }

    /// Whether a value is among the rows; with `is_kept` it may be false where that is unknown.
    pub(super) fn in_rows(&mut self, left: Plan, of: Typed, relation: Relation, is_kept: bool) -> Answer {
        let ty = of.ty.clone();
        let (rows, id) = self.as_one_column(relation, &ty);
        let value = Typed::column(id, &ty);
        if rows.outer_columns().is_empty() {
            return Some(self.in_all(left, of, rows, value, is_kept));
        }
        if !is_path(&rows) {
            return None;
        }
        let mut found = self.pull(&rows, &Wanted::from([id]))?;
        let equal = Typed::compare(Comparison::Equal, of.clone(), value.clone());
        let unknown = [&of, &value].map(|side| Typed::is_null(side.clone()));
        let [of_is_null, value_is_null] = unknown.clone();
        let may_be = Kind::Or(vec![equal, of_is_null, value_is_null]);
        found.conditions.push(Typed::new(may_be, Type::Boolean, Span::default()));
        let is_unknown = Typed::new(Kind::Or(unknown.to_vec()), Type::Boolean, Span::default());
        let (same, same_call) = self.counting(Some(Typed::not(is_unknown.clone())));
        let (unsure, unsure_call) = self.counting(Some(is_unknown));
        let beside = self.numbered(JoinKind::Left, left, found);
        let plan = self.collected(beside, Vec::new(), vec![(same, same_call), (unsure, unsure_call)]);
        let some = |id: ColumnId| Typed::compare(Comparison::Greater, Typed::column(id, &Type::Bigint), Typed::bigint(0));
        let branches = vec![(some(same), Typed::boolean(Some(true))), (some(unsure), Typed::boolean(None))];
        Some((plan, Typed::case(branches, Typed::boolean(Some(false)))))
    }

    /// The same for rows that are the same whatever is asked.
    fn in_all(&mut self, left: Plan, of: Typed, rows: Plan, value: Typed, is_kept: bool) -> (Plan, Typed) {
        let Kind::Column(id) = value.kind else { return (left, Typed::boolean(None)) };
        let facts = (!is_kept).then(|| self.facts(rows.clone(), &value));
        // The different values, each of which meets a row at most once; NaN equals none, itself least of all.
        let condition = Typed::compare(Comparison::Equal, value.clone(), value.clone());
        let distinct = Plan::Distinct { input: Box::new(Plan::Filter { input: Box::new(rows), condition }), columns: vec![id] };
        let found = self.new_column();
        let marked = Plan::Extend { input: Box::new(distinct), columns: vec![(found, Typed::boolean(Some(true)))] };
        let equal = Typed::compare(Comparison::Equal, of.clone(), value);
        let plan = joined(JoinKind::Left, left, marked, vec![equal]);
        let is_found = Typed::not(Typed::is_null(Typed::column(found, &Type::Boolean)));
        let Some((facts, [all, some])) = facts else { return (plan, is_found) };
        let plan = joined(JoinKind::Cross, plan, facts, Vec::new());
        let branches = vec![
            (Typed::compare(Comparison::Equal, all.clone(), Typed::bigint(0)), Typed::boolean(Some(false))),
            (Typed::is_null(of), Typed::boolean(None)),
            (is_found, Typed::boolean(Some(true))),
            (Typed::compare(Comparison::NotEqual, all, some), Typed::boolean(None)),
        ];
        (plan, Typed::case(branches, Typed::boolean(Some(false))))
    }

    /// How many rows there are as a whole, and in how many of them the value is not NULL.
    fn facts(&mut self, rows: Plan, value: &Typed) -> (Plan, [Typed; 2]) {
        let (all, all_call) = self.counting(None);
        let (some, some_call) = self.counting(Some(Typed::not(Typed::is_null(value.clone()))));
        let calls = vec![(all, all_call), (some, some_call)];
        let (keys, sets, grouping) = (Vec::new(), vec![Vec::new()], Vec::new());
        let facts = Plan::Aggregate { input: Box::new(rows), keys, sets, calls, grouping };
        (facts, [all, some].map(|id| Typed::column(id, &Type::Bigint)))
    }

    /// `value op ALL | ANY (rows)`: of equality by looking for it, else by the least and the greatest of the rows.
    pub(super) fn compared_to(&mut self, left: Plan, how: (Comparison, bool), value: Typed, relation: Relation) -> Answer {
        let (op, every) = how;
        match how {
            (Comparison::Equal, false) => return self.in_rows(left, value, relation, false),
            (Comparison::NotEqual, true) => {
                let (plan, found) = self.in_rows(left, value, relation, false)?;
                return Some((plan, Typed::not(found)));
            }
            _ => {}
        }
        let ty = value.ty.clone();
        let (rows, id) = self.as_one_column(relation, &ty);
        let (all, all_call) = self.counting(None);
        let (some, some_call) = self.counting(None);
        let some_call = Aggregate { arguments: vec![Typed::column(id, &ty)], ..some_call };
        let (least, most) = (self.new_column(), self.new_column());
        let edge = |name: &'static str| Aggregate::of(name, vec![Typed::column(id, &ty)], ty.clone());
        let calls = vec![(all, all_call), (some, some_call), (least, edge("min")), (most, edge("max"))];
        let plan = self.aggregated(left, &rows, calls)?;
        let to = |edge: ColumnId| Typed::compare(op, value.clone(), Typed::column(edge, &ty));
        let holds =
            match (op, every) {
                (Comparison::Less | Comparison::LessOrEqual, true)
                | (Comparison::Greater | Comparison::GreaterOrEqual, false) => to(least),
                (Comparison::Less | Comparison::LessOrEqual, false)
                | (Comparison::Greater | Comparison::GreaterOrEqual, true) => to(most),
                (_, true) => Typed::new(Kind::And(vec![to(least), to(most)]), Type::Boolean, value.span),
                (_, false) => Typed::new(Kind::Or(vec![to(least), to(most)]), Type::Boolean, value.span),
            };
        let decided = if every { Typed::not(holds.clone()) } else { holds.clone() };
        let (all, some) = (Typed::column(all, &Type::Bigint), Typed::column(some, &Type::Bigint));
        let branches = vec![
            (Typed::compare(Comparison::Equal, all.clone(), Typed::bigint(0)), Typed::boolean(Some(every))),
            (decided, Typed::boolean(Some(!every))),
            (Typed::compare(Comparison::NotEqual, all, some), Typed::boolean(None)),
        ];
        Some((plan, Typed::case(branches, holds)))
    }

    /// How many rows there are, or those of which something is true.
    fn counting(&mut self, filter: Option<Typed>) -> (ColumnId, Aggregate) {
        let call = Aggregate::of("count", Vec::new(), Type::Bigint);
        (self.new_column(), Aggregate { filter, ..call })
    }

    /// A relation whose rows are one value each: several columns are a row.
    fn as_one_column(&mut self, relation: Relation, ty: &Type) -> (Plan, ColumnId) {
        let id = self.new_column();
        let mut values: Vec<Typed> = relation.fields.iter().map(|field| Typed::column(field.id, &field.ty)).collect();
        let value = match (values.len(), values.pop()) {
            (1, Some(one)) => one,
            (_, last) => {
                values.extend(last);
                let fields = Type::row(values.iter().map(|value| value.ty.clone()));
                Typed::new(Kind::Row(values), fields, Span::default())
            }
        };
        (Plan::Extend { input: Box::new(relation.plan), columns: vec![(id, value.coerced(ty))] }, id)
    }
}

/// Whether conditions and computing are all that lies between the rows and what they are taken from.
fn is_path(plan: &Plan) -> bool {
    match plan {
        plan if plan.outer_columns().is_empty() => true,
        Plan::Filter { input, .. } | Plan::Extend { input, .. } | Plan::Sort { input, .. } => is_path(input),
        Plan::Join { kind: JoinKind::Inner, left, right, .. } => is_path(left) && is_path(right),
        _ => false,
    }
}
