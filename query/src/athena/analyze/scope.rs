//! Which names mean which columns.
//!
//! Owns: the columns an expression may name, here and in the queries around it.
//! Does not own: what columns hold (`plan`).
//! Invariant: a name means one column or is an error; names are compared without case.

use strsim::levenshtein;

use super::typed::ColumnId;
use crate::athena::ast::{Expr, ExprKind, Ident, JoinKind, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::Type;

/// A column of a relation, as names reach it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// The name of its relation, outermost part first; empty when it has none.
    pub(crate) relation: Vec<String>,
    /// `None`: no name reaches it.
    pub(crate) name: Option<String>,
    pub(crate) ty: Type,
    pub(crate) id: ColumnId,
    /// Found by its name only: `*` leaves it out.
    pub(crate) hidden: bool,
}

/// The columns there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) fields: Vec<Field>,
    /// That of the query around this one.
    pub(crate) outer: Option<&'a Scope<'a>>,
    pub(crate) bar: Bar,
}

/// Which columns, though there, may not be named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bar {
    #[default]
    None,
    /// Those of the queries around.
    Outer,
    /// Those of the scope itself, which is the left side of such a join.
    Lateral(JoinKind),
}

impl Field {
    /// Whether a name, outermost part first, means this column.
    fn is_named(&self, parts: &[&Ident]) -> bool {
        let Some((name, relation)) = parts.split_last() else { return false };
        self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&name.text)) && self.is_of(relation)
    }

    /// Whether its relation has that name; a shorter name means the last parts.
    pub(crate) fn is_of(&self, relation: &[&Ident]) -> bool {
        let Some(skipped) = self.relation.len().checked_sub(relation.len()) else { return false };
        self.relation[skipped..].iter().zip(relation).all(|(own, asked)| own.eq_ignore_ascii_case(&asked.text))
    }
}

impl<'a> Scope<'a> {
    /// The same, within another.
    pub(crate) fn within(fields: Vec<Field>, outer: &'a Scope<'a>) -> Self {
        Self { fields, outer: Some(outer), bar: Bar::None }
    }

    /// The column of a name, looked for from the inside out; `None` when there is none.
    ///
    /// # Errors
    /// `AMBIGUOUS_NAME`.
    pub(crate) fn find(&self, parts: &[&Ident], span: Span) -> Result<Option<&Field>, AthenaError> {
        let mut found = self.fields.iter().filter(|field| field.is_named(parts));
        match (found.next(), found.next()) {
            (Some(field), None) => match self.bar {
                Bar::Lateral(kind) => {
                    let kind = format!("{kind:?}").to_ascii_uppercase();
                    let message = format!("LATERAL reference not allowed in {kind} JOIN");
                    Err(AthenaError::at(ErrorName::InvalidColumnReference, span, message))
                }
                _ => Ok(Some(field)),
            },
            (None, _) => match self.outer.map_or(Ok(None), |outer| outer.find(parts, span))? {
                Some(_) if self.bar == Bar::Outer => {
                    let message = format!("Reference to column '{}' from outer scope not allowed in this context", dotted(parts));
                    Err(AthenaError::at(ErrorName::NotSupported, span, message))
                }
                found => Ok(found),
            },
            (Some(_), Some(_)) => {
                Err(AthenaError::at(ErrorName::AmbiguousName, span, format!("Column '{}' is ambiguous", dotted(parts))))
            }
        }
    }

    /// The error of a name that means nothing, with the nearest that does.
    pub(crate) fn unknown(&self, parts: &[&Ident], span: Span) -> AthenaError {
        let error = AthenaError::at(ErrorName::ColumnNotFound, span, format!("Column '{}' cannot be resolved", dotted(parts)));
        let asked = parts.last().map_or("", |name| name.text.as_str());
        let names = self.fields.iter().filter_map(|field| field.name.as_deref());
        error.perhaps(nearest(asked, names))
    }
}

/// The parts of `a.b.c`; `None` for anything but names and points.
pub(crate) fn name_parts(expr: &Expr) -> Option<Vec<&Ident>> {
    match &expr.kind {
        ExprKind::Column(name) => Some(vec![name]),
        ExprKind::Field { base, name } => {
            let mut parts = name_parts(base)?;
            parts.push(name);
            Some(parts)
        }
        _ => None,
    }
}

fn dotted(parts: &[&Ident]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
}

/// The name that takes the fewest changes, if those are few.
pub(crate) fn nearest<'n>(asked: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let asked = asked.to_lowercase();
    let most = asked.chars().count().div_ceil(3);
    let measured = names.map(|name| (levenshtein(&asked, &name.to_lowercase()), name));
    measured.filter(|(changes, _)| *changes <= most).min_by_key(|(changes, _)| *changes).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(text: &str) -> Ident {
        Ident { text: text.into(), written: text.into(), quoted: false, span: Span::default() }
    }

    fn field(relation: &[&str], name: &str, id: ColumnId) -> Field {
        Field {
            relation: relation.iter().map(|s| (*s).to_owned()).collect(),
            name: Some(name.into()),
            ty: Type::Bigint,
            id,
            hidden: false,
        }
    }

    #[test]
    fn a_name_never_means_two_columns_nor_one_of_another_relation() {
        let outer = Scope { fields: vec![field(&["lake", "q"], "bid", 7)], ..Scope::default() };
        let scope = Scope::within(vec![field(&["lake", "t"], "Price", 1), field(&["u"], "price", 2)], &outer);
        let find = |parts: &[&str]| {
            let parts: Vec<Ident> = parts.iter().map(|part| ident(part)).collect();
            scope.find(&parts.iter().collect::<Vec<_>>(), Span::default()).map(|found| found.map(|field| field.id))
        };
        assert_eq!(find(&["price"]).unwrap_err().name, ErrorName::AmbiguousName);
        assert_eq!(
            (find(&["t", "price"]), find(&["lake", "t", "price"]), find(&["U", "PRICE"])),
            (Ok(Some(1)), Ok(Some(1)), Ok(Some(2)))
        );
        assert_eq!((find(&["x", "price"]), find(&["x", "lake", "t", "price"])), (Ok(None), Ok(None)));
        assert_eq!(find(&["q", "bid"]), Ok(Some(7)));
        let (typo, other) = (ident("pricee"), ident("nothing_like_it"));
        assert_eq!(scope.unknown(&[&typo], Span::default()).rewrite.as_deref(), Some("did you mean Price?"));
        assert_eq!(scope.unknown(&[&other], Span::default()).rewrite, None);
    }
}
