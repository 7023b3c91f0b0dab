//! The ingester: collecting and publishing, wired together and run to the end.
//!
//! Owns: the two tasks, the bounded channel between them, what ends a run.
//! Does not own: what either does (`collector`, `lake::publish`).
//! Invariant: one publisher, so commits keep the order of windows; the full channel is the back-pressure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use ticklake_lake::clock::Clock;
use ticklake_lake::publish::Publisher;
use ticklake_lake::window::WindowLimits;
use ticklake_lake::{LakeError, SourceId};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::collector::{CollectSettings, Collector, Request, Shared};
use crate::decode::Decoder;
use crate::error::IngestError;
use crate::progress::Progress;
use crate::source::kafka::{BatchLimits, Cursors, KafkaConfig, KafkaSource};

/// Closed windows waiting for the publisher.
const WINDOWS_WAITING_MAX: usize = 1;
/// Half of librdkafka's default `max.poll.interval.ms`.
const REVOKE_BUDGET: Duration = Duration::from_secs(150);

/// What to ingest and how.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// The topic and how to reach it.
    pub kafka: KafkaConfig,
    /// When a window becomes a commit.
    pub window: WindowLimits,
    /// Whether to stop at the high watermarks seen at the start.
    pub until_end: bool,
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
        let settings = CollectSettings {
            source: publisher.source().clone(),
            limits: config.window,
            batch: BatchLimits::default(),
            until_end: config.until_end,
            revoke_budget: REVOKE_BUDGET,
        };
        let (runtime, for_collector) = (Handle::current(), Arc::clone(&shared));
        let collecting = tokio::task::spawn_blocking(move || {
            let kafka = KafkaSource::connect(&config.kafka)?;
            for_collector.progress.connected(kafka.ends());
            Collector::new(settings, kafka, Decoder::new(), clock, requests, committed, runtime, for_collector).run()
        });
        let published = publish(publisher, inbox, &committed_to, &shared).await;
        let collected = collecting.await.map_err(|e| IngestError::Invalid(format!("the collecting thread failed: {e}")))?;
        // The publisher's error is the cause when both fail.
        published?;
        collected
    })
}

/// The publishing side: requests in order, until the collector hangs up or an error ends it.
async fn publish(
    mut publisher: Publisher,
    mut inbox: mpsc::Receiver<Request>,
    committed: &std::sync::mpsc::Sender<Cursors>,
    shared: &Shared,
) -> Result<(), IngestError> {
    let source: SourceId = publisher.source().clone();
    while let Some(request) = inbox.recv().await {
        match request {
            Request::Publish { epoch, .. } if epoch != shared.epoch.load(Ordering::SeqCst) => {}
            Request::Publish { window, .. } => {
                let landing = shared.progress.publishing(&window);
                let ends = landing.ends.clone();
                match publisher.publish(window).await {
                    Ok(done) => {
                        shared.progress.published(landing, &done);
                        tracing::info!(
                            version = done.version,
                            ticks = done.rows,
                            dead_letters = done.rejects,
                            files = done.files,
                            bytes = done.bytes,
                            "committed"
                        );
                        // The collector may be gone already; the log has the truth.
                        committed.send(ends).unwrap_or_default();
                    }
                    Err(error @ LakeError::Overlap { .. }) => {
                        tracing::info!(source = source.name(), %error, "dropping what is buffered");
                        shared.progress.overlapped();
                        shared.epoch.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Request::Offsets(reply) => {
                let offsets = publisher.refresh().await?.clone();
                // A collector that stopped waiting (revoke budget) has no use for the answer.
                reply.send(offsets).unwrap_or_default();
            }
        }
    }
    publisher.close().await;
    Ok(())
}
