//! Collecting: Kafka messages become windows.
//!
//! Owns: the collecting thread: polling, decoding, the window being filled, cursors, the answer to a rebalance.
//! Does not own: committing (the publisher, at the other end of a bounded channel), the law (`lake`).
//! Invariant: while the lake is slow the partitions are paused and the poll goes on; only a rebalance and the end wait
//! for the publisher, and a group that loses patience meanwhile is harmless by the law.
//! Whatever is dropped here was never committed, so it is read again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::CommitMode;
use ticklake_lake::clock::Clock;
use ticklake_lake::window::{Batch, ClosedWindow, FlushReason, Window, WindowLimits};
use ticklake_lake::{LakeError, Offsets, SourceId};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::decode::Decoder;
use crate::error::IngestError;
use crate::progress::Progress;
use crate::source::RawBatch;
use crate::source::kafka::{BatchLimits, Cursors, KafkaSource, SourceEvent};

/// How long collecting waits for the publisher before it pauses Kafka, which throws prefetched messages away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the publisher is asked.
pub(crate) enum Request {
    /// Make this window durable. Windows of an epoch gone by are dropped.
    Publish { window: ClosedWindow, epoch: u64 },
    /// Say where the log ends, once everything asked before is done.
    Offsets(oneshot::Sender<Offsets>),
}

/// What collecting and publishing share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Raised by the publisher when another writer had committed our span: what is buffered must be dropped.
    pub(crate) epoch: AtomicU64,
    /// Raised by whoever wants a clean stop.
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress: Arc<Progress>,
}

/// Settings of the collecting side.
pub(crate) struct CollectSettings {
    pub(crate) source: SourceId,
    pub(crate) limits: WindowLimits,
    pub(crate) batch: BatchLimits,
    pub(crate) until_end: bool,
    pub(crate) revoke_budget: Duration,
}

pub(crate) struct Collector {
    settings: CollectSettings,
    kafka: KafkaSource,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
    requests: mpsc::Sender<Request>,
    committed: std::sync::mpsc::Receiver<Cursors>,
    runtime: Handle,
    shared: Arc<Shared>,
    window: Window,
    cursors: Cursors,
    epoch: u64,
    /// High watermarks at the start, with `until_end`.
    targets: Option<Cursors>,
    /// Partitions that had nothing more when last asked.
    ended: BTreeSet<i32>,
    /// What happened while a window waited for the publisher.
    deferred: VecDeque<SourceEvent>,
    /// The batch that is filled next, its allocations reused; taken while it is filled.
    spare: RawBatch,
}

impl Collector {
    #[expect(clippy::too_many_arguments, reason = "wiring, called once")]
    pub(crate) fn new(
        settings: CollectSettings,
        kafka: KafkaSource,
        decoder: Decoder,
        clock: Arc<dyn Clock>,
        requests: mpsc::Sender<Request>,
        committed: std::sync::mpsc::Receiver<Cursors>,
        runtime: Handle,
        shared: Arc<Shared>,
    ) -> Self {
        let window = Window::open(clock.now_ns());
        // Rows say they came from the source, by its name, so that two clusters' offsets never look like one's.
        let spare = RawBatch { topic: Arc::from(settings.source.name()), ..RawBatch::default() };
        Self {
            settings,
            kafka,
            decoder,
            clock,
            requests,
            committed,
            runtime,
            shared,
            window,
            cursors: Cursors::new(),
            epoch: 0,
            targets: None,
            ended: BTreeSet::new(),
            deferred: VecDeque::new(),
            spare,
        }
    }

    /// Runs until stopped, until the end (where asked for), or until the publisher is gone.
    pub(crate) fn run(mut self) -> Result<(), IngestError> {
        if self.settings.until_end {
            let partitions = self.kafka.partitions()?;
            self.targets =
                Some(partitions.into_iter().map(|p| Ok((p, self.kafka.watermarks(p)?.1))).collect::<Result<_, IngestError>>()?);
        }
        loop {
            while !self.stopping() && !self.at_end() {
                if !self.turn()? {
                    return Ok(());
                }
            }
            self.flush(FlushReason::Shutdown)?;
            // Answered once every window before it is durable; `None` means the publisher has failed and says why itself.
            if self.offsets(None)?.is_none() {
                return Ok(());
            }
            if self.stopping() || !self.overtaken() {
                self.report(CommitMode::Sync);
                return Ok(());
            }
            // The last window was another writer's: what it left of ours is still to be read.
            if !self.start_over()? {
                return Ok(());
            }
        }
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    /// Whether another writer had committed our span since we last started over.
    fn overtaken(&self) -> bool {
        self.shared.epoch.load(Ordering::SeqCst) != self.epoch
    }

    /// One turn: poll, decode, gather, hand on. False when the publisher is gone.
    fn turn(&mut self) -> Result<bool, IngestError> {
        while let Some(event) = self.deferred.pop_front() {
            if !self.answer(event)? {
                return Ok(false);
            }
        }
        let mut batch = std::mem::take(&mut self.spare);
        let limits = self.wait();
        let event = self.kafka.fill(&mut batch, &mut self.cursors, &limits)?;
        self.gather(batch)?;
        let moved = self.overtaken();
        if moved && !self.start_over()? {
            return Ok(false);
        }
        // An end that was told before we sought back is none any more.
        if let Some(event) = event.filter(|event| !(moved && matches!(event, SourceEvent::End(_))))
            && !self.answer(event)?
        {
            return Ok(false);
        }
        self.report(CommitMode::Async);
        self.shared.progress.gathered(&self.cursors, &self.window);
        match self.window.due(&self.settings.limits, self.clock.now_ns()) {
            Some(reason) => self.flush(reason),
            None => Ok(!self.requests.is_closed()),
        }
    }

    /// Does what an event asks. False when the publisher is gone.
    fn answer(&mut self, event: SourceEvent) -> Result<bool, IngestError> {
        match event {
            SourceEvent::Assigned(partitions) => self.assigned(&partitions),
            SourceEvent::Revoked(partitions) => self.revoked(&partitions).map(|()| true),
            SourceEvent::End(partition) => {
                self.ended.insert(partition);
                Ok(true)
            }
        }
    }

    /// The batch limits of a turn: never past what the window may hold, never waiting past its due time.
    fn wait(&self) -> BatchLimits {
        let mut limits = self.settings.batch;
        limits.rows_max = limits.rows_max.min(self.window.room(&self.settings.limits)).max(1);
        if !self.window.is_empty() {
            let left_ns = self.window.age_deadline_ns(&self.settings.limits) - self.clock.now_ns();
            limits.wait_max = limits.wait_max.min(Duration::from_nanos(u64::try_from(left_ns).unwrap_or(0)));
        }
        limits
    }

    fn gather(&mut self, mut batch: RawBatch) -> Result<(), IngestError> {
        if !batch.span.is_empty() {
            let now_ns = self.clock.now_ns();
            let decoded = self.decoder.decode(&batch, now_ns);
            Progress::add(&self.shared.progress.consumed, batch.records.len());
            Progress::add(&self.shared.progress.consumed_bytes, batch.data.len());
            let span = std::mem::take(&mut batch.span);
            self.window.add(Batch { rows: decoded.rows, rejects: decoded.rejects, span }, now_ns)?;
        }
        batch.records.clear();
        batch.data.clear();
        self.spare = batch;
        Ok(())
    }

    /// Whether everything that was in our partitions at the start has been read.
    fn at_end(&self) -> bool {
        let Some(targets) = &self.targets else { return false };
        let done = |(p, at): (&i32, &i64)| targets.get(p).is_none_or(|end| at >= end) || self.ended.contains(p);
        // Without partitions there may be some soon: a rebalance takes from others first, and those who end leave theirs.
        !self.cursors.is_empty() && self.cursors.iter().all(done)
    }

    /// Closes the window and hands it on, pausing Kafka while the publisher is behind. False when the publisher is gone.
    fn flush(&mut self, reason: FlushReason) -> Result<bool, IngestError> {
        if self.window.is_empty() {
            return Ok(!self.requests.is_closed());
        }
        let full = std::mem::replace(&mut self.window, Window::open(self.clock.now_ns()));
        tracing::debug!(reason = reason.as_str(), bytes = full.bytes(), "window closed");
        self.shared.progress.flushed(reason);
        self.shared.progress.gathered(&self.cursors, &self.window);
        let request = Request::Publish { window: full.close(), epoch: self.epoch };
        let requests = self.requests.clone();
        let mut paused = false;
        let permit = loop {
            match self
                .runtime
                .block_on(tokio::time::timeout(if paused { self.settings.batch.wait_max } else { PATIENCE }, requests.reserve()))
            {
                Ok(Ok(permit)) => break permit,
                Ok(Err(_closed)) => return Ok(false),
                Err(_elapsed) if !paused => {
                    self.kafka.pause(&self.cursors)?;
                    paused = true;
                }
                Err(_elapsed) => {
                    // Paused: this serves librdkafka's timers and brings no messages but those already on the way.
                    let mut late = std::mem::take(&mut self.spare);
                    let limits = BatchLimits { wait_max: Duration::ZERO, ..self.settings.batch };
                    let event = self.kafka.fill(&mut late, &mut self.cursors, &limits)?;
                    self.gather(late)?;
                    // Answered after this window is handed on: a rebalance must see windows in their order.
                    self.deferred.extend(event);
                }
            }
        };
        permit.send(request);
        if paused {
            self.kafka.resume(&self.cursors)?;
        }
        Ok(true)
    }

    /// Gives revoked partitions up after flushing what they brought, within the budget.
    fn revoked(&mut self, partitions: &[i32]) -> Result<(), IngestError> {
        let deadline = Instant::now() + self.settings.revoke_budget;
        self.flush(FlushReason::Revoke)?;
        if self.offsets(Some(deadline))?.is_none() {
            tracing::warn!(
                ?partitions,
                "partitions given up before their last window was durable; their next owner or the law settles it"
            );
        }
        self.report(CommitMode::Sync);
        self.forget(partitions)
    }

    fn forget(&mut self, partitions: &[i32]) -> Result<(), IngestError> {
        for partition in partitions {
            self.cursors.remove(partition);
            self.ended.remove(partition);
        }
        self.kafka.unassign(partitions)
    }

    /// Starts assigned partitions where the log ends. False when the publisher is gone.
    fn assigned(&mut self, partitions: &[i32]) -> Result<bool, IngestError> {
        // The log may have moved since our own last commit: the previous owner's windows are in it now.
        let Some(log) = self.offsets(None)? else { return Ok(false) };
        let starts = partitions.iter().map(|&p| Ok((p, self.start_of(&log, p)?))).collect::<Result<Cursors, IngestError>>()?;
        tracing::info!(?starts, "partitions assigned");
        self.kafka.assign(&starts)?;
        self.shared.progress.starts(&starts);
        self.cursors.extend(starts);
        Ok(true)
    }

    /// Where a partition starts: the log's end, checked against what Kafka still has.
    fn start_of(&self, log: &Offsets, partition: i32) -> Result<i64, IngestError> {
        let (low, high) = self.kafka.watermarks(partition)?;
        let topic = self.settings.source.name().to_owned();
        match log.next(&self.settings.source, partition) {
            None => Ok(low),
            Some(next) if next > high => Err(IngestError::Invalid(format!(
                "{topic}/{partition}: the lake ends at offset {next} but Kafka ends at {high}: the topic was re-created or truncated, or this is another cluster; \
                 give this source a name of its own with --source"
            ))),
            Some(next) if next < low => {
                Err(LakeError::Gap { topic, partition, committed: next, from: low, lost: low - next }.into())
            }
            Some(next) => Ok(next),
        }
    }

    /// Another writer had committed our span: drop what is buffered and go on from the log. False when the publisher is gone.
    fn start_over(&mut self) -> Result<bool, IngestError> {
        self.epoch = self.shared.epoch.load(Ordering::SeqCst);
        self.drop_window();
        let Some(log) = self.offsets(None)? else { return Ok(false) };
        let partitions: Vec<i32> = self.cursors.keys().copied().collect();
        self.cursors = partitions.into_iter().map(|p| Ok((p, self.start_of(&log, p)?))).collect::<Result<_, IngestError>>()?;
        self.ended.clear();
        tracing::info!(cursors = ?self.cursors, "another writer was ahead; reading on from the log's end");
        self.kafka.seek(&self.cursors)?;
        self.shared.progress.starts(&self.cursors);
        Ok(true)
    }

    fn drop_window(&mut self) {
        self.window = Window::open(self.clock.now_ns());
    }

    /// Where the log ends, after everything handed on so far; `None` when the publisher is gone or `deadline` passes.
    fn offsets(&self, deadline: Option<Instant>) -> Result<Option<Offsets>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let ask = async {
            self.requests.send(Request::Offsets(reply)).await.ok()?;
            answer.await.ok()
        };
        let answered = match deadline {
            None => self.runtime.block_on(ask),
            Some(at) => self.runtime.block_on(async { tokio::time::timeout_at(at.into(), ask).await.ok().flatten() }),
        };
        Ok(answered)
    }

    /// Passes what the publisher committed on to the group, for lag tools.
    fn report(&self, mode: CommitMode) {
        let mut latest = Cursors::new();
        while let Ok(offsets) = self.committed.try_recv() {
            latest.extend(offsets);
        }
        latest.retain(|partition, _| self.cursors.contains_key(partition));
        if !latest.is_empty() {
            self.kafka.report_committed(&latest, mode);
        }
    }
}
