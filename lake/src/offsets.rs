//! The commit law: which Kafka offsets a commit accounts for, and when it may be made.
//!
//! Owns: `Span` (half-open ranges per Kafka partition), `Offsets` (where the log ends), the law between them, and how offsets
//! that were given up are declared.
//! Does not own: reading or writing the log (`commit`), Kafka (`ingest`).
//! Invariant: a span is accepted only where it starts exactly at the log's end, so no offset is committed twice or stepped over.
//!
//! | log's end vs span's start | verdict | the caller |
//! |---|---|---|
//! | equal | accept | commits |
//! | after | `Overlap` | drops its windows and seeks to the log's end |
//! | before | `Gap` | stops: offsets would be lost |
//!
//! The law knows no exception. Offsets that a broker has deleted and a user has given up (`--on-gap accept`) are inside a
//! span that begins at the log's end, as the holes of a compacted topic are; the commit of that span declares them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::LakeError;

/// What the offsets of a source are recorded under in the log: the topic, or a configured name where
/// two clusters share a topic name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(String);

const APP_ID_PREFIX: &str = "kafka:";

/// How offsets were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Stepped over by hand.
    Reset,
    /// Kafka had deleted them before they were read, and that was accepted.
    Gone,
}

impl Cause {
    const ALL: [Self; 2] = [Self::Reset, Self::Gone];

    /// What the `appId` of such a gap begins with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Reset => "gap:",
            Self::Gone => "gone:",
        }
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "stepped over by `offsets reset`",
            Self::Gone => "gone from Kafka before they were read, which --on-gap accepted",
        }
    }
}

/// Offsets `[from, to)` of a partition that were given up on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// The first of them.
    pub from: i64,
    /// The first after them.
    pub to: i64,
    /// How.
    pub cause: Cause,
}

impl Gap {
    /// Whether an offset is among them.
    pub fn holds(&self, offset: i64) -> bool {
        (self.from..self.to).contains(&offset)
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}, {}) {}", self.from, self.to, self.cause.as_str())
    }
}

impl SourceId {
    /// A source of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The `appId` of the Delta `txn` action of one of the source's partitions.
    pub fn app_id(&self, partition: i32) -> String {
        format!("{APP_ID_PREFIX}{}:{partition}", self.0)
    }

    /// The `appId` under which a gap that begins at `from` is declared; its version is where the gap ends.
    pub(crate) fn gap_id(&self, partition: i32, from: i64, cause: Cause) -> String {
        format!("{}{from}:{}", cause.prefix(), self.app_id(partition))
    }

    /// The source and partition an `appId` names; `None` when it is not one of ours.
    pub fn parse_app_id(app_id: &str) -> Option<(Self, i32)> {
        let (name, partition) = app_id.strip_prefix(APP_ID_PREFIX)?.rsplit_once(':')?;
        Some((Self(name.to_owned()), partition.parse().ok()?))
    }
}

/// Half-open offset ranges `[from, to)` by Kafka partition, and what of them was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    ranges: BTreeMap<i32, (i64, i64)>,
    given_up: Vec<(i32, Gap)>,
}

impl Span {
    /// Whether it accounts for no offset.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, by partition.
    pub fn iter(&self) -> impl Iterator<Item = (i32, i64, i64)> + '_ {
        self.ranges.iter().map(|(&p, &(from, to))| (p, from, to))
    }

    /// The range of a partition.
    pub fn get(&self, partition: i32) -> Option<(i64, i64)> {
        self.ranges.get(&partition).copied()
    }

    /// Number of offsets accounted for.
    pub fn offsets(&self) -> u64 {
        self.ranges.values().map(|(from, to)| to.abs_diff(*from)).sum()
    }

    /// Extends a partition's range to `to`, beginning it at `from` when it is new.
    ///
    /// # Errors
    /// `Corrupt` when the ranges do not meet, which would be a bug of the caller.
    pub fn extend(&mut self, partition: i32, from: i64, to: i64) -> Result<(), LakeError> {
        if from > to {
            return Err(LakeError::corrupt(format!("span of partition {partition}"), format!("[{from}, {to}) runs backwards")));
        }
        let range = self.ranges.entry(partition).or_insert((from, from));
        if range.1 != from {
            return Err(LakeError::corrupt(
                format!("span of partition {partition}"),
                format!("[{}, {}) is followed by [{from}, {to})", range.0, range.1),
            ));
        }
        range.1 = to;
        if range.0 == range.1 {
            self.ranges.remove(&partition);
        }
        Ok(())
    }

    /// Extends a partition's range over offsets that Kafka has no more; the commit will say so.
    ///
    /// # Errors
    /// As `extend`.
    pub fn give_up(&mut self, partition: i32, from: i64, to: i64) -> Result<(), LakeError> {
        self.extend(partition, from, to)?;
        self.given_up.push((partition, Gap { from, to, cause: Cause::Gone }));
        Ok(())
    }

    /// What of the ranges was given up, by partition.
    pub fn given_up(&self) -> &[(i32, Gap)] {
        &self.given_up
    }

    /// Appends a later span.
    ///
    /// # Errors
    /// As `extend`.
    pub fn append(&mut self, later: &Self) -> Result<(), LakeError> {
        later.iter().try_for_each(|(p, from, to)| self.extend(p, from, to))?;
        self.given_up.extend(&later.given_up);
        Ok(())
    }
}

/// Where the log ends: the next offset to commit, by source and partition; and the gaps a person declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets {
    next: BTreeMap<(SourceId, i32), i64>,
    /// End of each gap, by its beginning and cause.
    gaps: BTreeMap<(SourceId, i32), BTreeMap<(i64, Cause), i64>>,
}

impl Offsets {
    /// The next offset of a partition; `None` when nothing of it was ever committed.
    pub fn next(&self, source: &SourceId, partition: i32) -> Option<i64> {
        self.next.get(&(source.clone(), partition)).copied()
    }

    /// The next offset of everything, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, i32, i64)> {
        self.next.iter().map(|((s, p), &o)| (s, *p, o))
    }

    /// What of a partition was given up on purpose, ordered.
    pub fn gaps(&self, source: &SourceId, partition: i32) -> impl Iterator<Item = Gap> + '_ {
        let gaps = self.gaps.get(&(source.clone(), partition));
        // A gap taken back ends where it begins.
        gaps.into_iter().flatten().map(|(&(from, cause), &to)| Gap { from, to, cause }).filter(|gap| gap.from < gap.to)
    }

    /// Folds in one `txn` action; of several for one partition the later in the log wins.
    pub fn fold(&mut self, app_id: &str, version: i64) {
        let gap = Cause::ALL.into_iter().find_map(|cause| Some((cause, app_id.strip_prefix(cause.prefix())?.split_once(':')?)));
        if let Some((cause, (from, id))) = gap {
            if let (Ok(from), Some(at)) = (from.parse(), SourceId::parse_app_id(id)) {
                self.gaps.entry(at).or_default().insert((from, cause), version);
            }
        } else if let Some(at) = SourceId::parse_app_id(app_id) {
            self.next.insert(at, version);
        }
    }

    /// The law. A partition never committed before may start anywhere: retention may have deleted its beginning.
    ///
    /// # Errors
    /// `Overlap` or `Gap` for the first partition that breaks it.
    pub fn check(&self, source: &SourceId, span: &Span) -> Result<(), LakeError> {
        for (partition, from, to) in span.iter() {
            match self.next(source, partition) {
                None => {}
                Some(committed) if committed == from => {}
                Some(committed) if committed > from => {
                    return Err(LakeError::Overlap { topic: source.name().to_owned(), partition, from, to, committed });
                }
                Some(committed) => {
                    let lost = from - committed;
                    return Err(LakeError::Gap { topic: source.name().to_owned(), partition, committed, from, lost });
                }
            }
        }
        Ok(())
    }

    /// The offsets after a span was committed.
    pub fn advance(&mut self, source: &SourceId, span: &Span) {
        for (partition, _, to) in span.iter() {
            self.next.insert((source.clone(), partition), to);
        }
        for (partition, Gap { from, to, cause }) in span.given_up() {
            self.gaps.entry((source.clone(), *partition)).or_default().insert((*from, *cause), *to);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic() -> SourceId {
        SourceId::new("stock_live_feed")
    }

    fn span(partition: i32, from: i64, to: i64) -> Span {
        let mut span = Span::default();
        span.extend(partition, from, to).unwrap();
        span
    }

    #[test]
    fn the_law_accepts_only_the_exact_continuation() {
        let mut log = Offsets::default();
        log.fold("kafka:stock_live_feed:3", 100);
        log.fold("spark-job", 7);
        assert!(log.check(&topic(), &span(3, 100, 120)).is_ok());
        assert!(log.check(&topic(), &span(4, 55, 60)).is_ok(), "a partition never seen starts where Kafka starts");
        assert!(matches!(log.check(&topic(), &span(3, 99, 120)), Err(LakeError::Overlap { committed: 100, .. })));
        assert!(matches!(log.check(&topic(), &span(3, 101, 120)), Err(LakeError::Gap { lost: 1, .. })));
        assert!(log.check(&SourceId::new("other"), &span(3, 0, 1)).is_ok(), "another source has its own offsets");
    }

    #[test]
    fn an_app_id_survives_a_topic_with_colons() {
        let id = SourceId::new("eu:ticks");
        assert_eq!(SourceId::parse_app_id(&id.app_id(12)), Some((id, 12)));
        assert_eq!(SourceId::parse_app_id("kafka:topic:x"), None);
    }

    #[test]
    fn a_declared_gap_is_never_taken_for_an_offset() {
        let mut log = Offsets::default();
        log.fold(&topic().app_id(3), 100);
        log.fold(&topic().gap_id(3, 100, Cause::Reset), 150);
        log.fold(&topic().gap_id(3, 20, Cause::Reset), 30);
        log.fold(&topic().gap_id(3, 20, Cause::Reset), 20);
        log.fold(&topic().gap_id(3, 20, Cause::Gone), 25);
        assert_eq!(log.next(&topic(), 3), Some(100));
        let (gone, reset) = (Gap { from: 20, to: 25, cause: Cause::Gone }, Gap { from: 100, to: 150, cause: Cause::Reset });
        assert_eq!(log.gaps(&topic(), 3).collect::<Vec<_>>(), [gone, reset]);
        assert_eq!(log.gaps(&topic(), 4).count(), 0);
    }

    #[test]
    fn a_span_with_a_hole_is_refused() {
        let mut s = span(0, 0, 10);
        assert!(s.extend(0, 11, 12).is_err());
        assert!(s.extend(0, 10, 9).is_err());
        assert_eq!(s.offsets(), 10);
    }

    /// Where partitions begin that nobody has committed yet.
    const BEGINNING: i64 = 40;

    /// The accepted ranges of each source and partition, in order.
    type Accepted = BTreeMap<(SourceId, i32), Vec<(i64, i64)>>;

    /// Applies the law as a writer does; whether the span was accepted.
    fn propose(log: &mut Offsets, accepted: &mut Accepted, source: &SourceId, span: &Span) -> bool {
        let before = log.clone();
        if log.check(source, span).is_err() {
            assert_eq!(*log, before, "a refusal changes nothing");
            return false;
        }
        log.advance(source, span);
        for (partition, from, to) in span.iter() {
            accepted.entry((source.clone(), partition)).or_default().push((from, to));
        }
        true
    }

    /// Each accepted range begins where the one before ended, and the log's end is the end of the last.
    fn tiles(log: &Offsets, accepted: &Accepted) -> bool {
        let meet = |ranges: &Vec<(i64, i64)>| ranges.windows(2).all(|pair| pair[0].1 == pair[1].0);
        let ends = accepted.iter().map(|((source, p), ranges)| (source, *p, ranges.last().unwrap().1));
        accepted.values().all(meet) && log.iter().eq(ends)
    }

    fn pieces() -> impl Strategy<Value = Vec<(i32, i64)>> {
        prop::collection::vec((0_i32..4, 0_i64..9), 1..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// Whatever is proposed, in whatever order, for several sources and partitions at once.
        #[test]
        fn accepted_spans_tile_every_partition(
            proposals in prop::collection::vec((0..2_usize, prop::collection::btree_map(0_i32..3, (0_i64..40, 1_i64..12), 1..3)), 1..120)
        ) {
            let sources = ["a", "b"].map(SourceId::new);
            let (mut log, mut accepted) = (Offsets::default(), Accepted::new());
            for (source, ranges) in proposals {
                let mut proposal = Span::default();
                for (partition, (from, length)) in ranges {
                    proposal.extend(partition, from, from + length).unwrap();
                }
                propose(&mut log, &mut accepted, &sources[source], &proposal);
            }
            prop_assert!(tiles(&log, &accepted), "{accepted:?}");
        }

        /// Writers who share partitions, each knowing the log as it was when it last looked, as zombies do.
        #[test]
        fn writers_who_know_an_old_log_never_repeat_an_offset_or_step_over_one(
            steps in prop::collection::vec((0..3_usize, any::<bool>(), pieces()), 1..100)
        ) {
            let (mut log, mut accepted) = (Offsets::default(), Accepted::new());
            let mut known = [Offsets::default(), Offsets::default(), Offsets::default()];
            for (writer, looks, pieces) in steps {
                if looks {
                    known[writer] = log.clone();
                }
                let mut proposal = Span::default();
                for (partition, length) in pieces {
                    let from = proposal.get(partition).map(|(_, to)| to);
                    let from = from.or(known[writer].next(&topic(), partition)).unwrap_or(BEGINNING);
                    proposal.append(&span(partition, from, from + length)).unwrap();
                }
                match log.check(&topic(), &proposal) {
                    Err(LakeError::Overlap { .. }) => {
                        let moved = |(p, from, _): (i32, i64, i64)| log.next(&topic(), p).is_some_and(|end| end > from);
                        prop_assert!(proposal.iter().any(moved), "refused without need");
                    }
                    other => prop_assert!(other.is_ok(), "who starts at an end of the log never leaves a gap: {other:?}"),
                }
                if propose(&mut log, &mut accepted, &topic(), &proposal) {
                    known[writer].advance(&topic(), &proposal);
                } else {
                    known[writer] = log.clone();
                }
            }
            prop_assert!(tiles(&log, &accepted), "{accepted:?}");
            prop_assert!(accepted.values().all(|ranges| ranges[0].0 == BEGINNING), "{accepted:?}");
        }

        /// A span gathered in pieces is the span gathered at once, and a piece that does not fit changes no other partition.
        #[test]
        fn a_span_never_depends_on_how_it_was_gathered(pieces in pieces(), cut in any::<prop::sample::Index>(), hole in 1_i64..5) {
            let gather = |pieces: &[(i32, i64)], ends: &mut BTreeMap<i32, i64>| {
                let mut gathered = Span::default();
                for (partition, length) in pieces {
                    let end = ends.entry(*partition).or_insert(BEGINNING);
                    gathered.extend(*partition, *end, *end + length).unwrap();
                    *end += length;
                }
                gathered
            };
            let whole = gather(&pieces, &mut BTreeMap::new());
            let (mut ends, (first, rest)) = (BTreeMap::new(), pieces.split_at(cut.index(pieces.len())));
            let mut joined = gather(first, &mut ends);
            joined.append(&gather(rest, &mut ends)).unwrap();
            prop_assert_eq!(&joined, &whole);
            prop_assert_eq!(whole.offsets(), pieces.iter().map(|(_, length)| length.unsigned_abs()).sum::<u64>());
            for (partition, _, to) in whole.iter() {
                prop_assert!(joined.extend(partition, to + hole, to + hole + 1).is_err());
                prop_assert!(joined.extend(partition, to - 1, to).is_err());
            }
            prop_assert_eq!(joined, whole);
        }
    }
}
