//! What the parser takes, what it makes of it, and where it stops.

use super::*;
use crate::athena::ast::{
    ArithmeticOp, Body, Comparison, Expr, ExprKind, Grouping, IntervalUnit, JoinOn, Limit, NullTreatment, Over, Query, Relation,
    RelationKind, Select, SelectItem, SetOp, TypeNameKind, TypeParameter, UnaryOp,
};
use crate::athena::error::place;
use crate::athena::stack::planning;

fn query(sql: &str) -> Query {
    match parse(sql) {
        Ok(Statement::Query(query)) => *query,
        other => panic!("{sql}: {other:?}"),
    }
}

fn select(sql: &str) -> Select {
    match query(sql).body {
        Body::Select(select) => *select,
        other => panic!("{sql}: {other:?}"),
    }
}

/// The first item of a select, as `SELECT` reads it.
fn expr(text: &str) -> Expr {
    match select(&format!("SELECT {text}")).items.swap_remove(0) {
        SelectItem::Expr { expr, .. } => expr,
        other => panic!("{text}: {other:?}"),
    }
}

fn relation(text: &str) -> Relation {
    select(&format!("SELECT * FROM {text}")).from.swap_remove(0)
}

fn fault(sql: &str) -> (usize, usize, String) {
    let error = parse(sql).expect_err(sql);
    assert_eq!(error.name, ErrorName::SyntaxError);
    let (line, column) = place(sql, error.span.expect("a place").start);
    (line, column, error.message)
}

fn column_of_fault(sql: &str) -> usize {
    fault(sql).1
}

/// An expression with all its parentheses.
fn shown(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(shown).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Null => "null".to_owned(),
        ExprKind::Integer(text) | ExprKind::Decimal(text) | ExprKind::Double(text) => text.clone(),
        ExprKind::String(text) => format!("'{text}'"),
        ExprKind::Column(name) => name.text.clone(),
        ExprKind::Field { base, name } => format!("{}.{}", shown(base), name.text),
        ExprKind::Subscript { base, index } => format!("{}[{}]", shown(base), shown(index)),
        ExprKind::And(terms) => format!("(and {})", list(terms)),
        ExprKind::Or(terms) => format!("(or {})", list(terms)),
        ExprKind::Not(of) => format!("(not {})", shown(of)),
        ExprKind::Compare { op, left, right, .. } => {
            let op = match op {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({op} {} {})", shown(left), shown(right))
        }
        ExprKind::Arithmetic { op, left, right, .. } => {
            let op = match op {
                ArithmeticOp::Add => "+",
                ArithmeticOp::Subtract => "-",
                ArithmeticOp::Multiply => "*",
                ArithmeticOp::Divide => "/",
                ArithmeticOp::Modulus => "%",
                ArithmeticOp::Concat => "||",
            };
            format!("({op} {} {})", shown(left), shown(right))
        }
        ExprKind::Unary { op, of } => format!("({} {})", if *op == UnaryOp::Plus { "pos" } else { "neg" }, shown(of)),
        ExprKind::Between { of, low, high, .. } => format!("(between {} {} {})", shown(of), shown(low), shown(high)),
        ExprKind::In { of, list: items, .. } => format!("(in {} {})", shown(of), list(items)),
        ExprKind::InQuery { of, .. } => format!("(in {} query)", shown(of)),
        ExprKind::IsNull { of, .. } => format!("(null? {})", shown(of)),
        ExprKind::AtTimeZone { of, zone } => format!("(at {} {})", shown(of), shown(zone)),
        ExprKind::Lambda { parameters, body } => {
            let names: Vec<&str> = parameters.iter().map(|name| name.text.as_str()).collect();
            format!("(fn ({}) {})", names.join(" "), shown(body))
        }
        ExprKind::Row(items) => format!("(row {})", list(items)),
        ExprKind::Array(items) => format!("(array {})", list(items)),
        ExprKind::Subquery(_) => "query".to_owned(),
        ExprKind::Quantified { left, .. } => format!("(quantified {})", shown(left)),
        ExprKind::Call(call) => format!("({} {})", call.name, list(&call.arguments)),
        other => format!("{other:?}"),
    }
}

#[test]
fn an_operator_never_binds_otherwise_than_in_trino() {
    for (text, tree) in [
        ("a OR b AND NOT c = d", "(or a (and b (not (= c d))))"),
        ("a AND b AND c OR d OR e", "(or (and a b c) d e)"),
        ("(a AND b) AND c", "(and (and a b) c)"),
        ("a + b * c - d", "(- (+ a (* b c)) d)"),
        ("a || b + c || d", "(|| (|| a (+ b c)) d)"),
        ("a - b - c", "(- (- a b) c)"),
        ("-a * b", "(* (neg a) b)"),
        ("- - a", "(neg (neg a))"),
        ("-a AT TIME ZONE 'UTC'", "(neg (at a 'UTC'))"),
        ("a - 1", "(- a 1)"),
        ("a -1", "(- a 1)"),
        ("2 - -1", "(- 2 -1)"),
        ("- 5", "-5"),
        ("-(5)", "(neg 5)"),
        ("a BETWEEN b + 1 AND c AND d", "(and (between a (+ b 1) c) d)"),
        ("NOT a IS NULL", "(not (null? a))"),
        ("NOT NOT a", "(not (not a))"),
        ("a.b[1].c", "a.b[1].c"),
        ("x -> x + 1", "(fn (x) (+ x 1))"),
        ("(x, y) -> x OR y", "(fn (x y) (or x y))"),
        ("() -> 1", "(fn () 1)"),
        ("((a))", "a"),
        ("(a, b)", "(row a b)"),
        ("ROW(a)", "(row a)"),
        ("row()", "(row )"),
        ("ARRAY[1, 2][1]", "(array 1 2)[1]"),
        ("a <> b", "(<> a b)"),
        ("a != b", "(<> a b)"),
    ] {
        assert_eq!(shown(&expr(text)), tree, "{text}");
    }
}

#[test]
fn a_predicate_is_never_the_operand_of_another() {
    assert_eq!(column_of_fault("SELECT a = b = c"), 14);
    assert_eq!(column_of_fault("SELECT a < b IS NULL"), 14);
}

#[test]
fn a_special_form_never_calls_another_function_than_in_trino() {
    for (text, tree) in [
        ("POSITION('a' IN b || c)", "(strpos (|| b c) 'a')"),
        ("position(a, b)", "(position a b)"),
        ("SUBSTRING(a FROM 2)", "(substr a 2)"),
        ("SUBSTRING(a FROM 2 FOR 3)", "(substr a 2 3)"),
        ("substring(a, 2)", "(substring a 2)"),
        ("TRIM(a)", "(trim a)"),
        ("TRIM(LEADING FROM a)", "(ltrim a)"),
        ("TRIM(TRAILING 'x' FROM a)", "(rtrim a 'x')"),
        ("TRIM('x' FROM a)", "(trim a 'x')"),
        ("TRIM(a, 'x')", "(trim a 'x')"),
        ("NORMALIZE(a)", "(normalize a 'NFC')"),
        ("LISTAGG(a, ',') WITHIN GROUP (ORDER BY b)", "(listagg a ',')"),
    ] {
        assert_eq!(shown(&expr(text)), tree, "{text}");
    }
}

#[test]
fn a_query_in_parentheses_is_never_taken_for_an_expression() {
    for (text, tree) in [
        ("(SELECT 1)", "query"),
        ("((SELECT 1))", "query"),
        ("((SELECT 1) LIMIT 1)", "query"),
        ("((SELECT 1) UNION (SELECT 2))", "query"),
        ("((SELECT 1) + 1)", "(+ query 1)"),
        ("((SELECT 1), 2)", "(row query 2)"),
        ("a IN (SELECT 1)", "(in a query)"),
        ("a IN ((SELECT 1) UNION (SELECT 2))", "(in a query)"),
        ("a = ALL (SELECT 1)", "(quantified a)"),
        ("a = ALL ((SELECT 1))", "(= a (all query))"),
    ] {
        assert_eq!(shown(&expr(text)), tree, "{text}");
    }
    let ExprKind::In { list, .. } = expr("a IN ((SELECT 1))").kind else { panic!("a list") };
    assert!(matches!(list[0].kind, ExprKind::Subquery(_)));
}

#[test]
fn set_operations_never_lose_their_binding() {
    let Body::SetOperation { op, distinct, left, right, .. } = query("SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 3").body
    else {
        panic!("a union")
    };
    assert_eq!((op, distinct), (SetOp::Union, false));
    assert!(matches!(*left, Body::Select(_)));
    assert!(matches!(*right, Body::SetOperation { op: SetOp::Intersect, distinct: true, .. }));
    let Body::SetOperation { op, left, .. } = query("SELECT 1 EXCEPT SELECT 2 UNION SELECT 3").body else { panic!("a union") };
    assert_eq!(op, SetOp::Union);
    assert!(matches!(*left, Body::SetOperation { op: SetOp::Except, .. }));
}

#[test]
fn a_word_that_is_free_never_stops_being_a_name() {
    let read = select("SELECT date, time, year(day), \"order\", offset, row FROM t limit LIMIT 5");
    assert_eq!(read.items.len(), 6);
    let RelationKind::Alias { name, .. } = &read.from[0].kind else { panic!("an alias") };
    assert_eq!(name.text, "limit");
    for text in ["LIMIT", "OFFSET", "FETCH", "WINDOW", "TABLESAMPLE", "MATCH_RECOGNIZE", "AT", "OVER", "FILTER"] {
        let item = select(&format!("SELECT a {text} FROM t")).items.swap_remove(0);
        let SelectItem::Expr { alias: Some(alias), .. } = item else { panic!("{text}") };
        assert_eq!(alias.written, text);
    }
    assert!(matches!(query("SELECT a FROM t LIMIT 5").limit, Some(Limit::Rows(_))));
    assert!(matches!(relation("t MATCH_RECOGNIZE (a, b)").kind, RelationKind::Alias { .. }));
    assert!(matches!(relation("t MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS b)").kind, RelationKind::MatchRecognize));
}

#[test]
fn a_name_never_loses_its_case() {
    let SelectItem::Expr { alias: Some(alias), .. } = select("SELECT 1 AS VwAp").items.swap_remove(0) else { panic!("an alias") };
    assert_eq!((alias.text.as_str(), alias.written.as_str()), ("vwap", "VwAp"));
    let ExprKind::Column(name) = expr("\"a \"\"B\"\"\"").kind else { panic!("a column") };
    assert_eq!((name.text.as_str(), name.quoted), ("a \"B\"", true));
}

#[test]
fn a_reserved_word_never_becomes_a_name() {
    for (sql, column) in [
        ("SELECT left('abc', 2)", 8),
        ("SELECT right('abc', 2)", 8),
        ("SELECT skip FROM t", 8),
        ("SELECT a order FROM t", 16),
        ("SELECT a natural FROM t", 10),
        ("SELECT a table FROM t", 10),
    ] {
        assert_eq!(column_of_fault(sql), column, "{sql}");
    }
}

#[test]
fn a_literal_never_says_something_else() {
    for (text, kind) in [
        ("'it''s'", ExprKind::String("it's".to_owned())),
        ("U&'\\00e9\\+01F600'", ExprKind::String("é😀".to_owned())),
        ("U&'!00e9!!' UESCAPE '!'", ExprKind::String("é!".to_owned())),
        ("X'00 ff'", ExprKind::Binary(vec![0, 255])),
        ("1_000", ExprKind::Integer("1000".to_owned())),
        ("0x1_F", ExprKind::Integer("31".to_owned())),
        ("0b101", ExprKind::Integer("5".to_owned())),
        ("0o17", ExprKind::Integer("15".to_owned())),
        ("-9223372036854775808", ExprKind::Integer("-9223372036854775808".to_owned())),
        ("1_000.5", ExprKind::Decimal("1000.5".to_owned())),
        ("1.", ExprKind::Decimal("1.".to_owned())),
        (".5", ExprKind::Decimal(".5".to_owned())),
        ("1e-5", ExprKind::Double("1e-5".to_owned())),
        (".5E3", ExprKind::Double(".5E3".to_owned())),
        ("1.E+3", ExprKind::Double("1.E+3".to_owned())),
    ] {
        assert_eq!(expr(text).kind, kind, "{text}");
    }
    let ExprKind::Interval(interval) = expr("INTERVAL - '1-2' YEAR TO MONTH").kind else { panic!("an interval") };
    assert!(interval.negative);
    assert_eq!((interval.text.as_str(), interval.from, interval.to), ("1-2", IntervalUnit::Year, Some(IntervalUnit::Month)));
    assert!(matches!(expr("INTERVAL '1'").kind, ExprKind::Typed { .. }));
    assert_eq!(shown(&expr("interval - a")), "(- interval a)");
}

#[test]
fn a_type_never_reads_as_another() {
    let ty = |text: &str| {
        let ExprKind::Cast { to, .. } = expr(&format!("CAST(a AS {text})")).kind else { panic!("{text}") };
        to.kind
    };
    let named = |kind: &TypeNameKind| match kind {
        TypeNameKind::Named { name, parameters } => (name.clone(), parameters.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(named(&ty("DECIMAL(10, 2)")).1, [TypeParameter::Number(10), TypeParameter::Number(2)]);
    assert_eq!(named(&ty("double precision")), ("double".to_owned(), Vec::new()));
    for text in ["array(bigint)", "array<bigint>", "bigint array"] {
        let (name, parameters) = named(&ty(text));
        assert_eq!(name, "array", "{text}");
        assert!(matches!(&parameters[..], [TypeParameter::Type(of)] if named(&of.kind).0 == "bigint"), "{text}");
    }
    assert_eq!(named(&ty("map<varchar, array<bigint>>")).1.len(), 2);
    assert_eq!(
        ty("timestamp(3) with time zone"),
        TypeNameKind::Time { name: "timestamp".to_owned(), precision: Some(3), zoned: true }
    );
    assert_eq!(ty("interval day to second"), TypeNameKind::Interval { from: IntervalUnit::Day, to: Some(IntervalUnit::Second) });
    let TypeNameKind::Row(fields) = ty("row(bigint, a bigint, b varchar array, double precision, bigint array, time time)")
    else {
        panic!("a row")
    };
    let names: Vec<Option<&str>> = fields.iter().map(|(name, _)| name.as_ref().map(|name| name.text.as_str())).collect();
    assert_eq!(names, [None, Some("a"), Some("b"), None, None, Some("time")]);
}

#[test]
fn a_call_never_loses_a_part() {
    let call = |text: &str| match expr(text).kind {
        ExprKind::Call(call) => *call,
        other => panic!("{other:?}"),
    };
    let read = call("array_agg(DISTINCT a ORDER BY b DESC NULLS FIRST) FILTER (WHERE c)");
    assert!(read.distinct && read.filter.is_some());
    assert_eq!((read.order_by[0].descending, read.order_by[0].nulls_first), (true, Some(true)));
    let read = call("lag(a, 1) IGNORE NULLS OVER (w PARTITION BY b ORDER BY c ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)");
    assert_eq!(read.null_treatment, Some(NullTreatment::Ignore));
    let Some(Over::Window(window)) = read.over else { panic!("a window") };
    assert!(window.base.is_some() && window.frame.is_some() && window.partition_by.len() == 1);
    assert!(matches!(call("sum(a) OVER w").over, Some(Over::Named(_))));
    assert!(call("count(*)").star);
    assert!(call("FINAL last(a)").of_pattern.is_some());
}

#[test]
fn a_relation_never_joins_otherwise_than_in_trino() {
    let RelationKind::Join { left, on: JoinOn::Condition(_), right, .. } = relation("a JOIN b JOIN c ON x ON y").kind else {
        panic!("a join")
    };
    assert!(matches!(left.kind, RelationKind::Table { .. }));
    assert!(matches!(right.kind, RelationKind::Join { .. }));
    let RelationKind::Join { left, .. } = relation("a LEFT OUTER JOIN b USING (x) CROSS JOIN c").kind else { panic!("a join") };
    assert!(matches!(left.kind, RelationKind::Join { on: JoinOn::Using(_), .. }));
    assert!(matches!(relation("UNNEST(a, b) WITH ORDINALITY AS t (x, y, n)").kind, RelationKind::Alias { columns: Some(_), .. }));
    assert!(matches!(relation("t TABLESAMPLE BERNOULLI (10)").kind, RelationKind::Sample { .. }));
    assert!(matches!(relation("t FOR VERSION AS OF 5").kind, RelationKind::Table { version: Some(_), .. }));
    assert!(matches!(relation("\"t$partitions\"").kind, RelationKind::Table { .. }));
    assert!(matches!(relation("((SELECT 1) t)").kind, RelationKind::Alias { .. }));
    assert!(matches!(relation("((SELECT 1))").kind, RelationKind::Subquery { lateral: false, .. }));
    assert!(matches!(relation("LATERAL (SELECT 1)").kind, RelationKind::Subquery { lateral: true, .. }));
    assert!(matches!(relation("TABLE(sequence(start => 1, stop => 5))").kind, RelationKind::Function { .. }));
}

#[test]
fn a_grouping_set_is_never_taken_for_an_expression() {
    let read = select("SELECT 1 FROM t GROUP BY (a, b), (), (a) + 1, ROLLUP (a, (b, c)), GROUPING SETS ((), a)");
    let elements = read.group_by.expect("a group by").elements;
    assert!(matches!(&elements[0], Grouping::Simple(set) if set.len() == 2));
    assert!(matches!(&elements[1], Grouping::Simple(set) if set.is_empty()));
    assert!(matches!(&elements[2], Grouping::Simple(set) if shown(&set[0]) == "(+ a 1)"));
    assert!(matches!(&elements[3], Grouping::Rollup(sets) if sets[1].len() == 2));
    assert!(matches!(&elements[4], Grouping::Sets(sets) if sets[0].is_empty()));
    let by_column = select("SELECT 1 FROM t GROUP BY ALL").group_by.expect("a group by");
    assert!(matches!(&by_column.elements[0], Grouping::Simple(set) if shown(&set[0]) == "all"));
}

#[test]
fn a_statement_that_writes_is_never_taken_for_one_that_reads() {
    for (sql, first) in [
        ("INSERT INTO t SELECT 1", "INSERT INTO"),
        ("create table t (a bigint)", "CREATE TABLE"),
        ("MSCK REPAIR TABLE t", "MSCK REPAIR"),
        ("UNLOAD (SELECT 1) TO 's3://x'", "UNLOAD"),
        ("DELETE FROM t", "DELETE FROM"),
        ("update stock_data set price = 1", "UPDATE stock_data"),
    ] {
        assert!(matches!(parse(sql), Ok(Statement::Writes { words, .. }) if words == first), "{sql}");
    }
    assert!(matches!(parse("SHOW SESSION"), Ok(Statement::Other { words, .. }) if words == "SHOW SESSION"));
}

#[test]
fn a_statement_around_a_query_is_never_misread() {
    assert!(matches!(parse("EXPLAIN (SELECT 1)"), Ok(Statement::Explain { analyze: false, .. })));
    assert!(matches!(parse("EXPLAIN ANALYZE VERBOSE SELECT 1"), Ok(Statement::Explain { analyze: true, .. })));
    assert!(matches!(parse("EXPLAIN (TYPE VALIDATE) SELECT 1"), Ok(Statement::Explain { options, .. }) if options.len() == 1));
    assert!(matches!(parse("PREPARE p FROM SELECT ?"), Ok(Statement::Prepare { .. })));
    assert!(matches!(parse("EXECUTE p USING 1, 'a'"), Ok(Statement::Execute { using, .. }) if using.len() == 2));
    assert!(matches!(parse("EXECUTE IMMEDIATE 'SELECT 1'"), Ok(Statement::ExecuteImmediate { .. })));
    assert!(matches!(parse("DEALLOCATE PREPARE p"), Ok(Statement::Deallocate { .. })));
    assert!(matches!(parse("SHOW TABLES IN a.b LIKE 'x!_' ESCAPE '!'"), Ok(Statement::ShowTables { like: Some(_), .. })));
    assert!(matches!(parse("DESC a.b"), Ok(Statement::ShowColumns { .. })));
    assert!(matches!(parse("SHOW PARTITIONS a.b"), Ok(Statement::ShowPartitions { .. })));
    assert!(matches!(parse("SHOW CREATE VIEW a"), Ok(Statement::ShowCreateView { .. })));
}

#[test]
fn an_error_never_stands_at_another_token_than_trinos() {
    for (sql, line, column) in [
        ("SELEC 1", 1, 1),
        ("SELECT 1 2", 1, 10),
        ("SELECT (1", 1, 10),
        ("SELECT 1; SELECT 2", 1, 9),
        ("SELECT 'x' 'y'", 1, 12),
        ("SELECT 'é'\n  FROM t WHERE", 2, 15),
        ("SELECT 'abc''", 1, 13),
        ("SELECT \"abc", 1, 8),
        ("SELECT 'abc", 1, 8),
        ("SELECT /* abc", 1, 8),
        ("SELECT `a`", 1, 8),
        ("SELECT 1abc FROM t", 1, 8),
        ("SELECT \"\"", 1, 8),
        ("SELECT count(*, 1)", 1, 15),
        ("SELECT a FROM t LIMIT -1", 1, 23),
        ("SELECT a FROM t LIMIT 1 UNION SELECT 2", 1, 25),
        ("SELECT 1 IN (1 2)", 1, 10),
        ("SELECT (1 IN (1 2))", 1, 17),
        ("SELECT a\u{a0}b", 1, 9),
    ] {
        let (at_line, at_column, message) = fault(sql);
        assert_eq!((at_line, at_column), (line, column), "{sql}: {message}");
    }
}

#[test]
fn a_message_never_hides_what_was_expected() {
    assert_eq!(fault("SELECT a order FROM t").2, "mismatched input 'FROM'. Expecting: 'BY'");
    assert_eq!(fault("SELECT :x").2, "mismatched input ':'. Expecting: '*', 'ALL', 'DISTINCT', <expression>");
    assert_eq!(fault("SELECT * EXCEPT (a) FROM t").2, "mismatched input 'a'. Expecting: '(', 'SELECT', 'TABLE', 'VALUES'");
    assert_eq!(fault("SELECT a FROM t LIMIT 1 OFFSET 2").2, "mismatched input 'OFFSET'. Expecting: <EOF>");
}

#[test]
fn what_the_grammar_allows_and_trino_refuses_is_never_taken() {
    for (sql, column, message) in [
        ("SELECT EXTRACT(epoch FROM a)", 8, "Invalid EXTRACT field: epoch"),
        ("SELECT * FROM a.b.c.d", 15, "Too many dots in table name: a.b.c.d"),
        ("SELECT a, X'6'", 11, "Binary literal must contain an even number of digits"),
        ("SELECT a, X'6g'", 11, "Binary literal can only contain hexadecimal digits"),
        ("SELECT X '61'", 8, "Spaces are not allowed between 'X' and the starting quote of a binary literal"),
        ("SELECT U&'\\00g'", 8, "Incomplete escape sequence: 00"),
        ("SELECT U&'a' UESCAPE '+'", 8, "Invalid Unicode escape character: +"),
        ("SELECT if(1)", 8, "Invalid number of arguments for 'if' function"),
        ("SELECT try(1) OVER ()", 8, "OVER clause not valid for 'try' function"),
        ("SELECT coalesce(1)", 8, "The 'coalesce' function must have at least two arguments"),
        ("SELECT a, 9223372036854775808", 1, "Invalid numeric literal: 9223372036854775808"),
        ("SELECT CAST(a AS bigint array[3])", 18, "Explicit array size not supported"),
        ("SELECT TRIM(FROM a)", 8, "The 'trim' function must have specification, char or both arguments when it takes FROM"),
    ] {
        assert_eq!(fault(sql), (1, column, message.to_owned()), "{sql}");
    }
}

#[test]
fn a_fault_of_the_grammar_never_stands_behind_another() {
    assert_eq!(fault("SELECT if(1), left('x')").1, 15);
}

#[test]
fn a_common_mistake_never_goes_without_its_way_out() {
    for (sql, how) in [
        ("SELECT a::int", "CAST(a AS integer)"),
        ("SELECT a.b::date", "CAST(… AS date)"),
        ("SELECT a FROM t LIMIT 5 OFFSET 2", "OFFSET 2 LIMIT 5"),
        ("SELECT a FROM t QUALIFY row_number() OVER () = 1", "WHERE n = 1"),
        ("SELECT * EXCLUDE (a) FROM t", "columns"),
        ("SELECT * EXCEPT (a) FROM t", "columns"),
        ("SELECT * REPLACE (1 AS a) FROM t", "columns"),
        ("SELECT `a` FROM t", "\"a\""),
        ("SELECT TOP 5 a FROM t", "LIMIT 5"),
        ("SELECT DISTINCT ON (a) b FROM t", "row_number()"),
        ("SELECT left(a, 2)", "substr(text, 1, n)"),
        ("SELECT right(a, 2)", "substr(text, -n)"),
        ("SELECT a == b", "`=`"),
        ("SELECT 1 MINUS SELECT 2", "EXCEPT"),
        ("SELECT 1 FROM a LEFT SEMI JOIN b ON c", "EXISTS"),
        ("SELECT a ->> 'b'", "json_extract_scalar"),
        ("SELECT {'a': 1}", "MAP("),
        ("SELECT :a", "`?`"),
        ("SELECT 1;", "`;`"),
        ("SELECT 'a", "to close"),
        ("SELECT /* a", "to close"),
        ("SELECT 1a FROM t", "\"1a\""),
        ("SHOW DATABASES", "SHOW SCHEMAS"),
    ] {
        let error = parse(sql).expect_err(sql);
        let rewrite = error.rewrite.unwrap_or_else(|| panic!("{sql}: {}", error.message));
        assert!(rewrite.contains(how), "{sql}: {rewrite}");
    }
}

/// On the stack that threads get by default, of which tests and servers have no more.
fn on_a_small_stack(sql: String) -> Result<(), String> {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let read = thread.spawn(move || planning(|| parse(&sql).map(drop).map_err(|error| error.message)));
    read.expect("a thread").join().expect("no overflow")
}

#[test]
fn a_deep_statement_never_overflows_the_stack() {
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("f(", "1", ")"),
        ("CASE WHEN a THEN ", "1", " END"),
        ("ARRAY[", "1", "]"),
        ("x -> ", "1", ""),
        ("1 IN (", "1", ")"),
        ("NOT ", "a", ""),
        ("- ", "a", ""),
        ("1 + ", "1", ""),
        ("json_array(", "1", ")"),
        ("(SELECT ", "1", ")"),
        ("1 FROM (SELECT ", "1", ")"),
        ("f() OVER (ORDER BY ", "1", ")"),
        ("CAST(a AS row(a ", "bigint", ")"),
        ("1 UNION ALL SELECT ", "1", ""),
        ("1 FROM t", "", " CROSS JOIN u"),
        ("a", "", ".a"),
        ("a", "", "[1]"),
    ] {
        let nested = |levels: usize| format!("SELECT {}{inner}{}", open.repeat(levels), close.repeat(levels));
        let result = on_a_small_stack(nested(100_000));
        assert!(result.is_err(), "{open}");
        let _ = on_a_small_stack(nested(500));
    }
    let levels = |count: usize| format!("SELECT {}1{}", "(".repeat(count), ")".repeat(count));
    assert_eq!(on_a_small_stack(levels(500)), Ok(()));
    let error = on_a_small_stack(levels(100_000)).expect_err("too deep");
    assert!(error.starts_with("statement is too large"), "{error}");
}

#[test]
fn a_long_list_is_never_too_deep() {
    for sql in [
        format!("SELECT {}a", "a = 1 OR ".repeat(10_000)),
        format!("SELECT {}a", "a + 1 = 1 AND ".repeat(10_000)),
        format!("SELECT a IN ({}1)", "1, ".repeat(10_000)),
        format!("VALUES {}(1, 'a')", "(1, 'a'), ".repeat(10_000)),
        format!("SELECT 1{}", " + 1".repeat(500)),
        format!("SELECT '{}'", "x''".repeat(350_000)),
    ] {
        assert_eq!(on_a_small_stack(sql), Ok(()));
    }
}

#[test]
fn what_is_never_closed_is_never_searched_twice() {
    for text in ["/* ", "' \" ", "'' ' ", "SELECT ( [ { ", "x' ", "u&' "] {
        assert!(parse(&text.repeat(200_000)).is_err());
    }
}

#[test]
fn a_keyword_is_never_missed() {
    assert_eq!(Word::of("select"), Some(Word::SELECT));
    assert_eq!(Word::of("Current_Timestamp"), Some(Word::CURRENT_TIMESTAMP));
    assert_eq!(Word::of("current_timestam"), None);
    assert_eq!(Word::of("symbol"), None);
    assert!(Word::DATE.is_free() && !Word::SKIP.is_free());
    assert_eq!((Word::ALTER.text(), Word::WITH.text(), Word::ZONE.text()), ("ALTER", "WITH", "ZONE"));
}

#[test]
fn a_side_of_trim_is_never_taken_for_a_name() {
    for (text, tree) in [
        ("TRIM(BOTH 'x' FROM a)", "(trim a 'x')"),
        ("TRIM(LEADING (x) FROM a)", "(ltrim a x)"),
        ("TRIM(both)", "(trim both)"),
        ("TRIM(both + a)", "(trim (+ both a))"),
        ("TRIM(leading(a))", "(trim (leading a))"),
        ("TRIM(trailing.a FROM b)", "(trim b trailing.a)"),
    ] {
        assert_eq!(shown(&expr(text)), tree, "{text}");
    }
}
