//! Collecting: Kafka messages become windows.
//!
//! Owns: the collecting thread: polling, decoding, the window being filled, cursors, the answer to a rebalance.
//! Does not own: committing (the publisher, at the other end of a bounded channel), the law (`lake`).
//! Invariant: whatever is waited for, librdkafka is served: while the lake is slow the partitions are paused and the poll
//! goes on, so the group never takes us for dead. Whatever is dropped here was never committed, so it is read again.

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::CommitMode;
use ticklake_lake::clock::Clock;
use ticklake_lake::window::{Batch, ClosedWindow, FlushReason, Window, WindowLimits};
use ticklake_lake::{Offsets, SourceId};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::decode::Decoder;
use crate::error::IngestError;
use crate::progress::Progress;
use crate::source::RawBatch;
use crate::source::kafka::{BatchLimits, Cursors, KafkaSource, SourceEvent};
use crate::source::start::start_of;

/// How long collecting waits for the publisher at most before it pauses Kafka, which throws prefetched messages away.
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
}

/// What came of asking the publisher.
enum Answer<T> {
    Given(T),
    /// Not within the time there was.
    Late,
    /// The publisher has failed, and says why itself.
    Gone,
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
    /// What happened and when, in order, until it is answered: not while we wait for the publisher.
    deferred: VecDeque<(SourceEvent, Instant)>,
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
            self.flush(FlushReason::Shutdown, None)?;
            // Answered once every window before it is durable.
            let Answer::Given(_) = self.offsets(None)? else { return Ok(()) };
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
        let limits = self.wait();
        self.poll(&limits)?;
        for _ in 0..self.deferred.len() {
            if let Some((event, at)) = self.deferred.pop_front()
                && !self.answer(event, at)?
            {
                return Ok(false);
            }
        }
        if self.overtaken() && !self.start_over()? {
            return Ok(false);
        }
        self.report(CommitMode::Async);
        self.shared.progress.gathered(&self.cursors, &self.window);
        match self.window.due(&self.settings.limits, self.clock.now_ns()) {
            Some(reason) => Ok(!matches!(self.flush(reason, None)?, Answer::Gone)),
            None => Ok(!self.requests.is_closed()),
        }
    }

    /// Takes what Kafka has: messages into the window, events to be answered.
    fn poll(&mut self, limits: &BatchLimits) -> Result<(), IngestError> {
        let mut batch = std::mem::take(&mut self.spare);
        let event = self.kafka.fill(&mut batch, &mut self.cursors, &mut self.ended, limits)?;
        self.gather(batch)?;
        self.deferred.extend(event.map(|event| (event, Instant::now())));
        Ok(())
    }

    /// Does what an event asks. False when the publisher is gone.
    fn answer(&mut self, event: SourceEvent, at: Instant) -> Result<bool, IngestError> {
        match event {
            SourceEvent::Assigned(partitions) => self.assigned(&partitions),
            SourceEvent::Revoked(partitions) => self.revoked(&partitions, at),
            SourceEvent::Lost(partitions) => self.lost(&partitions),
            SourceEvent::OutOfRange | SourceEvent::Deleted => self.look_again(),
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
        batch.headers.clear();
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

    /// Closes the window and hands it on; one that cannot be in time is dropped.
    fn flush(&mut self, reason: FlushReason, deadline: Option<Instant>) -> Result<Answer<()>, IngestError> {
        if self.window.is_empty() {
            return Ok(if self.requests.is_closed() { Answer::Gone } else { Answer::Given(()) });
        }
        let full = std::mem::replace(&mut self.window, Window::open(self.clock.now_ns()));
        tracing::debug!(reason = reason.as_str(), bytes = full.bytes(), "window closed");
        self.shared.progress.flushed(reason);
        self.shared.progress.gathered(&self.cursors, &self.window);
        let request = Request::Publish { window: full.close(), epoch: self.epoch };
        let requests = self.requests.clone();
        self.wait_for(async move { requests.send(request).await.ok() }, deadline)
    }

    /// Where the log ends, after everything handed on so far.
    fn offsets(&mut self, deadline: Option<Instant>) -> Result<Answer<Offsets>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let requests = self.requests.clone();
        let ask = async move {
            requests.send(Request::Offsets(reply)).await.ok()?;
            answer.await.ok()
        };
        self.wait_for(ask, deadline)
    }

    /// Waits for the publisher, at first patiently, then with Kafka paused and polled. Events are answered afterwards: a
    /// rebalance must see windows in their order.
    fn wait_for<T>(
        &mut self,
        asked: impl Future<Output = Option<T>>,
        deadline: Option<Instant>,
    ) -> Result<Answer<T>, IngestError> {
        let mut asked = pin!(asked);
        let mut patience = PATIENCE.min(self.kafka.config().revoke_budget());
        let mut paused = false;
        let answer = loop {
            let left = deadline.map_or(patience, |at| patience.min(at.saturating_duration_since(Instant::now())));
            match self.runtime.block_on(tokio::time::timeout(left, asked.as_mut())) {
                Ok(Some(given)) => break Answer::Given(given),
                Ok(None) => break Answer::Gone,
                Err(_elapsed) if deadline.is_some_and(|at| at <= Instant::now()) => break Answer::Late,
                Err(_elapsed) => {}
            }
            if !paused {
                self.kafka.pause(&self.cursors)?;
                (paused, patience) = (true, self.settings.batch.wait_max);
            }
            self.poll(&BatchLimits { wait_max: Duration::ZERO, ..self.settings.batch })?;
        };
        if paused {
            self.kafka.resume(&self.cursors)?;
        }
        Ok(answer)
    }

    /// Gives revoked partitions up after flushing what they brought, within the budget. False when the publisher is gone.
    fn revoked(&mut self, partitions: &[i32], at: Instant) -> Result<bool, IngestError> {
        let deadline = Some(at + self.kafka.config().revoke_budget());
        let handed_on = self.flush(FlushReason::Revoke, deadline)?;
        if matches!(handed_on, Answer::Late) || matches!(self.offsets(deadline)?, Answer::Late) {
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
            self.ended.remove(partition);
        }
        self.kafka.unassign(partitions)
    }

    /// Something of the topic is gone. What was read of it is made durable first, since nobody may be able to read it again;
    /// then the topic is taken up anew, by what is there. False when the publisher is gone.
    fn look_again(&mut self) -> Result<bool, IngestError> {
        tracing::warn!(cursors = ?self.cursors, "offsets, partitions or the topic are gone from Kafka; looking again");
        self.flush(FlushReason::Revoke, None)?;
        let Answer::Given(_) = self.offsets(None)? else { return Ok(false) };
        self.report(CommitMode::Sync);
        self.kafka.reconnect()?;
        self.shared.progress.connected(self.kafka.ends());
        self.deferred.clear();
        self.cursors.clear();
        self.ended.clear();
        Ok(true)
    }

    /// Starts assigned partitions where the log ends. False when the publisher is gone.
    fn assigned(&mut self, partitions: &[i32]) -> Result<bool, IngestError> {
        // The log may have moved since our own last commit: the previous owner's windows are in it now.
        let Answer::Given(log) = self.offsets(None)? else { return Ok(false) };
        let (cursors, reads) = self.starts(&log, partitions)?;
        if !cursors.is_empty() {
            tracing::info!(starts = ?cursors, "partitions assigned");
        }
        self.kafka.assign(&reads)?;
        self.shared.progress.starts(&cursors);
        self.cursors.extend(cursors);
        Ok(true)
    }

    /// What partitions account for next, and where Kafka can give it.
    fn starts(&self, log: &Offsets, partitions: &[i32]) -> Result<(Cursors, Cursors), IngestError> {
        let (mut cursors, mut reads) = (Cursors::new(), Cursors::new());
        for &partition in partitions {
            let watermarks = self.kafka.watermarks(partition)?;
            let start = start_of(&self.settings.source, log, partition, watermarks, self.kafka.config().on_gap)?;
            cursors.insert(partition, start.cursor);
            reads.insert(partition, start.read_from);
        }
        Ok((cursors, reads))
    }

    /// What is buffered does not continue the log: drop it and go on from the log. False when the publisher is gone.
    fn start_over(&mut self) -> Result<bool, IngestError> {
        self.epoch = self.shared.epoch.load(Ordering::SeqCst);
        let partitions: Vec<i32> = self.cursors.keys().copied().collect();
        if partitions.is_empty() {
            self.drop_window();
            return Ok(true);
        }
        let Answer::Given(log) = self.offsets(None)? else { return Ok(false) };
        // Only now: more may have come while we waited, and an end seen before we seek back is none any more.
        self.drop_window();
        self.ended.clear();
        let (cursors, reads) = self.starts(&log, &partitions)?;
        tracing::info!(?cursors, "reading on from the log's end");
        self.kafka.seek(&reads)?;
        self.cursors = cursors;
        self.shared.progress.starts(&self.cursors);
        Ok(true)
    }

    fn drop_window(&mut self) {
        self.window = Window::open(self.clock.now_ns());
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
