//! Ticks that Kafka has and the lake has not yet, for `lake-sql`.
//!
//! Owns: joining what may not know each other: the ingester's tail of a topic and the query engine's seam for it.
//! Does not own: either of them.

use std::sync::Arc;

use ticklake_ingest::IngestError;
use ticklake_ingest::source::kafka::{KafkaConfig, Membership};
use ticklake_ingest::tail::{Tail, TailConfig};
use ticklake_lake::SourceId;
use ticklake_lake::clock::SystemClock;
use ticklake_query::{Live, QueryError, TailRows};

use crate::settings::Settings;

/// What is held of a topic at most, whatever the number of its ticks.
const BYTES_MAX: usize = 1 << 30;

/// What the settings' topic has beyond the lake; none where no brokers are named. Kafka is not asked before a statement is.
pub(crate) fn of(settings: &Settings, rows_max: usize) -> Option<Live> {
    if settings.kafka_brokers.is_empty() {
        return None;
    }
    let kafka = KafkaConfig {
        brokers: settings.kafka_brokers.clone(),
        topic: settings.kafka_topic.clone(),
        group: settings.kafka_group.clone(),
        membership: Membership::All,
        on_gap: settings.kafka_on_gap,
        librdkafka: settings.librdkafka.clone(),
    };
    let config = TailConfig { kafka, source: SourceId::new(settings.source()), rows_max, bytes_max: BYTES_MAX };
    let tail = Tail::follow(config, Arc::new(SystemClock));
    Some(Live::new(settings.source(), move |log| {
        let tail = tail.clone();
        Box::pin(async move {
            let ticks = tail.ticks(log).await.map_err(told)?;
            Ok(TailRows { rows: ticks.rows, span: ticks.span })
        })
    }))
}

fn told(error: IngestError) -> QueryError {
    match error {
        IngestError::Lake(error) => QueryError::Lake(error),
        IngestError::Unavailable(why) | IngestError::Missing(why) => QueryError::Unavailable(why),
        IngestError::Invalid(why) => QueryError::Sql(why),
    }
}
