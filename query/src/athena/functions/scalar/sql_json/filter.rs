//! What filters let through.
//!
//! Owns: predicates of paths, which are true, false or unknown.
//! Does not own: the sequences they compare (`walk`).
//! Invariant: a fault of a path within a predicate makes it unknown, and no more.

use super::super::Result;
use super::item::Item;
use super::path::{Node, Predicate};
use super::scalar::Scalar;
use super::walk::{Place, Walk};
use crate::athena::ast::Comparison;
use crate::athena::error::ErrorName;
use crate::athena::types::Type;

/// `None`: unknown.
type Truth = Option<bool>;

impl Walk<'_> {
    pub(super) fn holds(&self, predicate: &Predicate, place: Place<'_>) -> Result<Truth> {
        Ok(match predicate {
            Predicate::And(left, right) => self.junction(left, right, false, place)?,
            Predicate::Or(left, right) => self.junction(left, right, true, place)?,
            Predicate::Not(of) => self.holds(of, place)?.map(|truth| !truth),
            Predicate::IsUnknown(of) => Some(self.holds(of, place)?.is_none()),
            Predicate::Exists(of) => self.forgiven(of, place)?.map(|items| !items.is_empty()),
            Predicate::Compare { op, left, right } => match (self.forgiven(left, place)?, self.forgiven(right, place)?) {
                (Some(left), Some(right)) => self.compared(*op, &self.unwrapped(left), &self.unwrapped(right))?,
                _ => None,
            },
            Predicate::StartsWith { of, prefix } => match (self.forgiven(of, place)?, self.forgiven(prefix, place)?.as_deref()) {
                (Some(of), Some([prefix])) => self.starts_with(of, prefix)?,
                _ => None,
            },
        })
    }

    /// AND, whose value one false decides, or OR, whose value one true decides.
    fn junction(&self, left: &Predicate, right: &Predicate, decides: bool, place: Place<'_>) -> Result<Truth> {
        let left = self.holds(left, place)?;
        if left == Some(decides) {
            return Ok(left);
        }
        let right = self.holds(right, place)?;
        Ok(if right == Some(decides) || left.is_some() { right } else { None })
    }

    /// The items of a path; `None` where it has a fault.
    fn forgiven(&self, node: &Node, place: Place<'_>) -> Result<Option<Vec<Item>>> {
        match self.items(node, place) {
            Err(error) if error.name == ErrorName::PathEvaluationError => Ok(None),
            items => items.map(Some),
        }
    }

    /// Whether a pair of items compares so; unknown as soon as a pair cannot be compared.
    fn compared(&self, op: Comparison, left: &[Item], right: &[Item]) -> Result<Truth> {
        if left.is_empty() || right.is_empty() {
            return Ok(Some(false));
        }
        let (lefts, rights) = (Kinds::of(left), Kinds::of(right));
        if (lefts.parts && (rights.parts || rights.scalar)) || (lefts.scalar && rights.parts) {
            return Ok(None);
        }
        let mut found = match op {
            Comparison::Equal => lefts.null && rights.null,
            Comparison::NotEqual => {
                (lefts.null && (rights.scalar || rights.parts)) || (rights.null && (lefts.scalar || lefts.parts))
            }
            _ => false,
        };
        if (found && self.lax) || !lefts.scalar || !rights.scalar {
            return Ok(Some(found));
        }
        let scalars = |items: &[Item]| -> Option<Vec<Scalar>> {
            items.iter().filter(|item| !matches!(item, Item::Null)).map(Item::scalar).collect()
        };
        let (Some(left), Some(right)) = (scalars(left), scalars(right)) else { return Ok(None) };
        for left in &left {
            for right in &right {
                match left.compared(op, right)? {
                    None => return Ok(None),
                    Some(true) if self.lax => return Ok(Some(true)),
                    Some(holds) => found |= holds,
                }
            }
        }
        Ok(Some(found))
    }

    fn starts_with(&self, items: Vec<Item>, prefix: &Item) -> Result<Truth> {
        let Some(prefix) = text(prefix)? else { return Ok(None) };
        let mut found = false;
        for item in self.unwrapped(items) {
            match text(&item)? {
                None => return Ok(None),
                Some(text) if text.starts_with(&prefix) => {
                    found = true;
                    if self.lax {
                        break;
                    }
                }
                Some(_) => {}
            }
        }
        Ok(Some(found))
    }
}

/// What kinds of items are in a sequence.
#[derive(Default)]
struct Kinds {
    null: bool,
    scalar: bool,
    parts: bool,
}

impl Kinds {
    fn of(items: &[Item]) -> Self {
        let mut kinds = Self::default();
        for item in items {
            match item {
                Item::Null => kinds.null = true,
                Item::Missing | Item::Array(_) | Item::Object(_) => kinds.parts = true,
                _ => kinds.scalar = true,
            }
        }
        kinds
    }
}

/// The text an item is, a `char` with its padding.
fn text(item: &Item) -> Result<Option<String>> {
    Ok(match item.scalar() {
        Some(value @ Scalar::Text(_, Type::Char(_))) => match value.cast(&Type::VARCHAR)? {
            Scalar::Text(text, _) => Some(text.to_string()),
            _ => None,
        },
        Some(Scalar::Text(text, _)) => Some(text.to_string()),
        _ => None,
    })
}
