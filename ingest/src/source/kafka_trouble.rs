//! Telling of a Kafka that is away without filling the log.
//!
//! Owns: which errors are of one kind, when a kind is told again, when Kafka is back.
//! Does not own: hearing of errors and of what stands (`kafka_rebalance`).
//! Invariant: pure; each kind is told at once, then once a minute at most, with how many were kept back; an end of what was
//! told is told, too.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What was met and told so far.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// By kind of error.
    told: BTreeMap<i32, Told>,
    /// Since when no broker could be reached.
    away_since: Option<Instant>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    kept_back: u64,
}

/// Errors of one outage come by many names.
fn kind(code: Option<RDKafkaErrorCode>) -> i32 {
    use RDKafkaErrorCode as Code;
    match code {
        Some(Code::AllBrokersDown | Code::Resolve | Code::OperationTimedOut) => Code::BrokerTransportFailure as i32,
        other => other.map_or(0, |code| code as i32),
    }
}

impl Trouble {
    /// An error; when it is to be told, how many like it were kept back since it was told last.
    pub(super) fn met(&mut self, code: Option<RDKafkaErrorCode>, now: Instant) -> Option<u64> {
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.away_since.get_or_insert(now);
        }
        let kind = kind(code);
        match self.told.get_mut(&kind) {
            Some(told) if now.saturating_duration_since(told.at) < AGAIN_AFTER => {
                told.kept_back += 1;
                None
            }
            told => {
                let kept_back = told.map_or(0, |told| told.kept_back);
                self.told.insert(kind, Told { at: now, kept_back: 0 });
                Some(kept_back)
            }
        }
    }

    /// Whether any broker can be reached; for how long none could, when that is news.
    pub(super) fn stands(&mut self, reached: bool, now: Instant) -> Option<Duration> {
        let since = self.away_since.take_if(|_| reached)?;
        // The next outage is news.
        self.told.clear();
        Some(now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use RDKafkaErrorCode as Code;

    use super::*;

    #[test]
    fn an_outage_never_fills_the_log_nor_ends_unsaid() {
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        let mut trouble = Trouble::default();
        let names = [Code::BrokerTransportFailure, Code::AllBrokersDown, Code::Resolve];
        let told: Vec<u64> =
            (0..180_000).step_by(100).filter_map(|ms| trouble.met(Some(names[ms as usize / 100 % 3]), at(ms))).collect();
        assert_eq!(told, [0, 599, 599], "at once, and after each minute");
        assert_eq!(trouble.met(Some(Code::GroupAuthorizationFailed), at(180_000)), Some(0), "what is no outage is news");
        assert_eq!(trouble.stands(false, at(180_000)), None);
        assert_eq!(trouble.stands(true, at(180_100)), Some(Duration::from_secs(180)));
        assert_eq!(trouble.stands(true, at(180_200)), None, "said once");
        assert_eq!(trouble.met(Some(Code::BrokerTransportFailure), at(181_000)), Some(0), "the next outage");
        assert_eq!(trouble.stands(true, at(182_000)), None, "one broker of several");
    }
}
