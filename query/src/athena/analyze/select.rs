//! SELECT … FROM … WHERE … GROUP BY … HAVING … WINDOW …, and the ORDER BY after it.
//!
//! Owns: the order in which these are looked at and carried out, the names of the output.
//! Does not own: grouping itself (`aggregation`), relations, expressions.
//! Invariant: the output's columns are new; a name in ORDER BY means the output first, then what it was made from.

use super::Analyzer;
use super::aggregation::Aggregation;
use super::expr::{Result, boolean, mismatch};
use super::plan::{Plan, Relation};
use super::query::sorted;
use super::scope::{Field, Scope, name_parts};
use super::typed::{ColumnId, Kind, Sort, Typed, WindowCall};
use crate::athena::ast::{Expr, ExprKind, Ident, Select, SelectItem, SortItem, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::Type;

/// A column of the output.
pub(super) struct Output {
    pub(super) field: Field,
    pub(super) value: Typed,
}

impl Analyzer<'_> {
    pub(super) fn select(&mut self, select: &Select, order_by: &[SortItem], outer: &Scope<'_>) -> Result<Relation> {
        let known = self.windows.len();
        let found = self.select_in(select, order_by, outer);
        self.windows.truncate(known);
        found
    }

    fn select_in(&mut self, select: &Select, order_by: &[SortItem], outer: &Scope<'_>) -> Result<Relation> {
        let mut from = self.from(&select.from, outer)?;
        let scope = Scope::within(from.fields.clone(), outer);
        self.name_windows(select, &scope)?;
        if let Some(filter) = &select.filter {
            let condition = self.expr(filter, &scope).map_err(|error| knows_no_alias(error, "WHERE", select))?;
            self.only_scalar(&condition, "WHERE clause")?;
            let condition = boolean(condition, |ty| format!("WHERE clause must evaluate to a boolean: actual type {ty}"))?;
            from.plan = Plan::Filter { input: Box::new(from.plan), condition };
        }
        let mut outputs = self.outputs(select, &scope)?;
        let sets = select.group_by.as_ref().map(|group_by| self.grouping_sets(group_by, &outputs, &scope)).transpose()?;
        let having = select.having.as_ref().map(|having| self.having(having, &scope)).transpose();
        let mut having = having.map_err(|error| knows_no_alias(error, "HAVING", select))?;
        let fields: Vec<Field> = outputs.iter().map(|output| output.field.clone()).collect();
        let mut by = self.order(order_by, &fields, Some(&scope))?;

        if let Some(aggregation) = Aggregation::of(self, sets, &outputs, having.as_ref(), &by, &scope)? {
            for output in &mut outputs {
                output.value = aggregation.over(output.value.clone())?;
            }
            having = having.map(|having| aggregation.over(having)).transpose()?;
            by.iter().try_for_each(|sort| aggregates_no_output(&sort.key, &fields))?;
            for sort in &mut by {
                sort.key = aggregation.over(sort.key.clone())?;
            }
            from.plan = aggregation.plan(from.plan);
        }
        if let Some(condition) = having {
            from.plan = Plan::Filter { input: Box::new(from.plan), condition };
        }
        self.finish(select, from.plan, outputs, by)
    }

    /// Windows, the output's columns, DISTINCT, and the order.
    fn finish(&mut self, select: &Select, plan: Plan, mut outputs: Vec<Output>, mut by: Vec<Sort>) -> Result<Relation> {
        for sort in &mut by {
            sort.key = before_outputs(sort.key.clone(), &outputs);
        }
        let mut calls: Vec<(ColumnId, WindowCall)> = Vec::new();
        for value in outputs.iter_mut().map(|output| &mut output.value).chain(by.iter_mut().map(|sort| &mut sort.key)) {
            *value = self.over_windows(value.clone(), &mut calls);
        }
        if let Some(refused) = calls.iter().find_map(|(_, call)| call.refused.as_deref()) {
            return Err(refused.clone());
        }
        let plan = if calls.is_empty() { plan } else { Plan::Window { input: Box::new(plan), calls } };
        if select.distinct {
            for output in &outputs {
                if !output.field.ty.is_comparable() {
                    let message = format!("DISTINCT can only be applied to comparable types (actual: {})", output.field.ty);
                    return Err(mismatch(select.span, message));
                }
            }
            by = self.within_distinct(by, &outputs, select.span)?;
        }
        let fields: Vec<Field> = outputs.iter().map(|output| output.field.clone()).collect();
        let columns = outputs.into_iter().map(|output| (output.field.id, output.value)).collect();
        let mut plan = Plan::Extend { input: Box::new(plan), columns };
        if select.distinct {
            plan = Plan::Distinct { input: Box::new(plan), columns: fields.iter().map(|field| field.id).collect() };
        }
        Ok(sorted(Relation { plan, fields }, by))
    }

    fn name_windows(&mut self, select: &Select, scope: &Scope<'_>) -> Result<()> {
        let from = self.windows.len();
        for (name, window) in &select.windows {
            if self.windows[from..].iter().any(|(other, _)| other == name) {
                let message = format!("WINDOW name {} is specified more than once", name.text);
                return Err(AthenaError::at(ErrorName::DuplicateWindowName, name.span, message));
            }
            let window = self.window(window, scope)?;
            self.windows.push((name.clone(), window));
        }
        Ok(())
    }

    fn outputs(&mut self, select: &Select, scope: &Scope<'_>) -> Result<Vec<Output>> {
        let mut outputs = Vec::new();
        for item in &select.items {
            match item {
                SelectItem::Expr { expr, alias } => {
                    let value = self.expr(expr, scope)?;
                    let name = alias.as_ref().or(implied_name(expr)).map(|name| name.written.clone());
                    outputs.push(self.output(name, value));
                }
                SelectItem::All { span } => {
                    if select.from.is_empty() {
                        let message = "SELECT * not allowed in queries without FROM clause";
                        return Err(AthenaError::at(ErrorName::ColumnNotFound, *span, message));
                    }
                    for field in scope.fields.iter().filter(|field| !field.hidden) {
                        outputs.push(self.output(field.name.clone(), column(field, *span)));
                    }
                }
                SelectItem::AllOf { of, aliases, span } => outputs.extend(self.all_of(of, aliases, *span, scope)?),
            }
        }
        Ok(outputs)
    }

    fn output(&mut self, name: Option<String>, value: Typed) -> Output {
        let field = Field { relation: Vec::new(), name, ty: value.ty.clone(), id: self.new_column(), hidden: false };
        Output { field, value }
    }

    /// `t.*`, or the fields of a row.
    fn all_of(&mut self, of: &Expr, aliases: &[Ident], span: Span, scope: &Scope<'_>) -> Result<Vec<Output>> {
        let mut columns: Vec<(Option<String>, Typed)> = Vec::new();
        let parts = name_parts(of);
        if let Some(parts) = &parts {
            let named = |scope: &Scope<'_>| -> Vec<Field> {
                scope.fields.iter().filter(|f| !f.hidden && f.is_of(parts)).cloned().collect()
            };
            let mut around = Some(scope);
            while let Some(scope) = around.filter(|_| columns.is_empty()) {
                columns.extend(named(scope).iter().map(|field| (field.name.clone(), column(field, span))));
                around = scope.outer;
            }
        }
        if columns.is_empty() {
            let row = match &parts {
                // A lone name is one of a relation, never of a column that is a row.
                Some(parts) if parts.len() == 1 || scope.find(parts, span)?.is_none() => {
                    let name = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
                    let message = format!("Unable to resolve reference {name}");
                    return Err(AthenaError::at(ErrorName::TableNotFound, span, message));
                }
                _ => self.expr(of, scope)?,
            };
            let Type::Row(fields) = row.ty.clone() else {
                return Err(mismatch(span, format!("expected row type but got {}", row.ty)));
            };
            for (index, field) in fields.into_iter().enumerate() {
                let value = Kind::Field { of: Box::new(row.clone()), index };
                columns.push((field.name, Typed::new(value, field.ty, span)));
            }
        }
        if !aliases.is_empty() && aliases.len() != columns.len() {
            let message = format!("Column alias list has {} entries but relation has {} columns", aliases.len(), columns.len());
            return Err(AthenaError::at(ErrorName::MismatchedColumnAliases, span, message));
        }
        let named = columns.into_iter().enumerate();
        Ok(named.map(|(i, (name, value))| self.output(aliases.get(i).map(of_star).or(name), value)).collect())
    }

    fn having(&mut self, having: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        let condition = self.expr(having, scope)?;
        if let Some(window) = super::window::first_window(&condition) {
            let message = "HAVING clause cannot contain window functions or row pattern measures";
            return Err(AthenaError::at(ErrorName::NestedWindow, window.span, message));
        }
        boolean(condition, |ty| format!("HAVING clause must evaluate to a boolean: actual type {ty}"))
    }

    /// After DISTINCT only the output is left to sort by.
    fn within_distinct(&mut self, by: Vec<Sort>, outputs: &[Output], span: Span) -> Result<Vec<Sort>> {
        let of_output = |typed: &Typed| match typed.kind {
            Kind::Column(id) if outputs.iter().any(|output| output.field.id == id) => Some(typed.clone()),
            _ => outputs.iter().find(|output| output.value == *typed).map(|output| column(&output.field, typed.span)),
        };
        let sort = |sort: Sort| match of_output(&sort.key) {
            Some(key) => Ok(Sort { key, ..sort }),
            None => Err(AthenaError::at(
                ErrorName::ExpressionNotInDistinct,
                span,
                "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
            )),
        };
        by.into_iter().map(sort).collect()
    }

    /// The expression with each call over a window computed beforehand.
    fn over_windows(&mut self, of: Typed, calls: &mut Vec<(ColumnId, WindowCall)>) -> Typed {
        of.replaced(&mut |typed| {
            let Kind::Window(call) = &typed.kind else { return None };
            let known = calls.iter().find(|(_, known)| known == &**call).map(|(id, _)| *id);
            let id = known.unwrap_or_else(|| {
                let id = self.new_column();
                calls.push((id, (**call).clone()));
                id
            });
            Some(Typed::new(Kind::Column(id), typed.ty.clone(), typed.span))
        })
    }

    /// Refuses aggregates, windows and GROUPING where there is nothing to compute them over.
    pub(super) fn only_scalar(&mut self, of: &Typed, clause: &str) -> Result<()> {
        let mut wrong = None;
        of.walk(&mut |typed| {
            let is_wrong = matches!(typed.kind, Kind::Aggregate(_) | Kind::Window(_) | Kind::Grouping(_));
            if is_wrong && wrong.is_none() {
                wrong = Some(typed.span);
            }
            !is_wrong
        });
        match wrong {
            None => Ok(()),
            Some(span) => {
                let message = format!("{clause} cannot contain aggregations, window functions or grouping operations");
                Err(AthenaError::at(ErrorName::ExpressionNotScalar, span, message))
            }
        }
    }
}

/// A sort key whose windows are of what the outputs are made of: windows are computed before there are outputs.
fn before_outputs(key: Typed, outputs: &[Output]) -> Typed {
    key.replaced(&mut |part| {
        let Kind::Window(call) = &part.kind else { return None };
        let mut call = call.clone();
        for inner in call.parts_mut() {
            *inner = inner.clone().replaced(&mut |part| {
                let Kind::Column(id) = part.kind else { return None };
                outputs.iter().find(|output| output.field.id == id).map(|output| output.value.clone())
            });
        }
        Some(Typed::new(Kind::Window(call), part.ty.clone(), part.span))
    })
}

/// Refuses an aggregate of what is there only once all is aggregated.
fn aggregates_no_output(key: &Typed, outputs: &[Field]) -> Result<()> {
    let mut wrong = None;
    key.walk(&mut |part| {
        let Kind::Aggregate(call) = &part.kind else { return true };
        for inner in call.parts() {
            inner.walk(&mut |part| {
                if matches!(part.kind, Kind::Column(id) if outputs.iter().any(|output| output.id == id)) {
                    wrong.get_or_insert(part.span);
                }
                true
            });
        }
        false
    });
    match wrong {
        None => Ok(()),
        Some(span) => {
            let message = "Invalid reference to output projection attribute from ORDER BY aggregation";
            Err(AthenaError::at(ErrorName::ColumnNotFound, span, message))
        }
    }
}

/// The name an output has though none was given.
fn implied_name(expr: &Expr) -> Option<&Ident> {
    match &expr.kind {
        ExprKind::Column(name) => Some(name),
        ExprKind::Field { name, .. } => name_parts(expr).map(|_| name),
        _ => None,
    }
}

pub(super) fn column(field: &Field, span: Span) -> Typed {
    Typed::new(Kind::Column(field.id), field.ty.clone(), span)
}

/// How an output column of an expanded `*` is named: in capitals, unless in quotes.
fn of_star(alias: &Ident) -> String {
    if alias.quoted { alias.written.clone() } else { alias.written.to_uppercase() }
}

/// The way out where a clause names a column of the SELECT list.
fn knows_no_alias(error: AthenaError, clause: &str, select: &Select) -> AthenaError {
    let is_it = |item: &SelectItem| match item {
        SelectItem::Expr { alias: Some(alias), .. } => error.message == format!("Column '{}' cannot be resolved", alias.text),
        _ => false,
    };
    if error.name != ErrorName::ColumnNotFound || !select.items.iter().any(is_it) {
        return error;
    }
    error.rewrite(format!("{clause} knows no alias; write the expression itself"))
}
