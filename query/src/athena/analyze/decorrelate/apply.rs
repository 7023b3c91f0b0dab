//! The rows that a subquery has for each row around it, beside that row.
//!
//! Owns: joins, groupings and UNNEST in place of subqueries that name columns around them, in the forms that Trino knows.
//! Does not own: pulling conditions out (`pull`), what a subquery's rows are wanted for (the module above).
//! Invariant: no row around is lost or doubled but by a join that was written.

use super::pull::{Pulled, Pulling};
use super::{Wanted, is_one_row};
use crate::athena::analyze::Analyzer;
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Aggregate, ColumnId, Kind, Literal, Typed};
use crate::athena::ast::{Comparison, JoinKind, Span};
use crate::athena::types::Type;

/// Rows beside the rows around that they belong to.
pub(super) struct Beside {
    pub(super) plan: Plan,
    /// The number of the row around.
    id: ColumnId,
    /// True where there is a row for it.
    there: ColumnId,
    /// The columns of the row around.
    around: Vec<(ColumnId, Type)>,
}

/// Columns made by a step.
type Made = Vec<(ColumnId, Typed)>;

impl Analyzer<'_> {
    pub(super) fn pull(&mut self, plan: &Plan, used: &Wanted) -> Option<Pulled> {
        let outer = plan.outer_columns();
        Pulling { analyzer: self, outer }.pull(plan.clone(), used)
    }

    /// `left JOIN LATERAL right ON on`, of whose columns these are used; `None` where Trino finds no way.
    pub(super) fn beside(&mut self, kind: JoinKind, left: Plan, right: Plan, on: Option<Typed>, used: &Wanted) -> Option<Plan> {
        let mut named = used.clone();
        named.extend(on.iter().flat_map(Typed::columns));
        if let Some(mut found) = self.pull(&right, &named) {
            found.conditions.extend(on);
            return Some(joined(kind, left, found.plan, found.conditions));
        }
        if on.is_some() {
            return None;
        }
        let (made, core) = peeled(right.clone(), used);
        let mut plan = match core {
            Plan::Nothing => left,
            Plan::Values { columns, mut rows } if rows.len() == 1 => {
                let columns = columns.into_iter().map(|(id, _)| id).zip(rows.pop()?).collect();
                Plan::Extend { input: Box::new(left), columns }
            }
            core if is_one_row(&core) && core.outer_columns().is_empty() => joined(JoinKind::Inner, left, core, Vec::new()),
            Plan::Aggregate { input, keys, sets, calls, grouping } if sets.len() == 1 && grouping.is_empty() => {
                match keys.len() {
                    0 => self.aggregated(left, &input, calls)?,
                    _ if kind == JoinKind::Left => return None,
                    _ => self.grouped(left, &input, keys, calls)?,
                }
            }
            Plan::Distinct { input, columns } if made.is_empty() => self.distinct(kind, left, &input, &columns)?,
            _ => return self.unnested(kind, left, right, used).map(|found| found.plan),
        };
        for columns in made {
            plan = Plan::Extend { input: Box::new(plan), columns };
        }
        Some(plan)
    }

    /// Aggregates of all rows of a subquery, for each row of `left`.
    pub(super) fn aggregated(&mut self, left: Plan, rows: &Plan, calls: Vec<(ColumnId, Aggregate)>) -> Option<Plan> {
        let named: Wanted = calls.iter().flat_map(|(_, call)| call.parts()).flat_map(Typed::columns).collect();
        let (outer, own) = (rows.outer_columns(), rows.columns());
        match self.pull(rows, &named) {
            // What is aggregated may not depend on the row around.
            Some(_) if named.iter().any(|id| own.iter().all(|(made, _)| made != id)) => None,
            Some(found) if found.conditions.is_empty() => {
                let all = Plan::Aggregate {
                    input: Box::new(found.plan),
                    keys: Vec::new(),
                    sets: vec![Vec::new()],
                    calls,
                    grouping: Vec::new(),
                };
                Some(joined(JoinKind::Cross, left, all, Vec::new()))
            }
            Some(found) => match found.equalities(&outer) {
                Some(keys) if !keys.is_empty() && calls.iter().all(|(_, call)| call.name != "$single") => {
                    Some(self.looked_up(left, found.plan, keys, calls))
                }
                _ => {
                    let beside = self.numbered(JoinKind::Left, left, found);
                    Some(self.collected(beside, Vec::new(), calls))
                }
            },
            None if calls.iter().any(|(_, call)| call.filter.is_some()) => None,
            None => {
                let beside = self.unnested_all(left, rows.clone())?;
                Some(self.collected(beside, Vec::new(), calls))
            }
        }
    }

    /// The same where the rows are those with equal keys: they are grouped once and looked up.
    fn looked_up(&mut self, left: Plan, rows: Plan, keys: Vec<(Typed, Typed)>, calls: Vec<(ColumnId, Aggregate)>) -> Plan {
        let (mut grouped, mut conditions) = (Vec::new(), Vec::new());
        for (key, of_row) in keys {
            let id = self.new_column();
            conditions.push(Typed::compare(Comparison::Equal, of_row, Typed::column(id, &key.ty)));
            grouped.push((id, key));
        }
        let (mut found, mut shown) = (Vec::new(), Vec::new());
        let there = self.new_column();
        for (id, call) in calls {
            let inner = self.new_column();
            let is_missing = Typed::is_null(Typed::column(there, &Type::Boolean));
            let value = Typed::column(inner, &call.returns);
            shown.push((id, Typed::case(vec![(is_missing, of_no_rows(&call))], value)));
            found.push((inner, call));
        }
        let sets = vec![(0..grouped.len()).collect()];
        let groups = Plan::Aggregate { input: Box::new(rows), keys: grouped, sets, calls: found, grouping: Vec::new() };
        let marked = Plan::Extend { input: Box::new(groups), columns: vec![(there, Typed::boolean(Some(true)))] };
        Plan::Extend { input: Box::new(joined(JoinKind::Left, left, marked, conditions)), columns: shown }
    }

    /// Groups of a subquery's rows beside each row of `left` that has some.
    fn grouped(
        &mut self,
        left: Plan,
        rows: &Plan,
        keys: Vec<(ColumnId, Typed)>,
        calls: Vec<(ColumnId, Aggregate)>,
    ) -> Option<Plan> {
        let parts = keys.iter().map(|(_, key)| key).chain(calls.iter().flat_map(|(_, call)| call.parts()));
        let named: Wanted = parts.flat_map(Typed::columns).collect();
        let own = rows.columns();
        if named.iter().any(|id| own.iter().all(|(made, _)| made != id)) {
            return None;
        }
        let found = self.pull(rows, &named)?;
        let beside = self.numbered(JoinKind::Inner, left, found);
        Some(self.collected(beside, keys, calls))
    }

    fn distinct(&mut self, kind: JoinKind, left: Plan, rows: &Plan, columns: &[ColumnId]) -> Option<Plan> {
        let keys = rows.columns().into_iter().filter(|(id, _)| columns.contains(id));
        let keys = keys.map(|(id, ty)| (id, Typed::column(id, &ty))).collect();
        let found = self.pull(rows, &columns.iter().copied().collect())?;
        let beside = self.numbered(kind, left, found);
        Some(self.collected(beside, keys, Vec::new()))
    }

    /// Rows joined by their conditions to numbered rows around.
    pub(super) fn numbered(&mut self, kind: JoinKind, left: Plan, found: Pulled) -> Beside {
        let (id, there, around) = (self.new_column(), self.new_column(), left.columns());
        let numbered = Plan::Numbered { input: Box::new(left), id };
        let marked = Plan::Extend { input: Box::new(found.plan), columns: vec![(there, Typed::boolean(Some(true)))] };
        Beside { plan: joined(kind, numbered, marked, found.conditions), id, there, around }
    }

    /// One row for each row around (and each group of its rows), with aggregates of its rows.
    pub(super) fn collected(
        &mut self,
        beside: Beside,
        mut keys: Vec<(ColumnId, Typed)>,
        mut calls: Vec<(ColumnId, Aggregate)>,
    ) -> Plan {
        for (_, call) in &mut calls {
            let mut terms = vec![Typed::column(beside.there, &Type::Boolean)];
            terms.extend(call.filter.take());
            call.filter = Typed::all(terms);
        }
        keys.push((beside.id, Typed::column(beside.id, &Type::Bigint)));
        calls.extend(same_columns(beside.around));
        let sets = vec![(0..keys.len()).collect()];
        Plan::Aggregate { input: Box::new(beside.plan), keys, sets, calls, grouping: Vec::new() }
    }

    /// Elements of the row around, perhaps computed upon and limited.
    pub(super) fn unnested(&mut self, kind: JoinKind, left: Plan, rows: Plan, used: &Wanted) -> Option<Beside> {
        match rows {
            Plan::Unnest { .. } => self.elements(left, rows, kind == JoinKind::Left),
            Plan::Extend { input, columns } => {
                let columns: Made = columns.into_iter().filter(|(id, _)| used.contains(id)).collect();
                let mut below = used.clone();
                below.extend(columns.iter().flat_map(|(_, value)| value.columns()));
                let found = self.unnested(kind, left, *input, &below)?;
                // Nothing is computed of a row that is not there.
                let computed = |(id, value): (ColumnId, Typed)| {
                    let null = Typed::new(Kind::Literal(Literal::Null), value.ty.clone(), Span::default());
                    (id, Typed::case(vec![(Typed::column(found.there, &Type::Boolean), value)], null))
                };
                let columns = columns.into_iter().map(computed).collect();
                Some(Beside { plan: Plan::Extend { input: Box::new(found.plan), columns }, ..found })
            }
            Plan::Window { input, calls } if !calls.iter().any(|(id, _)| used.contains(id)) => {
                self.unnested(kind, left, *input, used)
            }
            Plan::Sort { input, .. } => self.unnested(kind, left, *input, used),
            Plan::Limit { input, offset: None, count: Some(count) } => {
                let (input, by) = match *input {
                    Plan::Sort { input, by } => (*input, by),
                    other => (other, Vec::new()),
                };
                let mut below = used.clone();
                below.extend(by.iter().flat_map(|sort| sort.key.columns()));
                let found = self.unnested(kind, left, input, &below)?;
                let plan = self.first_of_each(found.plan, &Wanted::from([found.id]), by, count.whole_number()?);
                Some(Beside { plan, ..found })
            }
            _ => None,
        }
    }

    /// All elements of the row around, or all that differ, for an aggregate.
    fn unnested_all(&mut self, left: Plan, rows: Plan) -> Option<Beside> {
        match rows {
            Plan::Unnest { .. } => self.elements(left, rows, true),
            Plan::Sort { input, .. } => self.unnested_all(left, *input),
            Plan::Extend { input, columns } => {
                let found = self.unnested_all(left, *input)?;
                Some(Beside { plan: Plan::Extend { input: Box::new(found.plan), columns }, ..found })
            }
            Plan::Distinct { input, columns } => {
                let found = self.unnested_all(left, *input)?;
                let kept = |id: &ColumnId| columns.contains(id) || [found.id, found.there].contains(id);
                let keys = found.plan.columns().into_iter().filter(|(id, _)| kept(id));
                let keys: Made = keys.map(|(id, ty)| (id, Typed::column(id, &ty))).collect();
                let (sets, calls) = (vec![(0..keys.len()).collect()], same_columns(found.around.clone()).collect());
                let plan = Plan::Aggregate { input: Box::new(found.plan), keys, sets, calls, grouping: Vec::new() };
                Some(Beside { plan, ..found })
            }
            _ => None,
        }
    }

    /// The elements of arrays that the row around holds, beside it.
    fn elements(&mut self, left: Plan, rows: Plan, is_outer: bool) -> Option<Beside> {
        let Plan::Unnest { input, arrays, ordinality, outer: false } = rows else { return None };
        let (made, Plan::Nothing) = peeled_all(*input) else { return None };
        let (id, there, around) = (self.new_column(), self.new_column(), left.columns());
        let ordinal = ordinality.unwrap_or_else(|| self.new_column());
        let mut input = Plan::Numbered { input: Box::new(left), id };
        for columns in made {
            input = Plan::Extend { input: Box::new(input), columns };
        }
        let elements = Plan::Unnest { input: Box::new(input), arrays, ordinality: Some(ordinal), outer: is_outer };
        let is_there = Typed::not(Typed::is_null(Typed::column(ordinal, &Type::Bigint)));
        let plan = Plan::Extend { input: Box::new(elements), columns: vec![(there, is_there)] };
        Some(Beside { plan, id, there, around })
    }
}

/// Columns that are the same in all rows of a group, carried through it.
fn same_columns(columns: Vec<(ColumnId, Type)>) -> impl Iterator<Item = (ColumnId, Aggregate)> {
    columns.into_iter().map(|(id, ty)| (id, Aggregate::of("$first", vec![Typed::column(id, &ty)], ty)))
}

/// What an aggregate gives of no rows.
fn of_no_rows(call: &Aggregate) -> Typed {
    let value = match call.name {
        "count" | "count_if" | "approx_distinct" => Literal::Integer(0),
        _ => Literal::Null,
    };
    Typed::new(Kind::Literal(value), call.returns.clone(), Span::default())
}

/// A join by conditions.
pub(super) fn joined(kind: JoinKind, left: Plan, right: Plan, conditions: Vec<Typed>) -> Plan {
    let on = Typed::all(conditions);
    let kind = match (kind, &on) {
        (JoinKind::Inner | JoinKind::Cross, None) => JoinKind::Cross,
        (JoinKind::Cross, Some(_)) => JoinKind::Inner,
        (kind, _) => kind,
    };
    let on = on.or_else(|| (kind == JoinKind::Left).then(|| Typed::boolean(Some(true))));
    Plan::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral: None }
}

/// A plan without what is computed last of its rows (of which only some is used), and that, in its order.
pub(super) fn peeled(plan: Plan, used: &Wanted) -> (Vec<Made>, Plan) {
    match plan {
        Plan::Extend { input, columns } => {
            let columns: Made = columns.into_iter().filter(|(id, _)| used.contains(id)).collect();
            let mut below = used.clone();
            below.extend(columns.iter().flat_map(|(_, value)| value.columns()));
            let (mut made, core) = peeled(*input, &below);
            made.extend((!columns.is_empty()).then_some(columns));
            (made, core)
        }
        Plan::Sort { input, .. } => peeled(*input, used),
        Plan::Window { input, calls } if !calls.iter().any(|(id, _)| used.contains(id)) => peeled(*input, used),
        Plan::Limit { input, offset: None, count: Some(count), .. } if count.whole_number() > Some(0) && is_one_row(&input) => {
            peeled(*input, used)
        }
        core => (Vec::new(), core),
    }
}

/// The same, all of it being used.
fn peeled_all(plan: Plan) -> (Vec<Made>, Plan) {
    match plan {
        Plan::Extend { input, columns } => {
            let (mut made, core) = peeled_all(*input);
            made.push(columns);
            (made, core)
        }
        core => (Vec::new(), core),
    }
}
