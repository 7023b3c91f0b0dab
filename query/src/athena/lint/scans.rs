//! Which tables a statement reads whole.
//!
//! Owns: what of a condition lets an engine leave partitions out, and of which table.
//! Does not own: the warning about it (`lint`); what our own engine leaves out besides (`pruning`).
//! Invariant: a table counts as narrowed only if some condition on nothing of it but partition columns holds for every row
//! that is read; a condition through another table counts only if that one is narrowed.

use std::collections::{BTreeMap, BTreeSet};

use crate::athena::analyze::plan::{Plan, Relation};
use crate::athena::analyze::typed::{ColumnId, Kind, Literal, Typed};
use crate::athena::ast::{Comparison, JoinKind, Span};
use crate::athena::tables;

/// A table that is read whole.
pub(super) struct Whole<'a> {
    pub(super) table: &'a str,
    /// Where it is named.
    pub(super) span: Span,
    pub(super) partition_columns: &'static [String],
}

/// The partitioned tables of a relation that no condition narrows, in no order.
pub(super) fn read_whole(relation: &Relation) -> Vec<Whole<'_>> {
    let mut seen = Seen::default();
    seen.plan(&relation.plan);
    let narrowed = seen.narrowed();
    let scans = seen.scans.iter().enumerate();
    let whole = scans.filter(|(at, scan)| !scan.partition_columns.is_empty() && !narrowed.contains(at));
    whole.map(|(_, Whole { table, span, partition_columns })| Whole { table, span: *span, partition_columns }).collect()
}

/// The scans that a condition narrows, by their numbers; each with the scans that must be narrowed for it.
type Narrowing = BTreeMap<usize, BTreeSet<usize>>;

/// What the walk over a plan meets.
#[derive(Default)]
struct Seen<'a> {
    scans: Vec<Whole<'a>>,
    /// Of a scan's column: the scan, and whether files are chosen by it.
    columns: BTreeMap<ColumnId, (usize, bool)>,
    /// What a column was made of.
    origins: BTreeMap<ColumnId, Vec<&'a Typed>>,
    /// Conditions, with the scans that they may narrow.
    conditions: Vec<(&'a Typed, std::ops::Range<usize>)>,
}

impl<'a> Seen<'a> {
    fn plan(&mut self, plan: &'a Plan) {
        plan.exprs().into_iter().for_each(|expr| self.subqueries(expr));
        let first = self.scans.len();
        match plan {
            Plan::Scan { table, columns, span } => {
                let partition_columns = tables::partition_columns(table);
                let columns = columns.iter().map(|(id, name, _)| (*id, (first, partition_columns.contains(name))));
                self.columns.extend(columns);
                self.scans.push(Whole { table, span: *span, partition_columns });
            }
            Plan::Extend { columns, .. } => self.origins.extend(columns.iter().map(|(id, value)| (*id, vec![value]))),
            Plan::Aggregate { keys, .. } => self.origins.extend(keys.iter().map(|(id, key)| (*id, vec![key]))),
            Plan::SetOperation { columns, .. } => {
                self.origins.extend(columns.iter().map(|column| (column.id, vec![&column.left, &column.right])));
            }
            Plan::Filter { condition, .. } => self.conditions.push((condition, 0..usize::MAX)),
            _ => {}
        }
        if let Plan::Join { kind, left, right, on, .. } = plan {
            self.plan(left);
            let between = self.scans.len();
            self.plan(right);
            let may_narrow = match kind {
                JoinKind::Cross | JoinKind::Inner => 0..usize::MAX,
                JoinKind::Left => between..self.scans.len(),
                JoinKind::Right => first..between,
                JoinKind::Full => 0..0,
            };
            self.conditions.extend(on.iter().map(|on| (on, may_narrow.clone())));
        } else {
            plan.inputs().into_iter().for_each(|input| self.plan(input));
        }
    }

    /// What is read within an expression. A condition in there says nothing of the rows around it.
    fn subqueries(&mut self, expr: &'a Typed) {
        expr.walk(&mut |typed| {
            if let Kind::Subquery(query) = &typed.kind {
                let (scans, conditions) = (self.scans.len(), self.conditions.len());
                self.plan(&query.relation().plan);
                for (_, may_narrow) in &mut self.conditions[conditions..] {
                    *may_narrow = may_narrow.start.max(scans)..may_narrow.end.min(self.scans.len());
                }
            }
            true
        });
    }

    /// The numbers of the scans that are narrowed: those narrowed by themselves, then those by them, and so on.
    fn narrowed(&self) -> BTreeSet<usize> {
        let narrowing = |(condition, may_narrow): &(&Typed, std::ops::Range<usize>)| {
            let all = self.narrowing(condition, true);
            all.into_iter().filter(|(scan, _)| may_narrow.contains(scan)).collect::<Vec<_>>()
        };
        let narrowing: Vec<_> = self.conditions.iter().flat_map(narrowing).collect();
        let mut narrowed = BTreeSet::new();
        loop {
            let known = narrowed.len();
            let follow = narrowing.iter().filter(|(_, through)| through.is_subset(&narrowed)).map(|(scan, _)| *scan);
            narrowed = narrowed.iter().copied().chain(follow.collect::<Vec<_>>()).collect();
            if narrowed.len() == known {
                return narrowed;
            }
        }
    }

    /// What is narrowed where `condition` is `holds`.
    fn narrowing(&self, condition: &Typed, holds: bool) -> Narrowing {
        match (&condition.kind, holds) {
            (Kind::Not(of), _) => self.narrowing(of, !holds),
            (Kind::And(terms), true) | (Kind::Or(terms), false) => {
                let each = terms.iter().map(|term| self.narrowing(term, holds));
                each.reduce(|one, other| one.into_iter().chain(other).collect()).unwrap_or_default()
            }
            (Kind::Or(terms), true) | (Kind::And(terms), false) => {
                terms.iter().map(|term| self.narrowing(term, holds)).reduce(both).unwrap_or_default()
            }
            (Kind::Compare { op, .. }, _) if matches!(op, Comparison::Equal | Comparison::NotEqual) => {
                if (*op == Comparison::Equal) == holds { self.compared(condition) } else { Narrowing::new() }
            }
            (Kind::Compare { .. }, _) | (Kind::Distinct { .. }, false) => self.compared(condition),
            (Kind::Like { pattern, .. }, true) if !is_anything(pattern) => self.compared(condition),
            (Kind::IsNull(_) | Kind::In { .. } | Kind::Call { .. } | Kind::Subquery(_), true) => self.compared(condition),
            _ => Narrowing::new(),
        }
    }

    /// What is narrowed by a comparison that leaves out most values.
    fn compared(&self, comparison: &Typed) -> Narrowing {
        let sides: Vec<BTreeMap<usize, bool>> = match &comparison.kind {
            Kind::Compare { left, right, .. } | Kind::Distinct { left, right } => vec![self.read(left), self.read(right)],
            _ => vec![self.read(comparison)],
        };
        let mut narrowing = Narrowing::new();
        for (at, side) in sides.iter().enumerate() {
            let others = sides.iter().enumerate().filter(|(other, _)| *other != at);
            let others: BTreeSet<usize> = others.flat_map(|(_, side)| side.keys().copied()).collect();
            let by_partition = side.iter().filter(|(scan, is_partition)| **is_partition && !others.contains(scan));
            narrowing.extend(by_partition.map(|(scan, _)| (*scan, others.clone())));
        }
        narrowing
    }

    /// The scans whose columns an expression is made of, and whether these are all partition columns.
    fn read(&self, expr: &Typed) -> BTreeMap<usize, bool> {
        let (mut read, mut followed) = (BTreeMap::new(), BTreeSet::new());
        self.add_read(expr, &mut read, &mut followed);
        read
    }

    fn add_read(&self, expr: &Typed, read: &mut BTreeMap<usize, bool>, followed: &mut BTreeSet<ColumnId>) {
        expr.walk(&mut |typed| {
            if let Kind::Column(id) = &typed.kind
                && followed.insert(*id)
            {
                if let Some((scan, is_partition)) = self.columns.get(id) {
                    *read.entry(*scan).or_insert(true) &= is_partition;
                }
                self.origins.get(id).into_iter().flatten().for_each(|origin| self.add_read(origin, read, followed));
            }
            true
        });
    }
}

/// What holds in both of two cases.
fn both(one: Narrowing, mut other: Narrowing) -> Narrowing {
    let held = one.into_iter().filter_map(|(scan, through)| Some((scan, &through | &other.remove(&scan)?)));
    held.collect()
}

/// Whether a pattern begins with what any text may.
fn is_anything(pattern: &Typed) -> bool {
    match &pattern.kind {
        Kind::Literal(Literal::String(text)) => text.starts_with(['%', '_']),
        Kind::Cast { of, .. } => is_anything(of),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::athena::lint::lint;

    /// The columns at which tables stand that are read whole.
    fn whole(sql: &str) -> String {
        let found = lint(sql).1;
        assert!(found.iter().all(|finding| finding.name == "FULL_SCAN"), "{sql}: {found:?}");
        found.into_iter().map(|finding| finding.column.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_condition_that_leaves_no_partition_out_is_never_taken_for_one() {
        let never = [
            "dt > '2024-05-01' OR symbol = 'AAPL'",
            "dt = dt",
            "dt > hour",
            "dt IS NOT NULL",
            "dt LIKE '%-05-%'",
            "dt <> '2024-05-01'",
            "NOT dt = '2024-05-01'",
            "dt NOT IN ('2024-05-01')",
            "dt || symbol = '2024-05-01AAPL'",
            "price > 3",
            "NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.dt = stock_data.dt AND d.dt = '2024-05-01')",
        ];
        for condition in never {
            assert_eq!(whole(&format!("SELECT symbol FROM stock_data WHERE {condition}")), "20", "{condition}");
        }
    }

    #[test]
    fn what_leaves_partitions_out_is_never_complained_of() {
        let narrowed = [
            "dt = '2024-05-01'",
            "dt BETWEEN '2024-05-01' AND '2024-05-03' AND symbol = 'AAPL'",
            "dt = '2024-05-01' OR dt = '2024-05-02' AND symbol = 'AAPL'",
            "NOT (dt < '2024-05-01')",
            "NOT (dt <> '2024-05-01' OR symbol = 'AAPL')",
            "dt IN ('2024-05-01', '2024-05-02')",
            "dt LIKE '2024-05-%'",
            "date(dt) >= current_date - INTERVAL '7' DAY",
            "starts_with(dt, '2024-05')",
            "dt >= ?",
            "dt = (SELECT '2024-05-01')",
            "hour = '14'",
        ];
        for condition in narrowed {
            assert_eq!(whole(&format!("SELECT symbol FROM stock_data WHERE {condition}")), "", "{condition}");
        }
    }

    #[test]
    fn a_table_is_narrowed_through_another_only_if_that_one_is() {
        assert_eq!(whole("SELECT a.price FROM stock_data a JOIN stock_data_json b ON a.dt = b.dt"), "21 39");
        assert_eq!(whole("SELECT a.price FROM stock_data a JOIN stock_data_json b ON a.dt = b.dt WHERE b.dt = 'x'"), "");
        assert_eq!(whole("SELECT a.price FROM stock_data a LEFT JOIN dead_letters b ON a.dt = b.dt AND a.dt = 'x'"), "21 44");
        assert_eq!(whole("SELECT a.price FROM stock_data a LEFT JOIN dead_letters b ON a.dt = b.dt WHERE a.dt = 'x'"), "");
    }

    #[test]
    fn a_condition_is_followed_to_the_table_whatever_the_column_is_called_by_then() {
        assert_eq!(whole("SELECT d FROM (SELECT dt AS d, count(*) AS n FROM stock_data GROUP BY 1) WHERE d = 'x'"), "");
        assert_eq!(whole("SELECT d FROM (SELECT max(dt) AS d FROM stock_data) WHERE d = 'x'"), "41");
        let union = "SELECT * FROM (SELECT dt FROM stock_data UNION ALL SELECT dt FROM dead_letters) WHERE dt = 'x'";
        assert_eq!(whole(union), "");
    }
}
