//! What stands in a FROM.
//!
//! Owns: tables, aliases, joins, UNNEST, samples.
//! Does not own: queries (`query`), expressions (`expr`).
//! Invariant: only LATERAL and UNNEST see what stands to their left.

use super::expr::{Result, boolean, comparison, mismatch};
use super::plan::{Plan, Relation};
use super::scope::{Bar, Field, Scope};
use super::typed::{Kind, Typed};
use super::{Analyzer, HIDDEN};
use crate::athena::ast::{self, Comparison, Expr, Ident, JoinKind, JoinOn, QualifiedName, RelationKind, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::{Type, common_supertype};

impl Analyzer<'_> {
    /// All of a FROM: comma-separated relations are a cross join.
    pub(super) fn from(&mut self, relations: &[ast::Relation], outer: &Scope<'_>) -> Result<Relation> {
        let mut all = Relation { plan: Plan::Nothing, fields: Vec::new() };
        for (i, relation) in relations.iter().enumerate() {
            if i == 0 {
                all = self.relation(relation, outer)?;
            } else {
                all = self.join(JoinKind::Cross, all, relation, &JoinOn::Nothing, relation.span, outer)?;
            }
        }
        Ok(all)
    }

    fn relation(&mut self, relation: &ast::Relation, outer: &Scope<'_>) -> Result<Relation> {
        let span = relation.span;
        let refused = |what: &str| Err(AthenaError::at(ErrorName::NotSupported, span, what.to_owned()));
        match &relation.kind {
            RelationKind::Table { version: Some(_), .. } => {
                refused("a version of a table is chosen with --as-of here, for all tables of the statement")
            }
            RelationKind::Table { name, version: None } => self.table(name, span, outer),
            RelationKind::Subquery { query, .. } => {
                let mut found = self.query(query, outer)?;
                found.fields.iter_mut().for_each(|field| field.relation.clear());
                Ok(found)
            }
            RelationKind::Unnest { arrays, ordinality } => {
                let nothing = Relation { plan: Plan::Nothing, fields: Vec::new() };
                let (_, columns) = self.unnest(nothing, arrays, *ordinality, false, outer)?;
                Ok(columns)
            }
            RelationKind::Alias { of, name, columns } => {
                let inner = self.relation(of, outer)?;
                aliased(inner, name, columns.as_deref(), span)
            }
            RelationKind::Sample { of, method, percentage } => {
                let of = self.relation(of, outer)?;
                let percentage = self.expr(percentage, &Scope::default()).map_err(|error| match error.name {
                    ErrorName::ColumnNotFound => {
                        let message = "Sample percentage cannot contain column references";
                        AthenaError::at(ErrorName::ExpressionNotConstant, percentage.span, message)
                    }
                    _ => error,
                })?;
                if !percentage.ty.is_numeric() && percentage.ty != Type::Unknown {
                    return Err(mismatch(percentage.span, "Sample percentage should be a numeric expression"));
                }
                let percentage = percentage.coerced(&Type::Double);
                let plan = Plan::Sample { input: Box::new(of.plan), method: *method, percentage };
                Ok(Relation { plan, fields: of.fields })
            }
            RelationKind::Join { kind, left, right, on } => {
                let met = self.recursions.len();
                let left = self.relation(left, outer)?;
                let of_left = self.recursions.len();
                let joined = self.join(*kind, left, right, on, span, outer)?;
                // A row that has no partner now may have one in a later round.
                let (from, to, side) = match kind {
                    JoinKind::Left => (of_left, self.recursions.len(), "right source of LEFT join"),
                    JoinKind::Right => (met, of_left, "left source of RIGHT join"),
                    JoinKind::Full => (met, self.recursions.len(), "FULL join"),
                    _ => (0, 0, ""),
                };
                match self.recursions.get(from..to).and_then(|found| found.first()) {
                    None => Ok(joined),
                    Some(at) => {
                        let message = format!("recursive reference in {side}");
                        Err(AthenaError::at(ErrorName::InvalidRecursiveReference, *at, message))
                    }
                }
            }
            RelationKind::Function { call } => refused(&format!("table function {} is not there yet", call.name)),
            RelationKind::MatchRecognize => {
                refused("MATCH_RECOGNIZE is not there; use lag, lead and a running sum over a window")
            }
            RelationKind::JsonTable => refused("JSON_TABLE is not there; use json_extract and UNNEST of a cast to array"),
        }
    }

    fn table(&mut self, name: &QualifiedName, span: Span, outer: &Scope<'_>) -> Result<Relation> {
        let parts: Vec<&Ident> = name.0.iter().collect();
        if let [only] = parts.as_slice()
            && let Some(found) = self.with_query(only, outer)?
        {
            return Ok(found);
        }
        let (table, columns) = self.tables.find(name, span)?;
        let qualifiers = &parts[..parts.len() - 1];
        let schema = qualifiers.last().map(|schema| schema.text.clone()).or(self.tables.schema.clone()).unwrap_or_default();
        let relation = vec![self.tables.catalog.clone(), schema, table.to_owned()];
        let (mut fields, mut scanned) = (Vec::new(), Vec::new());
        for (column, ty) in columns {
            let id = self.new_column();
            let hidden = column.starts_with(HIDDEN);
            fields.push(Field { relation: relation.clone(), name: Some(column.clone()), ty: ty.clone(), id, hidden });
            scanned.push((id, column.clone(), ty.clone()));
        }
        Ok(Relation { plan: Plan::Scan { table: table.to_owned(), columns: scanned, span }, fields })
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: Relation,
        right: &ast::Relation,
        on: &JoinOn,
        span: Span,
        outer: &Scope<'_>,
    ) -> Result<Relation> {
        if *on == JoinOn::Natural {
            return Err(AthenaError::at(ErrorName::NotSupported, span, "Natural join not supported"));
        }
        if let Some(unnest) = unnest_of(right) {
            return self.join_unnest(kind, left, unnest, on, outer);
        }
        let lateral = lateral_at(right);
        let right = if lateral.is_some() {
            let bar = if matches!(kind, JoinKind::Right | JoinKind::Full) { Bar::Lateral(kind) } else { Bar::None };
            let beside = Scope { fields: left.fields.clone(), outer: Some(outer), bar };
            self.relation(right, &beside)?
        } else {
            self.relation(right, outer)?
        };
        if let JoinOn::Using(names) = on {
            return self.using(kind, left, right, names, span);
        }
        let fields: Vec<Field> = left.fields.iter().chain(&right.fields).cloned().collect();
        let on = match on {
            JoinOn::Condition(condition) => Some(self.condition(kind, condition, &fields, outer)?),
            _ => None,
        };
        let plan = Plan::Join { kind, left: Box::new(left.plan), right: Box::new(right.plan), on, lateral };
        Ok(Relation { plan, fields })
    }

    fn condition(&mut self, kind: JoinKind, condition: &Expr, fields: &[Field], outer: &Scope<'_>) -> Result<Typed> {
        // Of an outer join it is about these rows alone.
        let bar = if matches!(kind, JoinKind::Inner | JoinKind::Cross) { Bar::None } else { Bar::Outer };
        let scope = Scope { fields: fields.to_vec(), outer: Some(outer), bar };
        let condition = self.expr(condition, &scope)?;
        self.only_scalar(&condition, "JOIN clause")?;
        boolean(condition, |ty| format!("JOIN ON clause must evaluate to a boolean: actual type {ty}"))
    }

    /// The named columns once, without a relation; then the rest of both sides.
    fn using(&mut self, kind: JoinKind, left: Relation, right: Relation, names: &[Ident], span: Span) -> Result<Relation> {
        let (mut terms, mut merged, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        for name in names {
            let side = |relation: &Relation, side: &str| {
                let scope = Scope { fields: relation.fields.clone(), ..Scope::default() };
                let found = scope.find(&[name], name.span)?.cloned();
                found.ok_or_else(|| {
                    let message = format!("Column '{}' is missing from {side} side of join", name.text);
                    AthenaError::at(ErrorName::ColumnNotFound, name.span, message)
                })
            };
            let (from_left, from_right) = (side(&left, "left")?, side(&right, "right")?);
            let column = |field: &Field| Typed::new(Kind::Column(field.id), field.ty.clone(), name.span);
            let Some(ty) = common_supertype(&from_left.ty, &from_right.ty).filter(Type::is_comparable) else {
                let message = format!("Column Types must match for join using: {} vs {}", from_left.ty, from_right.ty);
                return Err(mismatch(name.span, message));
            };
            let (l, r) = (column(&from_left), column(&from_right));
            terms.push(comparison(Comparison::Equal, l.clone(), r.clone(), name.span)?);
            let both = vec![l.coerced(&ty), r.coerced(&ty)];
            let id = self.new_column();
            merged.push((id, Typed::new(Kind::Coalesce(both), ty.clone(), name.span)));
            hidden.extend([from_left.id, from_right.id]);
        }
        let named = names.iter().zip(&merged).map(|(name, (id, value))| Field {
            relation: Vec::new(),
            name: Some(name.text.clone()),
            ty: value.ty.clone(),
            id: *id,
            hidden: false,
        });
        let rest = left.fields.iter().chain(&right.fields).filter(|field| !hidden.contains(&field.id)).cloned();
        let fields: Vec<Field> = named.chain(rest).collect();
        let on = match terms.len() {
            1 => terms.pop(),
            _ => Some(Typed::new(Kind::And(terms), Type::Boolean, span)),
        };
        let join = Plan::Join { kind, left: Box::new(left.plan), right: Box::new(right.plan), on, lateral: None };
        Ok(Relation { plan: Plan::Extend { input: Box::new(join), columns: merged }, fields })
    }

    fn join_unnest(
        &mut self,
        kind: JoinKind,
        left: Relation,
        unnest: Unnested<'_>,
        on: &JoinOn,
        outer: &Scope<'_>,
    ) -> Result<Relation> {
        let is_true = |condition: &Expr| condition.kind == ast::ExprKind::Boolean(true);
        let on_true = matches!(on, JoinOn::Condition(condition) if is_true(condition));
        let is_outer = match kind {
            JoinKind::Cross => false,
            JoinKind::Inner | JoinKind::Left if on_true => kind == JoinKind::Left,
            JoinKind::Right | JoinKind::Full if on_true => {
                // Its arrays are the same for all rows of the left side.
                let nothing = Relation { plan: Plan::Nothing, fields: Vec::new() };
                let barred = Scope { fields: left.fields.clone(), outer: Some(outer), bar: Bar::Lateral(kind) };
                let (_, columns) = self.unnest(nothing, unnest.arrays, unnest.ordinality, false, &barred)?;
                let columns = unnest.named(columns)?;
                let fields = left.fields.into_iter().chain(columns.fields).collect();
                let (left, right, on) = (Box::new(left.plan), Box::new(columns.plan), Some(Typed::boolean(Some(true))));
                return Ok(Relation { plan: Plan::Join { kind, left, right, on, lateral: None }, fields });
            }
            _ => {
                let kind = format!("{kind:?}").to_ascii_uppercase();
                let message = format!("{kind} JOIN involving UNNEST is only supported with condition ON TRUE");
                return Err(AthenaError::at(ErrorName::NotSupported, unnest.span, message));
            }
        };
        let beside = Scope::within(left.fields.clone(), outer);
        let (fields_of_left, columns) = self.unnest(left, unnest.arrays, unnest.ordinality, is_outer, &beside)?;
        let columns = unnest.named(columns)?;
        let fields = fields_of_left.into_iter().chain(columns.fields).collect();
        Ok(Relation { plan: columns.plan, fields })
    }

    /// The elements beside the rows they come from; the fields of those rows, and the relation with the new fields alone.
    fn unnest(
        &mut self,
        input: Relation,
        arrays: &[Expr],
        ordinality: bool,
        outer: bool,
        scope: &Scope<'_>,
    ) -> Result<(Vec<Field>, Relation)> {
        let (mut fields, mut unnested) = (Vec::new(), Vec::new());
        for array in arrays {
            let array = self.expr(array, scope)?;
            self.only_scalar(&array, "UNNEST")?;
            let columns: Vec<(Option<String>, Type)> = match &array.ty {
                Type::Array(element) => match &**element {
                    Type::Row(of) => of.iter().map(|field| (field.name.clone(), field.ty.clone())).collect(),
                    element => vec![(None, element.clone())],
                },
                Type::Map(key, value) => vec![(None, (**key).clone()), (None, (**value).clone())],
                other => {
                    let message = format!("Cannot unnest type: {other}");
                    return Err(AthenaError::at(ErrorName::InvalidFunctionArgument, array.span, message));
                }
            };
            let mut ids = Vec::new();
            for (name, ty) in columns {
                let id = self.new_column();
                ids.push((id, ty.clone()));
                fields.push(Field { relation: Vec::new(), name, ty, id, hidden: false });
            }
            unnested.push((array, ids));
        }
        let ordinality = ordinality.then(|| self.new_column());
        fields.extend(ordinality.map(|id| Field { relation: Vec::new(), name: None, ty: Type::Bigint, id, hidden: false }));
        let plan = Plan::Unnest { input: Box::new(input.plan), arrays: unnested, ordinality, outer };
        Ok((input.fields, Relation { plan, fields }))
    }
}

struct Unnested<'a> {
    arrays: &'a [Expr],
    ordinality: bool,
    alias: Option<(&'a Ident, Option<&'a [Ident]>)>,
    span: Span,
}

impl Unnested<'_> {
    /// Its columns by its alias.
    fn named(&self, columns: Relation) -> Result<Relation> {
        match self.alias {
            Some((name, names)) => aliased(columns, name, names, self.span),
            None => Ok(columns),
        }
    }
}

/// The UNNEST a relation is, with its alias.
fn unnest_of(relation: &ast::Relation) -> Option<Unnested<'_>> {
    match &relation.kind {
        RelationKind::Unnest { arrays, ordinality } => {
            Some(Unnested { arrays, ordinality: *ordinality, alias: None, span: relation.span })
        }
        RelationKind::Alias { of, name, columns } => {
            let inner = unnest_of(of).filter(|inner| inner.alias.is_none())?;
            Some(Unnested { alias: Some((name, columns.as_deref())), span: relation.span, ..inner })
        }
        _ => None,
    }
}

/// Where the query of a LATERAL begins.
fn lateral_at(relation: &ast::Relation) -> Option<Span> {
    match &relation.kind {
        RelationKind::Subquery { lateral, query } => lateral.then_some(query.span),
        RelationKind::Alias { of, .. } => lateral_at(of),
        _ => None,
    }
}

/// A relation under another name, perhaps with other names for its columns; these reach no hidden ones.
pub(super) fn aliased(mut of: Relation, name: &Ident, columns: Option<&[Ident]>, span: Span) -> Result<Relation> {
    if columns.is_some() {
        of.fields.retain(|field| !field.hidden);
    }
    if let Some(columns) = columns
        && columns.len() != of.fields.len()
    {
        let message = format!(
            "Column alias list has {} entries but '{}' has {} columns available",
            columns.len(),
            name.text,
            of.fields.len()
        );
        return Err(AthenaError::at(ErrorName::MismatchedColumnAliases, span, message));
    }
    let fields = of.fields.into_iter().enumerate().map(|(i, field)| Field {
        relation: vec![name.text.clone()],
        name: columns.map_or(field.name.clone(), |columns| columns.get(i).map(|name| name.written.clone())),
        ..field
    });
    Ok(Relation { plan: of.plan, fields: fields.collect() })
}
