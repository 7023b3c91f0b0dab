//! What a window brings with it, seen before it is published.
//!
//! Owns: where its offsets end, its newest times, how late its ticks came.
//! Does not own: whether it was published (`pipeline`), what is made of these facts (`progress`).
//! Invariant: pure; says nothing about a window that never landed.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use ticklake_lake::Histogram;
use ticklake_lake::window::ClosedWindow;

use crate::source::kafka::Cursors;

/// A minute, an hour, a day: beyond the first a tick is late.
const LATENESS_SECONDS: [f64; 3] = [60.0, 3600.0, 86_400.0];
const NS_PER_SECOND: f64 = 1e9;

/// The facts of a window, or of all windows so far.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    /// The next offset, by partition.
    pub(crate) ends: Cursors,
    /// Seconds from a tick's event time to its Kafka time; an event of the future counts as 0.
    pub(crate) lateness: Histogram,
    /// Nanoseconds since the epoch.
    pub(crate) newest_event_ns: Option<i64>,
    /// Nanoseconds since the epoch.
    pub(crate) newest_kafka_ns: Option<i64>,
}

impl Default for Landing {
    fn default() -> Self {
        Self { ends: Cursors::new(), lateness: Histogram::new(&LATENESS_SECONDS), newest_event_ns: None, newest_kafka_ns: None }
    }
}

impl Landing {
    /// The facts of a window.
    pub(crate) fn of(window: &ClosedWindow) -> Self {
        let mut landing = Self { ends: window.span.iter().map(|(p, _, to)| (p, to)).collect(), ..Self::default() };
        window.batches.iter().for_each(|rows| landing.see(rows));
        landing
    }

    /// Adds a later window.
    pub(crate) fn extend(&mut self, later: Self) {
        self.ends.extend(later.ends);
        self.lateness.add(&later.lateness);
        self.newest_event_ns = self.newest_event_ns.max(later.newest_event_ns);
        self.newest_kafka_ns = self.newest_kafka_ns.max(later.newest_kafka_ns);
    }

    fn see(&mut self, rows: &RecordBatch) {
        let (Some(event), Some(kafka)) = (rows.column_by_name("time_ns"), rows.column_by_name("kafka_time")) else { return };
        let (event, kafka) = (event.as_primitive::<Int64Type>(), kafka.as_primitive::<TimestampMicrosecondType>());
        self.newest_event_ns = self.newest_event_ns.max(arrow::compute::max(event));
        self.newest_kafka_ns = self.newest_kafka_ns.max(arrow::compute::max(kafka).map(|us| us.saturating_mul(1000)));
        for row in (0..rows.num_rows()).filter(|row| kafka.is_valid(*row)) {
            let late_ns = kafka.value(row).saturating_mul(1000).saturating_sub(event.value(row)).max(0);
            self.lateness.observe(late_ns as f64 / NS_PER_SECOND);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::Decoder;
    use crate::source::RawBatch;
    use ticklake_lake::window::{Batch, Window};

    #[test]
    fn lateness_is_never_counted_in_the_wrong_bucket() {
        const DAY_S: i64 = 86_400;
        let mut raw = RawBatch { topic: Arc::from("t"), ..RawBatch::default() };
        for (offset, late_s) in [-5, 0, 60, 61, 3601, DAY_S + 1].into_iter().enumerate() {
            let tick = format!(r#"{{"symbol":"A","price":1,"time":{}}}"#, 10 * DAY_S - late_s);
            raw.push(3, offset as i64, (late_s != 0).then_some(10 * DAY_S * 1000), None, Some(tick.as_bytes()));
        }
        raw.span.extend(3, 0, 6).unwrap();
        let decoded = Decoder::new().decode(&raw, 20 * DAY_S * 1_000_000_000);
        let mut window = Window::open(0);
        window.add(Batch { rows: decoded.rows, rejects: decoded.rejects, span: raw.span }, 0).unwrap();
        let landing = Landing::of(&window.close());
        let counts: Vec<u64> = landing.lateness.buckets().into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 1, 1, 1], "the one without a Kafka time has no lateness");
        assert_eq!(landing.newest_event_ns, Some((10 * DAY_S + 5) * 1_000_000_000));
        assert_eq!(landing.newest_kafka_ns, Some(10 * DAY_S * 1_000_000_000));
        assert_eq!(landing.ends, Cursors::from([(3, 6)]));
    }
}
