//! What people write who know another engine, and what Athena calls it.
//!
//! Owns: the names and the rewrites.
//! Does not own: the errors they are added to.
//! Invariant: a hint runs as it is written, once its letters stand for expressions.

use super::scope::nearest;
use super::typed::{Kind, Literal, Typed};
use crate::athena::functions::catalog;
use crate::athena::types::Type;

/// The way to write a function that Athena does not have; `None` when none is known.
pub(super) fn function(name: &str) -> Option<String> {
    let known = match name {
        "nvl" | "ifnull" => "coalesce(a, b)",
        "nvl2" => "if(a IS NOT NULL, b, c)",
        "iff" => "if(condition, a, b)",
        "arg_max" | "argmax" => "max_by(value, key)",
        "arg_min" | "argmin" => "min_by(value, key)",
        "date_part" => "extract(HOUR FROM time), or hour(time)",
        "getdate" | "sysdate" => "current_timestamp",
        "first" => "min_by(value, time), or first_value(value) OVER (…)",
        "last" => "max_by(value, time), or last_value(value) OVER (…)",
        "median" => "approx_percentile(x, 0.5)",
        "percentile_cont" | "percentile_disc" | "quantile" | "quantile_cont" => "approx_percentile(x, fraction)",
        "string_agg" | "group_concat" => "array_join(array_agg(x), ',')",
        "date_bin" | "time_bucket" => {
            "date_trunc('minute', time), or from_unixtime(floor(to_unixtime(time) / 300) * 300) for 5 minutes"
        }
        "datediff" => "date_diff('day', a, b)",
        "dateadd" => "date_add('day', n, a)",
        "to_char" | "strftime" => "date_format(time, '%Y-%m-%d')",
        "to_date" | "str_to_date" | "strptime" => "date_parse(text, '%Y-%m-%d')",
        "to_timestamp" => "from_unixtime(seconds)",
        "epoch" => "to_unixtime(time)",
        "generate_series" | "range" => "sequence(a, b)",
        "char_length" | "len" => "length(text)",
        "instr" | "charindex" => "strpos(text, part)",
        "substring_index" => "split_part(text, delimiter, 1)",
        "trunc" => "truncate(x)",
        "regexp_match" | "regexp_matches" | "rlike" => "regexp_like(text, pattern)",
        "hash" => "xxhash64(to_utf8(text))",
        "array_length" | "list_length" | "size" => "cardinality(a)",
        "isnan" => "is_nan(x)",
        "unix_timestamp" => "to_unixtime(time)",
        "get_json_object" => "json_extract_scalar(json, '$.path')",
        "stdev" => "stddev(x)",
        "array" => "ARRAY[a, b]",
        "isnull" => "a IS NULL",
        _ => return nearest(name, catalog::names().into_iter()).map(|near| format!("did you mean {near}?")),
    };
    Some(format!("write {known}"))
}

/// The way to compare a text with something else; `None` when neither is a text.
pub(super) fn compared(left: &Typed, right: &Typed) -> Option<String> {
    let (text, other) = match (&left.ty, &right.ty) {
        (Type::Varchar(_), other) => (left, other),
        (other, Type::Varchar(_)) => (right, other),
        _ => return None,
    };
    let literal = match &text.kind {
        Kind::Literal(Literal::String(literal)) => literal,
        _ => return Some(format!("write CAST(text AS {other})")),
    };
    Some(match other {
        Type::Date => format!("write DATE '{literal}'"),
        Type::Timestamp(_) | Type::TimestampZoned(_) => format!("write TIMESTAMP '{literal}'"),
        number if number.is_numeric() && literal.parse::<f64>().is_ok_and(f64::is_finite) => format!("write {literal}"),
        other => format!("write CAST('{literal}' AS {other})"),
    })
}
