//! The ticks that Kafka has beyond a lake's log, told anew for each question.
//!
//! Owns: the thread that follows a topic while questions come, asking it.
//! Does not own: what is kept of the topic and where it is cut (`following`), the lake's offsets, which come with a question.
//! Invariant: no group is joined and no offset committed: ingesters never notice who looks on.

mod following;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use ticklake_lake::clock::Clock;
use ticklake_lake::{Offsets, SourceId, Span};
use tokio::sync::oneshot;

use crate::error::IngestError;
use crate::source::kafka::KafkaConfig;
use following::Following;

/// Questions that wait while one is answered.
const QUESTIONS_WAITING_MAX: usize = 16;
/// A topic that nobody has asked about for so long is left, and what was kept of it forgotten.
const UNASKED_MAX: Duration = Duration::from_secs(30);

/// What is followed.
#[derive(Debug, Clone)]
pub struct TailConfig {
    /// The topic and how to reach it; its partitions are all read, whatever its membership says.
    pub kafka: KafkaConfig,
    /// Under which name the log has its offsets.
    pub source: SourceId,
    /// So many ticks beyond the log are told at most.
    pub rows_max: usize,
    /// So many bytes of them are held at most.
    pub bytes_max: usize,
}

/// Ticks between the log's end and Kafka's.
#[derive(Debug, Clone)]
pub struct TailTicks {
    /// In the file columns of `stock_data`, each once.
    pub rows: Vec<RecordBatch>,
    /// The offsets they were found at: from the log's end, to where Kafka ended after the question was asked.
    pub span: Span,
}

struct Question {
    log: Offsets,
    answer: oneshot::Sender<Result<TailTicks, IngestError>>,
}

/// Follows a topic from the first question on. Cheap to clone; the last clone that is dropped ends it.
#[derive(Clone)]
pub struct Tail {
    questions: SyncSender<Question>,
}

impl Tail {
    /// A tail that nothing is read of yet.
    pub fn follow(config: TailConfig, clock: Arc<dyn Clock>) -> Self {
        let (questions, asked) = sync_channel(QUESTIONS_WAITING_MAX);
        std::thread::spawn(move || Follower { config, clock, following: None, last_asked: Instant::now() }.run(&asked));
        Self { questions }
    }

    /// Every tick from where `log` ends to where Kafka ends now. The log must have been read before the question is asked.
    ///
    /// # Errors
    /// `Unavailable` when Kafka does not answer or falls silent, `Missing` for an unknown topic, `Invalid` when there are more than
    /// may be held, and where the log and Kafka do not meet: as an ingester would say (`Gap` among them).
    pub async fn ticks(&self, log: Offsets) -> Result<TailTicks, IngestError> {
        let (answer, answered) = oneshot::channel();
        let gone = || IngestError::Unavailable("the thread that follows Kafka has ended; start again".into());
        self.questions.try_send(Question { log, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

struct Follower {
    config: TailConfig,
    clock: Arc<dyn Clock>,
    following: Option<Following>,
    last_asked: Instant,
}

impl Follower {
    fn run(mut self, questions: &Receiver<Question>) {
        loop {
            // Between questions Kafka is read on; a question finds most of its answer there.
            let wait = if self.following.is_some() { Duration::ZERO } else { UNASKED_MAX };
            match questions.recv_timeout(wait) {
                Ok(question) => {
                    self.last_asked = Instant::now();
                    // Who asked may have turned away.
                    let _ = question.answer.send(self.answer(&question.log));
                }
                Err(RecvTimeoutError::Timeout) => self.read_on(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn answer(&mut self, log: &Offsets) -> Result<TailTicks, IngestError> {
        let mut following = match self.following.take() {
            Some(following) => following,
            None => Following::connect(&self.config)?,
        };
        // Whatever goes wrong, the next question begins anew.
        let ticks = following.ticks(&self.config, log, self.clock.as_ref())?;
        self.following = Some(following);
        Ok(ticks)
    }

    fn read_on(&mut self) {
        let Some(mut following) = self.following.take() else { return };
        let is_asked = self.last_asked.elapsed() < UNASKED_MAX;
        if is_asked && !following.is_full(&self.config) && following.read_on(self.clock.as_ref()).is_ok() {
            self.following = Some(following);
        }
    }
}
