//! Subqueries as joins: no step of a plan names columns of another query.
//!
//! Owns: finding subqueries within expressions and LATERAL joins, what stands for them afterwards.
//! Does not own: what a subquery says (`answer`), how its rows come beside those they are asked for (`apply`, `pull`).
//! Invariant: what Trino finds no way for is refused as there; a subquery never changes how many rows there are.

mod answer;
mod apply;
mod pull;

use std::collections::BTreeSet;

use super::Analyzer;
use super::expr::Result;
use super::plan::{Plan, Subquery};
use super::typed::{ColumnId, Kind, Literal, Typed};
use crate::athena::ast::{JoinKind, Span};
use crate::athena::error::{AthenaError, ErrorName};

/// Columns that somebody above asks for; some may not be there.
pub(super) type Wanted = BTreeSet<ColumnId>;

/// Subqueries that were met before in the same step, and what stands for them.
type Known = Vec<(Subquery, Typed)>;

impl Analyzer<'_> {
    /// The same without subqueries; of its columns these are wanted.
    pub(super) fn without_subqueries(&mut self, plan: Plan, wanted: &Wanted) -> Result<Plan> {
        let mut plan = match plan {
            Plan::Join { kind, left, right, on: Some(on), lateral } if has_subquery(&on) => match kind {
                JoinKind::Cross | JoinKind::Inner => {
                    let (later, now): (Vec<_>, Vec<_>) = on.terms().into_iter().partition(has_subquery);
                    let join = match Typed::all(now) {
                        None => Plan::Join { kind: JoinKind::Cross, left, right, on: None, lateral },
                        on => Plan::Join { kind, left, right, on, lateral },
                    };
                    match Typed::all(later) {
                        Some(condition) => Plan::Filter { input: Box::new(join), condition },
                        None => join,
                    }
                }
                _ => self.beside_join(kind, *left, *right, on, lateral),
            },
            // So it is in Trino, by a fault of its own.
            Plan::Values { rows, .. } if rows.iter().flatten().any(has_subquery) => {
                return Err(AthenaError::internal(&"a subquery within VALUES is not computed; write SELECTs and UNION ALL"));
            }
            other => other,
        };
        let mut below = wanted.clone();
        plan.exprs().into_iter().for_each(|expr| mentioned(expr, &mut below));
        if let Plan::Distinct { columns, .. } = &plan {
            below.extend(columns);
        }
        for input in plan.inputs_mut() {
            *input = self.without_subqueries(std::mem::replace(input, Plan::Nothing), &below)?;
        }
        if plan.exprs().into_iter().any(has_subquery)
            && let [input] = plan.inputs_mut().as_mut_slice()
        {
            let (mut with, mut known) = (std::mem::replace(*input, Plan::Nothing), Known::new());
            let is_filter = matches!(plan, Plan::Filter { .. });
            for expr in plan.exprs_mut() {
                let taken = std::mem::replace(expr, Typed::boolean(None));
                *expr = match is_filter {
                    true => self.kept(taken, &mut with, &mut known)?,
                    false => self.answered(taken, &mut with, &mut known)?,
                };
            }
            plan.inputs_mut().into_iter().for_each(|input| *input = std::mem::replace(&mut with, Plan::Nothing));
        }
        match plan {
            Plan::Join { kind, left, right, on, lateral: Some(at) } => self.lateral(kind, *left, *right, on, at, &below),
            // No row is ever asked for.
            Plan::Limit { input, count: Some(count), .. } if count.whole_number() == Some(0) => {
                Ok(Plan::Values { columns: input.columns(), rows: Vec::new() })
            }
            plan => Ok(plan),
        }
    }

    fn lateral(&mut self, kind: JoinKind, left: Plan, right: Plan, on: Option<Typed>, at: Span, wanted: &Wanted) -> Result<Plan> {
        let outer = right.outer_columns();
        if !left.columns().iter().any(|(id, _)| outer.contains(id)) {
            return Ok(Plan::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral: None });
        }
        let kind = if kind == JoinKind::Cross { JoinKind::Inner } else { kind };
        let on = on.filter(|on| on.kind != Kind::Literal(Literal::Boolean(true)));
        self.beside(kind, left, right, on, wanted).ok_or_else(|| not_supported(at))
    }

    /// An outer join whose condition holds subqueries: their values come from the side that they are asked for.
    fn beside_join(&mut self, kind: JoinKind, left: Plan, right: Plan, on: Typed, lateral: Option<Span>) -> Plan {
        let of_right: Wanted = right.columns().into_iter().map(|(id, _)| id).collect();
        let (mut with_left, mut with_right) = (Vec::new(), Vec::new());
        let on = on.replaced(&mut |part| {
            let Kind::Subquery(query) = &part.kind else { return None };
            let named = query.value().map(Typed::columns).unwrap_or_default();
            let id = self.new_column();
            let is_right = !named.is_empty() && named.iter().all(|id| of_right.contains(id));
            if is_right { &mut with_right } else { &mut with_left }.push((id, part.clone()));
            Some(Typed::column(id, &part.ty))
        });
        let with = |side: Plan, columns: Vec<(ColumnId, Typed)>| match columns.is_empty() {
            true => Box::new(side),
            false => Box::new(Plan::Extend { input: Box::new(side), columns }),
        };
        Plan::Join { kind, left: with(left, with_left), right: with(right, with_right), on: Some(on), lateral }
    }

    /// As `answered`, for a condition that rows are kept by: what is unknown may be called false.
    fn kept(&mut self, condition: Typed, input: &mut Plan, known: &mut Known) -> Result<Typed> {
        let mut terms = Vec::new();
        for term in condition.terms() {
            terms.push(match &term.kind {
                Kind::Subquery(query) if matches!(**query, Subquery::In { .. }) => {
                    self.answer(query, &term, input, known, true)?
                }
                _ => self.answered(term, input, known)?,
            });
        }
        Ok(Typed::all(terms).unwrap_or_else(|| Typed::boolean(Some(true))))
    }

    /// The expression with columns of `input` in place of its subqueries; `input` has them afterwards.
    fn answered(&mut self, of: Typed, input: &mut Plan, known: &mut Known) -> Result<Typed> {
        let mut fault = None;
        let answered = of.replaced(&mut |part| {
            let Kind::Subquery(query) = &part.kind else { return None };
            Some(self.answer(query, part, input, known, false).unwrap_or_else(|error| {
                fault.get_or_insert(error);
                part.clone()
            }))
        });
        fault.map_or(Ok(answered), Err)
    }

    /// What stands for a subquery; with `is_kept` it may be false where it is unknown.
    fn answer(&mut self, query: &Subquery, part: &Typed, input: &mut Plan, known: &mut Known, is_kept: bool) -> Result<Typed> {
        if let Some((_, value)) = known.iter().find(|(other, _)| other == query) {
            return Ok(value.clone());
        }
        let (mut own, mut at) = (query.clone(), part.span);
        if let Some(value) = own.value_mut() {
            let taken = std::mem::replace(value, Typed::boolean(None));
            *value = self.answered(taken, input, known)?;
        }
        let relation = own.relation_mut();
        let used = relation.fields.iter().map(|field| field.id).collect();
        relation.plan = self.without_subqueries(std::mem::replace(&mut relation.plan, Plan::Nothing), &used)?;
        let left = std::mem::replace(input, Plan::Nothing);
        let found = match own {
            Subquery::Scalar(relation, begin) => {
                at = begin;
                self.scalar(left, relation, &part.ty)
            }
            Subquery::Exists(relation) => self.exists_in(left, relation),
            Subquery::In { of, relation } => self.in_rows(left, of, relation, is_kept),
            Subquery::Quantified { op, all, left: value, relation } => self.compared_to(left, (op, all), value, relation),
        };
        let (with, value) = found.ok_or_else(|| not_supported(at))?;
        *input = with;
        if !is_kept {
            known.push((query.clone(), value.clone()));
        }
        Ok(value)
    }
}

fn not_supported(at: Span) -> AthenaError {
    AthenaError::at(ErrorName::NotSupported, at, "Given correlated subquery is not supported")
}

fn has_subquery(expr: &Typed) -> bool {
    let mut found = false;
    expr.walk(&mut |part| {
        found |= matches!(part.kind, Kind::Subquery(_));
        !found
    });
    found
}

/// Everything an expression names, its subqueries included.
fn mentioned(expr: &Typed, all: &mut Wanted) {
    all.extend(expr.columns());
    expr.walk(&mut |part| {
        if let Kind::Subquery(query) = &part.kind {
            all.extend(query.relation().plan.outer_columns());
        }
        true
    });
}

/// Whether a plan gives one row whatever there is.
fn is_one_row(plan: &Plan) -> bool {
    match plan {
        Plan::Nothing => true,
        Plan::Values { rows, .. } => rows.len() == 1,
        Plan::Extend { input, .. } | Plan::Sort { input, .. } | Plan::Window { input, .. } | Plan::Numbered { input, .. } => {
            is_one_row(input)
        }
        Plan::Aggregate { keys, sets, .. } => keys.is_empty() && sets.len() == 1,
        Plan::Join { kind: JoinKind::Cross, left, right, .. } => is_one_row(left) && is_one_row(right),
        Plan::Limit { input, offset: None, count: Some(count), .. } => is_one_row(input) && count.whole_number() > Some(0),
        _ => false,
    }
}
