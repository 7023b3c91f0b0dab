//! The circuit breaker: a feed that is mostly rejects is stopped before it is eaten silently.
//!
//! Owns: judging a window's rejects.
//! Does not own: what is a reject (`decode`), stopping (`publishing`).
//! Invariant: pure; a window that trips it is not committed, so nothing of it is lost.

use std::collections::BTreeMap;

use ticklake_lake::window::ClosedWindow;

use crate::error::IngestError;

/// When a window's rejects stop the ingester.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RejectLimits {
    /// Share of rejects among a window's messages that is still taken, 0 to 1; 1 takes everything.
    pub ratio_max: f64,
    /// A window with fewer rejects never stops: a quiet feed may well be one bad message long.
    pub count_min: usize,
}

impl Default for RejectLimits {
    fn default() -> Self {
        Self { ratio_max: 0.5, count_min: 1000 }
    }
}

impl RejectLimits {
    /// Lets a window pass, or says why not.
    ///
    /// # Errors
    /// `Invalid` when too much of it is no tick.
    pub fn judge(&self, source: &str, window: &ClosedWindow) -> Result<(), IngestError> {
        let (rejects, messages) = (window.rejects.len(), window.rejects.len() + window.rows);
        if rejects < self.count_min || rejects as f64 <= self.ratio_max * messages as f64 {
            return Ok(());
        }
        let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
        for reject in &window.rejects {
            *classes.entry(reject.class.as_str()).or_default() += 1;
        }
        let most = classes.into_iter().max_by_key(|(_, count)| *count).map_or("none", |(class, _)| class);
        let first = window.rejects.iter().find(|reject| reject.class.as_str() == most);
        let first = first.map(|r| format!("{source}/{} offset {}: {}", r.partition, r.offset, r.reason)).unwrap_or_default();
        Err(IngestError::Invalid(format!(
            "{rejects} of {messages} messages of a window of {source} are not ticks, mostly {most} (first at {first}); \
             nothing of this window is committed; mend the producer, or take them as dead letters with --reject-ratio-max 1"
        )))
    }
}

#[cfg(test)]
mod tests {
    use ticklake_lake::window::{Batch, Window};
    use ticklake_lake::{Reject, Span};
    use ticklake_schemas::RejectClass;

    use super::*;
    use crate::decode::Decoder;
    use crate::source::RawBatch;

    fn window(ticks: i64, bad: i64) -> ClosedWindow {
        let mut raw = RawBatch { topic: "t".into(), ..RawBatch::default() };
        for offset in 0..ticks {
            raw.push(0, offset, None, None, Some(br#"{"symbol":"A","time":1700000000,"price":1}"#));
        }
        let rows = Decoder::new().decode(&raw, 1_700_000_000_000_000_000).rows;
        let reject = |offset| Reject {
            partition: 0,
            offset,
            timestamp_ms: None,
            key: None,
            headers: Vec::new(),
            payload: None,
            class: RejectClass::Tombstone,
            reason: "the record has a null value".into(),
        };
        let mut span = Span::default();
        span.extend(0, 0, ticks + bad).unwrap();
        let mut window = Window::open(0);
        window.add(Batch { rows, rejects: (ticks..ticks + bad).map(reject).collect(), span }, 0).unwrap();
        window.close()
    }

    #[test]
    fn a_broken_feed_is_never_eaten_silently() {
        let limits = RejectLimits { ratio_max: 0.5, count_min: 10 };
        assert!(limits.judge("t", &window(20, 20)).is_ok(), "half is still taken");
        assert!(limits.judge("t", &window(0, 9)).is_ok(), "a few bad messages are not a broken feed");
        let stopped = limits.judge("t", &window(20, 21)).unwrap_err().to_string();
        assert!(
            stopped.starts_with("21 of 41 messages of a window of t are not ticks, mostly tombstone (first at t/0 offset 20:"),
            "{stopped}"
        );
        assert!(RejectLimits { ratio_max: 1.0, count_min: 0 }.judge("t", &window(0, 5)).is_ok());
    }
}
