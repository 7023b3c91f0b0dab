//! The words of Trino's grammar.
//!
//! Owns: which words are keywords, and which of them may still name a column, a table or a function.
//! Does not own: where a keyword may stand (the parser's rules).
//! Invariant: either list is in order, for words are looked up by halving; they are Trino 449's, no more and no fewer.

macro_rules! words {
    (reserved: $($reserved:ident),+; free: $($free:ident),+;) => {
        /// A keyword, spelt as in SQL.
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "spelt as in SQL, so that rules read like the grammar")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Word { $($reserved,)+ $($free,)+ }

        static RESERVED: &[Entry] = &[$(Entry::new(stringify!($reserved), Word::$reserved)),+];
        static FREE: &[Entry] = &[$(Entry::new(stringify!($free), Word::$free)),+];
    };
}

words! {
    reserved:
        ALTER, AND, AS, BETWEEN, BY, CASE, CAST, CONSTRAINT, CREATE, CROSS, CUBE, CURRENT_CATALOG, CURRENT_DATE,
        CURRENT_PATH, CURRENT_ROLE, CURRENT_SCHEMA, CURRENT_TIME, CURRENT_TIMESTAMP, CURRENT_USER, DEALLOCATE,
        DELETE, DESCRIBE, DISTINCT, DROP, ELSE, END, ESCAPE, EXCEPT, EXECUTE, EXISTS, EXTRACT, FALSE, FOR, FROM,
        FULL, GROUP, GROUPING, HAVING, IN, INNER, INSERT, INTERSECT, INTO, IS, JOIN, JSON_ARRAY, JSON_EXISTS,
        JSON_OBJECT, JSON_QUERY, JSON_TABLE, JSON_VALUE, LEFT, LIKE, LISTAGG, LOCALTIME, LOCALTIMESTAMP,
        NATURAL, NORMALIZE, NOT, NULL, ON, OR, ORDER, OUTER, PREPARE, RECURSIVE, RIGHT, ROLLUP, SELECT, SKIP,
        TABLE, THEN, TRIM, TRUE, UESCAPE, UNION, UNNEST, USING, VALUES, WHEN, WHERE, WITH;
    free:
        ABSENT, ADD, ADMIN, AFTER, ALL, ANALYZE, ANY, ARRAY, ASC, AT, AUTHORIZATION, BEGIN, BERNOULLI, BOTH,
        CALL, CALLED, CASCADE, CATALOG, CATALOGS, COLUMN, COLUMNS, COMMENT, COMMIT, COMMITTED, CONDITIONAL,
        COPARTITION, COUNT, CURRENT, DATA, DATE, DAY, DECLARE, DEFAULT, DEFINE, DEFINER, DENY, DESC, DESCRIPTOR,
        DETERMINISTIC, DISTRIBUTED, DO, DOUBLE, ELSEIF, EMPTY, ENCODING, ERROR, EXCLUDING, EXPLAIN, FETCH,
        FILTER, FINAL, FIRST, FOLLOWING, FORMAT, FUNCTION, FUNCTIONS, GRACE, GRANT, GRANTED, GRANTS, GRAPHVIZ,
        GROUPS, HOUR, IF, IGNORE, IMMEDIATE, INCLUDING, INITIAL, INPUT, INTERVAL, INVOKER, IO, ISOLATION,
        ITERATE, JSON, KEEP, KEY, KEYS, LANGUAGE, LAST, LATERAL, LEADING, LEAVE, LEVEL, LIMIT, LOCAL, LOGICAL,
        LOOP, MAP, MATCH, MATCHED, MATCHES, MATCH_RECOGNIZE, MATERIALIZED, MEASURES, MERGE, MINUTE, MONTH,
        NESTED, NEXT, NFC, NFD, NFKC, NFKD, NO, NONE, NULLIF, NULLS, OBJECT, OF, OFFSET, OMIT, ONE, ONLY,
        OPTION, ORDINALITY, OUTPUT, OVER, OVERFLOW, PARTITION, PARTITIONS, PASSING, PAST, PATH, PATTERN, PER,
        PERIOD, PERMUTE, PLAN, POSITION, PRECEDING, PRECISION, PRIVILEGES, PROPERTIES, PRUNE, QUOTES, RANGE,
        READ, REFRESH, RENAME, REPEAT, REPEATABLE, REPLACE, RESET, RESPECT, RESTRICT, RETURN, RETURNING,
        RETURNS, REVOKE, ROLE, ROLES, ROLLBACK, ROW, ROWS, RUNNING, SCALAR, SCHEMA, SCHEMAS, SECOND, SECURITY,
        SEEK, SERIALIZABLE, SESSION, SET, SETS, SHOW, SOME, START, STATS, STRING, SUBSET, SUBSTRING, SYSTEM,
        TABLES, TABLESAMPLE, TEXT, TIES, TIME, TIMESTAMP, TO, TRAILING, TRANSACTION, TRUNCATE, TRY_CAST, TYPE,
        UNBOUNDED, UNCOMMITTED, UNCONDITIONAL, UNIQUE, UNKNOWN, UNMATCHED, UNTIL, UPDATE, USE, USER, UTF16,
        UTF32, UTF8, VALIDATE, VALUE, VERBOSE, VERSION, VIEW, WHILE, WINDOW, WITHIN, WITHOUT, WORK, WRAPPER,
        WRITE, YEAR, ZONE;
}

struct Entry {
    key: u128,
    text: &'static str,
    word: Word,
}

impl Entry {
    const fn new(text: &'static str, word: Word) -> Self {
        Self { key: key(text.as_bytes()), text, word }
    }
}

/// The first sixteen letters, as a number: every name of a statement is looked up, and numbers compare faster than texts.
const fn key(text: &[u8]) -> u128 {
    let mut key = 0;
    let mut at = 0;
    while at < 16 {
        let letter = if at < text.len() { text[at].to_ascii_uppercase() } else { 0 };
        key = key << 8 | letter as u128;
        at += 1;
    }
    key
}

impl Word {
    /// The keyword that this text is, in any case.
    pub(crate) fn of(text: &str) -> Option<Word> {
        let key = key(text.as_bytes());
        let find = |list: &[Entry]| {
            let entry = &list[list.binary_search_by_key(&key, |entry| entry.key).ok()?];
            entry.text.eq_ignore_ascii_case(text).then_some(entry.word)
        };
        find(FREE).or_else(|| find(RESERVED))
    }

    /// Whether it can be a name without quotes.
    pub(crate) fn is_free(self) -> bool {
        self as usize >= RESERVED.len()
    }

    /// The spellings of all of them, in capitals, the reserved ones first.
    pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
        RESERVED.iter().chain(FREE).map(|entry| entry.text)
    }

    /// Its spelling, in capitals.
    pub(crate) fn text(self) -> &'static str {
        let (list, at) = if self.is_free() { (FREE, self as usize - RESERVED.len()) } else { (RESERVED, self as usize) };
        list[at].text
    }
}
