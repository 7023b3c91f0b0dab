//! The head of a statement's file: comments in one strict form.
//!
//! Owns: that form: `-- label      text` for every label in its order, then `-- :name type default  meaning`.
//! Does not own: types and their values (`value`), the statement below (`text`).
//! Invariant: a line of the head that is of neither form is an error, not a remark.

use super::value::Kind;

/// What every head says first, in this order.
const LABELS: [&str; 5] = ["estimator", "formula", "source", "units", "nulls"];
/// Where the text after a label begins, the comment's mark not counted.
const LABEL_WIDTH: usize = 11;

/// What a head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What is estimated, one line.
    pub estimator: String,
    /// How.
    pub formula: String,
    /// Where the formula is from.
    pub source: String,
    /// What the figures are in.
    pub units: String,
    /// Which columns are NULL when.
    pub nulls: String,
    /// What can be chosen.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `:name` in the text.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Its value unless another is given; `:other` is that of another parameter.
    pub default: String,
    /// What it is for.
    pub meaning: String,
}

/// The lines of a file's head.
pub(super) fn lines(file: &str) -> impl Iterator<Item = &str> {
    file.lines().take_while(|line| line.starts_with("--"))
}

/// Reads the head of a file.
pub(super) fn read(file: &str) -> Result<Head, String> {
    let mut said: Vec<String> = Vec::new();
    let mut parameters: Vec<Parameter> = Vec::new();
    for line in lines(file) {
        let text = line.strip_prefix("-- ").ok_or_else(|| format!("{line:?} is no line of a head"))?;
        if let Some(text) = text.strip_prefix(':') {
            parameters.push(parameter(text).ok_or_else(|| format!("{line:?} is not `-- :name type default  meaning`"))?);
            continue;
        }
        let (label, text) = text.split_at_checked(LABEL_WIDTH).ok_or_else(|| format!("{line:?} is too short"))?;
        match (label.trim(), said.last_mut()) {
            ("", Some(before)) => *before = format!("{before}\n{text}"),
            (label, _) => {
                if !parameters.is_empty() || LABELS.get(said.len()) != Some(&label) {
                    return Err(format!("{line:?} is none of {}, in this order", LABELS.join(", ")));
                }
                said.push(text.to_owned());
            }
        }
    }
    let said: [String; LABELS.len()] = said.try_into().map_err(|_| format!("the head lacks one of {}", LABELS.join(", ")))?;
    let [estimator, formula, source, units, nulls] = said;
    Ok(Head { estimator, formula, source, units, nulls, parameters })
}

/// `name type default  meaning`.
fn parameter(text: &str) -> Option<Parameter> {
    let (value, meaning) = text.split_once("  ")?;
    let mut words = value.splitn(3, ' ');
    let (name, kind, default) = (words.next()?, words.next()?, words.next()?);
    Some(Parameter { name: name.to_owned(), kind: Kind::named(kind)?, default: unquoted(default)?, meaning: meaning.to_owned() })
}

/// A default as it would be given: without the quotes that make an empty one visible.
fn unquoted(default: &str) -> Option<String> {
    match default.strip_prefix('\'') {
        Some(rest) => rest.strip_suffix('\'').map(|text| text.replace("''", "'")),
        None => Some(default.to_owned()),
    }
}

/// A parameter's line, with this value for its default.
pub(super) fn line(parameter: &Parameter, value: &str) -> String {
    let value = if value.is_empty() || value.contains([' ', '\'']) { super::value::quoted(value) } else { value.to_owned() };
    format!("-- :{} {} {value}  {}", parameter.name, parameter.kind, parameter.meaning)
}
