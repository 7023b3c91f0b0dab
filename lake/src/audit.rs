//! The proof of exactly-once: every message's coordinates folded into a verdict for each Kafka partition.
//!
//! Owns: what counts as lost, twice, phantom, beyond or a hole.
//! Does not own: reading the tables (`query`), the topic (`ingest`), printing (`cli`).
//! Invariant: pure; rows and messages may come in any order, rows before messages. Memory is two bits for each offset.
//!
//! | word | meaning | a fault |
//! |---|---|---|
//! | twice | rows beyond the first of one offset, in either table or both | yes |
//! | lost | messages in Kafka below the committed offset that neither table holds | yes |
//! | phantom | rows whose offset holds no message in Kafka | yes |
//! | beyond | rows at or above the offset that their table has committed | yes |
//! | hole | offsets below the committed one without a row: markers, aborted or compacted messages, unless they are lost | no |
//! | given up | offsets without a row that were given up on purpose, and are declared so (`offsets reset`, `--on-gap accept`) | no |

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use serde::Serialize;

use crate::layout::{Table, mirror_file};
use crate::offset_set::{OffsetSet, ranges};
use crate::{DataFile, Gap, Offsets, SourceId};

/// Ranges that a fault shows.
const RANGES_SHOWN: usize = 5;

/// What has been seen so far.
#[derive(Debug)]
pub struct Audit {
    committed: Offsets,
    rejected: Offsets,
    ledgers: BTreeMap<SourceId, BTreeMap<i32, Ledger>>,
}

/// What has been seen of one partition.
#[derive(Debug, Default)]
struct Ledger {
    committed: Option<i64>,
    /// Where its dead letters are committed to, which may be further: theirs come first.
    rejected: Option<i64>,
    gaps: Vec<Gap>,
    ticks: u64,
    dead_letters: u64,
    rows: OffsetSet,
    twice: OffsetSet,
    repeated: u64,
    beyond: OffsetSet,
    /// Messages in Kafka.
    messages: OffsetSet,
    lost: OffsetSet,
    /// Whether Kafka was asked.
    asked: bool,
    /// Where its messages begin, if rows are held against them.
    low: Option<i64>,
}

/// How many offsets break a rule, and the first ranges `[from, to)` of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// How many.
    pub count: u64,
    /// The first ranges.
    pub at: Vec<(i64, i64)>,
}

/// The verdict on one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionAudit {
    /// Name the offsets are recorded under.
    pub source: String,
    /// Kafka partition.
    pub partition: i32,
    /// Lowest offset of any row.
    pub first: Option<i64>,
    /// The next offset to commit, by the log.
    pub committed: Option<i64>,
    /// Rows of `stock_data`.
    pub ticks: u64,
    /// Rows of `dead_letters`.
    pub dead_letters: u64,
    /// Rows too many.
    pub twice: Fault,
    /// Rows that no commit accounts for.
    pub beyond: Fault,
    /// Offsets between the first and the committed one without a row, those given up aside.
    pub holes: u64,
    /// Offsets given up on purpose.
    pub given_up: GivenUp,
    /// Messages without a row; `None` where Kafka was not asked.
    pub lost: Option<Fault>,
    /// Rows without a message; `None` where Kafka was not asked, or cannot know (a compacted topic).
    pub phantom: Option<Fault>,
}

/// How many offsets without a row were given up on purpose, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// How many.
    pub count: u64,
    /// All of the ranges, and how it came to them.
    pub at: Vec<Gap>,
}

impl PartitionAudit {
    /// Whether exactly-once held, as far as was looked.
    pub fn holds(&self) -> bool {
        let none = |fault: &Fault| fault.count == 0;
        none(&self.twice) && none(&self.beyond) && self.lost.iter().all(none) && self.phantom.iter().all(none)
    }
}

impl Fault {
    fn of(offsets: impl Iterator<Item = i64>) -> Self {
        let mut fault = Self::default();
        for (from, to) in ranges(offsets) {
            fault.count += to.abs_diff(from);
            if fault.at.len() < RANGES_SHOWN {
                fault.at.push((from, to));
            }
        }
        fault
    }
}

impl Audit {
    /// An audit against the offsets that `stock_data` and `dead_letters` record at the versions whose rows will come.
    pub fn new(committed: Offsets, rejected: Offsets) -> Self {
        let mut audit = Self { committed, rejected, ledgers: BTreeMap::new() };
        let known: Vec<(SourceId, i32)> =
            audit.committed.iter().map(|(source, partition, _)| (source.clone(), partition)).collect();
        for (source, partition) in known {
            audit.ledger(source, partition);
        }
        audit
    }

    fn ledger(&mut self, source: SourceId, partition: i32) -> &mut Ledger {
        let (committed, rejected) = (&self.committed, &self.rejected);
        self.ledgers.entry(source.clone()).or_default().entry(partition).or_insert_with(|| Ledger {
            committed: committed.next(&source, partition),
            rejected: rejected.next(&source, partition),
            gaps: committed.gaps(&source, partition).collect(),
            ..Ledger::default()
        })
    }

    /// Rows of a table from one partition.
    pub fn rows(&mut self, table: Table, source: &str, partition: i32, offsets: &[i64]) {
        self.ledger(SourceId::new(source), partition).rows(table, offsets);
    }

    /// The committed offsets of a source by partition; empty for one that the log does not know.
    pub fn committed(&self, source: &SourceId) -> BTreeMap<i32, i64> {
        self.committed.iter().filter(|(s, ..)| *s == source).map(|(_, partition, offset)| (partition, offset)).collect()
    }

    /// A message in Kafka. All rows must have come before.
    pub fn message(&mut self, source: &SourceId, partition: i32, offset: i64) {
        if let Some(ledger) = self.ledgers.get_mut(source).and_then(|partitions| partitions.get_mut(&partition)) {
            ledger.message(offset);
        }
    }

    /// All messages of a source have come. `low` is where each partition's messages begin by now: retention may have moved
    /// it while they were read. A partition that is not in it is not in Kafka; without any, rows are not held against Kafka.
    pub fn kafka_read(&mut self, source: &SourceId, low: Option<&BTreeMap<i32, i64>>) {
        for (partition, ledger) in self.ledgers.get_mut(source).into_iter().flatten() {
            ledger.asked = true;
            ledger.low = low.map(|low| low.get(partition).copied().unwrap_or(0));
        }
    }

    /// The verdict on each partition, ordered.
    pub fn verdicts(&self) -> Vec<PartitionAudit> {
        let all =
            self.ledgers.iter().flat_map(|(source, partitions)| partitions.iter().map(move |(p, ledger)| (source, *p, ledger)));
        all.map(|(source, partition, ledger)| ledger.verdict(source, partition)).collect()
    }
}

impl Ledger {
    fn rows(&mut self, table: Table, offsets: &[i64]) {
        let (count, limit) = match table {
            Table::StockData => (&mut self.ticks, self.committed),
            Table::DeadLetters => (&mut self.dead_letters, self.committed.max(self.rejected)),
        };
        *count += offsets.len() as u64;
        for &offset in offsets {
            if !self.rows.insert(offset) {
                self.twice.insert(offset);
                self.repeated += 1;
            }
            if limit.is_none_or(|limit| offset >= limit) {
                self.beyond.insert(offset);
            }
        }
    }

    fn message(&mut self, offset: i64) {
        if self.committed.is_none_or(|committed| offset >= committed) {
            return;
        }
        self.messages.insert(offset);
        if !self.rows.contains(offset) && !self.given_up(offset) {
            self.lost.insert(offset);
        }
    }

    fn given_up(&self, offset: i64) -> bool {
        self.gaps.iter().any(|gap| gap.holds(offset))
    }

    fn verdict(&self, source: &SourceId, partition: i32) -> PartitionAudit {
        let (first, committed) = (self.rows.iter().next(), self.committed);
        let (from, to) = (first.unwrap_or_default(), first.and(committed).unwrap_or_default());
        let within: u64 = self.gaps.iter().map(|gap| width(gap.from.max(from), gap.to.min(to))).sum();
        let held = self.rows.iter().filter(|offset| *offset < to && !self.given_up(*offset)).count() as u64;
        let gaps: u64 = self.gaps.iter().map(|gap| width(gap.from, gap.to)).sum();
        // Dead letters go first: some of what was given up later may be among them.
        let held_in_gaps = self.rows.iter().filter(|offset| self.given_up(*offset)).count() as u64;
        let unseen = |low: i64| {
            let judged = self.rows.iter().filter(move |offset| *offset >= low && committed.is_some_and(|end| *offset < end));
            Fault::of(judged.filter(|offset| !self.messages.contains(*offset)))
        };
        PartitionAudit {
            source: source.name().to_owned(),
            partition,
            first,
            committed,
            ticks: self.ticks,
            dead_letters: self.dead_letters,
            twice: Fault { count: self.repeated, ..Fault::of(self.twice.iter()) },
            beyond: Fault::of(self.beyond.iter()),
            holes: width(from, to).saturating_sub(within + held),
            given_up: GivenUp { count: gaps.saturating_sub(held_in_gaps), at: self.gaps.clone() },
            lost: self.asked.then(|| Fault::of(self.lost.iter())),
            phantom: self.low.map(unseen),
        }
    }
}

/// Where the JSON mirror is not what the log says: names of files that are missing, and of files left over.
///
/// A mirror file follows its commit. Listed `before` the version was read, none is taken for left over that is only new;
/// listed `after`, none for missing that was only late.
pub fn mirror_differences(files: &[DataFile], before: &BTreeSet<Path>, after: &BTreeSet<Path>) -> (Vec<String>, Vec<String>) {
    let wanted: BTreeSet<Path> = files.iter().filter_map(|file| mirror_file(&file.name)).collect();
    let names = |paths: &mut dyn Iterator<Item = &Path>| paths.map(ToString::to_string).collect();
    (names(&mut wanted.difference(after)), names(&mut before.difference(&wanted)))
}

/// Number of offsets in `[from, to)`.
fn width(from: i64, to: i64) -> u64 {
    if from < to { to.abs_diff(from) } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Cause;

    fn topic() -> SourceId {
        SourceId::new("t")
    }

    fn offsets(committed: i64) -> Offsets {
        let mut offsets = Offsets::default();
        offsets.fold(&topic().app_id(0), committed);
        offsets
    }

    /// The verdict on one partition that has everything.
    fn verdict(committed: &Offsets, ticks: &[i64], dead: &[i64], messages: &[i64], low: i64) -> PartitionAudit {
        let mut audit = Audit::new(committed.clone(), Offsets::default());
        audit.rows(Table::StockData, "t", 0, ticks);
        audit.rows(Table::DeadLetters, "t", 0, dead);
        messages.iter().for_each(|offset| audit.message(&topic(), 0, *offset));
        audit.kafka_read(&topic(), Some(&BTreeMap::from([(0, low)])));
        audit.verdicts().remove(0)
    }

    #[test]
    fn markers_are_holes_and_never_lost() {
        let found = verdict(&offsets(10), &[0, 1, 2, 5, 6], &[7], &[0, 1, 2, 5, 6, 7, 10, 11], 0);
        assert!(found.holds(), "{found:?}");
        assert_eq!((found.holes, found.ticks, found.dead_letters), (4, 5, 1));
    }

    #[test]
    fn a_dead_letter_committed_before_its_window_is_never_a_fault() {
        let mut audit = Audit::new(offsets(10), offsets(20));
        audit.rows(Table::DeadLetters, "t", 0, &[15, 20]);
        audit.rows(Table::StockData, "t", 0, &[15]);
        let found = audit.verdicts().remove(0);
        assert_eq!(found.beyond.at, [(15, 16), (20, 21)], "a tick there is, and a dead letter beyond its own offsets");
        assert_eq!((found.twice.count, found.lost), (1, None));
    }

    #[test]
    fn what_a_person_gave_up_is_never_called_lost() {
        let mut declared = offsets(100);
        declared.fold(&topic().gap_id(0, 4, Cause::Reset), 90);
        let found = verdict(&declared, &[0, 1, 2, 3, 95], &[], &(0..100).collect::<Vec<_>>(), 0);
        let lost = found.lost.unwrap();
        assert_eq!((found.given_up.count, found.holes, lost.count), (86, 9, 9));
        assert_eq!(lost.at, [(90, 95), (96, 100)]);
    }

    #[test]
    fn what_was_given_up_is_never_left_out_of_the_verdict() {
        let mut declared = offsets(50);
        declared.fold(&topic().gap_id(0, 0, Cause::Gone), 20);
        declared.fold(&topic().gap_id(0, 30, Cause::Reset), 50);
        let gaps = [Gap { from: 0, to: 20, cause: Cause::Gone }, Gap { from: 30, to: 50, cause: Cause::Reset }];
        let found = verdict(&declared, &(20..30).collect::<Vec<_>>(), &[31], &(20..50).collect::<Vec<_>>(), 20);
        assert_eq!((found.given_up.count, found.given_up.at.as_slice(), found.holes), (39, gaps.as_slice(), 0));
        assert!(found.holds(), "declared, hence not lost: {found:?}");
        let bare = Audit::new(declared, Offsets::default()).verdicts().remove(0);
        assert_eq!((bare.given_up.count, bare.holes), (40, 0), "also where no row is left");
    }

    #[test]
    fn a_partition_that_kafka_does_not_have_never_passes() {
        let mut audit = Audit::new(offsets(3), Offsets::default());
        audit.rows(Table::StockData, "t", 0, &[0, 1, 2]);
        audit.kafka_read(&topic(), Some(&BTreeMap::new()));
        assert_eq!(audit.verdicts()[0].phantom.as_ref().map(|fault| fault.count), Some(3));
        audit.kafka_read(&topic(), None);
        assert!(audit.verdicts()[0].holds(), "a compacted topic may have forgotten them");
    }

    #[test]
    fn rows_of_a_source_the_log_does_not_know_never_pass() {
        let mut audit = Audit::new(offsets(3), Offsets::default());
        audit.rows(Table::StockData, "other", 1, &[0]);
        let found = audit.verdicts();
        assert_eq!((found[0].source.as_str(), found[0].beyond.count), ("other", 1));
    }

    proptest! {
        /// Against counting by hand: rows, messages and offsets of any kind.
        #[test]
        fn the_verdict_never_differs_from_counting(
            ticks in prop::collection::vec(0_i64..30, 0..40),
            dead in prop::collection::vec(0_i64..30, 0..10),
            messages in prop::collection::btree_set(0_i64..30, 0..30),
            committed in 0_i64..30,
            low in 0_i64..30,
        ) {
            let messages: Vec<i64> = messages.into_iter().collect();
            let found = verdict(&offsets(committed), &ticks, &dead, &messages, low);
            let every: Vec<i64> = ticks.iter().chain(&dead).copied().collect();
            let rows: std::collections::BTreeSet<i64> = every.iter().copied().collect();
            let count = |wanted: &dyn Fn(i64) -> bool| (0..30).filter(|o| wanted(*o)).count() as u64;
            prop_assert_eq!(found.twice.count, (every.len() - rows.len()) as u64);
            prop_assert_eq!(found.beyond.count, count(&|o| rows.contains(&o) && o >= committed));
            prop_assert_eq!(found.lost.unwrap().count, count(&|o| messages.contains(&o) && o < committed && !rows.contains(&o)));
            prop_assert_eq!(
                found.phantom.unwrap().count,
                count(&|o| rows.contains(&o) && o < committed && o >= low && !messages.contains(&o))
            );
            let first = rows.first().copied().unwrap_or(30);
            prop_assert_eq!(found.holes, count(&|o| o >= first && o < committed && !rows.contains(&o)));
        }

        /// A lake that holds each message once passes; take one row away, repeat one, or invent one, and it does not.
        #[test]
        fn no_single_fault_ever_passes(messages in prop::collection::btree_set(0_i64..200, 1..60), picks: [prop::sample::Index; 2]) {
            let messages: Vec<i64> = messages.into_iter().collect();
            let (dead, ticks): (Vec<i64>, Vec<i64>) = messages.iter().copied().partition(|o| o % 5 == 0);
            prop_assert!(verdict(&offsets(200), &ticks, &dead, &messages, 0).holds());
            let (one, at) = (*picks[0].get(&messages), picks[0].index(messages.len()));
            let mut fewer = messages.clone();
            fewer.remove(at);
            prop_assert_eq!(verdict(&offsets(200), &fewer, &[], &messages, 0).lost.unwrap().at, vec![(one, one + 1)]);
            prop_assert_eq!(verdict(&offsets(200), &messages, &[one], &messages, 0).twice.at, vec![(one, one + 1)]);
            prop_assert_eq!(verdict(&offsets(200), &messages, &[], &fewer, 0).phantom.unwrap().at, vec![(one, one + 1)]);
        }
    }
}
