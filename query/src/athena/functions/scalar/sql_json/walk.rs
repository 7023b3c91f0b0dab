//! Walking along paths.
//!
//! Owns: the items that steps, signs and operators lead to, lax and strict.
//! Does not own: filters' predicates (`filter`), what numbers become (`scalar`).
//! Invariant: a fault of the path is PATH_EVALUATION_ERROR and nothing else is, so that a predicate knows which it may forgive.

use std::cell::Cell;
use std::sync::Arc;

use super::super::Result;
use super::item::Item;
use super::path::{Method, Node, Path, Step};
use super::scalar::Scalar;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::Session;
use crate::athena::types::Type;

/// What `type()` gives.
pub(crate) const TYPE_NAME: Type = Type::Varchar(Some(27));

/// A path's surroundings.
pub(super) struct Walk<'w> {
    pub(super) lax: bool,
    pub(super) context: &'w Item,
    /// By name; none where JSON was passed that is NULL.
    pub(super) variables: &'w [(String, Option<Item>)],
    pub(super) session: &'w Session,
    /// How many objects `keyvalue()` took apart.
    pub(super) objects: Cell<i64>,
}

/// What `@` and `last` stand for.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'p> {
    pub(super) current: Option<&'p Item>,
    pub(super) last: Option<usize>,
}

pub(super) fn fault(message: impl std::fmt::Display) -> AthenaError {
    AthenaError::of_values(ErrorName::PathEvaluationError, format!("path evaluation failed: {message}"))
}

fn structural(message: impl std::fmt::Display) -> AthenaError {
    fault(format!("structural error: {message}"))
}

fn wrong_type(expected: &str, item: &Item) -> AthenaError {
    fault(format!("invalid item type. Expected: {expected}, actual: {}", item.kind()))
}

/// A fault of a value as one of the path.
fn of_path<T>(value: Result<T>) -> Result<T> {
    value.map_err(|error| if error.name == ErrorName::GenericInternalError { error } else { fault(error.message) })
}

impl Walk<'_> {
    /// The items at the end of a path.
    pub(super) fn along(&self, path: &Path) -> Result<Vec<Item>> {
        self.items(&path.root, Place::default())
    }

    pub(super) fn items(&self, node: &Node, place: Place<'_>) -> Result<Vec<Item>> {
        Ok(match node {
            Node::Literal(value) => vec![Item::Sql(value.clone())],
            Node::Null => vec![Item::Null],
            Node::Context => vec![self.context.clone()],
            Node::Variable(name) => {
                let found = self.variables.iter().find(|(own, _)| own == name);
                found.and_then(|(_, item)| item.clone()).into_iter().collect()
            }
            Node::Last => {
                let last = place.last.ok_or_else(|| fault("accessing the last array index with no enclosing array"))?;
                vec![Item::Sql(Scalar::integer(i64::try_from(last).map_err(|error| AthenaError::internal(&error))?))]
            }
            Node::Current => {
                let current = place.current.ok_or_else(|| fault("accessing current filter item with no enclosing filter"))?;
                vec![current.clone()]
            }
            Node::Sign { negative, of } => {
                let signed = |item: &Item| {
                    let number = number(item)?;
                    Ok(Item::Sql(if *negative { self.computed("$negate", &[&number])? } else { number }))
                };
                self.unwrapped(self.items(of, place)?).iter().map(signed).collect::<Result<_>>()?
            }
            Node::Arithmetic { operator, left, right } => {
                let (left, right) = (self.items(left, place)?, self.items(right, place)?);
                match (self.unwrapped(left).as_slice(), self.unwrapped(right).as_slice()) {
                    ([left], [right]) => {
                        vec![Item::Sql(self.computed(operator, &[&operand(left)?, &operand(right)?])?)]
                    }
                    _ => return Err(fault("arithmetic binary expression requires singleton operands")),
                }
            }
            Node::Steps { from, steps } => {
                steps.iter().try_fold(self.items(from, place)?, |items, step| self.step(items, step, place))?
            }
        })
    }

    /// Of the lax: arrays as their elements.
    pub(super) fn unwrapped(&self, items: Vec<Item>) -> Vec<Item> {
        if !self.lax || !items.iter().any(|item| matches!(item, Item::Array(_))) {
            return items;
        }
        let mut unwrapped = Vec::new();
        for item in items {
            match item {
                Item::Array(elements) => unwrapped.extend(elements.iter().cloned()),
                item => unwrapped.push(item),
            }
        }
        unwrapped
    }

    fn step(&self, items: Vec<Item>, step: &Step, place: Place<'_>) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        match step {
            Step::Member(name) => self.members(items, Some(name), &mut found)?,
            Step::Members => self.members(items, None, &mut found)?,
            Step::Descendants(name) => items.iter().for_each(|item| descendants(item, name, &mut found)),
            Step::Elements => {
                for item in items {
                    found.extend(self.elements(item)?.iter().cloned());
                }
            }
            Step::Places(places) => {
                for item in items {
                    self.places(&self.elements(item)?, places, place, &mut found)?;
                }
            }
            Step::Filter(predicate) => {
                for item in self.unwrapped(items) {
                    if self.holds(predicate, Place { current: Some(&item), ..place })? == Some(true) {
                        found.push(item);
                    }
                }
            }
            Step::Method(method) => self.method(*method, items, &mut found)?,
        }
        Ok(found)
    }

    /// The values of an object's member of that name, or of all.
    fn members(&self, items: Vec<Item>, name: Option<&str>, found: &mut Vec<Item>) -> Result<()> {
        for item in self.unwrapped(items) {
            let Item::Object(members) = &item else {
                if self.lax {
                    continue;
                }
                return Err(wrong_type("OBJECT", &item));
            };
            let Some(name) = name else {
                found.extend(members.iter().map(|(_, value)| value.clone()));
                continue;
            };
            match members.iter().find(|(own, _)| **own == *name) {
                Some((_, value)) => found.push(value.clone()),
                None if self.lax => {}
                None => return Err(structural(format!("missing member '{name}' in JSON object"))),
            }
        }
        Ok(())
    }

    /// An array's elements; of the lax anything else is an array of itself.
    fn elements(&self, item: Item) -> Result<Arc<Vec<Item>>> {
        match item {
            Item::Array(elements) => Ok(elements),
            item if self.lax => Ok(Arc::new(vec![item])),
            item => Err(wrong_type("ARRAY", &item)),
        }
    }

    fn places(&self, elements: &[Item], places: &[(Node, Option<Node>)], place: Place<'_>, found: &mut Vec<Item>) -> Result<()> {
        let Some(last) = elements.len().checked_sub(1) else {
            return if self.lax { Ok(()) } else { Err(structural("invalid array subscript for empty array")) };
        };
        let place = Place { last: Some(last), ..place };
        let single = |node: &Node, which: &str| match self.items(node, place)?.as_slice() {
            [index] => of_index(index),
            _ => Err(fault(format!("array subscript '{which}' value must be singleton numeric"))),
        };
        for (from, to) in places {
            let from = single(from, "from")?;
            let to = to.as_ref().map_or(Ok(from), |to| single(to, "to"))?;
            let length = i64::try_from(elements.len()).map_err(|error| AthenaError::internal(&error))?;
            let is_within = 0 <= from && from <= to && to < length;
            if !self.lax && !is_within {
                let size = elements.len();
                return Err(structural(format!("invalid array subscript: [{from}, {to}] for array of size {size}")));
            }
            let (from, to) = (from.max(0), to.min(length - 1));
            if from <= to {
                let place = |at: i64| usize::try_from(at).map_err(|error| AthenaError::internal(&error));
                found.extend(elements[place(from)?..=place(to)?].iter().cloned());
            }
        }
        Ok(())
    }

    fn method(&self, method: Method, items: Vec<Item>, found: &mut Vec<Item>) -> Result<()> {
        let items = if matches!(method, Method::Type | Method::Size) { items } else { self.unwrapped(items) };
        for item in items {
            match method {
                Method::Type => found.push(Item::Sql(Scalar::Text(type_of(&item)?.into(), TYPE_NAME))),
                Method::Size => {
                    let size = match &item {
                        Item::Array(elements) => elements.len(),
                        _ if self.lax => 1,
                        _ => return Err(wrong_type("ARRAY", &item)),
                    };
                    let size = i64::try_from(size).map_err(|error| AthenaError::internal(&error))?;
                    found.push(Item::Sql(Scalar::Whole(size, Type::Integer)));
                }
                Method::Double => {
                    let scalar = item.scalar().filter(|scalar| is_number(scalar) || is_text(scalar));
                    let scalar = scalar.ok_or_else(|| unreadable("NUMBER or TEXT", &item))?;
                    found.push(Item::Sql(of_path(scalar.cast(&Type::Double))?));
                }
                Method::Number(function) => found.push(Item::Sql(self.computed(function, &[&number(&item)?])?)),
                Method::KeyValue => {
                    let Item::Object(members) = &item else { return Err(wrong_type("OBJECT", &item)) };
                    let id = self.objects.replace(self.objects.get() + 1);
                    found.extend(members.iter().map(|(name, value)| {
                        let parts = [("name", Item::Text(name.clone())), ("value", value.clone()), ("id", Item::Whole(id))];
                        Item::Object(Arc::new(parts.map(|(name, part)| (name.into(), part)).into()))
                    }));
                }
            }
        }
        Ok(())
    }

    /// What a function or an operator of SQL gives.
    fn computed(&self, name: &'static str, operands: &[&Scalar]) -> Result<Scalar> {
        let types = || operands.iter().map(|operand| operand.ty().to_string()).collect::<Vec<_>>().join(", ");
        let refused = || fault(format!("invalid operand types to {} ({})", name.trim_start_matches('$'), types()));
        of_path(Scalar::computed(name, operands, self.session))?.ok_or_else(refused)
    }
}

fn descendants(item: &Item, name: &str, found: &mut Vec<Item>) {
    match item {
        Item::Object(members) => {
            found.extend(members.iter().filter(|(own, _)| **own == *name).map(|(_, value)| value.clone()));
            members.iter().for_each(|(_, value)| descendants(value, name, found));
        }
        Item::Array(elements) => elements.iter().for_each(|element| descendants(element, name, found)),
        _ => {}
    }
}

fn is_number(scalar: &Scalar) -> bool {
    scalar.ty().is_numeric()
}

fn is_text(scalar: &Scalar) -> bool {
    matches!(scalar, Scalar::Text(..))
}

/// The fault of an item that is not what is expected, or is too large a number to be one.
fn unreadable(expected: &str, item: &Item) -> AthenaError {
    match item {
        Item::Large(written) => fault(format!("cannot convert {written} to Trino value (value too big)")),
        item => wrong_type(expected, item),
    }
}

/// The number that an item is.
fn number(item: &Item) -> Result<Scalar> {
    item.scalar().filter(is_number).ok_or_else(|| unreadable("NUMBER", item))
}

/// What an operator takes: a number of JSON's, any value of SQL's.
fn operand(item: &Item) -> Result<Scalar> {
    match item {
        Item::Sql(value) => Ok(value.clone()),
        item => number(item),
    }
}

/// A place in an array: JSON's numbers are cut off, SQL's rounded.
fn of_index(item: &Item) -> Result<i64> {
    match item {
        Item::Whole(index) => Ok(*index),
        Item::Double(index) if (-9.3e18..=9.3e18).contains(index) => Ok(*index as i64),
        Item::Double(index) => Err(fault(format!("cannot convert value {index} to long"))),
        Item::Large(written) => Err(fault(format!("cannot convert value {written} to long"))),
        item => match of_path(number(item)?.cast(&Type::Bigint))? {
            Scalar::Whole(index, _) => Ok(index),
            _ => Err(AthenaError::internal(&"a bigint is no whole number")),
        },
    }
}

fn type_of(item: &Item) -> Result<&'static str> {
    Ok(match item {
        Item::Missing => return Err(AthenaError::internal(&"unexpected Json node type: MISSING")),
        Item::Null => "null",
        Item::Boolean(_) => "boolean",
        Item::Whole(_) | Item::Large(_) | Item::Double(_) => "number",
        Item::Text(_) => "string",
        Item::Array(_) => "array",
        Item::Object(_) => "object",
        Item::Sql(value) => match value.ty() {
            Type::Boolean => "boolean",
            Type::Varchar(_) | Type::Char(_) => "string",
            Type::Date => "date",
            Type::Time(_) => "time without time zone",
            Type::TimeZoned(_) => "time with time zone",
            Type::Timestamp(_) => "timestamp without time zone",
            Type::TimestampZoned(_) => "timestamp with time zone",
            _ => "number",
        },
    })
}
