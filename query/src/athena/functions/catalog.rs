//! What functions Athena has.
//!
//! Owns: the catalog by name, read once from `catalog.txt`.
//! Does not own: what they compute, which of several is meant (`resolve`).
//! Invariant: a function that Trino has is known here by all its signatures, whether or not this engine computes it; one of a type
//! that is not here, by its name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::signature::Signature;
use super::text;

/// What kind of function a signature is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Scalar,
    Aggregate,
    Window,
    /// Under a name that no identifier is, `$add`.
    Operator,
}

/// Functions of one name: all are of one kind.
#[derive(Debug)]
pub(crate) struct Functions {
    pub(crate) kind: Kind,
    pub(crate) signatures: Vec<Signature>,
}

static CATALOG: LazyLock<HashMap<String, Functions>> = LazyLock::new(|| {
    let mut catalog: HashMap<String, Functions> = HashMap::new();
    let mut kind = Kind::Scalar;
    for line in include_str!("catalog.txt").lines() {
        match line {
            "[scalar]" => kind = Kind::Scalar,
            "[aggregate]" => kind = Kind::Aggregate,
            "[window]" => kind = Kind::Window,
            "[operator]" => kind = Kind::Operator,
            line if line.is_empty() || line.starts_with('#') => {}
            line => {
                let signature = text::parse(line).expect("every line of the catalog is a signature: tested");
                let functions = catalog.entry(signature.name.clone());
                functions.or_insert_with(|| Functions { kind, signatures: Vec::new() }).signatures.push(signature);
            }
        }
    }
    catalog
});

/// What Trino has of types that are not here: digests and colours.
const OF_OTHER_TYPES: [&str; 12] = [
    "color",
    "hash_counts",
    "intersection_cardinality",
    "jaccard_index",
    "make_set_digest",
    "merge_set_digest",
    "qdigest_agg",
    "quantile_at_value",
    "rgb",
    "tdigest_agg",
    "value_at_quantile",
    "values_at_quantiles",
];

/// Whether Trino has functions of a name that this catalog leaves out.
pub(crate) fn leaves_out(name: &str) -> bool {
    OF_OTHER_TYPES.contains(&name)
}

/// The functions of a name, in lower case; `None` when there is none.
pub(crate) fn named(name: &str) -> Option<&'static Functions> {
    CATALOG.get(name)
}

/// The signatures of a name; empty when there is none.
pub(crate) fn signatures(name: &str) -> Vec<&'static Signature> {
    named(name).iter().flat_map(|functions| &functions.signatures).collect()
}

/// All names, ordered.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = CATALOG.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::athena::functions::resolve::{Argument, Unresolved, resolve};
    use crate::athena::functions::{aggregate, scalar};
    use crate::athena::types::Type;

    fn returns(name: &str, arguments: &[Type]) -> Result<String, Unresolved> {
        let candidates: Vec<&Signature> = named(name).unwrap().signatures.iter().collect();
        let arguments: Vec<Argument> = arguments.iter().cloned().map(Argument::Of).collect();
        resolve(&candidates, &arguments, &mut |_, _| Ok(Type::Unknown)).map(|r| r.returns.to_string())
    }

    fn decimal(precision: u8, scale: u8) -> Type {
        Type::Decimal { precision, scale }
    }

    #[test]
    fn no_function_is_left_out_but_those_named_here() {
        let left_out = [("bar", "bars of colours in a terminal"), ("word_stem", "stemmers of ten languages")];
        let is_computed = |name: &&str| {
            let types = [Type::Bigint, Type::Bigint];
            match named(name).map(|functions| functions.kind) {
                Some(Kind::Scalar | Kind::Operator) => scalar::find(name, &types).is_some(),
                Some(Kind::Aggregate) => {
                    let of = |ty: Type| aggregate::find(name, &[ty.clone(), ty.clone()], &ty).is_some();
                    of(Type::Bigint) || of(Type::Double) || of(Type::Boolean)
                }
                _ => true,
            }
        };
        let not_there: Vec<&str> = names().into_iter().filter(|name| !is_computed(name)).collect();
        assert_eq!(not_there, left_out.map(|(name, _)| name));
        assert!(OF_OTHER_TYPES.iter().all(|name| named(name).is_none()));
    }

    #[test]
    fn every_line_is_a_signature() {
        assert!(names().len() > 280);
    }

    #[test]
    fn a_call_never_means_another_overload_than_in_trino() {
        use Type::*;
        let varchar = |n| Varchar(Some(n));
        let cases: [(&str, Vec<Type>, &str); 20] = [
            ("abs", vec![Integer], "integer"),
            ("abs", vec![Unknown], "tinyint"),
            ("round", vec![decimal(3, 2)], "decimal(2,0)"),
            ("round", vec![decimal(3, 2), Integer], "decimal(4,2)"),
            ("corr", vec![Integer, Integer], "real"),
            ("var_pop", vec![Integer], "double"),
            ("avg", vec![Integer], "double"),
            ("avg", vec![decimal(5, 2)], "decimal(5,2)"),
            ("sum", vec![decimal(5, 2)], "decimal(38,2)"),
            ("replace", vec![varchar(3), varchar(1), varchar(3)], "varchar(15)"),
            ("regexp_replace", vec![varchar(3), varchar(1), varchar(2)], "varchar(15)"),
            ("url_encode", vec![varchar(3)], "varchar(36)"),
            ("mod", vec![decimal(3, 2), decimal(4, 3)], "decimal(4,3)"),
            ("concat", vec![varchar(1), varchar(1)], "varchar"),
            ("concat", vec![Type::array(Integer), Bigint], "array(bigint)"),
            ("greatest", vec![Integer, Bigint, decimal(3, 1)], "decimal(20,1)"),
            ("max_by", vec![varchar(3), Double, Bigint], "array(varchar(3))"),
            ("to_iso8601", vec![Timestamp(3)], "varchar(26)"),
            ("truncate", vec![decimal(5, 2)], "decimal(3,0)"),
            ("element_at", vec![Type::map(varchar(1), Double), varchar(2)], "double"),
        ];
        for (name, arguments, expected) in cases {
            assert_eq!(returns(name, &arguments), Ok(expected.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_trino_does_not_take_is_never_taken() {
        use Type::*;
        let cases = [
            ("upper", vec![Integer]),
            ("sum", vec![Boolean]),
            ("avg", vec![Timestamp(3)]),
            ("count_if", vec![Double]),
            ("max", vec![Type::map(Bigint, Bigint)]),
            ("concat", vec![Boolean, Bigint]),
            ("var_pop", vec![Date]),
        ];
        for (name, arguments) in cases {
            assert_eq!(returns(name, &arguments), Err(Unresolved::NoMatch), "{name}");
        }
    }
}
