//! Answers: what a rebalance, or something that is gone from Kafka, means for what was gathered.
//!
//! Owns: giving partitions up, starting them where the log ends, going back to the log's end after a drop.
//! Does not own: when an event is answered (`collector`), where a partition starts (`source::start`).
//! Invariant: partitions are given up within the budget, whatever the lake does: what is not durable by then is dropped, and
//! their next owner reads it again.

use std::sync::atomic::Ordering;
use std::time::Instant;

use ticklake_lake::Span;
use ticklake_lake::window::FlushReason;

use super::{Answer, Collector, CommitMode, Patience};
use crate::error::IngestError;
use crate::source::kafka::{Cursors, SourceEvent};
use crate::source::kafka_topic::{Watermarks, check};
use crate::source::start::{is_ahead, start_of};

impl Collector {
    /// Does what an event asks. False when the publisher is gone.
    pub(super) fn answer(&mut self, event: SourceEvent, at: Instant) -> Result<bool, IngestError> {
        match event {
            SourceEvent::Assigned(partitions) => {
                self.kafka.locate(partitions);
                Ok(true)
            }
            SourceEvent::Located(watermarks) => self.assigned(&watermarks),
            SourceEvent::Revoked(partitions) => self.revoked(&partitions, at),
            SourceEvent::Lost(partitions) => self.lost(&partitions),
            SourceEvent::OutOfRange | SourceEvent::Deleted => self.look_again(),
        }
    }

    /// Gives revoked partitions up after flushing what they brought, within the budget. False when the publisher is gone.
    fn revoked(&mut self, partitions: &[i32], at: Instant) -> Result<bool, IngestError> {
        let patience = Patience::Until(at + self.kafka.config().revoke_budget());
        let handed_on = self.flush(FlushReason::Revoke, patience)?;
        if matches!(handed_on, Answer::Late) || matches!(self.offsets(patience)?, Answer::Late) {
            tracing::warn!(
                ?partitions,
                "partitions given up before their last window was durable; their next owner or the law settles it"
            );
        }
        self.report(CommitMode::Sync);
        self.forget(partitions)?;
        match handed_on {
            Answer::Given(()) => Ok(true),
            // The window was dropped whole: what it held of partitions that stay is read again.
            Answer::Late => self.start_over(),
            Answer::Gone => Ok(false),
        }
    }

    /// Gives partitions up that may have another owner already: a flush would be in vain. False when the publisher is gone.
    fn lost(&mut self, partitions: &[i32]) -> Result<bool, IngestError> {
        tracing::warn!(?partitions, "partitions lost: the group went on without us; dropping what is buffered");
        self.forget(partitions)?;
        self.start_over()
    }

    fn forget(&mut self, partitions: &[i32]) -> Result<(), IngestError> {
        for partition in partitions {
            self.cursors.remove(partition);
            self.starts.remove(partition);
            self.ended.remove(partition);
        }
        self.kafka.unassign(partitions)
    }

    /// Something of the topic is gone. What was read of it is made durable first, since nobody may be able to read it again;
    /// then the topic is taken up anew, by what is there. False when the publisher is gone.
    fn look_again(&mut self) -> Result<bool, IngestError> {
        tracing::warn!(cursors = ?self.cursors, "offsets, partitions or the topic are gone from Kafka; looking again");
        self.flush(FlushReason::Gone, Patience::Endless)?;
        let Answer::Given(_) = self.offsets(Patience::Endless)? else { return Ok(false) };
        self.report(CommitMode::Sync);
        // Asked elsewhere, so that the group keeps us meanwhile; then `reconnect` has its answer at once.
        let config = self.kafka.config().clone();
        let asked = self.runtime.spawn_blocking(move || check(&config));
        let answer = self.wait_for(async { asked.await.ok() }, Patience::Endless)?;
        let Answer::Given(there) = answer else { return Ok(false) };
        match there.and_then(|()| self.kafka.reconnect()) {
            Ok(()) => {}
            Err(IngestError::Unavailable(why)) => {
                tracing::warn!(why, "Kafka does not say what is there; asking again");
                self.defer(SourceEvent::Deleted);
                return Ok(true);
            }
            Err(IngestError::Missing(why) | IngestError::Invalid(why)) => {
                return Err(IngestError::Invalid(format!("reading cannot go on: {why}")));
            }
            Err(other) => return Err(other),
        }
        self.shared.progress.connected(self.kafka.ends());
        self.deferred.clear();
        self.doubted = None;
        self.cursors.clear();
        self.starts.clear();
        self.ended.clear();
        self.drop_window();
        self.behind = false;
        Ok(true)
    }

    /// Starts assigned partitions where the log ends. False when the publisher is gone.
    fn assigned(&mut self, located: &Watermarks) -> Result<bool, IngestError> {
        let log = match self.doubted.take() {
            Some(log) => log,
            None => {
                // The log may have moved since our own last commit: the previous owner's windows are in it now.
                let Answer::Given(log) = self.offsets(Patience::Endless)? else { return Ok(false) };
                if is_ahead(&self.settings.source, &log, located) {
                    // Someone may have committed what came after Kafka was asked; asked again, it knows all that this log does.
                    self.doubted = Some(log);
                    self.kafka.locate(located.keys().copied().collect());
                    return Ok(true);
                }
                log
            }
        };
        let (mut ends, mut reads, mut gone) = (Cursors::new(), Cursors::new(), Span::default());
        for (&partition, &watermarks) in located {
            let start = start_of(&self.settings.source, &log, partition, watermarks, self.kafka.config().on_gap)?;
            ends.insert(partition, start.cursor);
            reads.insert(partition, start.read_from);
            if start.cursor < start.read_from {
                let (from, to) = (start.cursor, start.read_from);
                tracing::warn!(
                    partition,
                    from,
                    to,
                    lost = to - from,
                    "offsets are gone from Kafka; they will be declared given up"
                );
                gone.give_up(partition, from, to)?;
            }
        }
        if !reads.is_empty() {
            tracing::info!(starts = ?reads, "partitions assigned");
        }
        self.kafka.assign(&reads)?;
        self.window.account(&gone, self.clock.now_ns())?;
        self.shared.progress.starts(&ends);
        self.starts.extend(&reads);
        self.cursors.extend(reads);
        Ok(true)
    }

    /// What is buffered does not continue the log: drop it and go on from the log. A rebalance that must be answered meanwhile
    /// goes before it. False when the publisher is gone.
    pub(super) fn start_over(&mut self) -> Result<bool, IngestError> {
        self.epoch = self.shared.epoch.load(Ordering::SeqCst);
        self.behind = true;
        if !self.cursors.is_empty() {
            let log = match self.offsets(Patience::UntilCalled)? {
                Answer::Given(log) => log,
                Answer::Late => return Ok(true),
                Answer::Gone => return Ok(false),
            };
            let source = &self.settings.source;
            let cursors: Cursors = self.cursors.keys().map(|p| (*p, log.next(source, *p).unwrap_or(self.starts[p]))).collect();
            tracing::info!(?cursors, "reading on from the log's end");
            if let Err(error) = self.kafka.seek(&cursors) {
                // A partition whose next offset is gone from Kafka cannot be moved any more; a new consumer starts anywhere.
                tracing::warn!(%error, "taking the topic up anew");
                self.defer(SourceEvent::OutOfRange);
                return Ok(true);
            }
            self.cursors = cursors;
            self.shared.progress.starts(&self.cursors);
        }
        // Only now: more may have come while we waited, and an end seen before we sought back is none any more.
        self.drop_window();
        self.ended.clear();
        self.behind = false;
        Ok(true)
    }
}
