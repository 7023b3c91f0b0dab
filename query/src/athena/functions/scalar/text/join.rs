//! Texts and bytes put together.
//!
//! Owns: concat of texts and bytes, concat_ws.
//! Does not own: concat of arrays.
//! Invariant: a NULL makes the whole NULL in concat, and is left out by concat_ws.

use arrow::array::{Array as _, ArrayRef};

use super::padded;
use crate::athena::eval::compare::elements;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Compute, Result, Text, array};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "concat" => concat,
        "concat_ws" => concat_ws,
        _ => return None,
    })
}

fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arguments.len() < 2 && !matches!(call.returns, Type::Array(_)) {
        return Err(call.invalid("There must be two or more concatenation arguments"));
    }
    match call.returns {
        Type::Varbinary => {
            let parts = readers::<Bytes>(call)?;
            call.produce(|row| {
                let parts = parts.iter().enumerate().map(|(i, part)| Bytes::get(part, call.place(i, row)));
                Ok(Some(parts.collect::<Vec<_>>().concat()))
            })
        }
        Type::Char(_) => call.map2::<Text, Text, _>(|left, right| {
            let all = format!("{}{right}", padded(left, &call.types[0]));
            all.trim_end_matches(' ').to_owned()
        }),
        Type::Varchar(_) => {
            let parts = readers::<Text>(call)?;
            call.produce(|row| {
                let parts = || parts.iter().enumerate().map(|(i, part)| Text::get(part, call.place(i, row)));
                if parts().map(str::len).sum::<usize>() > i32::MAX as usize {
                    return Err(call.invalid("Concatenated string is too large"));
                }
                Ok(Some(parts().collect::<String>()))
            })
        }
        Type::Array(_) => array::concat(call),
        _ => Err(call.wrong_layout()),
    }
}

fn readers<'c, A: crate::athena::functions::scalar::Arg>(call: &Call<'c>) -> Result<Vec<A::Reader<'c>>> {
    call.arguments.iter().map(|argument| A::reader(argument.values())).collect()
}

fn concat_ws(call: &Call<'_>) -> Result<ArrayRef> {
    let separators = Text::reader(call.values(0)?)?;
    if matches!(call.types.get(1), Some(Type::Array(_))) {
        return call.produce(|row| {
            let all = elements(call.values(1)?, call.place(1, row))?;
            let texts = Text::reader(&all)?;
            let parts = (0..all.len()).filter(|at| !all.is_null(*at)).map(|at| Text::get(&texts, at));
            Ok(Some(parts.collect::<Vec<_>>().join(Text::get(&separators, call.place(0, row)))))
        });
    }
    if call.arguments.len() < 2 {
        return Err(call.invalid("There must be two or more arguments"));
    }
    let parts = readers::<Text>(call)?;
    call.produce_all(|row| {
        if call.argument(0)?.is_null(row) {
            return Ok(None);
        }
        let parts = parts.iter().enumerate().skip(1).filter(|(i, _)| !call.arguments[*i].is_null(row));
        let parts = parts.map(|(i, part)| Text::get(part, call.place(i, row)));
        Ok(Some(parts.collect::<Vec<_>>().join(Text::get(&separators, call.place(0, row)))))
    })
}
