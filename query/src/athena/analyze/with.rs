//! WITH, recursive or not.
//!
//! Owns: queries with names, where which of them may be named, recursion as so many rounds one after the other.
//! Does not own: queries themselves (`query`).
//! Invariant: each mention of a WITH query is a relation of its own, with columns of its own; a recursion that does not end in time is
//! an error of its rows, never an answer that lacks some.

use super::Analyzer;
use super::expr::{Result, mismatch};
use super::plan::{Plan, Relation};
use super::relation::aliased;
use super::scope::{Field, Scope};
use super::typed::{Kind, Typed};
use crate::athena::ast::{Body, Ident, NamedQuery, Query, SetOp, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::{Type, can_coerce};

/// Each mention is planned apart, so that ones within each other multiply.
const INSTANCES_MAX: usize = 4096;
/// Rounds that a recursion may take (Trino's `max_recursion_depth`).
pub(crate) const ROUNDS_MAX: usize = 10;
pub(super) const OUTSIDE_FROM: &str = "recursive reference outside of FROM clause of the step relation of recursion";
const OF_BASE: &str = "WITH table name is referenced in the base relation of recursion";
const NOT_ALLOWED: &str = "recursive reference not allowed in this context";
const SEVERAL: &str = "multiple recursive references in the step relation of recursion";

/// A query that has a name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    query: NamedQuery,
    /// How many of the named queries it may mention itself.
    visible: usize,
    role: Role,
}

/// What a name stands for.
#[derive(Debug, Clone)]
enum Role {
    /// What it means, for the first that mentions it, where that is known; every other has columns of its own.
    Query(Option<Box<Relation>>),
    /// A recursion, whose columns have these types.
    Recursion(Vec<Type>),
    /// The rows of a round of the recursion, in the next one.
    Round(usize, Vec<Type>),
    /// Nothing that may be named, and why.
    Nothing(&'static str),
}

impl Analyzer<'_> {
    pub(super) fn name_query(&mut self, named: &NamedQuery, recursive: bool, from: usize, outer: &Scope<'_>) -> Result<()> {
        if self.named[from..].iter().any(|other| other.query.name == named.name) {
            let message = format!("WITH query name '{}' specified more than once", named.name.text);
            return Err(AthenaError::at(ErrorName::DuplicateNamedQuery, named.name.span, message));
        }
        let mut entry = Named { query: named.clone(), visible: self.named.len(), role: Role::Query(None) };
        if recursive {
            entry.role = self.role(&entry, outer)?;
        } else {
            // Looked at even if nothing mentions it: its faults are the statement's.
            let met = self.recursions.len();
            let meant = self.instance(&entry, None, outer)?;
            entry.role = Role::Query((self.recursions.len() == met).then(|| Box::new(meant)));
        }
        self.named.push(entry);
        Ok(())
    }

    /// Whether a query of WITH RECURSIVE is a recursion.
    fn role(&mut self, named: &Named, outer: &Scope<'_>) -> Result<Role> {
        let NamedQuery { name, columns, query } = &named.query;
        if columns.is_none() {
            let message = "missing column aliases in recursive WITH query";
            return Err(AthenaError::at(ErrorName::MissingColumnAliases, name.span, message));
        }
        let Body::SetOperation { op: SetOp::Union, right: step, .. } = &query.body else {
            self.instance(named, Some(NOT_ALLOWED), outer)?;
            return Ok(Role::Query(None));
        };
        if body_mentions(step, name) {
            only_union(query)?;
        }
        let met = self.recursions.len();
        let base = self.round(named, 0, &[], outer)?;
        let types: Vec<Type> = base.fields.into_iter().map(|field| field.ty).collect();
        self.round(named, 1, &types, outer)?;
        let wrong = |at: Span, message: &str| Err(AthenaError::at(ErrorName::InvalidRecursiveReference, at, message));
        match self.recursions.split_off(met).as_slice() {
            [] => Ok(Role::Query(None)),
            [at] if !is_select(step) => wrong(*at, OUTSIDE_FROM),
            [_] => Ok(Role::Recursion(types)),
            [_, second, ..] => wrong(*second, SEVERAL),
        }
    }

    /// The relation of a WITH query; `None` when none has that name.
    pub(super) fn with_query(&mut self, name: &Ident, outer: &Scope<'_>) -> Result<Option<Relation>> {
        let Some(named) = self.named.iter_mut().rev().find(|named| named.query.name == *name) else { return Ok(None) };
        if let Role::Query(meant) = &mut named.role
            && let Some(meant) = meant.take()
        {
            return Ok(Some(*meant));
        }
        let named = named.clone();
        let met = self.recursions.len();
        let found = match &named.role {
            Role::Query(_) => return self.instance(&named, None, outer).map(Some),
            Role::Recursion(types) => self.recursion(&named, types, outer)?,
            Role::Round(round, types) => self.round(&named, *round, types, outer)?,
            Role::Nothing(why) => return Err(AthenaError::at(ErrorName::InvalidRecursiveReference, name.span, *why)),
        };
        // What the rounds before name is theirs.
        self.recursions.truncate(met);
        self.recursions.extend(matches!(named.role, Role::Round(..)).then_some(name.span));
        Ok(Some(found))
    }

    /// What a query gives; within it its name means nothing of its own, unless that is an error.
    fn instance(&mut self, named: &Named, barred: Option<&'static str>, outer: &Scope<'_>) -> Result<Relation> {
        self.instances += 1;
        if self.instances > INSTANCES_MAX {
            let message =
                format!("queries of WITH are mentioned more than {INSTANCES_MAX} times, those within others multiplied");
            return Err(AthenaError::at(ErrorName::NotSupported, named.query.name.span, message));
        }
        let hidden = self.named.split_off(named.visible);
        self.named.extend(barred.map(|why| Named { role: Role::Nothing(why), ..named.clone() }));
        let found = self.query(&named.query.query, outer);
        self.named.truncate(named.visible);
        self.named.extend(hidden);
        aliased(found?, &named.query.name, named.query.columns.as_deref(), named.query.name.span)
    }

    /// All rounds of a recursion; one more than there may be is an error of any row it has.
    fn recursion(&mut self, named: &Named, types: &[Type], outer: &Scope<'_>) -> Result<Relation> {
        let NamedQuery { name, columns, query } = &named.query;
        let Body::SetOperation { distinct, span, .. } = &query.body else { return self.instance(named, None, outer) };
        let mut all = self.round(named, 0, types, outer)?;
        for round in 1..=ROUNDS_MAX + 1 {
            let mut next = self.round(named, round, types, outer)?;
            if round > ROUNDS_MAX {
                let columns = next.fields.iter().take(1).map(|field| Typed::column(field.id, &field.ty)).collect();
                let condition = Typed::new(Kind::Call { name: "$too_deep", arguments: columns }, Type::Boolean, *span);
                // One row is enough, and keeps the condition from being moved below a join, to rows that never come so far.
                let first = Plan::Limit { input: Box::new(next.plan), offset: None, count: Some(Typed::bigint(1)) };
                next.plan = Plan::Filter { input: Box::new(first), condition };
            }
            all = self.set_operation(SetOp::Union, false, all, next, *span)?;
        }
        if *distinct {
            let columns = all.fields.iter().map(|field| field.id).collect();
            all.plan = Plan::Distinct { input: Box::new(all.plan), columns };
        }
        aliased(all, name, columns.as_deref(), name.span)
    }

    /// The rows that a recursion's round adds: first those of its base, then what the step makes of the round before.
    fn round(&mut self, named: &Named, round: usize, types: &[Type], outer: &Scope<'_>) -> Result<Relation> {
        let NamedQuery { name, columns, query } = &named.query;
        let Body::SetOperation { left: base, right: step, .. } = &query.body else { return self.instance(named, None, outer) };
        let (body, role) = match round.checked_sub(1) {
            None => (base, Role::Nothing(OF_BASE)),
            Some(before) => (step, Role::Round(before, types.to_vec())),
        };
        let hidden = self.named.split_off(named.visible);
        self.named.push(Named { role, ..named.clone() });
        let found = self.body(body, outer);
        self.named.truncate(named.visible);
        self.named.extend(hidden);
        let found = if round == 0 { found? } else { self.step_as_base(found?, types, span_of(step))? };
        aliased(found, name, columns.as_deref(), name.span)
    }

    /// A step's rows with the types of the base.
    fn step_as_base(&mut self, step: Relation, types: &[Type], span: Span) -> Result<Relation> {
        if step.fields.len() != types.len() {
            let (base, own) = (types.len(), step.fields.len());
            let message = format!("base and step relations of recursion have different number of fields: {base}, {own}");
            return Err(mismatch(span, message));
        }
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for (i, (field, ty)) in step.fields.into_iter().zip(types).enumerate() {
            if !can_coerce(&field.ty, ty) {
                let what = format!("recursion step relation output type ({})", field.ty);
                let base = format!("recursion base relation output type ({ty})");
                return Err(mismatch(span, format!("{what} is not coercible to {base} at column {}", i + 1)));
            }
            let id = self.new_column();
            columns.push((id, Typed::column(field.id, &field.ty).coerced(ty)));
            fields.push(Field { id, ty: ty.clone(), ..field });
        }
        Ok(Relation { plan: Plan::Extend { input: Box::new(step.plan), columns }, fields })
    }
}

/// A recursion is its union and nothing more.
fn only_union(query: &Query) -> Result<()> {
    let refused = |name: ErrorName, at: Span, what: &str| {
        Err(AthenaError::at(name, at, format!("immediate {what} clause in recursive query")))
    };
    if !query.with.is_empty() {
        return refused(ErrorName::NotSupported, query.span, "WITH");
    }
    if let Some(item) = query.order_by.first() {
        return refused(ErrorName::NotSupported, item.expr.span, "ORDER BY");
    }
    if let Some(offset) = &query.offset {
        return refused(ErrorName::NotSupported, offset.span, "OFFSET");
    }
    match &query.limit {
        None => Ok(()),
        Some(_) => refused(ErrorName::InvalidLimitClause, query.span, "FETCH FIRST / LIMIT"),
    }
}

/// Whether a step selects from something, perhaps in parentheses.
fn is_select(step: &Body) -> bool {
    match step {
        Body::Select(select) => !select.from.is_empty(),
        Body::Nested(query) => is_select(&query.body),
        _ => false,
    }
}

fn span_of(body: &Body) -> Span {
    match body {
        Body::Select(select) => select.span,
        Body::SetOperation { span, .. } | Body::Values { span, .. } | Body::Table { span, .. } => *span,
        Body::Nested(query) => query.span,
    }
}

/// Whether a query's FROM names that.
fn body_mentions(body: &Body, name: &Ident) -> bool {
    use crate::athena::ast::{Relation, RelationKind as R};
    fn in_relation(relation: &Relation, name: &Ident) -> bool {
        match &relation.kind {
            R::Table { name: table, .. } => matches!(table.0.as_slice(), [only] if only == name),
            R::Subquery { query, .. } => body_mentions(&query.body, name),
            R::Alias { of, .. } | R::Sample { of, .. } => in_relation(of, name),
            R::Join { left, right, .. } => in_relation(left, name) || in_relation(right, name),
            _ => false,
        }
    }
    match body {
        Body::Select(select) => select.from.iter().any(|relation| in_relation(relation, name)),
        Body::SetOperation { left, right, .. } => body_mentions(left, name) || body_mentions(right, name),
        Body::Nested(query) => body_mentions(&query.body, name),
        Body::Table { name: table, .. } => matches!(table.0.as_slice(), [only] if only == name),
        Body::Values { .. } => false,
    }
}
