//! What librdkafka calls back: rebalances, which wait until the collector answers them, errors, statistics and logs.
//!
//! Owns: the queue of rebalances, and answering those that nobody will act on any more.
//! Does not own: the consumer's other calls (`kafka`), what a rebalance means for windows (`collector`).
//! Invariant: every rebalance is answered: librdkafka's close waits for an answer for ever. It waits for one, whatever it told
//! before; once it has it, it answers nothing itself, and whoever asked would wait for ever.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::kafka_topic::Watermarks;
use super::kafka_trouble::Trouble;

/// What a poll brought besides messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// These partitions are ours once `assign` says where they start.
    Assigned(Vec<i32>),
    /// What Kafka still has of the partitions that `locate` asked for.
    Located(Watermarks),
    /// These partitions go to someone else once `unassign` is called.
    Revoked(Vec<i32>),
    /// These partitions may be someone else's already: the group took us for dead. `unassign` lets us join again.
    Lost(Vec<i32>),
    /// The next offset of some partition is not in Kafka, and nothing more comes from it.
    OutOfRange,
    /// The topic, or some partition of it, is not known any more.
    Deleted,
}

/// Rebalances wait here until the collector has flushed; librdkafka holds the group meanwhile.
#[derive(Default)]
pub(super) struct Context {
    rebalances: Mutex<VecDeque<SourceEvent>>,
    located: Mutex<Option<SourceEvent>>,
    /// Whether the topic was reached once; errors before that are `connect`'s to tell.
    pub(super) connected: AtomicBool,
    /// Whether rebalances answer themselves from now on, the first of them for all.
    pub(super) closing: AtomicBool,
    /// Whether the close has its answer.
    answered: AtomicBool,
    trouble: Mutex<Trouble>,
    /// Bytes fetched and not polled, as librdkafka counted them last.
    fetched: AtomicUsize,
}

/// How librdkafka calls a broker whose connection stands.
const UP: &str = "UP";

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    /// librdkafka repeats an outage many times a second. Before the connection stands `connect` says what is wrong.
    fn error(&self, error: KafkaError, reason: &str) {
        // Every end of a partition is told here, too; it is news only to the collector.
        if !self.connected.load(Ordering::Relaxed) || matches!(error, KafkaError::Global(RDKafkaErrorCode::PartitionEOF)) {
            return;
        }
        self.met(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let bytes: u64 = partitions.map(|partition| partition.fetchq_size).sum();
        self.fetched.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
        let reached = statistics.brokers.values().any(|broker| broker.state == UP);
        if let Some(away) = self.trouble().stands(reached, Instant::now()) {
            tracing::info!(away_s = away.as_secs(), "Kafka is back");
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, tpl: &mut TopicPartitionList) {
        let assigned = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::SeqCst) {
            // An assignment that nobody had polled is followed by its revocation, and both are answered at once.
            if !self.answered.swap(true, Ordering::SeqCst) {
                decline(consumer, assigned, tpl);
            }
            return;
        }
        let partitions = tpl.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect();
        let event = match (assigned, consumer.assignment_lost()) {
            (true, _) => SourceEvent::Assigned(partitions),
            (false, false) => SourceEvent::Revoked(partitions),
            (false, true) => SourceEvent::Lost(partitions),
        };
        self.waiting().push_back(event);
    }
}

impl Context {
    /// Tells an error that librdkafka recovers from by itself, if it is news.
    pub(super) fn met(&self, error: &KafkaError, reason: &str) {
        if let Some(kept_back) = self.trouble().met(error.rdkafka_error_code(), Instant::now()) {
            tracing::warn!(%error, reason, kept_back, "Kafka client; librdkafka goes on trying");
        }
    }

    /// Bytes fetched and not polled, as librdkafka counted them last.
    pub(super) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A queue is whole whoever panicked while holding it.
    pub(super) fn waiting(&self) -> MutexGuard<'_, VecDeque<SourceEvent>> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn located(&self) -> MutexGuard<'_, Option<SourceEvent>> {
        self.located.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a rebalance that nobody will act on any more.
pub(super) fn decline(consumer: &BaseConsumer<Context>, assigned: bool, tpl: &TopicPartitionList) {
    let none = TopicPartitionList::new();
    let answered = match (assigned, consumer.rebalance_protocol()) {
        (true, RebalanceProtocol::Cooperative) => consumer.incremental_assign(&none),
        (true, _) => consumer.unassign(),
        (false, _) => release(consumer, tpl),
    };
    if let Err(error) = answered {
        tracing::debug!(%error, "answering a rebalance while closing");
    }
}

/// Gives partitions up, by the group's protocol.
pub(super) fn release(consumer: &BaseConsumer<Context>, tpl: &TopicPartitionList) -> Result<(), KafkaError> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_unassign(tpl),
        _ => consumer.unassign(),
    }
}
