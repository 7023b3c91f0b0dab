//! GROUP BY and aggregates.
//!
//! Owns: grouping sets, which expressions are computed before and which after grouping: Trino's `AggregationAnalyzer`.
//! Does not own: calls of aggregates (`call`).
//! Invariant: after grouping only keys and aggregates are left; whatever else is named is an error.

use std::collections::BTreeSet;

use super::Analyzer;
use super::expr::{Result, mismatch};
use super::plan::Plan;
use super::scope::Scope;
use super::select::Output;
use super::typed::{Aggregate, ColumnId, Kind, Sort, Typed};
use crate::athena::ast::{Expr, ExprKind, GroupBy, Grouping, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::Type;

/// Grouping sets a statement may have, `CUBE`s multiplied out (Trino's `max_grouping_sets`).
const SETS_MAX: usize = 2048;

/// Grouping sets, by their keys.
pub(super) struct Sets {
    keys: Vec<Typed>,
    sets: Vec<Vec<usize>>,
}

/// A grouping.
pub(super) struct Aggregation {
    keys: Vec<(ColumnId, Typed)>,
    sets: Vec<Vec<usize>>,
    calls: Vec<(ColumnId, Aggregate)>,
    grouping: Vec<(ColumnId, Vec<usize>)>,
    /// Columns of the input.
    source: BTreeSet<ColumnId>,
}

impl Analyzer<'_> {
    /// All sets of a GROUP BY.
    pub(super) fn grouping_sets(&mut self, group_by: &GroupBy, outputs: &[Output], scope: &Scope<'_>) -> Result<Sets> {
        let mut keys: Vec<Typed> = Vec::new();
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for element in &group_by.elements {
            let choices: Vec<Vec<usize>> = match element {
                Grouping::Simple(set) => vec![self.set(set, true, &mut keys, outputs, scope)?],
                Grouping::Sets(all) => {
                    all.iter().map(|set| self.set(set, false, &mut keys, outputs, scope)).collect::<Result<_>>()?
                }
                Grouping::Rollup(all) => {
                    let parts = self.parts(all, &mut keys, outputs, scope)?;
                    (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect()
                }
                Grouping::Cube(all) => {
                    let parts = self.parts(all, &mut keys, outputs, scope)?;
                    if parts.len() > SETS_MAX.ilog2() as usize {
                        return Err(too_many(group_by.span));
                    }
                    let subset = |bits: usize| -> Vec<usize> {
                        parts
                            .iter()
                            .enumerate()
                            .filter(|(i, _)| bits & (1 << i) != 0)
                            .flat_map(|(_, part)| part.clone())
                            .collect()
                    };
                    (0..1_usize << parts.len()).rev().map(subset).collect()
                }
            };
            if sets.len() * choices.len() > SETS_MAX {
                return Err(too_many(group_by.span));
            }
            let with = |set: &Vec<usize>, choice: &Vec<usize>| {
                let mut both = set.clone();
                both.extend(choice.iter().filter(|key| !set.contains(key)));
                both
            };
            sets = sets.iter().flat_map(|set| choices.iter().map(move |choice| with(set, choice))).collect();
        }
        if group_by.distinct {
            let mut seen = BTreeSet::new();
            sets.retain(|set| seen.insert(set.iter().copied().collect::<BTreeSet<_>>()));
        }
        Ok(Sets { keys, sets })
    }

    fn parts(
        &mut self,
        all: &[Vec<Expr>],
        keys: &mut Vec<Typed>,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<Vec<Vec<usize>>> {
        all.iter().map(|set| self.set(set, false, keys, outputs, scope)).collect()
    }

    /// A set's keys; those that are new are added to `keys`. A simple one may be any expression, others columns only.
    fn set(
        &mut self,
        set: &[Expr],
        simple: bool,
        keys: &mut Vec<Typed>,
        outputs: &[Output],
        scope: &Scope<'_>,
    ) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for expr in set {
            let key = match &expr.kind {
                ExprKind::Integer(digits) if simple => {
                    let number = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                    let Some(output) = number.and_then(|i| outputs.get(i)) else {
                        let message = format!("GROUP BY position {digits} is not in select list");
                        return Err(AthenaError::at(ErrorName::InvalidColumnReference, expr.span, message));
                    };
                    output.value.clone()
                }
                _ => self.expr(expr, scope).map_err(|error| group_by_alias(error, expr, outputs))?,
            };
            self.only_scalar(&key, "GROUP BY clause")?;
            if !simple && !matches!(key.kind, Kind::Column(_)) {
                let message = "GROUP BY expression must be a column reference";
                return Err(AthenaError::at(ErrorName::InvalidColumnReference, expr.span, message));
            }
            if !key.ty.is_comparable() {
                let message = format!("{} is not comparable, and therefore cannot be used in GROUP BY", key.ty);
                return Err(mismatch(expr.span, message));
            }
            let index = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            if !found.contains(&index) {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// `GROUPING(a, b)`.
    pub(super) fn grouping(&mut self, columns: &[Expr], span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let columns = columns.iter().map(|column| self.expr(column, scope)).collect::<Result<Vec<_>>>()?;
        let ty = grouping_type(columns.len());
        Ok(Typed::new(Kind::Grouping(columns), ty, span))
    }
}

/// What `GROUPING` of so many columns gives: a bit for each.
pub(crate) fn grouping_type(columns: usize) -> Type {
    if columns <= 31 { Type::Integer } else { Type::Bigint }
}

impl Aggregation {
    /// The grouping of a SELECT; `None` when there is none.
    pub(super) fn of(
        analyzer: &mut Analyzer<'_>,
        sets: Option<Sets>,
        outputs: &[Output],
        having: Option<&Typed>,
        by: &[Sort],
        scope: &Scope<'_>,
    ) -> Result<Option<Self>> {
        let all: Vec<&Typed> =
            outputs.iter().map(|output| &output.value).chain(having).chain(by.iter().map(|sort| &sort.key)).collect();
        let (mut calls, mut groupings): (Vec<Typed>, Vec<Typed>) = (Vec::new(), Vec::new());
        let mut is_aggregate = false;
        for typed in all {
            typed.walk(&mut |typed| {
                is_aggregate |= matches!(&typed.kind, Kind::Window(call) if call.is_aggregate);
                let found = match typed.kind {
                    Kind::Aggregate(_) => &mut calls,
                    Kind::Grouping(_) => &mut groupings,
                    _ => return true,
                };
                if !found.contains(typed) {
                    found.push(typed.clone());
                }
                false
            });
        }
        if sets.is_none() && calls.is_empty() && having.is_none() && groupings.is_empty() && !is_aggregate {
            return Ok(None);
        }
        if let (None, Some(grouping)) = (&sets, groupings.first()) {
            let message = "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause";
            return Err(AthenaError::at(ErrorName::MissingGroupBy, grouping.span, message));
        }
        let Sets { keys, sets } = sets.unwrap_or(Sets { keys: Vec::new(), sets: vec![Vec::new()] });
        let keys: Vec<(ColumnId, Typed)> = keys
            .into_iter()
            .map(|key| {
                // A column stays itself, so that subqueries need not be told.
                let id = if let Kind::Column(id) = key.kind { id } else { analyzer.new_column() };
                (id, key)
            })
            .collect();
        let mut aggregates = Vec::new();
        for call in calls {
            check_nesting(&call)?;
            if let Kind::Aggregate(aggregate) = call.kind {
                aggregates.push((analyzer.new_column(), *aggregate));
            }
        }
        let mut grouping = Vec::new();
        for call in groupings {
            let Kind::Grouping(columns) = &call.kind else { continue };
            let place = |column: &Typed| {
                keys.iter().position(|(_, key)| key == column).ok_or_else(|| {
                    let message = "The arguments to GROUPING() must be expressions referenced by the GROUP BY at the associated query level";
                    AthenaError::at(ErrorName::InvalidArguments, column.span, message)
                })
            };
            grouping.push((analyzer.new_column(), columns.iter().map(place).collect::<Result<_>>()?));
        }
        let source = scope.fields.iter().map(|field| field.id).collect();
        Ok(Some(Self { keys, sets, calls: aggregates, grouping, source }))
    }

    /// An expression as one over the groups.
    pub(super) fn over(&self, of: Typed) -> Result<Typed> {
        let column = |id: ColumnId, typed: &Typed| Some(Typed::new(Kind::Column(id), typed.ty.clone(), typed.span));
        let replaced = of.replaced(&mut |typed| {
            if let Some((id, _)) = self.keys.iter().find(|(_, key)| key == typed) {
                return column(*id, typed);
            }
            match &typed.kind {
                Kind::Aggregate(call) => {
                    self.calls.iter().find(|(_, known)| *known == **call).and_then(|(id, _)| column(*id, typed))
                }
                Kind::Grouping(columns) => {
                    let places: Vec<usize> =
                        columns.iter().filter_map(|c| self.keys.iter().position(|(_, key)| key == c)).collect();
                    self.grouping.iter().find(|(_, known)| *known == places).and_then(|(id, _)| column(*id, typed))
                }
                _ => None,
            }
        });
        let mut wrong = None;
        replaced.walk(&mut |typed| {
            if let Kind::Column(id) = typed.kind
                && self.source.contains(&id)
                && !self.keys.iter().any(|(key, _)| *key == id)
                && wrong.is_none()
            {
                wrong = Some(typed.span);
            }
            true
        });
        match wrong {
            None => Ok(replaced),
            Some(span) => {
                let message = "the expression must be an aggregate expression or appear in GROUP BY clause";
                Err(AthenaError::at(ErrorName::ExpressionNotAggregate, span, message))
            }
        }
    }

    /// The step.
    pub(super) fn plan(self, input: Plan) -> Plan {
        let Self { keys, sets, calls, grouping, .. } = self;
        Plan::Aggregate { input: Box::new(input), keys, sets, calls, grouping }
    }
}

fn check_nesting(call: &Typed) -> Result<()> {
    let Kind::Aggregate(aggregate) = &call.kind else { return Ok(()) };
    let mut wrong = None;
    for part in aggregate.arguments.iter().chain(aggregate.order_by.iter().map(|s| &s.key)).chain(&aggregate.filter) {
        part.walk(&mut |typed| {
            let name = match typed.kind {
                Kind::Aggregate(_) => ErrorName::NestedAggregation,
                Kind::Window(_) => ErrorName::NestedWindow,
                _ => return true,
            };
            wrong = wrong.or(Some(name));
            false
        });
    }
    match wrong {
        None => Ok(()),
        Some(name) => {
            let what = if name == ErrorName::NestedWindow { "window functions or row pattern measures" } else { "aggregations" };
            let message = format!("Cannot nest {what} inside aggregation '{}'", aggregate.name);
            Err(AthenaError::at(name, call.span, message))
        }
    }
}

/// `GROUP BY alias` is what everybody writes first: the way that works.
fn group_by_alias(error: AthenaError, expr: &Expr, outputs: &[Output]) -> AthenaError {
    let ExprKind::Column(name) = &expr.kind else { return error };
    let place =
        outputs.iter().position(|output| output.field.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&name.text)));
    match place {
        Some(i) if error.name == ErrorName::ColumnNotFound => {
            error.rewrite(format!("GROUP BY knows no alias; write GROUP BY {}, or the expression itself", i + 1))
        }
        _ => error,
    }
}

fn too_many(span: Span) -> AthenaError {
    let message = format!("GROUP BY has more than {SETS_MAX} grouping sets but can contain at most {SETS_MAX}");
    AthenaError::at(ErrorName::TooManyGroupingSets, span, message)
}
