//! Producers: simulated or replayed ticks, sent to Kafka at a rate.
//!
//! Owns: the loop from source to sink, its pacing and limits, progress and the final report.
//! Does not own: what ticks are (`simulate`, `replay`), how they are sent (`sink`), who consumes them.
//! Invariant: when `run` returns a report, every message it counts was acknowledged by the broker.

mod in_flight;
mod rate;
mod replay;
mod resend;
mod simulate;
mod sink;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ticklake_schemas::Tick;

pub use in_flight::InFlight;
use rate::TokenBucket;
pub use rate::{Rate, Speed};
pub use replay::{Replay, ReplayConfig, Shift, parse_map};
pub use resend::{Resend, Resender};
pub use simulate::{SYMBOLS_MAX, SimulateConfig, SimulatedTick, Simulator};
pub use sink::{KafkaSink, SinkConfig, SinkReport};
pub use topic::{TopicState, create_topic_if_absent};

/// Messages sent between two looks at the clock, the stop flag and the reports.
const ROUND_MESSAGES_MAX: u64 = 256;
/// Shortest sleep between two looks: librdkafka rounds shorter ones down to none, which would spin.
const SLEEP_MIN: Duration = Duration::from_millis(5);
/// Longest sleep between two looks.
const SLEEP_MAX: Duration = Duration::from_millis(20);
/// How long a full queue or a closed gate is left to empty.
const FULL_WAIT: Duration = Duration::from_millis(1);

/// Why ticks could not be produced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProduceError {
    /// The request or the data is wrong. Change it.
    #[error("{0}")]
    Invalid(String),
    /// The broker did not answer, or refused. Try later or mend access.
    #[error("{0}")]
    Unavailable(String),
}

/// How to produce.
#[derive(Debug, Clone)]
pub struct ProduceConfig {
    /// Where to.
    pub sink: SinkConfig,
    /// Ticks a second, at most.
    pub rate: Rate,
    /// Event time against wall time; `Times(1.0)` sends each tick as long after the first as it happened.
    pub speed: Speed,
    /// Stop after so many ticks.
    pub ticks_max: Option<u64>,
    /// Stop after so long.
    pub duration_max: Option<Duration>,
    /// Bound on bytes produced and not yet given back by the consumer.
    pub in_flight: Option<Arc<InFlight>>,
    /// How often progress is told, at most.
    pub progress_every: Duration,
}

impl ProduceConfig {
    /// As fast as the broker takes them, until the source ends.
    pub fn new(sink: SinkConfig) -> Self {
        Self {
            sink,
            rate: Rate::Max,
            speed: Speed::Max,
            ticks_max: None,
            duration_max: None,
            in_flight: None,
            progress_every: Duration::from_millis(200),
        }
    }
}

/// A message about to be sent, with its allocations reused.
#[derive(Debug, Default)]
pub struct Message {
    /// The key: the symbol.
    pub key: Vec<u8>,
    /// The JSON of the tick.
    pub payload: Vec<u8>,
    /// The tick's event time, nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: i64,
}

impl Message {
    /// Bytes that count against [`InFlight`]: `key + payload`.
    pub fn len_bytes(&self) -> u64 {
        (self.key.len() + self.payload.len()) as u64
    }
}

/// Where ticks come from.
#[derive(Debug)]
pub enum TickSource {
    /// A simulated market; never ends.
    Simulate(Box<Simulator>),
    /// A file.
    Replay(Box<Replay>, Tick),
}

impl From<Simulator> for TickSource {
    fn from(market: Simulator) -> Self {
        Self::Simulate(Box::new(market))
    }
}

impl From<Replay> for TickSource {
    fn from(replay: Replay) -> Self {
        Self::Replay(Box::new(replay), Tick::default())
    }
}

impl TickSource {
    /// Writes the next message into `message`; `false` at the end.
    ///
    /// # Errors
    /// `Invalid` for a row that is not a tick.
    pub fn next_message(&mut self, message: &mut Message) -> Result<bool, ProduceError> {
        message.key.clear();
        message.payload.clear();
        match self {
            Self::Simulate(market) => {
                let tick = market.next_tick();
                message.time_ns = tick.time_ns;
                message.key.extend_from_slice(market.symbol(&tick).as_bytes());
                market.write_json(&tick, &mut message.payload);
            }
            Self::Replay(replay, tick) => {
                if !replay.next_tick(tick)? {
                    return Ok(false);
                }
                message.time_ns = tick.time_ns;
                message.key.extend_from_slice(tick.symbol.as_bytes());
                // Empty, hence UTF-8: this only lends the buffer to a `String`.
                let mut text = String::from_utf8(std::mem::take(&mut message.payload)).unwrap_or_default();
                tick.write_json(&mut text);
                message.payload = text.into_bytes();
            }
        }
        Ok(true)
    }

    /// Rows skipped so far.
    pub fn skipped_bad(&self) -> u64 {
        match self {
            Self::Simulate(_) => 0,
            Self::Replay(replay, _) => replay.skipped(),
        }
    }

    fn first_skipped(&self) -> Option<String> {
        match self {
            Self::Simulate(_) => None,
            Self::Replay(replay, _) => replay.first_skipped().map(str::to_owned),
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Messages handed to the producer.
    pub produced: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// Of them, acknowledged by the broker.
    pub delivered: u64,
    /// Rows skipped.
    pub skipped_bad: u64,
    /// Since the first message could have been sent.
    pub elapsed: Duration,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProduceReport {
    /// Messages sent, all acknowledged.
    pub produced: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// Rows skipped because they are not ticks.
    pub skipped_bad: u64,
    /// Place and reason of the first of them.
    pub first_skipped: Option<String>,
    /// From the first message to the last acknowledgement.
    pub elapsed: Duration,
    /// Whether the stop flag ended it.
    pub stopped: bool,
}

/// Sends the source's ticks until it ends, a limit is reached, or `stop` is set; then waits for the acknowledgements.
/// Blocks: run it on a thread of its own. Progress is told from that thread, and once more at the end.
///
/// # Errors
/// `Invalid` for a row that is not a tick (what was sent before is acknowledged first) or a missing topic;
/// `Unavailable` when no broker answers or a message could not be delivered.
pub fn run(
    config: &ProduceConfig,
    source: impl Into<TickSource>,
    stop: &AtomicBool,
    mut progress: impl FnMut(&Progress),
) -> Result<ProduceReport, ProduceError> {
    let sink = KafkaSink::connect(&config.sink)?;
    let mut pump = Pump {
        config,
        source: source.into(),
        sink,
        message: Message::default(),
        drawn: false,
        first_ns: None,
        counted: Progress::default(),
    };
    let started = Instant::now();
    let pumped = pump.pump(started, stop, &mut progress);
    pump.count(started.elapsed());
    let Pump { source, sink, mut counted, .. } = pump;
    let stopped = match pumped {
        Ok(stopped) => {
            sink.finish()?;
            stopped
        }
        Err(ProduceError::Invalid(fault)) => {
            let delivered = sink.finish()?.delivered;
            return Err(ProduceError::Invalid(format!("{fault}; {delivered} ticks before it were sent")));
        }
        // What could be delivered was tried for long enough: waiting again would not help.
        Err(error @ ProduceError::Unavailable(_)) => return Err(error),
    };
    counted.elapsed = started.elapsed();
    counted.delivered = counted.produced;
    progress(&counted);
    let Progress { produced, bytes, skipped_bad, elapsed, .. } = counted;
    Ok(ProduceReport { produced, bytes, skipped_bad, first_skipped: source.first_skipped(), elapsed, stopped })
}

/// What a round of sending came to.
enum Round {
    /// So many were sent; more could be.
    Sent,
    /// Nothing can be sent for so long.
    Wait(Duration),
    /// The source ended.
    End,
}

struct Pump<'a> {
    config: &'a ProduceConfig,
    source: TickSource,
    sink: KafkaSink,
    message: Message,
    /// Whether `message` holds one that is not sent yet.
    drawn: bool,
    first_ns: Option<i64>,
    counted: Progress,
}

impl Pump<'_> {
    /// The loop; whether the stop flag ended it.
    fn pump(&mut self, started: Instant, stop: &AtomicBool, progress: &mut impl FnMut(&Progress)) -> Result<bool, ProduceError> {
        let mut bucket = TokenBucket::new(self.config.rate);
        let mut told_at = Duration::ZERO;
        loop {
            let elapsed = started.elapsed();
            if stop.load(Ordering::Relaxed) {
                return Ok(true);
            }
            if self.config.duration_max.is_some_and(|max| elapsed >= max) {
                return Ok(false);
            }
            if elapsed - told_at >= self.config.progress_every {
                told_at = elapsed;
                self.count(elapsed);
                progress(&self.counted);
            }
            bucket.refill(elapsed);
            let left = self.config.ticks_max.map_or(u64::MAX, |max| max.saturating_sub(self.counted.produced));
            if left == 0 {
                return Ok(false);
            }
            let before = self.counted.produced;
            let round = self.send_round(bucket.available().min(left).min(ROUND_MESSAGES_MAX), elapsed)?;
            bucket.take(self.counted.produced - before);
            match round {
                Round::Sent if bucket.wait().is_zero() => self.sink.poll(Duration::ZERO)?,
                Round::Sent => self.sink.poll(bucket.wait().clamp(SLEEP_MIN, SLEEP_MAX))?,
                Round::Wait(wait) => self.sink.poll(wait.clamp(SLEEP_MIN, SLEEP_MAX))?,
                Round::End => return Ok(false),
            }
        }
    }

    /// Sends up to `most` messages, as far as pacing, gate and queue allow.
    fn send_round(&mut self, most: u64, elapsed: Duration) -> Result<Round, ProduceError> {
        for _ in 0..most {
            if !self.drawn {
                if !self.source.next_message(&mut self.message)? {
                    return Ok(Round::End);
                }
                self.drawn = true;
            }
            let first_ns = *self.first_ns.get_or_insert(self.message.time_ns);
            let due = self.config.speed.due(self.message.time_ns.saturating_sub(first_ns));
            if due > elapsed {
                return Ok(Round::Wait(due - elapsed));
            }
            let bytes = self.message.len_bytes();
            let gate = self.config.in_flight.as_deref();
            if gate.is_some_and(|gate| !gate.has_room(bytes)) || !self.sink.send(&self.message.key, &self.message.payload)? {
                return Ok(Round::Wait(FULL_WAIT));
            }
            if let Some(gate) = gate {
                gate.add(bytes);
            }
            self.drawn = false;
            self.counted.produced += 1;
            self.counted.bytes += bytes;
        }
        Ok(Round::Sent)
    }

    fn count(&mut self, elapsed: Duration) {
        self.counted.elapsed = elapsed;
        self.counted.skipped_bad = self.source.skipped_bad();
        self.counted.delivered = self.sink.progress().delivered;
    }
}

#[cfg(test)]
mod tests;
