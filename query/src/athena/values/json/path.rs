//! Paths into JSON, of `json_extract` and its kin.
//!
//! Owns: reading them: `$.name`, `$[0]`, `$["any name"]`.
//! Does not own: the paths of SQL's own JSON functions, which are another language.
//! Invariant: a path is a list of names; one that is a number also tells an array's element.

/// The names along a path; `None` when it is none.
pub(crate) fn parse(path: &str) -> Option<Vec<String>> {
    let mut rest = path.strip_prefix('$')?;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let name;
        (name, rest) = if let Some(after) = rest.strip_prefix('.') {
            bare(after, |c| c == ':' || is_plain(c))?
        } else {
            let after = rest.strip_prefix('[')?;
            let (name, after) = match after.strip_prefix('"') {
                Some(after) => quoted(after)?,
                None => bare(after, is_plain)?,
            };
            (name, after.strip_prefix(']')?)
        };
        names.push(name);
    }
    Some(names)
}

fn is_plain(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn bare(text: &str, belongs: impl Fn(char) -> bool) -> Option<(String, &str)> {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty()).then(|| (name.to_owned(), rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut name, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next()? {
            '"' => return Some((name, chars.as_str())),
            '\\' => name.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c => name.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_path_never_leads_elsewhere_than_in_trino() {
        for (path, names) in
            [("$", &[][..]), ("$.a[0].b:c", &["a", "0", "b:c"]), (r#"$["a\"]."][x_1]"#, &["a\"].", "x_1"]), (r#"$[""]"#, &[""])]
        {
            assert_eq!(
                parse(path).as_deref(),
                Some(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>().as_slice()),
                "{path}"
            );
        }
        for wrong in
            ["", "a", " $", "$a", "$.", "$..a", "$.*", "$[*]", "$[-1]", "$['a']", "$.a-b", "$.a ", r#"$["a"#, r#"$["\a"]"#]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
