//! Functions of JSON.
//!
//! Owns: what they take out of a JSON text.
//! Does not own: reading it (`values::json`), casts from and to it (`eval::cast`).
//! Invariant: a text that is malformed before what is asked for is found gives NULL, not a fault; only json_parse and
//! is_json_scalar look at all of it.

use arrow::array::ArrayRef;

use super::{Arg, Bool, Call, Compute, Double, Int, Produce, Result, Text};
use crate::athena::types::Type;
use crate::athena::values::json::{Malformed, Read, Reader, Token, canonical, path, unescaped};

/// What is said of a text that is to be JSON and is none.
pub(crate) const NO_JSON: &str = "Cannot convert value to JSON";

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "json_parse" => |call| {
            call.try1::<Text, _>(|text| {
                let value = canonical(text).map(Some);
                value.map_err(|_| call.invalid(format!("{NO_JSON}: '{text}'")))
            })
        },
        "json_format" => |call| call.map1::<Text, _>(|text| text),
        "json_extract" => |call| extract(call, json),
        "json_extract_scalar" => |call| extract(call, scalar),
        "json_size" => |call| extract(call, size),
        "json_array_length" => {
            |call| call.try1::<Text, _>(|text| Ok(array(text).and_then(|mut reader| count(&mut reader, Token::Array)).ok()))
        }
        "json_array_get" => array_get,
        "json_array_contains" => array_contains,
        "is_json_scalar" => is_scalar,
        _ => return None,
    })
}

/// What is taken of the value that a path leads to.
type Take<R> = for<'t> fn(&mut Reader<'t>, Token<'t>) -> Read<Option<R>>;

fn json<'t>(reader: &mut Reader<'t>, value: Token<'t>) -> Read<Option<String>> {
    let mut out = String::new();
    reader.write(value, false, &mut out)?;
    Ok(Some(out))
}

fn scalar<'t>(_: &mut Reader<'t>, value: Token<'t>) -> Read<Option<String>> {
    Ok(plain(value))
}

/// The text of a value without parts, a number's as it was written.
fn plain(value: Token<'_>) -> Option<String> {
    match value {
        Token::Text(written) => Some(unescaped(written).into_owned()),
        Token::Number(written) => Some(written.to_owned()),
        Token::Bool(value) => Some(value.to_string()),
        Token::Object | Token::Array | Token::Null => None,
    }
}

fn size<'t>(reader: &mut Reader<'t>, value: Token<'t>) -> Read<Option<i64>> {
    count(reader, value).map(Some)
}

/// How many parts a value has.
fn count<'t>(reader: &mut Reader<'t>, value: Token<'t>) -> Read<i64> {
    let mut count = 0;
    loop {
        let more = match value {
            Token::Array => reader.element(count == 0)?,
            Token::Object => reader.key(count == 0)?.is_some(),
            _ => false,
        };
        if !more {
            return Ok(count);
        }
        let part = reader.value()?;
        reader.skip(part)?;
        count += 1;
    }
}

fn extract<R: Produce>(call: &Call<'_>, take: Take<R>) -> Result<ArrayRef> {
    let parsed = |path: &str| path::parse(path).ok_or_else(|| call.invalid(format!("Invalid JSON path: '{path}'")));
    let known = match call.argument(1)?.is_constant() {
        true => call.first::<Text>(1)?.map(parsed).transpose()?,
        false => None,
    };
    let (texts, paths) = (Text::reader(call.values(0)?)?, Text::reader(call.values(1)?)?);
    call.produce(|row| {
        let text = Text::get(&texts, call.place(0, row));
        let found = match &known {
            Some(names) => at_path(text, names, take),
            None => at_path(text, &parsed(Text::get(&paths, call.place(1, row)))?, take),
        };
        Ok(found.unwrap_or(None))
    })
}

fn at_path<R>(text: &str, names: &[String], take: Take<R>) -> Read<Option<R>> {
    let mut reader = Reader::new(text);
    let mut value = reader.value()?;
    for name in names {
        let is_there = match value {
            Token::Object => to_field(&mut reader, name)?,
            Token::Array => match name.parse::<usize>() {
                Ok(index) => to_element(&mut reader, index)?,
                Err(_) => false,
            },
            _ => false,
        };
        if !is_there {
            return Ok(None);
        }
        value = reader.value()?;
    }
    take(&mut reader, value)
}

/// Goes before the value of an object's field: the first of that name.
fn to_field(reader: &mut Reader<'_>, name: &str) -> Read<bool> {
    let mut is_first = true;
    while let Some(key) = reader.key(is_first)? {
        if unescaped(key) == name {
            return Ok(true);
        }
        let value = reader.value()?;
        reader.skip(value)?;
        is_first = false;
    }
    Ok(false)
}

/// Goes before an array's element.
fn to_element(reader: &mut Reader<'_>, index: usize) -> Read<bool> {
    for i in 0..=index {
        if !reader.element(i == 0)? {
            return Ok(false);
        }
        if i < index {
            let value = reader.value()?;
            reader.skip(value)?;
        }
    }
    Ok(true)
}

/// Goes into an array.
fn array(text: &str) -> Read<Reader<'_>> {
    let mut reader = Reader::new(text);
    match reader.value()? {
        Token::Array => Ok(reader),
        _ => Err(Malformed),
    }
}

/// A text among the elements is given without quotes: no JSON, but so it is in Trino.
fn array_get(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Int, _>(|text, index| {
        let Ok(mut reader) = array(text) else { return Ok(None) };
        let length = || array(text).and_then(|mut reader| count(&mut reader, Token::Array));
        let index = if index < 0 { length().ok().map(|length| length.saturating_add(index)) } else { Some(index) };
        let Some(index) = index.and_then(|index| usize::try_from(index).ok()) else { return Ok(None) };
        if !to_element(&mut reader, index).unwrap_or(false) {
            return Ok(None);
        }
        Ok(reader.value().ok().and_then(|value| match value {
            Token::Object | Token::Array => json(&mut reader, value).ok().flatten(),
            value => plain(value),
        }))
    })
}

fn array_contains(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.get(1) {
        Some(Type::Boolean) => contains::<Bool>(call, |_| true, |value, wanted| value == Token::Bool(wanted)),
        Some(Type::Bigint) => {
            contains::<Int>(call, |_| true, |value, wanted| matches!(value, Token::Number(n) if n.parse() == Ok(wanted)))
        }
        // A number without point and exponent is none of these.
        Some(Type::Double) => contains::<Double>(
            call,
            f64::is_finite,
            |value, wanted| matches!(value, Token::Number(n) if n.contains(['.', 'e', 'E']) && n.parse() == Ok(wanted)),
        ),
        _ => contains::<Text>(call, |_| true, |value, wanted| matches!(value, Token::Text(text) if unescaped(text) == wanted)),
    }
}

/// What cannot be in any JSON is not looked for: it is not in what is no JSON either.
fn contains<'c, A: Arg>(
    call: &Call<'c>,
    can_be: impl Fn(A::Of<'c>) -> bool,
    is_it: impl Fn(Token<'_>, A::Of<'c>) -> bool,
) -> Result<ArrayRef> {
    let (texts, wanted) = (Text::reader(call.values(0)?)?, A::reader(call.values(1)?)?);
    let found = |row: usize| -> Read<bool> {
        if !can_be(A::get(&wanted, call.place(1, row))) {
            return Ok(false);
        }
        let mut reader = array(Text::get(&texts, call.place(0, row)))?;
        let mut is_first = true;
        while reader.element(is_first)? {
            let value = reader.value()?;
            if is_it(value, A::get(&wanted, call.place(1, row))) {
                return Ok(true);
            }
            reader.skip(value)?;
            is_first = false;
        }
        Ok(false)
    };
    call.produce(|row| Ok(found(row).ok()))
}

fn is_scalar(call: &Call<'_>) -> Result<ArrayRef> {
    let read = |text: &str| -> Read<bool> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.skip(value)?;
        if reader.is_at_end() { Ok(!matches!(value, Token::Object | Token::Array)) } else { Err(Malformed) }
    };
    call.try1::<Text, _>(|text| read(text).map(Some).map_err(|_| call.invalid(format!("Invalid JSON value: {text}"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::{row_of, value_of};

    #[test]
    fn what_stands_behind_the_value_asked_for_is_never_looked_at() {
        for (expression, expected) in [
            (r#"json_extract('{"a":1, bad', '$.a')"#, json!("1")),
            (r#"json_extract('{"a":1, bad', '$.b')"#, json!(null)),
            ("json_array_contains('[1', 1)", json!(true)),
            ("json_array_length('[1,2')", json!(null)),
            (r#"json_array_get('["a"', 0)"#, json!("a")),
            ("json_extract_scalar('[2.50]', '$[0]')", json!("2.50")),
            ("json_extract('[2.50]', '$')", json!("[2.5]")),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
        assert!(value_of("json_parse('[1')").is_err() && value_of("json_extract('1', '$..a')").is_err());
    }

    #[test]
    fn no_row_is_ever_read_by_anothers_path() {
        let sql = r#"SELECT json_extract_scalar(d, p) FROM (VALUES ('{"a":1}', '$.a'), ('{"b":2}', '$.b'), (NULL, '$'), ('[3]', '$[0]')) t(d, p)"#;
        assert_eq!(row_of(sql), Some(Ok(json!([["1"], ["2"], [null], ["3"]]))));
    }
}
