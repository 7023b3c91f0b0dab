//! Collecting: Kafka messages become windows.
//!
//! Owns: the collecting thread: polling, decoding, the window being filled, cursors, waiting for the publisher.
//! Does not own: what a rebalance means (`answers`), committing (the publisher, at the other end of a bounded channel), the
//! law (`lake`).
//! Invariant: whatever is waited for, librdkafka is served: while the lake is slow the partitions are paused and the poll
//! goes on, so the group never takes us for dead. Whatever is dropped here was never committed, so it is read again.

mod answers;

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
use crate::progress::{Held, Progress};
use crate::source::RawBatch;
use crate::source::kafka::{BatchLimits, Cursors, KafkaSource, SourceEvent};

/// How long collecting waits for the publisher at most before it pauses Kafka, which throws prefetched messages away.
const PAUSE_AFTER: Duration = Duration::from_secs(2);

/// What the publisher is asked.
pub(crate) enum Request {
    /// Make this window durable. Windows of an epoch gone by are dropped.
    Publish { window: ClosedWindow, epoch: u64, held: Held },
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

/// How long the publisher is waited for.
#[derive(Clone, Copy)]
enum Patience {
    /// Until it answers: what would be dropped may be nowhere else.
    Endless,
    /// Until a rebalance that came meanwhile can wait no longer.
    UntilCalled,
    /// Until then.
    Until(Instant),
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
    /// Where our partitions started: one that the log does not know yet goes on from there.
    starts: Cursors,
    epoch: u64,
    /// Whether a window was dropped here, so that what is gathered after it does not continue the log.
    behind: bool,
    /// High watermarks at the start, with `until_end`.
    targets: Option<Cursors>,
    /// Partitions that had nothing more when last asked.
    ended: BTreeSet<i32>,
    /// What happened and when, in order, until it is answered: not while we wait for the publisher.
    deferred: VecDeque<(SourceEvent, Instant)>,
    /// A log that was ahead of what Kafka had said before, kept until Kafka is asked again.
    doubted: Option<Offsets>,
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
            starts: Cursors::new(),
            epoch: 0,
            behind: false,
            targets: None,
            ended: BTreeSet::new(),
            deferred: VecDeque::new(),
            doubted: None,
            spare,
        }
    }

    /// Runs until stopped, until the end (where asked for), or until the publisher is gone.
    pub(crate) fn run(mut self) -> Result<(), IngestError> {
        if self.settings.until_end {
            self.targets = Some(self.kafka.watermarks()?.into_iter().map(|(partition, (_, high))| (partition, high)).collect());
        }
        loop {
            while !self.stopping() && !self.finished() {
                if !self.turn()? {
                    return Ok(());
                }
            }
            self.flush(FlushReason::Shutdown, Patience::UntilCalled)?;
            // Answered once every window before it is durable.
            let answer = self.offsets(Patience::UntilCalled)?;
            if matches!(answer, Answer::Gone) {
                return Ok(());
            }
            // The last window may have been another writer's, or dropped: what is left of it is still to be read.
            if self.stopping() || (matches!(answer, Answer::Given(_)) && self.finished()) {
                self.report(CommitMode::Sync);
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
        if (self.behind || self.overtaken()) && !self.start_over()? {
            return Ok(false);
        }
        self.report(CommitMode::Async);
        self.shared.progress.gathered(&self.cursors, &self.window);
        match self.window.due(&self.settings.limits, self.clock.now_ns()) {
            Some(reason) => Ok(!matches!(self.flush(reason, Patience::UntilCalled)?, Answer::Gone)),
            None => Ok(!self.requests.is_closed()),
        }
    }

    /// Takes what Kafka has: messages into the window, events to be answered.
    fn poll(&mut self, limits: &BatchLimits) -> Result<(), IngestError> {
        let mut batch = std::mem::take(&mut self.spare);
        let event = self.kafka.fill(&mut batch, &mut self.cursors, &mut self.ended, limits)?;
        self.gather(batch)?;
        event.into_iter().chain(self.kafka.located()).for_each(|event| self.defer(event));
        Ok(())
    }

    /// Keeps an event until it is answered; one that is waiting already says nothing new.
    fn defer(&mut self, event: SourceEvent) {
        if !self.deferred.iter().any(|(waiting, _)| *waiting == event) {
            self.deferred.push_back((event, Instant::now()));
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
        self.shared.progress.decoding.store(batch.held_bytes(), Ordering::Relaxed);
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

    /// Whether there is nothing left to do.
    fn finished(&self) -> bool {
        self.at_end() && self.deferred.is_empty() && !self.behind && !self.overtaken()
    }

    /// Whether everything that was in our partitions at the start has been read.
    fn at_end(&self) -> bool {
        let Some(targets) = &self.targets else { return false };
        let done = |(p, at): (&i32, &i64)| targets.get(p).is_none_or(|end| at >= end) || self.ended.contains(p);
        // Without partitions there may be some soon: a rebalance takes from others first, and those who end leave theirs.
        !self.cursors.is_empty() && self.cursors.iter().all(done)
    }

    /// Closes the window and hands it on. One that cannot be in time is dropped, and with it whatever comes after it until we
    /// have started over.
    fn flush(&mut self, reason: FlushReason, patience: Patience) -> Result<Answer<()>, IngestError> {
        if self.behind {
            self.drop_window();
            return Ok(Answer::Late);
        }
        if self.window.is_empty() {
            return Ok(if self.requests.is_closed() { Answer::Gone } else { Answer::Given(()) });
        }
        let full = std::mem::replace(&mut self.window, Window::open(self.clock.now_ns()));
        tracing::debug!(reason = reason.as_str(), bytes = full.bytes(), "window closed");
        self.shared.progress.flushed(reason);
        let window = full.close();
        let held = self.shared.progress.hold(&window);
        self.shared.progress.gathered(&self.cursors, &self.window);
        let request = Request::Publish { window, epoch: self.epoch, held };
        let requests = self.requests.clone();
        let handed_on = self.wait_for(async move { requests.send(request).await.ok() }, patience)?;
        self.behind = matches!(handed_on, Answer::Late);
        Ok(handed_on)
    }

    /// Where the log ends, after everything handed on so far.
    fn offsets(&mut self, patience: Patience) -> Result<Answer<Offsets>, IngestError> {
        let (reply, answer) = oneshot::channel();
        let requests = self.requests.clone();
        let ask = async move {
            requests.send(Request::Offsets(reply)).await.ok()?;
            answer.await.ok()
        };
        self.wait_for(ask, patience)
    }

    /// Waits for the publisher, at first quietly, then with Kafka paused and polled. Events are answered afterwards: a
    /// rebalance must see windows in their order.
    fn wait_for<T>(&mut self, asked: impl Future<Output = Option<T>>, patience: Patience) -> Result<Answer<T>, IngestError> {
        let mut asked = pin!(asked);
        let mut wait = PAUSE_AFTER.min(self.kafka.config().revoke_budget());
        let mut paused = false;
        let answer = loop {
            let deadline = self.gives_up_at(patience);
            let left = deadline.map_or(wait, |at| wait.min(at.saturating_duration_since(Instant::now())));
            match self.runtime.block_on(tokio::time::timeout(left, asked.as_mut())) {
                Ok(Some(given)) => break Answer::Given(given),
                Ok(None) => break Answer::Gone,
                Err(_elapsed) if deadline.is_some_and(|at| at <= Instant::now()) => break Answer::Late,
                Err(_elapsed) => {}
            }
            if !paused {
                self.kafka.pause(&self.cursors)?;
                (paused, wait) = (true, self.settings.batch.wait_max);
            }
            self.poll(&BatchLimits { wait_max: Duration::ZERO, ..self.settings.batch })?;
        };
        if paused {
            self.kafka.resume(&self.cursors)?;
        }
        Ok(answer)
    }

    /// When waiting is over: the group goes on without us unless revoked partitions are given up in time, and has done so with
    /// those that are lost.
    fn gives_up_at(&self, patience: Patience) -> Option<Instant> {
        match patience {
            Patience::Endless => None,
            Patience::Until(at) => Some(at),
            Patience::UntilCalled => {
                let called = self.deferred.iter().filter_map(|(event, at)| match event {
                    SourceEvent::Revoked(_) => Some(*at + self.kafka.config().revoke_budget()),
                    SourceEvent::Lost(_) => Some(*at),
                    _ => None,
                });
                called.min()
            }
        }
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
