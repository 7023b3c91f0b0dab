//! Keywords and functions, as they are offered.
//!
//! Owns: which keywords come first, what is said of a function, the calls that are no functions of the catalog.
//! Does not own: which keywords and functions there are (`athena`).
//! Invariant: a function is offered by the first of its forms; a keyword that is also a function, as the function, unless it is usual.

use std::sync::LazyLock;

use super::candidates::{Choice, Offer};
use crate::athena::{Signature, Word, catalog};

/// Words a statement may begin with.
const STARTS: &[&str] = &["SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "VALUES", "TABLE", "PREPARE", "EXECUTE", "DEALLOCATE"];
/// What SHOW shows.
const SHOWN: &[&str] = &["TABLES", "COLUMNS", "PARTITIONS", "SCHEMAS", "CREATE"];
/// What may stand in place of a table's name.
const IN_FROM: &[&str] = &["SELECT", "UNNEST", "LATERAL", "TABLE", "VALUES"];
/// The words of queries, in the order they are offered in.
const USUAL: &[&str] = &[
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "AS",
    "GROUP",
    "ORDER",
    "BY",
    "HAVING",
    "LIMIT",
    "JOIN",
    "LEFT",
    "INNER",
    "CROSS",
    "FULL",
    "RIGHT",
    "ON",
    "USING",
    "SELECT",
    "DISTINCT",
    "IN",
    "IS",
    "NOT",
    "NULL",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "OVER",
    "PARTITION",
    "ROWS",
    "RANGE",
    "PRECEDING",
    "FOLLOWING",
    "UNBOUNDED",
    "CURRENT",
    "ROW",
    "FILTER",
    "DATE",
    "TIMESTAMP",
    "INTERVAL",
    "DESC",
    "ASC",
    "NULLS",
    "FIRST",
    "LAST",
    "OFFSET",
    "EXISTS",
    "UNION",
    "ALL",
    "EXCEPT",
    "INTERSECT",
    "WITH",
    "UNNEST",
    "VALUES",
    "TRUE",
    "FALSE",
    "WINDOW",
    "ESCAPE",
];
/// Calls that the grammar knows by itself.
const FORMS: &[(&str, &str)] = &[
    ("cast", "cast(value AS type)"),
    ("coalesce", "coalesce(value, value, ...): the first that is not NULL"),
    ("extract", "extract(field FROM time)"),
    ("format", "format(text, value, ...) -> varchar"),
    ("grouping", "grouping(column, ...) -> bigint"),
    ("if", "if(condition, value, otherwise)"),
    ("listagg", "listagg(text, separator) WITHIN GROUP (ORDER BY key) -> varchar"),
    ("nullif", "nullif(value, value): NULL when they are equal"),
    ("position", "position(part IN text) -> bigint"),
    ("try", "try(expression): NULL in place of an error"),
    ("try_cast", "try_cast(value AS type): NULL in place of an error"),
];

/// A function, as it is offered.
struct Function {
    name: &'static str,
    about: String,
    takes_nothing: bool,
}

static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let names = catalog::names().into_iter().filter(|name| !name.starts_with('$'));
    let mut functions: Vec<Function> = names.map(function).collect();
    let forms = FORMS.iter().filter(|(name, _)| catalog::named(name).is_none());
    functions.extend(forms.map(|(name, about)| Function { name, about: (*about).to_owned(), takes_nothing: false }));
    functions.sort_by_key(|function| function.name);
    functions
});

fn function(name: &'static str) -> Function {
    let signatures = catalog::signatures(name);
    let first = signatures.first().map_or_else(String::new, |first| form(first));
    let about = match signatures.len() {
        0 | 1 => first,
        forms => format!("{first} (1 of {forms} forms)"),
    };
    Function { name, about, takes_nothing: signatures.iter().all(|signature| signature.arguments.is_empty()) }
}

/// `max_by(v, k) -> v`
fn form(signature: &Signature) -> String {
    let call = signature.to_string();
    let call = if signature.variadic { call.trim_end_matches(')').to_owned() + "...)" } else { call };
    format!("{call} -> {}", signature.returns)
}

/// Whether there is a function, or a form like one, of this name in lower case.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.binary_search_by_key(&name, |function| function.name).is_ok()
}

/// Functions; `is_called` when their parenthesis stands there already.
pub(super) fn functions(is_called: bool) -> impl Iterator<Item = Offer> {
    FUNCTIONS.iter().map(move |function| {
        let open = match (is_called, function.takes_nothing) {
            (true, _) => "",
            (false, true) => "()",
            (false, false) => "(",
        };
        Offer::put(Choice::Function, function.name, format!("{}{open}", function.name), function.about.clone())
    })
}

/// Words a statement may begin with, as `word` is written.
pub(super) fn starts(word: &str) -> Vec<Offer> {
    keywords(STARTS, word)
}

/// What may follow SHOW.
pub(super) fn shown(word: &str) -> Vec<Offer> {
    keywords(SHOWN, word)
}

/// What may stand in place of a table.
pub(super) fn in_from(word: &str) -> Vec<Offer> {
    keywords(IN_FROM, word)
}

/// The words of queries.
pub(super) fn usual(word: &str) -> Vec<Offer> {
    keywords(USUAL, word)
}

/// All other words.
pub(super) fn unusual(word: &str) -> Vec<Offer> {
    let words = Word::texts().filter(|text| !is_usual(text) && !is_function(&text.to_lowercase()));
    keywords(&words.collect::<Vec<_>>(), word)
}

/// Whether a word is a keyword before it is a name: columns, too, are called `time`.
pub(super) fn is_keyword(word: Word) -> bool {
    !word.is_free() || [USUAL, STARTS, SHOWN].iter().any(|words| words.contains(&word.text()))
}

/// Whether a word, in capitals, is one of queries.
pub(super) fn is_usual(text: &str) -> bool {
    USUAL.contains(&text)
}

fn keywords(texts: &[&str], word: &str) -> Vec<Offer> {
    let is_lower = word.starts_with(|first: char| first.is_ascii_lowercase());
    let written = |text: &&str| if is_lower { text.to_lowercase() } else { (*text).to_owned() };
    texts.iter().map(|text| Offer::put(Choice::Keyword, text, written(text), String::new())).collect()
}
