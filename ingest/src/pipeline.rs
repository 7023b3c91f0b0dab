//! The ingester: collecting and publishing, wired together and run to the end.
//!
//! Owns: the two tasks, the bounded channel between them, what ends a run.
//! Does not own: what either does (`collector`, `lake::publish`).
//! Invariant: one publisher, so commits keep the order of windows; the full channel is the back-pressure.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures::future::BoxFuture;
use ticklake_lake::clock::Clock;
use ticklake_lake::publish::Publisher;
use ticklake_lake::window::WindowLimits;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::breaker::RejectLimits;
use crate::collector::{CollectSettings, Collector, Shared};
use crate::decode::Decoder;
use crate::error::IngestError;
use crate::memory::{MEMORY_MAX_DEFAULT, MemoryShares};
use crate::progress::Progress;
use crate::publishing::{PublishLimits, Publishing};
use crate::source::kafka::{BatchLimits, KafkaConfig, KafkaSource};

/// Closed windows waiting for the publisher.
const WINDOWS_WAITING_MAX: usize = 1;

/// What to ingest and how.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// The topic and how to reach it.
    pub kafka: KafkaConfig,
    /// When a window becomes a commit.
    pub window: WindowLimits,
    /// Whether to stop at the high watermarks seen at the start.
    pub until_end: bool,
    /// How long the lake may be away before the run ends; windows are held meanwhile.
    pub unavailable_max: Duration,
    /// When a window's rejects stop the run.
    pub rejects: RejectLimits,
    /// What the process may hold in memory, bytes; see [`MemoryShares`].
    pub memory_max: usize,
}

impl IngestConfig {
    /// A topic with everything else at its default.
    pub fn new(kafka: KafkaConfig) -> Self {
        Self {
            kafka,
            window: WindowLimits::default(),
            until_end: false,
            unavailable_max: Duration::from_secs(600),
            rejects: RejectLimits::default(),
            memory_max: MEMORY_MAX_DEFAULT,
        }
    }
}

/// Runs until `stop` is raised, the end is reached, or an error ends it. What was gathered is committed before a clean end.
///
/// # Errors
/// The first error of either side; nothing is half-written after any of them.
pub fn run(
    config: IngestConfig,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
) -> BoxFuture<'static, Result<(), IngestError>> {
    Box::pin(async move {
        let shared = Arc::new(Shared { stop, progress, ..Shared::default() });
        let (requests, inbox) = mpsc::channel(WINDOWS_WAITING_MAX);
        let (committed_to, committed) = std::sync::mpsc::channel();
        let shares = MemoryShares::of(config.memory_max);
        shared.progress.memory_max(config.memory_max);
        let settings = CollectSettings {
            source: publisher.source().clone(),
            limits: WindowLimits { bytes_max: config.window.bytes_max.min(shares.window), ..config.window },
            batch: BatchLimits { bytes_max: shares.batch, ..BatchLimits::default() },
            until_end: config.until_end,
        };
        let (runtime, for_collector) = (Handle::current(), Arc::clone(&shared));
        let limits = PublishLimits { unavailable_max: config.unavailable_max, rejects: config.rejects };
        let lake = publisher.lake().clone();
        let publishing = Publishing { publisher, lake, limits, committed: committed_to, shared };
        let collecting = tokio::task::spawn_blocking(move || {
            let kafka = KafkaSource::connect(&config.kafka, shares.fetch_queue)?;
            for_collector.progress.connected(kafka.ends());
            Collector::new(settings, kafka, Decoder::new(), clock, requests, committed, runtime, for_collector).run()
        });
        let published = publishing.run(inbox).await;
        let collected = collecting.await.map_err(|e| IngestError::Invalid(format!("the collecting thread failed: {e}")))?;
        // The publisher's error is the cause when both fail.
        published?;
        collected
    })
}
