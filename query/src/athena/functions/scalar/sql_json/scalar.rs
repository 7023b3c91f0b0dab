//! SQL's values within paths.
//!
//! Owns: what they are computed and compared as: as SQL's functions and operators do.
//! Does not own: JSON's own values (`item`).
//! Invariant: never NULL.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};

use super::super::{Arg as _, Bool, Call, Double, Int, Produce as _, Result, Text, find, not_here};
use crate::athena::ast::Comparison;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::compare;
use crate::athena::eval::{Column, Session, cast};
use crate::athena::functions::catalog;
use crate::athena::functions::resolve::{Argument, resolve};
use crate::athena::types::{Type, common_supertype};

/// A value of SQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Boolean(bool),
    /// Of an integer type.
    Whole(i64, Type),
    Double(f64),
    /// Of a `varchar` or a `char`.
    Text(Arc<str>, Type),
    /// Of any other type: the one value of an array.
    Other(ArrayRef, Type),
}

impl Scalar {
    /// An integer of 32 bits where it fits, else of 64.
    pub(super) fn integer(value: i64) -> Self {
        Self::Whole(value, if i32::try_from(value).is_ok() { Type::Integer } else { Type::Bigint })
    }

    pub(super) fn decimal(value: i128, ty: Type) -> Self {
        match i128::array(vec![Some(value)], &ty) {
            Ok(array) => Self::Other(array, ty),
            Err(_) => Self::Double(value as f64),
        }
    }

    /// The value at a place of an array, which is not NULL.
    pub(super) fn of(values: &ArrayRef, at: usize, ty: &Type) -> Result<Self> {
        Ok(match ty {
            Type::Boolean => Self::Boolean(Bool::get(&Bool::reader(values)?, at)),
            ty if ty.is_integer() => Self::Whole(Int::get(&Int::reader(values)?, at), ty.clone()),
            Type::Double => Self::Double(Double::get(&Double::reader(values)?, at)),
            Type::Varchar(_) | Type::Char(_) => Self::Text(Text::get(&Text::reader(values)?, at).into(), ty.clone()),
            other => Self::Other(values.slice(at, 1), other.clone()),
        })
    }

    pub(crate) fn ty(&self) -> Type {
        match self {
            Self::Boolean(_) => Type::Boolean,
            Self::Double(_) => Type::Double,
            Self::Whole(_, ty) | Self::Text(_, ty) | Self::Other(_, ty) => ty.clone(),
        }
    }

    /// An array of this value.
    pub(super) fn array(&self) -> Result<ArrayRef> {
        match self {
            Self::Boolean(value) => bool::array(vec![Some(*value)], &Type::Boolean),
            Self::Whole(value, ty) => i64::array(vec![Some(*value)], ty),
            Self::Double(value) => f64::array(vec![Some(*value)], &Type::Double),
            Self::Text(text, ty) => <&str>::array(vec![Some(&**text)], ty),
            Self::Other(array, _) => Ok(array.clone()),
        }
    }

    pub(super) fn cast(&self, to: &Type) -> Result<Self> {
        Self::of(&cast(&self.array()?, &self.ty(), to, false)?, 0, to)
    }

    /// What a function or an operator of SQL gives; `None` where it does not take these.
    pub(super) fn computed(name: &str, operands: &[&Self], session: &Session) -> Result<Option<Self>> {
        let types: Vec<Argument> = operands.iter().map(|operand| Argument::Of(operand.ty())).collect();
        let candidates = catalog::signatures(name);
        let Ok(resolved) = resolve(&candidates, &types, &mut |_, _| Ok(Type::Unknown)) else { return Ok(None) };
        let cast_to = |(operand, to): (&&Self, &Type)| Ok(Column::new(cast(&operand.array()?, &operand.ty(), to, false)?));
        let arguments = operands.iter().zip(&resolved.arguments).map(cast_to).collect::<Result<Vec<_>>>()?;
        let (name, types, returns) = (resolved.signature.name.as_str(), &resolved.arguments, &resolved.returns);
        let compute = find(name, types).ok_or_else(|| not_here(name))?;
        let call = Call { name, arguments: &arguments, types, lambdas: &[], returns, rows: 1, session };
        let value = compute(&call)?;
        if value.is_null(0) { Ok(None) } else { Self::of(&value, 0, returns).map(Some) }
    }

    /// Whether a comparison holds; `None` where these cannot be compared.
    pub(super) fn compared(&self, op: Comparison, other: &Self) -> Result<Option<bool>> {
        match (self, other) {
            (Self::Whole(a, _), Self::Whole(b, _)) => return Ok(Some(holds(op, a, b))),
            (Self::Double(a), Self::Double(b)) => return Ok(Some(holds(op, a, b))),
            (Self::Text(a, Type::Varchar(_)), Self::Text(b, Type::Varchar(_))) => return Ok(Some(holds(op, a, b))),
            _ => {}
        }
        let (from, to) = (self.ty(), other.ty());
        let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
        let fits = |ty: &Type| if ordered { ty.is_orderable() } else { ty.is_comparable() };
        let Some(common) = common_supertype(&from, &to).filter(fits) else { return Ok(None) };
        let as_common = |value: &Self, ty: &Type| Ok(Column::new(cast(&value.array()?, ty, &common, false)?));
        let (left, right) = (as_common(self, &from)?, as_common(other, &to)?);
        let result = compare(op, &common, &left, &right)?;
        let result = result.as_boolean_opt().ok_or_else(|| AthenaError::internal(&"a comparison gives no boolean"))?;
        Ok(result.is_valid(0).then(|| result.value(0)))
    }
}

fn holds<T: PartialOrd + ?Sized>(op: Comparison, a: &T, b: &T) -> bool {
    match op {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}
