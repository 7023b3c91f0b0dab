//! Conditions on the row around, pulled out of a subquery: what Trino's `PlanNodeDecorrelator` can.
//!
//! Owns: which steps a condition can be pulled through, and what they become without it.
//! Does not own: what is joined by the conditions (`apply`).
//! Invariant: joined with a row by its conditions, the plan gives the rows that the subquery has for that row.

use super::Wanted;
use crate::athena::analyze::Analyzer;
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Aggregate, ColumnId, Kind, Sort, Typed, WindowCall};
use crate::athena::ast::{Comparison, JoinKind};
use crate::athena::eval::has_volatile;
use crate::athena::types::{Type, can_coerce};

/// A subquery without its conditions on the row around.
#[derive(Debug, Clone)]
pub(super) struct Pulled {
    pub(super) plan: Plan,
    pub(super) conditions: Vec<Typed>,
    /// Columns of the plan that the conditions name.
    named: Wanted,
    /// Those of them that are the same in all rows that one row around has.
    constant: Wanted,
    /// Whether there is at most one row for each row around.
    pub(super) single: bool,
}

/// Pulls conditions out.
pub(super) struct Pulling<'p, 't> {
    pub(super) analyzer: &'p mut Analyzer<'t>,
    /// The columns of the queries around.
    pub(super) outer: Wanted,
}

impl Pulled {
    fn free(plan: Plan) -> Self {
        Self { plan, conditions: Vec::new(), named: Wanted::new(), constant: Wanted::new(), single: false }
    }

    /// Each condition as an equality of something of the plan and something of the row around; `None` if one is another.
    pub(super) fn equalities(&self, outer: &Wanted) -> Option<Vec<(Typed, Typed)>> {
        let of_row = |expr: &Typed| expr.columns().iter().all(|id| outer.contains(id)) && !has_volatile(expr);
        let of_plan = |expr: &Typed| {
            let columns = expr.columns();
            !columns.is_empty() && !columns.iter().any(|id| outer.contains(id)) && !has_volatile(expr)
        };
        let sides = |condition: &Typed| match &condition.kind {
            Kind::Compare { op: Comparison::Equal, left, right } if of_plan(left) && of_row(right) => {
                Some(((**left).clone(), (**right).clone()))
            }
            Kind::Compare { op: Comparison::Equal, left, right } if of_plan(right) && of_row(left) => {
                Some(((**right).clone(), (**left).clone()))
            }
            _ => None,
        };
        self.conditions.iter().map(sides).collect()
    }
}

impl Pulling<'_, '_> {
    /// A subquery of which only these columns are used; `None` where Trino finds no way.
    pub(super) fn pull(&mut self, plan: Plan, used: &Wanted) -> Option<Pulled> {
        if plan.outer_columns().is_empty() {
            return Some(Pulled::free(plan));
        }
        match plan {
            Plan::Filter { input, condition } => {
                let mut below = used.clone();
                below.extend(condition.columns());
                let input = self.pull(*input, &below)?;
                Some(self.filtered(input, condition))
            }
            Plan::Join { kind: JoinKind::Inner, left, right, on: Some(on), lateral: None } => {
                if !(left.outer_columns().is_empty() && right.outer_columns().is_empty()) {
                    return None;
                }
                let (correlated, free): (Vec<_>, Vec<_>) = on.terms().into_iter().partition(|term| self.is_outer(term));
                let kind = if free.is_empty() { JoinKind::Cross } else { JoinKind::Inner };
                let join = Plan::Join { kind, left, right, on: Typed::all(free), lateral: None };
                Some(self.filtered(Pulled::free(join), Typed::all(correlated)?))
            }
            Plan::Extend { input, columns } => {
                let columns: Vec<_> = columns.into_iter().filter(|(id, _)| used.contains(id)).collect();
                if columns.iter().any(|(_, value)| self.is_outer(value)) {
                    return None;
                }
                let mut below = used.clone();
                below.extend(columns.iter().flat_map(|(_, value)| value.columns()));
                let found = self.pull(*input, &below)?;
                Some(Pulled { plan: Plan::Extend { input: Box::new(found.plan), columns }, ..found })
            }
            Plan::Window { input, calls } if !calls.iter().any(|(id, _)| used.contains(id)) => self.pull(*input, used),
            Plan::Sort { input, .. } => self.pull(*input, used),
            Plan::Limit { input, offset: None, count: Some(count) } => self.limited(*input, count.whole_number()?, used),
            Plan::Distinct { input, columns } => self.distinct(*input, columns),
            Plan::Aggregate { input, keys, sets, calls, grouping }
                if !keys.is_empty() && sets.len() == 1 && grouping.is_empty() =>
            {
                self.grouped(*input, keys, calls, used)
            }
            _ => None,
        }
    }

    fn is_outer(&self, expr: &Typed) -> bool {
        expr.columns().iter().any(|id| self.outer.contains(id))
    }

    fn filtered(&self, mut found: Pulled, condition: Typed) -> Pulled {
        let (correlated, free): (Vec<_>, Vec<_>) = condition.terms().into_iter().partition(|term| self.is_outer(term));
        if let Some(condition) = Typed::all(free) {
            found.plan = Plan::Filter { input: Box::new(found.plan), condition };
        }
        for condition in correlated {
            found.named.extend(condition.columns().into_iter().filter(|id| !self.outer.contains(id)));
            found.constant.extend(self.made_constant(&condition));
            found.conditions.push(condition);
        }
        found
    }

    /// The column that a condition makes equal to something of the row around.
    fn made_constant(&self, condition: &Typed) -> Vec<ColumnId> {
        let Kind::Compare { op: Comparison::Equal, left, right } = &condition.kind else { return Vec::new() };
        let of_row = |expr: &Typed| expr.columns().iter().all(|id| self.outer.contains(id)) && !has_volatile(expr);
        let column = |expr: &Typed| match &expr.kind {
            Kind::Column(id) => Some(*id),
            Kind::Cast { of, .. } => match of.kind {
                Kind::Column(id) if is_injective(&of.ty, &expr.ty) => Some(id),
                _ => None,
            },
            _ => None,
        };
        let sides = [(left, right), (right, left)].into_iter();
        let equal = sides.filter(|(_, other)| of_row(other)).filter_map(|(one, _)| column(one));
        equal.filter(|id| !self.outer.contains(id)).collect()
    }

    /// The first rows: those of each row around are told apart by the columns that are constant for it.
    fn limited(&mut self, input: Plan, count: i64, used: &Wanted) -> Option<Pulled> {
        // What is computed of the rows can wait until they are chosen.
        if let Plan::Extend { input: below, columns } = input {
            let limit = Plan::Limit { input: below, offset: None, count: Some(Typed::bigint(count)) };
            return self.pull(Plan::Extend { input: Box::new(limit), columns }, used);
        }
        let (input, by) = match input {
            Plan::Sort { input, by } => (*input, by),
            other => (other, Vec::new()),
        };
        let mut below = used.clone();
        below.extend(by.iter().flat_map(|sort| sort.key.columns()));
        let own: Wanted = input.columns().into_iter().map(|(id, _)| id).collect();
        let mut found = self.pull(input, &below)?;
        if found.single {
            return Some(found);
        }
        let is_sorted = !by.is_empty();
        let is_constant = |key: &Typed| matches!(key.kind, Kind::Column(id) if found.constant.contains(&id));
        let by: Vec<Sort> = by.into_iter().filter(|sort| !is_constant(&sort.key)).collect();
        if by.iter().any(|sort| self.is_outer(&sort.key)) {
            return None;
        }
        if !is_sorted && count == 1 {
            let columns: Wanted = used.union(&found.named).copied().filter(|id| own.contains(id)).collect();
            let is_one = !found.constant.is_empty() && found.constant.is_superset(&columns);
            let plan = Plan::Distinct { input: Box::new(found.plan), columns: columns.into_iter().collect() };
            return is_one.then_some(Pulled { plan, single: true, ..found });
        }
        if !found.constant.is_superset(&found.named) {
            return None;
        }
        found.single = is_sorted && count == 1;
        found.plan = match found.named.is_empty() {
            true => {
                let input = if by.is_empty() { found.plan } else { Plan::Sort { input: Box::new(found.plan), by } };
                Plan::Limit { input: Box::new(input), offset: None, count: Some(Typed::bigint(count)) }
            }
            false => self.analyzer.first_of_each(found.plan, &found.named, by, count),
        };
        Some(found)
    }

    fn distinct(&mut self, input: Plan, mut columns: Vec<ColumnId>) -> Option<Pulled> {
        let found = self.pull(input, &columns.iter().copied().collect())?;
        let added: Vec<ColumnId> = found.named.iter().copied().filter(|id| !columns.contains(id)).collect();
        if !added.iter().all(|id| found.constant.contains(id)) {
            return None;
        }
        columns.extend(added);
        let single = columns.iter().all(|id| found.constant.contains(id));
        Some(Pulled { plan: Plan::Distinct { input: Box::new(found.plan), columns }, single, ..found })
    }

    fn grouped(
        &mut self,
        input: Plan,
        mut keys: Vec<(ColumnId, Typed)>,
        calls: Vec<(ColumnId, Aggregate)>,
        used: &Wanted,
    ) -> Option<Pulled> {
        let calls: Vec<_> = calls.into_iter().filter(|(id, _)| used.contains(id)).collect();
        let parts = keys.iter().map(|(_, key)| key).chain(calls.iter().flat_map(|(_, call)| call.parts()));
        let below: Wanted = parts.flat_map(Typed::columns).collect();
        if !below.is_disjoint(&self.outer) {
            return None;
        }
        let types = input.columns();
        let found = self.pull(input, &below)?;
        let added: Vec<ColumnId> = found.named.iter().copied().filter(|id| !keys.iter().any(|(key, _)| key == id)).collect();
        if !added.iter().all(|id| found.constant.contains(id)) {
            return None;
        }
        for id in added {
            let (_, ty) = types.iter().find(|(own, _)| *own == id)?;
            keys.push((id, Typed::column(id, ty)));
        }
        let single = keys.iter().all(|(id, _)| found.constant.contains(id));
        let sets = vec![(0..keys.len()).collect()];
        let plan = Plan::Aggregate { input: Box::new(found.plan), keys, sets, calls, grouping: Vec::new() };
        Some(Pulled { plan, single, ..found })
    }
}

impl Analyzer<'_> {
    /// So many rows of each that are alike in some columns, the first by an order.
    pub(super) fn first_of_each(&mut self, input: Plan, alike: &Wanted, by: Vec<Sort>, count: i64) -> Plan {
        let partition_by =
            input.columns().iter().filter(|(id, _)| alike.contains(id)).map(|(id, ty)| Typed::column(*id, ty)).collect();
        let number = self.new_column();
        let call = WindowCall::ranking("row_number", partition_by, by);
        let numbered = Plan::Window { input: Box::new(input), calls: vec![(number, call)] };
        let first = Typed::compare(Comparison::LessOrEqual, Typed::column(number, &Type::Bigint), Typed::bigint(count));
        Plan::Filter { input: Box::new(numbered), condition: first }
    }
}

/// Whether a coercion keeps different values different.
fn is_injective(from: &Type, to: &Type) -> bool {
    let loses = matches!(
        (from, to),
        (Type::Bigint | Type::Decimal { .. }, Type::Double | Type::Real)
            | (Type::Integer, Type::Real)
            | (Type::Char(_), Type::Varchar(_))
    );
    can_coerce(from, to) && !loses
}
