//! LIKE's patterns.
//!
//! Owns: reading a pattern and matching texts with it, code point by code point.
//! Does not own: NULLs and padding (`eval::logic`).
//! Invariant: matching takes time in proportion to text times pattern at most, whatever they are.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Like {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `%`
    Any,
    /// `_`
    One,
    Char(char),
}

impl Like {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The escape character stands before something else than `%`, `_` and itself.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Result<Self, &'static str> {
        let mut parts = Vec::with_capacity(pattern.len());
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let part = match c {
                c if Some(c) == escape => match chars.next() {
                    Some(next) if matches!(next, '%' | '_') || Some(next) == escape => Part::Char(next),
                    _ => return Err("Escape character must be followed by '%', '_' or the escape character itself"),
                },
                '%' if parts.last() == Some(&Part::Any) => continue,
                '%' => Part::Any,
                '_' => Part::One,
                c => Part::Char(c),
            };
            parts.push(part);
        }
        Ok(Self { parts })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut at, mut part) = (0, 0);
        // Where to go on with the last `%` taking one character more.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let next = text[at..].chars().next();
            match (self.parts.get(part), next) {
                (Some(Part::Any), _) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                (None, None) => return true,
                (Some(Part::One), Some(c)) => {
                    at += c.len_utf8();
                    part += 1;
                    continue;
                }
                (Some(Part::Char(own)), Some(c)) if *own == c => {
                    at += c.len_utf8();
                    part += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((after, from)) => match text[from..].chars().next() {
                    Some(c) => {
                        retry = Some((after, from + c.len_utf8()));
                        (part, at) = (after, from + c.len_utf8());
                    }
                    None => return false,
                },
                None => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_matches_another_pattern() {
        let matches = |text: &str, pattern: &str, escape| Like::new(pattern, escape).map(|like| like.matches(text));
        for (text, pattern) in
            [("AAPL", "A%"), ("AAPL", "%P_"), ("", "%"), ("a%b", "a%b"), ("é", "_"), ("abcabd", "%abd"), ("a\nb", "a_b")]
        {
            assert_eq!(matches(text, pattern, None), Ok(true), "{text} {pattern}");
        }
        for (text, pattern) in [("AAPL", "a%"), ("AAPL", "A"), ("", "_"), ("ab", "a"), ("abc", "%d%")] {
            assert_eq!(matches(text, pattern, None), Ok(false), "{text} {pattern}");
        }
        assert_eq!((matches("a%", "a#%", Some('#')), matches("ab", "a#%", Some('#'))), (Ok(true), Ok(false)));
        assert!(matches("a", "#a", Some('#')).is_err() && matches("a", "a#", Some('#')).is_err());
    }
}
