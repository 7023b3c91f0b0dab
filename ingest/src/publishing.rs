//! The publishing side of the pipeline: requests of the collector, in order.
//!
//! Owns: holding a window while the lake is away, dropping windows another writer was ahead of, the counters of commits.
//! Does not own: what a commit is (`lake::publish`), when a window is due (`collector`).
//! Invariant: a window is published whole before the next is looked at, however often its publishing has to be tried. A lake
//! that does not answer is away, whether it refuses or hangs, and is waited for no longer than was said.

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ticklake_lake::publish::{Published, Publisher};
use ticklake_lake::window::ClosedWindow;
use ticklake_lake::{Lake, LakeError, Offsets};
use tokio::sync::mpsc;

use crate::breaker::RejectLimits;
use crate::collector::{Request, Shared};
use crate::error::IngestError;
use crate::landing::Landing;
use crate::progress::Held;
use crate::source::kafka::Cursors;

const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MOST: Duration = Duration::from_secs(10);
/// How long a stop asked for may go unnoticed while the lake is away.
const STOP_NOTICED_WITHIN: Duration = Duration::from_millis(250);
/// How long a request may go unanswered before that is said: more than a slow store takes.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// Bounds of the publishing side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublishLimits {
    /// How long the lake may be away before the run ends.
    pub(crate) unavailable_max: Duration,
    pub(crate) rejects: RejectLimits,
}

pub(crate) struct Publishing {
    pub(crate) publisher: Publisher,
    pub(crate) lake: Lake,
    pub(crate) limits: PublishLimits,
    /// Where a commit has got to, for the group.
    pub(crate) committed: std::sync::mpsc::Sender<Cursors>,
    pub(crate) shared: Arc<Shared>,
}

/// An absence of the lake. It begins with the first request that was not answered, not with what became of it.
struct Outage {
    since: Instant,
    /// Whether a try has failed.
    away: bool,
    /// Whether a try has been silent for long.
    silent: bool,
    backoff: Duration,
}

impl Outage {
    fn watch(now: Instant) -> Self {
        Self { since: now, away: false, silent: false, backoff: BACKOFF_FIRST }
    }

    /// Looks at a try under way in which nothing has been answered for so long; true when that must be told now. An answer ends
    /// a silence, but no absence that a failure began.
    fn look(&mut self, silence: Duration, now: Instant) -> bool {
        if self.away {
            return false;
        }
        self.since = now.checked_sub(silence).unwrap_or(now);
        let news = !self.silent && silence >= SILENCE_MAX;
        self.silent |= news;
        news
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs()
    }

    /// Why the run must end now, if it must.
    fn over(&self, now: Instant, max: Duration, stopping: bool) -> Option<String> {
        let away_s = self.seconds(now);
        if stopping {
            Some(format!("stopped while the lake was away, for {away_s} s by then"))
        } else if now.saturating_duration_since(self.since) >= max {
            Some(format!("the lake was away for {away_s} s, lake.unavailable_max is {} s", max.as_secs()))
        } else {
            None
        }
    }
}

/// The error that ends a run without its lake.
fn given_up(error: LakeError, why_now: &str) -> LakeError {
    match error {
        LakeError::Unavailable { what, why } => LakeError::Unavailable {
            what,
            why: format!(
                "{why}; {why_now}; nothing is lost: what is not committed is still in Kafka, so start again when the lake answers"
            ),
        },
        other => other,
    }
}

impl Publishing {
    /// Serves requests until the collector hangs up or an error ends it.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Request>) -> Result<(), IngestError> {
        while let Some(request) = inbox.recv().await {
            match request {
                Request::Publish { epoch, .. } if epoch != self.shared.epoch.load(Ordering::SeqCst) => {}
                Request::Publish { window, held, .. } => self.publish(window, held).await?,
                Request::Offsets(reply) => {
                    let offsets = self.offsets_held().await?;
                    // A collector that stopped waiting (revoke budget) has no use for the answer.
                    reply.send(offsets).unwrap_or_default();
                }
            }
        }
        self.publisher.close().await;
        Ok(())
    }

    async fn publish(&mut self, window: ClosedWindow, held: Held) -> Result<(), IngestError> {
        self.limits.rejects.judge(self.publisher.source().name(), &window)?;
        held.publishing();
        let landing = Landing::of(&window);
        match self.publish_held(&window).await {
            Ok(done) => {
                let ends = landing.ends.clone();
                self.shared.progress.published(landing, &done);
                tracing::info!(
                    version = done.version,
                    ticks = done.rows,
                    dead_letters = done.rejects(),
                    files = done.files,
                    bytes = done.bytes,
                    "committed"
                );
                // The collector may be gone already; the log has the truth.
                self.committed.send(ends).unwrap_or_default();
            }
            Err(error @ LakeError::Overlap { .. }) => {
                self.shared.progress.rejected(&self.publisher.take_rejected());
                tracing::warn!(
                    source = self.publisher.source().name(),
                    %error,
                    "another writer was first; dropping what is buffered. After a rebalance that is as it should be; if it goes on, \
                     ingesters of different groups read one source: give them the same --group"
                );
                self.shared.progress.overlapped();
                self.shared.epoch.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Publishes a window; holds it while the lake is away.
    async fn publish_held(&mut self, window: &ClosedWindow) -> Result<Published, LakeError> {
        let mut outage = Outage::watch(Instant::now());
        loop {
            let Self { publisher, lake, limits, shared, .. } = self;
            match attend(publisher.publish(window), &mut outage, lake, limits, shared).await? {
                Err(error @ LakeError::Unavailable { .. }) => self.wait_out(&mut outage, error).await?,
                done => return self.after(&outage, done),
            }
        }
    }

    /// Where the log ends; waits for the answer while the lake is away.
    async fn offsets_held(&mut self) -> Result<Offsets, LakeError> {
        let mut outage = Outage::watch(Instant::now());
        loop {
            let Self { publisher, lake, limits, shared, .. } = self;
            let asked = async { publisher.refresh().await.cloned() };
            match attend(asked, &mut outage, lake, limits, shared).await? {
                Err(error @ LakeError::Unavailable { .. }) => self.wait_out(&mut outage, error).await?,
                done => return self.after(&outage, done),
            }
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The error, when it has lasted too long or a stop is asked for.
    async fn wait_out(&self, outage: &mut Outage, error: LakeError) -> Result<(), LakeError> {
        let now = Instant::now();
        outage.away = true;
        if let Some(why_now) = outage.over(now, self.limits.unavailable_max, self.stopping()) {
            return Err(given_up(error, &why_now));
        }
        self.shared.progress.holding.store(true, Ordering::Relaxed);
        tracing::warn!(%error, away_s = outage.seconds(now), "the lake is away; nothing is lost, trying again");
        self.pause(outage.backoff).await;
        outage.backoff = (outage.backoff * 2).min(BACKOFF_MOST);
        Ok(())
    }

    fn after<T>(&self, outage: &Outage, done: Result<T, LakeError>) -> Result<T, LakeError> {
        if outage.away || outage.silent {
            self.shared.progress.holding.store(false, Ordering::Relaxed);
            tracing::info!(away_s = outage.seconds(Instant::now()), "the lake is back");
        }
        done
    }

    fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    /// Waits between half of `most` and all of it, so that many ingesters do not come back at once; shorter when stopped.
    async fn pause(&self, most: Duration) {
        let random = RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64;
        let until = Instant::now() + most.mul_f64(0.5 + random / 2.0);
        while !self.stopping() && Instant::now() < until {
            tokio::time::sleep(STOP_NOTICED_WITHIN.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

/// Does a try and minds how long the lake is silent meanwhile: one that hangs is away like one that refuses.
///
/// # Errors
/// `Unavailable` when that has lasted too long, or a stop is asked for: the try is given up, the run must end.
async fn attend<T>(
    tried: impl Future<Output = Result<T, LakeError>>,
    outage: &mut Outage,
    lake: &Lake,
    limits: &PublishLimits,
    shared: &Shared,
) -> Result<Result<T, LakeError>, LakeError> {
    let (mut tried, began, tally) = (pin!(tried), Instant::now(), lake.tally());
    loop {
        if let Ok(done) = tokio::time::timeout(STOP_NOTICED_WITHIN, tried.as_mut()).await {
            return Ok(done);
        }
        let now = Instant::now();
        let silence = tally.silent_since().map_or(Duration::ZERO, |since| now.saturating_duration_since(since.max(began)));
        if outage.look(silence, now) {
            shared.progress.holding.store(true, Ordering::Relaxed);
            let (lake, away_s) = (lake.display(), outage.seconds(now));
            tracing::warn!(lake, away_s, "the lake is away: a request is not answered; nothing is lost, waiting");
        }
        let stopping = shared.stop.load(Ordering::SeqCst) && silence >= SILENCE_MAX;
        // A try that is answered may yet succeed, however late it is.
        if silence >= SILENCE_MAX.min(limits.unavailable_max)
            && let Some(why_now) = outage.over(now, limits.unavailable_max, stopping)
        {
            return Err(given_up(lake.unavailable(&std::io::Error::from(std::io::ErrorKind::TimedOut)), &why_now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn a_first_try_that_waited_long_is_never_left_out_of_the_absence() {
        let began = Instant::now();
        let outage = Outage::watch(began);
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(outage.seconds(at(30)), 30);
        assert_eq!(outage.over(at(59), MAX, false), None);
        assert_eq!(outage.over(at(75), MAX, false).as_deref(), Some("the lake was away for 75 s, lake.unavailable_max is 60 s"));
        assert!(outage.over(at(5), MAX, true).is_some_and(|why| why.contains("stopped") && why.contains("5 s")));
    }

    #[test]
    fn a_silence_is_never_told_before_it_is_long_nor_twice_nor_taken_for_one_after_an_answer() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut outage = Outage::watch(began);
        let look = |outage: &mut Outage, silence, seconds| outage.look(Duration::from_secs(silence), at(seconds));
        assert!(!look(&mut outage, 4, 4));
        assert!(look(&mut outage, 5, 5) && !look(&mut outage, 6, 6));
        assert_eq!(outage.seconds(at(6)), 6);
        look(&mut outage, 0, 50);
        assert_eq!(outage.seconds(at(50)), 0, "answered");
        look(&mut outage, 20, 70);
        outage.away = true;
        look(&mut outage, 0, 100);
        assert_eq!(outage.seconds(at(100)), 50, "an answer in the middle of an absence does not end it");
    }

    #[tokio::test]
    async fn a_store_that_hangs_is_never_waited_for_beyond_the_time_that_was_said() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let limits = PublishLimits { unavailable_max: Duration::ZERO, rejects: RejectLimits::default() };
        let hung = std::future::pending::<Result<(), LakeError>>();
        let mut outage = Outage::watch(Instant::now());
        let error = attend(hung, &mut outage, &lake, &limits, &Shared::default()).await.unwrap_err().to_string();
        assert!(error.contains("unavailable_max is 0 s") && error.contains("nothing is lost"), "{error}");
    }

    #[test]
    fn the_end_of_an_outage_never_leaves_open_what_is_lost_or_what_to_do() {
        let error = LakeError::Unavailable { what: "s3://b/l".into(), why: "refused".into() };
        let said = given_up(error, "the lake was away for 75 s").to_string();
        for part in ["s3://b/l: refused", "75 s", "nothing is lost", "start again"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
