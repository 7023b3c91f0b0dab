//! House rules that a machine can check, over every Rust file and Cargo.toml of the workspace.
//!
//! Owns: heads, lengths, names, which crate may know which, what tests may not do.
//! Does not own: lints (clippy), format (rustfmt), what the code does.
//! Invariant: needs nothing but the standard library; a complaint names file and line, and all complaints come at once.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_CODE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const HEAD_LINES_MIN: usize = 2;
const NAMES_THAT_SAY_NOTHING: [&str; 5] = ["utils", "util", "common", "helpers", "manager"];

/// Each crate with those it may know: arrows point down only.
const ARROWS: [(&str, &[&str]); 5] = [
    ("schemas", &[]),
    ("lake", &["schemas"]),
    ("ingest", &["schemas", "lake"]),
    ("query", &["schemas", "lake"]),
    ("cli", &["schemas", "lake", "ingest", "query"]),
];

/// A dependency, its name in code, and the only files (by the beginning of their path) that may use it.
const CONFINED: [(&str, &str, &[&str]); 3] = [
    (
        "rdkafka",
        "rdkafka",
        &[
            "ingest/src/source/kafka",
            "ingest/src/produce/sink",
            "ingest/src/produce/topic",
            "ingest/src/produce/tests",
            "ingest/src/demo_broker.rs",
        ],
    ),
    ("aws-sdk-glue", "aws_sdk_glue", &["lake/src/catalog/glue"]),
    ("datafusion", "datafusion", &["query/src", "query/tests", "query/benches"]),
];

/// Single names that a file outside may use of a confined dependency.
const LOANS: [(&str, &str); 1] = [("ingest/src/collector.rs", "rdkafka::consumer::CommitMode")];

/// A Rust file: as written, and with the insides of comments and literals blanked, line for line.
struct Source {
    path: String,
    text: Vec<String>,
    code: Vec<String>,
    tests_from: usize,
}

impl Source {
    fn read(root: &Path, file: &Path) -> Self {
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(file).expect("a source file can be read");
        let code: Vec<String> = blank(&text).lines().map(str::to_owned).collect();
        let whole = path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || path.ends_with("_tests.rs")
            || path.ends_with("/conformance.rs");
        let inline = code.iter().position(|line| line.trim_start().starts_with("#[cfg(test)]") && !line.contains(';'));
        let tests_from = if whole { 0 } else { inline.filter(|at| !names_a_file(&code, *at)).unwrap_or(code.len()) };
        Self { path, text: text.lines().map(str::to_owned).collect(), code, tests_from }
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }
}

/// Whether a `#[cfg(test)]` stands before `mod name;` and so ends nothing here.
fn names_a_file(code: &[String], at: usize) -> bool {
    code.iter()
        .skip(at + 1)
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.contains("mod ") && line.trim_end().ends_with(';'))
}

/// The text with comments, strings and characters turned into spaces, so that braces and words are code's own.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at).unwrap_or(at);
        if end > at {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that begins here ends; `None` when none does.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let ahead = |n: usize| chars.get(at + n).copied();
    match chars[at] {
        '/' if ahead(1) == Some('/') => Some(find(chars, at, |c, i| c[i] == '\n')),
        '/' if ahead(1) == Some('*') => Some(find(chars, at + 2, |c, i| c[i] == '*' && c.get(i + 1) == Some(&'/')) + 2),
        'r' if matches!(ahead(1), Some('"' | '#')) && !in_word(chars, at) => raw_string_end(chars, at),
        '"' => {
            let mut i = at + 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            Some((i + 1).min(chars.len()))
        }
        '\'' if ahead(1) == Some('\\') => Some(find(chars, at + 3, |c, i| c[i] == '\'') + 1),
        '\'' if ahead(2) == Some('\'') => Some(at + 3),
        _ => None,
    }
}

/// Whether the character before belongs to a word, `b` of a byte string aside.
fn in_word(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|i| chars[i]);
    before.is_some_and(|c| (c.is_alphanumeric() || c == '_') && c != 'b')
}

fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let closes = |c: &[char], i: usize| c[i] == '"' && c[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    Some(find(chars, at + 2 + hashes, closes) + 1 + hashes)
}

fn find(chars: &[char], from: usize, wanted: impl Fn(&[char], usize) -> bool) -> usize {
    (from..chars.len()).find(|i| wanted(chars, *i)).unwrap_or(chars.len())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("schemas lies in the workspace").to_path_buf()
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    for (member, _) in ARROWS {
        collect(&root.join(member), &mut files);
    }
    files.sort();
    assert!(files.len() > ARROWS.len(), "no source files below {}", root.display());
    files.iter().map(|file| Source::read(&root, file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn none(complaints: &[String], rule: &str) {
    let mut list = String::new();
    for complaint in complaints {
        let _ = write!(list, "\n  {complaint}");
    }
    assert!(complaints.is_empty(), "{rule}:{list}");
}

/// Whether `word` stands in `line` as a word of its own.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !part_of_word(line[..at].chars().next_back()) && !part_of_word(line[at + word.len()..].chars().next()))
}

#[test]
fn no_file_hides_what_it_owns() {
    let mut complaints = Vec::new();
    for source in sources() {
        let head: Vec<&String> = source.text.iter().take_while(|line| line.starts_with("//!")).collect();
        let said = head.iter().filter(|line| line.len() > "//! ".len()).count();
        let plain = source.tests_from == 0 || source.path.contains("/src/bin/");
        if said < if plain { 1 } else { HEAD_LINES_MIN } {
            complaints.push(format!(
                "{}: opens with {said} lines of `//!`; say what it owns, what it does not own, its invariant",
                source.place(0)
            ));
        } else if !plain && !head.iter().any(|line| line.to_lowercase().contains("owns")) {
            complaints.push(format!("{}: the head has no `Owns:` line", source.place(0)));
        }
    }
    none(&complaints, "every file opens with what it owns (tests and mains: with what they are)");
}

#[test]
fn no_file_grows_beyond_a_duty() {
    let mut complaints = Vec::new();
    for source in sources() {
        let lines = source.code.iter().take(source.tests_from).filter(|line| !line.trim().is_empty()).count();
        if lines > FILE_CODE_LINES_MAX {
            complaints.push(format!("{}: {lines} code lines before its tests", source.place(0)));
        }
        let stem = Path::new(&source.path).with_extension("");
        if let Some(part) = stem.iter().find(|part| NAMES_THAT_SAY_NOTHING.iter().any(|name| part.to_string_lossy() == *name)) {
            complaints.push(format!("{}: the name {part:?} says no duty", source.place(0)));
        }
    }
    none(&complaints, &format!("a file is one duty of at most {FILE_CODE_LINES_MAX} code lines, and its name says which"));
}

#[test]
fn no_function_grows_beyond_a_page() {
    let mut complaints = Vec::new();
    for source in sources() {
        for at in 0..source.code.len() {
            if let Some(lines) = function_lines(&source.code, at)
                && lines > FUNCTION_LINES_MAX
            {
                complaints.push(format!("{}: {lines} lines: {}", source.place(at), source.text[at].trim()));
            }
        }
    }
    none(&complaints, &format!("a function has at most {FUNCTION_LINES_MAX} lines"));
}

/// The lines of the function that begins on this line, from its `fn` to its closing brace; `None` when none with a body does.
fn function_lines(code: &[String], at: usize) -> Option<usize> {
    let begin = code[at].match_indices("fn ").map(|(i, _)| i).find(|i| !in_word(&code[at].chars().collect::<Vec<_>>(), *i))?;
    let mut depth = 0_usize;
    let mut nested = 0_i32;
    for (line, text) in code.iter().enumerate().skip(at) {
        for c in text.chars().skip(if line == at { begin } else { 0 }) {
            match c {
                '(' | '[' if depth == 0 => nested += 1,
                ')' | ']' if depth == 0 => nested -= 1,
                ';' | ',' | ')' if depth == 0 && nested <= 0 => return None,
                '{' => depth += 1,
                '}' if depth <= 1 => return (depth == 1).then(|| line - at + 1),
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

#[test]
fn no_arrow_points_up() {
    let mut complaints = Vec::new();
    for (member, may_know) in ARROWS {
        let others = ARROWS.iter().map(|(other, _)| *other).filter(|other| *other != member && !may_know.contains(other));
        let others: Vec<&str> = others.collect();
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("a member has a Cargo.toml");
        for (at, line) in manifest.lines().enumerate() {
            for other in others.iter().filter(|other| line.starts_with(&format!("ticklake-{other}"))) {
                complaints.push(format!("{member}/Cargo.toml:{}: {member} may not depend on {other}", at + 1));
            }
        }
        for source in sources().iter().filter(|source| source.path.starts_with(&format!("{member}/"))) {
            for (at, line) in source.code.iter().enumerate() {
                for other in others.iter().filter(|other| has_word(line, &format!("ticklake_{other}"))) {
                    complaints.push(format!("{}: {member} may not know {other}", source.place(at)));
                }
            }
        }
    }
    none(&complaints, "arrows point down: schemas <- lake <- {ingest, query} <- cli");
}

#[test]
fn no_dependency_leaves_its_room() {
    let mut complaints = Vec::new();
    let sources = sources();
    for (package, name, rooms) in CONFINED {
        for source in sources.iter().filter(|source| !rooms.iter().any(|room| source.path.starts_with(room))) {
            for (at, line) in source.code.iter().enumerate().filter(|(_, line)| has_word(line, name)) {
                if !LOANS.iter().any(|(path, loan)| source.path == *path && line.contains(loan)) {
                    complaints.push(format!("{}: {name} belongs to {} only", source.place(at), rooms.join(", ")));
                }
            }
        }
        for (member, _) in ARROWS.iter().filter(|(member, _)| !rooms.iter().any(|room| room.starts_with(member))) {
            let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("a member has a Cargo.toml");
            let lines = manifest.lines().enumerate();
            let named = lines.filter(|(_, line)| line.split([' ', '.', '=']).next() == Some(package));
            complaints.extend(
                named.map(|(at, _)| format!("{member}/Cargo.toml:{}: {package} belongs to {} only", at + 1, rooms.join(", "))),
            );
        }
    }
    none(&complaints, "each heavy dependency has one room");
}

#[test]
fn no_test_is_put_off_or_waits_by_the_clock() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (at, line) in source.code.iter().enumerate() {
            if line.contains("#[ignore") {
                complaints.push(format!("{}: a test that never runs", source.place(at)));
            }
            if line.contains("todo!") || line.contains("unimplemented!") {
                complaints.push(format!("{}: unfinished", source.place(at)));
            }
            if at >= source.tests_from && (line.contains("sleep(") || line.contains("sleep_until(")) {
                complaints.push(format!("{}: a test that sleeps; wait for a condition", source.place(at)));
            }
        }
    }
    none(&complaints, "tests run, and wait for conditions");
}

#[test]
fn the_rules_never_read_braces_or_words_out_of_literals() {
    let text = "fn a() { // }\n let s = \"} { \\\" fn b() {\"; let c = '{'; let l: &'static str = r#\"}\"#;\n}\nfn after() {}\n";
    let code: Vec<String> = blank(text).lines().map(str::to_owned).collect();
    assert_eq!(code.len(), text.lines().count());
    assert_eq!(function_lines(&code, 0), Some(3));
    assert_eq!(function_lines(&code, 1), None);
    assert_eq!(function_lines(&code, 3), Some(1));
    let declared =
        ["fn one(&self) -> [u8; 3];".to_owned(), "fn two(f: fn(u8) -> u8, g: u8)".to_owned(), "{".to_owned(), "}".to_owned()];
    assert_eq!(function_lines(&declared, 0), None);
    assert_eq!(function_lines(&declared, 1), Some(3));
    assert!(has_word("use rdkafka::x;", "rdkafka") && !has_word("librdkafka", "rdkafka"));
}
