//! Functions of arrays and maps over several rows at once.

use serde_json::{Value, json};

use crate::athena::eval::tests::row_of;

fn check(statements: impl IntoIterator<Item = (&'static str, Value)>) {
    for (sql, expected) in statements {
        assert_eq!(row_of(sql), Some(Ok(expected)), "{sql}");
    }
}

#[test]
fn no_row_ever_has_another_rows_elements() {
    check([
        (
            "SELECT x[i] FROM (VALUES (ARRAY[1, 2], BIGINT '2'), (NULL, BIGINT '1'), (ARRAY[3], NULL), (ARRAY[4], BIGINT '1')) t(x, i)",
            json!([[2], [null], [null], [4]]),
        ),
        (
            "SELECT element_at(m, k) FROM (VALUES (map(ARRAY['a', 'b'], ARRAY[1, 2]), 'b'), (NULL, 'a'), \
             (map(ARRAY['x'], ARRAY[9]), 'a'), (map(ARRAY['x'], ARRAY[9]), 'x')) t(m, k)",
            json!([[2], [null], [null], [9]]),
        ),
        (
            "SELECT array_intersect(x, ARRAY[1, 2, 3]) FROM (VALUES ARRAY[1, 1, 2], NULL, ARRAY[5, 3, 2, 9, 1]) t(x)",
            json!([[[1, 2]], [null], [[3, 2, 1]]]),
        ),
        (
            "SELECT array_sort(x) FROM (VALUES ARRAY[3, NULL, 1], NULL, ARRAY[2, 1]) t(x)",
            json!([[[1, 3, null]], [null], [[1, 2]]]),
        ),
        (
            "SELECT combinations(x, n) FROM (VALUES (ARRAY['a', 'b', 'c'], 2), (NULL, 1), (ARRAY['x'], 3)) t(x, n)",
            json!([[[["a", "b"], ["a", "c"], ["b", "c"]]], [null], [[]]]),
        ),
        (
            "SELECT zip(x, y) FROM (VALUES (ARRAY[1, 2], ARRAY['a']), (NULL, ARRAY['b']), (ARRAY[3], ARRAY['c', 'd'])) t(x, y)",
            json!([[[[1, "a"], [2, null]]], [null], [[[3, "c"], [null, "d"]]]]),
        ),
        (
            "SELECT map_entries(map_concat(m, n)) FROM (VALUES (map(ARRAY['a'], ARRAY[1]), map(ARRAY['b', 'a'], ARRAY[2, 3])), \
             (NULL, map(ARRAY['a'], ARRAY[1]))) t(m, n)",
            json!([[[["b", 2], ["a", 3]]], [null]]),
        ),
    ]);
}

#[test]
fn a_constant_is_never_asked_for_one_row_alone() {
    check([
        (
            "SELECT contains(ARRAY['AAPL', 'MSFT', NULL], s) FROM (VALUES 'MSFT', 'TSLA', NULL) t(s)",
            json!([[true], [null], [null]]),
        ),
        (
            "SELECT element_at(map(ARRAY['a', 'b', 'c'], ARRAY[1, 2, 3]), k) FROM (VALUES 'c', 'a', 'z', NULL) t(k)",
            json!([[3], [1], [null], [null]]),
        ),
        ("SELECT filter(ARRAY[1, 2, 3], e -> e >= k) FROM (VALUES 2, 3, NULL) t(k)", json!([[[2, 3]], [[3]], [[]]])),
    ]);
}

#[test]
fn a_lambda_never_sees_another_rows_columns() {
    check([
        (
            "SELECT filter(x, e -> e > k) FROM (VALUES (ARRAY[1, 5, NULL, 9], 4), (NULL, 1), (ARRAY[3], NULL), (ARRAY[8, 2], 1)) t(x, k)",
            json!([[[5, 9]], [null], [[]], [[8, 2]]]),
        ),
        (
            "SELECT reduce(x, ARRAY[k], (s, e) -> e || s, s -> s) FROM (VALUES (ARRAY[1, 2, 3], 0), (NULL, 0), (ARRAY[9], 7)) t(x, k)",
            json!([[[3, 2, 1, 0]], [null], [[9, 7]]]),
        ),
        (
            "SELECT array_sort(x, (a, b) -> IF(a = b, 0, IF((a < b) = up, -1, 1))) \
             FROM (VALUES (ARRAY[3, 7, 1, 9, 4], true), (NULL, true), (ARRAY[1, 2, 3], false)) t(x, up)",
            json!([[[1, 3, 4, 7, 9]], [null], [[3, 2, 1]]]),
        ),
        (
            "SELECT any_match(x, e -> e > k), all_match(x, e -> e > k), none_match(x, e -> e > k) \
             FROM (VALUES (ARRAY[1, 2], 1), (ARRAY[1, NULL], 5), (NULL, 1), (ARRAY[NULL, 9], 5)) t(x, k)",
            json!([[true, false, false], [null, false, null], [null, null, null], [true, null, false]]),
        ),
        (
            "SELECT transform(x, e -> transform(y, f -> ROW(e, f))) FROM (VALUES (ARRAY[1, 2], ARRAY['a']), (ARRAY[3], NULL)) t(x, y)",
            json!([[[[[1, "a"]], [[2, "a"]]]], [[null]]]),
        ),
    ]);
}

#[test]
fn a_fault_never_reaches_a_row_without_it() {
    check([
        (
            "SELECT TRY(map(x, y)) FROM (VALUES (ARRAY['a', 'a'], ARRAY[1, 2]), (ARRAY['b'], ARRAY[1]), (ARRAY['c', NULL], ARRAY[1, 2])) \
             t(x, y)",
            json!([[null], [{"b": 1}], [null]]),
        ),
        (
            "SELECT TRY(transform(x, e -> ARRAY[e][e])) FROM (VALUES ARRAY[BIGINT '1'], ARRAY[BIGINT '1', BIGINT '2'], NULL) t(x)",
            json!([[[1]], [null], [null]]),
        ),
        // The element behind the decisive one is none of these rows'.
        (
            "SELECT any_match(x, e -> ARRAY[5, 6][e] = 5) FROM (VALUES ARRAY[BIGINT '1', BIGINT '3'], NULL, ARRAY[BIGINT '2', BIGINT '1', BIGINT '0']) t(x)",
            json!([[true], [null], [true]]),
        ),
    ]);
}
