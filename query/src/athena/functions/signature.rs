//! A function's signature: what it takes and what comes of it.
//!
//! Owns: the text form of signatures (that of Trino's `SHOW FUNCTIONS`, with constraints), matching arguments, the result's type.
//! Does not own: choosing among several (`resolve`), what functions there are (`catalog`).
//! Invariant: a variable stands for one type, or one number, throughout a signature.
//!
//! `max_by(v, k, bigint) -> array(v) where k orderable`: words of one letter are variables of types, inside parentheses of
//! `decimal`, `varchar`, `char`, `time`, `timestamp` variables of numbers; `...` after the last argument repeats it;
//! `where rp = min(38, p + 1)` computes a number.

use std::collections::BTreeMap;
use std::fmt;

use crate::athena::types::{Type, can_coerce, common_supertype};

/// The form of an argument or of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Exact(Type),
    Variable(String),
    Decimal(Number, Number),
    Varchar(Number),
    Char(Number),
    Time(Number),
    TimeZoned(Number),
    Timestamp(Number),
    TimestampZoned(Number),
    Array(Box<Pattern>),
    Map(Box<Pattern>, Box<Pattern>),
    Row(Vec<Pattern>),
    Function(Vec<Pattern>, Box<Pattern>),
}

/// A parameter of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Number {
    Literal(u32),
    Variable(String),
}

/// What a type variable may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint {
    Comparable,
    Orderable,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Pattern>,
    /// Whether the last argument may come any number of times.
    pub(crate) variadic: bool,
    pub(crate) returns: Pattern,
    pub(crate) constraints: Vec<(String, Constraint)>,
    /// Numbers of the result that are computed.
    pub(crate) computed: Vec<(String, Formula)>,
}

/// Arithmetic over numbers of the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Formula {
    Number(i64),
    Variable(String),
    Add(Box<Formula>, Box<Formula>),
    Subtract(Box<Formula>, Box<Formula>),
    Multiply(Box<Formula>, Box<Formula>),
    /// Rounds down.
    Divide(Box<Formula>, Box<Formula>),
    Min(Box<Formula>, Box<Formula>),
    Max(Box<Formula>, Box<Formula>),
}

/// What the variables stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bindings {
    types: BTreeMap<String, Type>,
    numbers: BTreeMap<String, u32>,
}

/// An unbounded varchar's length, as a number: as in Trino, so that formulas over lengths end there.
const UNBOUNDED: u32 = 2_147_483_647;

impl Signature {
    /// The patterns of `count` arguments; `None` when it does not take so many.
    pub(crate) fn expanded(&self, count: usize) -> Option<Vec<&Pattern>> {
        let fixed = self.arguments.len();
        match self.arguments.last() {
            Some(last) if self.variadic && count + 1 >= fixed => {
                let repeated = std::iter::repeat_n(last, count + 1 - fixed);
                Some(self.arguments[..fixed - 1].iter().chain(repeated).collect())
            }
            _ => (count == fixed).then(|| self.arguments.iter().collect()),
        }
    }

    /// Whether the bindings keep to the constraints.
    pub(crate) fn admits(&self, bindings: &Bindings) -> bool {
        self.constraints.iter().all(|(variable, constraint)| {
            bindings.types.get(variable).is_none_or(|ty| match constraint {
                Constraint::Comparable => ty.is_comparable(),
                Constraint::Orderable => ty.is_orderable(),
            })
        })
    }

    /// The type of the result.
    pub(crate) fn result(&self, bindings: &Bindings) -> Option<Type> {
        let mut bindings = bindings.clone();
        for (name, formula) in &self.computed {
            let value = u32::try_from(formula.value(&bindings)?).ok()?;
            bindings.numbers.insert(name.clone(), value);
        }
        bindings.apply(&self.returns)
    }
}

/// As Trino lists it: `concat(array(E), E) -> array(E)`.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.arguments.iter().map(ToString::to_string).collect();
        write!(f, "{}({})", self.name, arguments.join(", "))
    }
}

impl Formula {
    /// Lengths of texts are multiplied thrice: what is too long is cut by the formula itself.
    fn value(&self, bindings: &Bindings) -> Option<i128> {
        let both = |a: &Self, b: &Self| Some((a.value(bindings)?, b.value(bindings)?));
        Some(match self {
            Self::Number(n) => i128::from(*n),
            Self::Variable(name) => i128::from(*bindings.numbers.get(name)?),
            Self::Add(a, b) => both(a, b).and_then(|(a, b)| a.checked_add(b))?,
            Self::Subtract(a, b) => both(a, b).map(|(a, b)| a - b)?,
            Self::Multiply(a, b) => both(a, b).and_then(|(a, b)| a.checked_mul(b))?,
            Self::Divide(a, b) => both(a, b).and_then(|(a, b)| a.checked_div_euclid(b))?,
            Self::Min(a, b) => both(a, b).map(|(a, b)| a.min(b))?,
            Self::Max(a, b) => both(a, b).map(|(a, b)| a.max(b))?,
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(n) => write!(f, "{n}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |patterns: &[Self]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Exact(ty) => write!(f, "{ty}"),
            Self::Variable(name) => f.write_str(name),
            Self::Decimal(p, s) => write!(f, "decimal({p},{s})"),
            Self::Varchar(n) => write!(f, "varchar({n})"),
            Self::Char(n) => write!(f, "char({n})"),
            Self::Time(n) => write!(f, "time({n})"),
            Self::TimeZoned(n) => write!(f, "time({n}) with time zone"),
            Self::Timestamp(n) => write!(f, "timestamp({n})"),
            Self::TimestampZoned(n) => write!(f, "timestamp({n}) with time zone"),
            Self::Array(element) => write!(f, "array({element})"),
            Self::Map(key, value) => write!(f, "map({key},{value})"),
            Self::Row(fields) => write!(f, "row({})", list(fields)),
            Self::Function(parameters, result) => write!(f, "function({},{result})", list(parameters)),
        }
    }
}

impl Bindings {
    /// A pattern with its variables replaced; `None` while one of them stands for nothing yet.
    pub(crate) fn apply(&self, pattern: &Pattern) -> Option<Type> {
        let number = |n: &Number| match n {
            Number::Literal(n) => Some(*n),
            Number::Variable(name) => self.numbers.get(name).copied(),
        };
        let digits = |n: &Number| number(n).and_then(|n| u8::try_from(n).ok());
        Some(match pattern {
            Pattern::Exact(ty) => ty.clone(),
            Pattern::Variable(name) => self.types.get(name)?.clone(),
            Pattern::Decimal(p, s) => Type::Decimal { precision: digits(p)?, scale: digits(s)? },
            Pattern::Varchar(n) => Type::Varchar(Some(number(n)?).filter(|n| *n != UNBOUNDED)),
            Pattern::Char(n) => Type::Char(number(n)?),
            Pattern::Time(n) => Type::Time(digits(n)?),
            Pattern::TimeZoned(n) => Type::TimeZoned(digits(n)?),
            Pattern::Timestamp(n) => Type::Timestamp(digits(n)?),
            Pattern::TimestampZoned(n) => Type::TimestampZoned(digits(n)?),
            Pattern::Array(element) => Type::array(self.apply(element)?),
            Pattern::Map(key, value) => Type::map(self.apply(key)?, self.apply(value)?),
            Pattern::Row(fields) => Type::row(fields.iter().map(|f| self.apply(f)).collect::<Option<Vec<_>>>()?),
            Pattern::Function(parameters, result) => {
                let parameters = parameters.iter().map(|p| self.apply(p)).collect::<Option<_>>()?;
                Type::Function(parameters, Box::new(self.apply(result)?))
            }
        })
    }

    /// Makes the pattern fit the type, with coercions if allowed; false when it cannot.
    pub(crate) fn bind(&mut self, pattern: &Pattern, ty: &Type, coerces: bool) -> bool {
        use Pattern as P;
        use Type as T;
        match (pattern, ty) {
            (P::Exact(wanted), ty) => wanted == ty || (coerces && can_coerce(ty, wanted)),
            (P::Variable(name), ty) => self.bind_type(name, ty, coerces),
            // Lambdas are bound once the types of their parameters are known.
            (P::Function(..), T::Function(..)) => true,
            (P::Decimal(p, s), T::Decimal { precision, scale }) => {
                let (precision, scale) = (u32::from(*precision), u32::from(*scale));
                self.bind_decimal(p, s, precision, scale, coerces)
            }
            (P::Varchar(n), T::Varchar(length)) => self.bind_most(n, length.unwrap_or(UNBOUNDED), coerces),
            (P::Char(n), T::Char(length)) => self.bind_most(n, *length, coerces),
            (P::Time(n), T::Time(p)) | (P::TimeZoned(n), T::TimeZoned(p)) | (P::Timestamp(n), T::Timestamp(p)) => {
                self.bind_most(n, u32::from(*p), coerces)
            }
            (P::TimestampZoned(n), T::TimestampZoned(p)) => self.bind_most(n, u32::from(*p), coerces),
            (P::Array(element), T::Array(ty)) => self.bind(element, ty, coerces),
            (P::Map(key, value), T::Map(k, v)) => self.bind(key, k, coerces) && self.bind(value, v, coerces),
            (P::Row(fields), T::Row(types)) if fields.len() == types.len() => {
                fields.iter().zip(types).all(|(field, ty)| self.bind(field, &ty.ty, coerces))
            }
            (pattern, ty) => coerces && self.bind_coerced(pattern, ty),
        }
    }

    fn bind_type(&mut self, name: &str, ty: &Type, coerces: bool) -> bool {
        let common = match self.types.get(name) {
            None => Some(ty.clone()),
            Some(bound) if coerces => common_supertype(bound, ty),
            Some(bound) => (bound == ty).then(|| ty.clone()),
        };
        let Some(common) = common else { return false };
        self.types.insert(name.to_owned(), common);
        true
    }

    /// Binds a number; with coercions the largest that was met.
    fn bind_most(&mut self, number: &Number, value: u32, coerces: bool) -> bool {
        match number {
            Number::Literal(wanted) => *wanted == value || (coerces && *wanted > value),
            Number::Variable(name) => match self.numbers.get_mut(name) {
                None => {
                    self.numbers.insert(name.clone(), value);
                    true
                }
                Some(bound) if coerces => {
                    *bound = value.max(*bound);
                    true
                }
                Some(bound) => *bound == value,
            },
        }
    }

    fn bind_decimal(&mut self, p: &Number, s: &Number, precision: u32, scale: u32, coerces: bool) -> bool {
        let bound = |numbers: &BTreeMap<String, u32>, n: &Number| match n {
            Number::Literal(n) => Some(*n),
            Number::Variable(name) => numbers.get(name).copied(),
        };
        match (bound(&self.numbers, p), bound(&self.numbers, s)) {
            (Some(p0), Some(s0)) if coerces && matches!((p, s), (Number::Variable(_), Number::Variable(_))) => {
                let common = s0.max(scale);
                let whole = (p0 - s0).max(precision - scale);
                self.bind_most(p, (whole + common).min(38), true) && self.bind_most(s, common, true)
            }
            _ => self.bind_most(p, precision, coerces) && self.bind_most(s, scale, coerces),
        }
    }

    /// Another kind of type, which becomes one of the pattern's kind.
    fn bind_coerced(&mut self, pattern: &Pattern, ty: &Type) -> bool {
        // A bare NULL of these is of the precision that they have without one, unless another argument has told it.
        let p = if *ty == Type::Unknown && !self.is_bound(pattern) { 3 } else { 0 };
        let kind = match pattern {
            Pattern::Decimal(..) => Type::Decimal { precision: 1, scale: 0 },
            Pattern::Char(_) => Type::Char(0),
            Pattern::Varchar(_) => Type::Varchar(Some(0)),
            Pattern::Time(_) => Type::Time(p),
            Pattern::TimeZoned(_) => Type::TimeZoned(p),
            Pattern::Timestamp(_) => Type::Timestamp(p),
            Pattern::TimestampZoned(_) => Type::TimestampZoned(p),
            _ => return *ty == Type::Unknown && self.bind_unknown(pattern),
        };
        let common = common_supertype(ty, &kind);
        common.is_some_and(|common| common.base() == kind.base() && self.bind(pattern, &common, true))
    }

    /// Whether the precision of times is known.
    fn is_bound(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Time(p) | Pattern::TimeZoned(p) | Pattern::Timestamp(p) | Pattern::TimestampZoned(p) => match p {
                Number::Literal(_) => true,
                Number::Variable(name) => self.numbers.contains_key(name),
            },
            _ => false,
        }
    }

    /// A bare `NULL` fits everything, and says nothing about it but where nothing else does.
    fn bind_unknown(&mut self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Array(element) => self.bind(element, &Type::Unknown, true),
            Pattern::Map(key, value) => self.bind(key, &Type::Unknown, true) && self.bind(value, &Type::Unknown, true),
            Pattern::Row(fields) => fields.iter().all(|field| self.bind(field, &Type::Unknown, true)),
            _ => false,
        }
    }
}
