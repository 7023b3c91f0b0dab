//! Where a partition starts: the end of the lake's log against what Kafka still has.
//!
//! Owns: that decision, and what is said when the two do not meet.
//! Does not own: reading either of them (`lake`, `kafka`), the commit law (`lake::offsets`).
//! Invariant: what is accounted for next is always the log's end. A loss that may be accepted is bridged, never stepped
//! over: the next span begins at the log's end and declares what is gone.

use ticklake_lake::{LakeError, Offsets, SourceId};

use super::kafka_topic::Watermarks;
use crate::error::IngestError;

/// What to do about offsets that Kafka has deleted before they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnGap {
    /// Stop: a person must decide.
    #[default]
    Stop,
    /// Declare them given up in the next commit, and go on with what Kafka still has.
    Accept,
}

/// Where a partition starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The next offset to account for.
    pub(crate) cursor: i64,
    /// The next offset Kafka can give; what lies between the cursor and it is given up.
    pub(crate) read_from: i64,
}

/// Whether the log ends beyond a partition's high watermark. Where Kafka was asked before the log was read that proves nothing:
/// another writer may have committed what came in between.
pub(crate) fn is_ahead(source: &SourceId, log: &Offsets, located: &Watermarks) -> bool {
    located.iter().any(|(partition, (_, high))| log.next(source, *partition).is_some_and(|next| next > *high))
}

/// Decides where a partition starts, given Kafka's low and high watermark.
///
/// # Errors
/// `Gap` for offsets that are gone, unless that is accepted; `Invalid` when the log is ahead of Kafka.
pub(crate) fn start_of(
    source: &SourceId,
    log: &Offsets,
    partition: i32,
    (low, high): (i64, i64),
    on_gap: OnGap,
) -> Result<Start, IngestError> {
    let topic = source.name();
    match log.next(source, partition) {
        None => Ok(Start { cursor: low, read_from: low }),
        Some(next) if next > high => Err(IngestError::Invalid(format!(
            "{topic}/{partition}: the lake ends at offset {next} but Kafka ends at {high}: the topic was re-created or truncated, \
             or this is another cluster; take it up as a source of its own: --source NEWNAME"
        ))),
        Some(next) if next < low => {
            let lost = low - next;
            if on_gap == OnGap::Stop {
                return Err(LakeError::Gap { topic: topic.to_owned(), partition, committed: next, from: low, lost }.into());
            }
            Ok(Start { cursor: next, read_from: low })
        }
        Some(next) => Ok(Start { cursor: next, read_from: next }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(committed: Option<i64>, watermarks: (i64, i64), on_gap: OnGap) -> Result<Start, IngestError> {
        let source = SourceId::new("t");
        let mut log = Offsets::default();
        if let Some(offset) = committed {
            log.fold(&source.app_id(3), offset);
        }
        start_of(&source, &log, 3, watermarks, on_gap)
    }

    #[test]
    fn a_partition_never_starts_elsewhere_than_at_the_logs_end() {
        assert_eq!(start(Some(7), (0, 9), OnGap::Stop).unwrap(), Start { cursor: 7, read_from: 7 });
        assert_eq!(start(Some(9), (9, 9), OnGap::Stop).unwrap(), Start { cursor: 9, read_from: 9 });
        assert_eq!(start(None, (4, 9), OnGap::Stop).unwrap(), Start { cursor: 4, read_from: 4 }, "new: from its beginning");
    }

    #[test]
    fn a_loss_is_never_bridged_unless_that_was_said() {
        let error = start(Some(2), (5, 9), OnGap::Stop).unwrap_err();
        assert!(
            matches!(error, IngestError::Lake(LakeError::Gap { partition: 3, committed: 2, from: 5, lost: 3, .. })),
            "{error}"
        );
        assert!(error.to_string().contains("--on-gap accept"), "{error}");
        assert_eq!(start(Some(2), (5, 9), OnGap::Accept).unwrap(), Start { cursor: 2, read_from: 5 });
    }

    #[test]
    fn a_recreated_topic_is_never_taken_for_a_loss_that_may_be_accepted() {
        for on_gap in [OnGap::Stop, OnGap::Accept] {
            let error = start(Some(10), (0, 9), on_gap).unwrap_err().to_string();
            for part in ["t/3", "offset 10", "ends at 9", "--source NEWNAME"] {
                assert!(error.contains(part), "{error}");
            }
        }
    }
}
