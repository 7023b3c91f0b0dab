//! Queries: terms, set operations, ORDER BY, LIMIT.
//!
//! Owns: everything around a SELECT but WITH.
//! Does not own: the SELECT itself (`select`), queries with names (`with`).
//! Invariant: what comes after the rows changes neither their columns nor what those are called.

use super::Analyzer;
use super::expr::{Result, mismatch};
use super::plan::{Plan, Relation, SetColumn};
use super::scope::{Field, Scope};
use super::typed::{Kind, Literal, Sort, Typed, WindowCall};
use crate::athena::ast::{Body, Comparison, Expr, ExprKind, Limit, Query, SetOp, SortItem, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::{Type, common_supertype};

impl Analyzer<'_> {
    /// A query with all its parts.
    pub(super) fn query(&mut self, query: &Query, outer: &Scope<'_>) -> Result<Relation> {
        let known = self.named.len();
        for named in &query.with {
            self.name_query(named, query.recursive, known, outer)?;
        }
        let found = self.body_in_order(query, outer);
        self.named.truncate(known);
        found
    }

    fn body_in_order(&mut self, query: &Query, outer: &Scope<'_>) -> Result<Relation> {
        let mut found = match &query.body {
            // ORDER BY of a SELECT sees more than its output.
            Body::Select(select) => self.select(select, &query.order_by, outer)?,
            body => {
                let found = self.body(body, outer)?;
                let by = self.order(&query.order_by, &found.fields, None)?;
                sorted(found, by)
            }
        };
        if query.offset.is_some() || query.limit.is_some() {
            found = self.limited(found, query)?;
        }
        Ok(found)
    }

    pub(super) fn body(&mut self, body: &Body, outer: &Scope<'_>) -> Result<Relation> {
        match body {
            Body::Select(select) => self.select(select, &[], outer),
            Body::Nested(query) => self.query(query, outer),
            Body::Values { rows, span } => self.values(rows, *span, outer),
            Body::Table { name, span } => {
                let relation = crate::athena::ast::Relation {
                    kind: crate::athena::ast::RelationKind::Table { name: name.clone(), version: None },
                    span: *span,
                };
                let mut found = self.from(std::slice::from_ref(&relation), outer)?;
                found.fields.retain(|field| !field.hidden);
                Ok(found)
            }
            Body::SetOperation { op, distinct, left, right, span } => {
                let (left, right) = (self.body(left, outer)?, self.body(right, outer)?);
                self.set_operation(*op, *distinct, left, right, *span)
            }
        }
    }

    fn values(&mut self, rows: &[Expr], span: Span, outer: &Scope<'_>) -> Result<Relation> {
        let mut all: Vec<Vec<Typed>> = Vec::new();
        for row in rows {
            let row = match &row.kind {
                ExprKind::Row(columns) => columns.iter().map(|column| self.expr(column, outer)).collect::<Result<Vec<_>>>()?,
                _ => {
                    let one = self.expr(row, outer)?;
                    match &one.ty {
                        Type::Row(fields) => {
                            let field = |(index, field): (usize, &crate::athena::types::RowField)| {
                                let of = Box::new(one.clone());
                                Typed::new(Kind::Field { of, index }, field.ty.clone(), one.span)
                            };
                            fields.iter().enumerate().map(field).collect()
                        }
                        _ => vec![one],
                    }
                }
            };
            for value in &row {
                self.only_scalar(value, "VALUES")?;
            }
            if let Some(first) = all.first()
                && first.len() != row.len()
            {
                let types = |row: &[Typed]| row.iter().map(|v| v.ty.to_string()).collect::<Vec<_>>().join(", ");
                let message = format!("Values rows have mismatched sizes: row({}) vs row({})", types(first), types(&row));
                return Err(mismatch(span, message));
            }
            all.push(row);
        }
        self.values_of(all, span)
    }

    fn values_of(&mut self, rows: Vec<Vec<Typed>>, span: Span) -> Result<Relation> {
        let width = rows.first().map_or(0, Vec::len);
        let mut types = vec![Type::Unknown; width];
        for row in &rows {
            for (ty, value) in types.iter_mut().zip(row) {
                *ty = common_supertype(ty, &value.ty)
                    .ok_or_else(|| mismatch(span, format!("Values rows have mismatched types: {ty} vs {}", value.ty)))?;
            }
        }
        let columns: Vec<_> = types.iter().map(|ty| (self.new_column(), ty.clone())).collect();
        let coerce = |row: Vec<Typed>| row.into_iter().zip(&types).map(|(value, ty)| value.coerced(ty)).collect();
        let rows = rows.into_iter().map(coerce).collect();
        let fields =
            columns.iter().map(|(id, ty)| Field { relation: Vec::new(), name: None, ty: ty.clone(), id: *id, hidden: false });
        let fields = fields.collect();
        Ok(Relation { plan: Plan::Values { columns, rows }, fields })
    }

    pub(super) fn set_operation(
        &mut self,
        op: SetOp,
        distinct: bool,
        left: Relation,
        right: Relation,
        span: Span,
    ) -> Result<Relation> {
        let name = format!("{op:?}").to_ascii_uppercase();
        if left.fields.len() != right.fields.len() {
            let message = format!("{name} query has different number of fields: {}, {}", left.fields.len(), right.fields.len());
            return Err(mismatch(span, message));
        }
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for (i, (l, r)) in left.fields.iter().zip(&right.fields).enumerate() {
            let Some(ty) = common_supertype(&l.ty, &r.ty) else {
                let message = format!("column {} in {name} query has incompatible types: {}, {}", i + 1, l.ty, r.ty);
                return Err(mismatch(span, message));
            };
            if !ty.is_comparable() && (distinct || op != SetOp::Union) {
                let message = format!("Type {ty} is not comparable and therefore cannot be used in {name}");
                return Err(mismatch(span, message));
            }
            let id = self.new_column();
            let value = |field: &Field| Typed::new(Kind::Column(field.id), field.ty.clone(), span).coerced(&ty);
            columns.push(SetColumn { id, ty: ty.clone(), left: value(l), right: value(r) });
            fields.push(Field { relation: Vec::new(), name: l.name.clone(), ty, id, hidden: false });
        }
        let plan = match op {
            SetOp::Intersect | SetOp::Except if !distinct => self.set_operation_all(op, left.plan, right.plan, columns),
            _ => Plan::SetOperation { op, distinct, left: Box::new(left.plan), right: Box::new(right.plan), columns },
        };
        Ok(Relation { plan, fields })
    }

    /// INTERSECT ALL and EXCEPT ALL: of equal rows of the left side, as many as the right side has, or all the others.
    fn set_operation_all(&mut self, op: SetOp, left: Plan, right: Plan, mut columns: Vec<SetColumn>) -> Plan {
        let (side, others, number) = (self.new_column(), self.new_column(), self.new_column());
        let same: Vec<Typed> = columns.iter().map(|column| Typed::column(column.id, &column.ty)).collect();
        let is_right = Typed::column(side, &Type::Bigint);
        let null = Typed::new(Kind::Literal(Literal::Null), Type::Bigint, Span::default());
        columns.push(SetColumn { id: side, ty: Type::Bigint, left: null, right: Typed::bigint(1) });
        let (left, right) = (Box::new(left), Box::new(right));
        let both = Plan::SetOperation { op: SetOp::Union, distinct: false, left, right, columns };
        let counted = WindowCall::ranking("count", same.clone(), Vec::new());
        let counted = WindowCall { arguments: vec![is_right.clone()], ..counted };
        let of_side = same.into_iter().chain([is_right.clone()]).collect();
        let calls = vec![(others, counted), (number, WindowCall::ranking("row_number", of_side, Vec::new()))];
        let how = if op == SetOp::Intersect { Comparison::LessOrEqual } else { Comparison::Greater };
        let [others, number] = [others, number].map(|id| Typed::column(id, &Type::Bigint));
        let terms = vec![Typed::is_null(is_right), Typed::compare(how, number, others)];
        let condition = Typed::new(Kind::And(terms), Type::Boolean, Span::default());
        Plan::Filter { input: Box::new(Plan::Window { input: Box::new(both), calls }), condition }
    }

    /// Sort keys over an output: its columns by number or name, then what `outer` names; of set operations and VALUES nothing else.
    pub(super) fn order(&mut self, items: &[SortItem], fields: &[Field], outer: Option<&Scope<'_>>) -> Result<Vec<Sort>> {
        let scope = Scope { fields: fields.to_vec(), outer, ..Scope::default() };
        let mut by = Vec::new();
        for item in items {
            match position(item, fields.len())? {
                Some(i) => by.push(column_sort(item, &fields[i])?),
                None => by.extend(self.sorts(std::slice::from_ref(item), &scope)?),
            }
        }
        Ok(by)
    }

    fn limited(&mut self, of: Relation, query: &Query) -> Result<Relation> {
        let offset = query.offset.as_ref().map(|offset| self.count(offset, "OFFSET")).transpose()?;
        let (count, with_ties) = match &query.limit {
            None => (None, false),
            Some(Limit::Rows(count)) => (Some(self.count(count, "LIMIT")?), false),
            Some(Limit::Fetch { count: None, with_ties, span }) => {
                (Some(Typed::new(Kind::Literal(Literal::Integer(1)), Type::Bigint, *span)), *with_ties)
            }
            Some(Limit::Fetch { count: Some(count), with_ties, span }) => {
                let count = self.count(count, "FETCH FIRST")?;
                if let Some(rows) = count.whole_number().filter(|rows| *rows <= 0) {
                    let message = format!("FETCH FIRST row count must be positive (actual value: {rows})");
                    return Err(AthenaError::at(ErrorName::NumericValueOutOfRange, *span, message));
                }
                (Some(count), *with_ties)
            }
        };
        if !query.order_by.is_empty() && count.as_ref().and_then(Typed::whole_number) > Some(i64::from(i32::MAX)) {
            return Err(AthenaError::not_supported("ORDER BY LIMIT > 2147483647 is not supported"));
        }
        if with_ties && query.order_by.is_empty() {
            let message = "FETCH FIRST WITH TIES clause requires ORDER BY";
            return Err(AthenaError::at(ErrorName::MissingOrderBy, query.span, message));
        }
        let plan = match (of.plan, count) {
            (Plan::Sort { input, by }, Some(count)) if with_ties => self.with_ties(*input, by, offset, count),
            (plan, count) => Plan::Limit { input: Box::new(plan), offset, count },
        };
        Ok(Relation { plan, fields: of.fields })
    }

    /// The first rows by an order, and those equal to the last of them.
    fn with_ties(&mut self, input: Plan, by: Vec<Sort>, offset: Option<Typed>, count: Typed) -> Plan {
        let ordered = |input: Plan, by: Vec<Sort>| Plan::Sort { input: Box::new(input), by };
        let input = match offset {
            None => input,
            offset => Plan::Limit { input: Box::new(ordered(input, by.clone())), offset, count: None },
        };
        let rank = WindowCall::ranking("rank", Vec::new(), by.clone());
        let id = self.new_column();
        let condition = Typed::compare(Comparison::LessOrEqual, Typed::column(id, &Type::Bigint), count);
        let ranked = Plan::Window { input: Box::new(input), calls: vec![(id, rank)] };
        ordered(Plan::Filter { input: Box::new(ranked), condition }, by)
    }

    fn count(&mut self, expr: &Expr, clause: &str) -> Result<Typed> {
        let count = self.expr(expr, &Scope::default())?;
        if !count.ty.is_integer() {
            return Err(mismatch(count.span, format!("Expected constant {clause} to be of type bigint, got {}", count.ty)));
        }
        Ok(count.coerced(&Type::Bigint))
    }
}

/// The output column that `ORDER BY 2` means; `None` for anything but a number.
fn position(item: &SortItem, columns: usize) -> Result<Option<usize>> {
    let ExprKind::Integer(digits) = &item.expr.kind else { return Ok(None) };
    match digits.parse::<usize>() {
        Ok(number) if (1..=columns).contains(&number) => Ok(Some(number - 1)),
        _ => {
            let message = format!("ORDER BY position {digits} is not in select list");
            Err(AthenaError::at(ErrorName::InvalidColumnReference, item.expr.span, message))
        }
    }
}

/// A sort by a column.
fn column_sort(item: &SortItem, field: &Field) -> Result<Sort> {
    if !field.ty.is_orderable() {
        let message = format!(
            "Type {} is not orderable, and therefore cannot be used in ORDER BY: {}",
            field.ty,
            field.name.as_deref().unwrap_or("the column")
        );
        return Err(mismatch(item.expr.span, message));
    }
    let key = Typed::new(Kind::Column(field.id), field.ty.clone(), item.expr.span);
    Ok(Sort { key, descending: item.descending, nulls_first: item.nulls_first.unwrap_or(false) })
}

/// A relation in order.
pub(super) fn sorted(of: Relation, by: Vec<Sort>) -> Relation {
    if by.is_empty() {
        return of;
    }
    Relation { plan: Plan::Sort { input: Box::new(of.plan), by }, fields: of.fields }
}
