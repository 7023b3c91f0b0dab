//! Which types become which without a cast.
//!
//! Owns: Trino's implicit coercions (`io.trino.type.TypeCoercion`) and the common type of several.
//! Does not own: explicit casts (`cast`), choosing among overloads (`functions`).
//! Invariant: no text becomes anything but text: what compares a date with a varchar is an error, as it is there.

use super::{CHAR_LENGTH_MAX, DECIMAL_PRECISION_MAX, RowField, Type};

/// Whether a value of `from` is taken where `to` is expected.
pub(crate) fn can_coerce(from: &Type, to: &Type) -> bool {
    from == to || common_supertype(from, to).is_some_and(|common| common == *to)
}

/// The narrowest type both become; `None` when there is none.
pub(crate) fn common_supertype(left: &Type, right: &Type) -> Option<Type> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (Type::Unknown, other) | (other, Type::Unknown) => return Some(other.clone()),
        _ => {}
    }
    of_one_kind(left, right).or_else(|| {
        let (from_left, from_right) = (widened(left, right), widened(right, left));
        from_left.and_then(|left| of_one_kind(&left, right)).or_else(|| from_right.and_then(|right| of_one_kind(left, &right)))
    })
}

/// The common type of two that differ at most in their parameters.
fn of_one_kind(left: &Type, right: &Type) -> Option<Type> {
    use Type::*;
    Some(match (left, right) {
        (Decimal { precision: p1, scale: s1 }, Decimal { precision: p2, scale: s2 }) => {
            let scale = *s1.max(s2);
            let whole = (p1 - s1).max(p2 - s2);
            Decimal { precision: (whole + scale).min(DECIMAL_PRECISION_MAX), scale }
        }
        (Varchar(a), Varchar(b)) => Varchar(a.zip(*b).map(|(a, b)| a.max(b))),
        (Char(a), Char(b)) => Char(*a.max(b)),
        (Time(a), Time(b)) => Time(*a.max(b)),
        (TimeZoned(a), TimeZoned(b)) => TimeZoned(*a.max(b)),
        (Timestamp(a), Timestamp(b)) => Timestamp(*a.max(b)),
        (TimestampZoned(a), TimestampZoned(b)) => TimestampZoned(*a.max(b)),
        (Array(a), Array(b)) => Type::array(common_supertype(a, b)?),
        (Map(k1, v1), Map(k2, v2)) => Type::map(common_supertype(k1, k2)?, common_supertype(v1, v2)?),
        (Row(a), Row(b)) if a.len() == b.len() => {
            let fields = a.iter().zip(b).map(|(a, b)| {
                let name = a.name.clone().filter(|_| a.name == b.name);
                Some(RowField { name, ty: common_supertype(&a.ty, &b.ty)? })
            });
            Row(fields.collect::<Option<_>>()?)
        }
        (a, b) if a == b => a.clone(),
        _ => return None,
    })
}

/// `from` as the narrowest type of `to`'s kind that holds all of it.
fn widened(from: &Type, to: &Type) -> Option<Type> {
    use Type::*;
    let digits = |precision| Decimal { precision, scale: 0 };
    Some(match (from, to) {
        (Tinyint, Smallint | Integer | Bigint | Real | Double)
        | (Smallint, Integer | Bigint | Real | Double)
        | (Integer, Bigint | Real | Double)
        | (Bigint | Decimal { .. }, Real | Double)
        | (Real, Double) => to.clone(),
        (Tinyint, Decimal { .. }) => digits(3),
        (Smallint, Decimal { .. }) => digits(5),
        (Integer, Decimal { .. }) => digits(10),
        (Bigint, Decimal { .. }) => digits(19),
        (Date, Timestamp(_)) => Timestamp(0),
        (Date, TimestampZoned(_)) => TimestampZoned(0),
        (Time(p), TimeZoned(_)) => TimeZoned(*p),
        (Timestamp(p), TimestampZoned(_)) => TimestampZoned(*p),
        (Varchar(_) | Char(_), JoniRegExp | JsonPath | CodePoints) => to.clone(),
        (Varchar(length), Char(_)) => Char(length.unwrap_or(CHAR_LENGTH_MAX).min(CHAR_LENGTH_MAX)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> Type {
        Type::Decimal { precision, scale }
    }

    #[test]
    fn no_digit_is_lost_before_there_are_38() {
        assert_eq!(common_supertype(&Type::Integer, &decimal(5, 2)), Some(decimal(12, 2)));
        assert_eq!(common_supertype(&decimal(38, 0), &decimal(10, 10)), Some(decimal(38, 10)));
        assert_eq!(common_supertype(&Type::Bigint, &Type::Real), Some(Type::Real));
        assert!(can_coerce(&Type::Integer, &decimal(10, 0)) && !can_coerce(&Type::Integer, &decimal(9, 0)));
    }

    #[test]
    fn text_never_becomes_anything_but_text() {
        for other in [Type::Integer, Type::Date, Type::Boolean, Type::Json, Type::Varbinary, Type::Timestamp(3)] {
            assert_eq!(common_supertype(&Type::VARCHAR, &other), None, "{other}");
            assert_eq!(common_supertype(&other, &Type::Varchar(Some(3))), None, "{other}");
        }
    }

    #[test]
    fn a_bare_null_is_of_every_type() {
        let nested = Type::map(Type::VARCHAR, Type::array(Type::Unknown));
        let wanted = Type::map(Type::VARCHAR, Type::array(Type::Double));
        assert_eq!(common_supertype(&nested, &wanted), Some(wanted.clone()));
        assert!(can_coerce(&Type::Unknown, &wanted) && !can_coerce(&wanted, &Type::Unknown));
    }
}
