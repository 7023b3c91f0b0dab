//! How fast ticks may leave: a rate in ticks a second, a speed in event time.
//!
//! Owns: their text forms and the token bucket's arithmetic.
//! Does not own: sleeping and clocks (`mod.rs`); every instant here is an argument.
//! Invariant: over any stretch a bucket lets through at most `rate * stretch + burst` ticks.

use std::time::Duration;

use super::ProduceError;

/// How long a producer that fell behind may catch up at once.
const BURST: Duration = Duration::from_millis(100);

/// Ticks a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Rate {
    /// As fast as the broker takes them.
    #[default]
    Max,
    /// At most this many a second; finite and greater than 0.
    PerSecond(f64),
}

impl Rate {
    /// Reads `max`, or ticks a second such as `5000`, `0.5`, `250k`, `1.5M`.
    ///
    /// # Errors
    /// `Invalid`, naming the text and the forms there are.
    pub fn parse(text: &str) -> Result<Self, ProduceError> {
        let lower = text.trim().to_ascii_lowercase();
        if lower == "max" {
            return Ok(Self::Max);
        }
        let (digits, unit) = match lower.strip_suffix('k') {
            Some(rest) => (rest, 1e3),
            None => lower.strip_suffix('m').map_or((lower.as_str(), 1.0), |rest| (rest, 1e6)),
        };
        match positive(digits) {
            Some(number) => Ok(Self::PerSecond(number * unit)),
            None => Err(ProduceError::Invalid(format!(
                "rate {text:?} is neither \"max\" nor a number of ticks a second greater than 0, such as 5000 or 250k"
            ))),
        }
    }
}

/// Event time against wall time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Speed {
    /// Event times do not hold ticks back.
    #[default]
    Max,
    /// Event time runs this many times as fast as the clock; finite and greater than 0.
    Times(f64),
}

impl Speed {
    /// Reads `max`, or a factor such as `1x`, `10x`, `0.5x`.
    ///
    /// # Errors
    /// `Invalid`, naming the text and the forms there are.
    pub fn parse(text: &str) -> Result<Self, ProduceError> {
        let lower = text.trim().to_ascii_lowercase();
        if lower == "max" {
            return Ok(Self::Max);
        }
        match positive(lower.strip_suffix('x').unwrap_or(&lower)) {
            Some(factor) => Ok(Self::Times(factor)),
            None => Err(ProduceError::Invalid(format!(
                "speed {text:?} is neither \"max\" nor a factor greater than 0, such as 1x (real time) or 10x"
            ))),
        }
    }

    /// When an event `event_ns` after the first one is due, counted from the first send.
    pub(super) fn due(self, event_ns: i64) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            Self::Times(factor) => Duration::try_from_secs_f64(event_ns.max(0) as f64 / 1e9 / factor).unwrap_or(Duration::MAX),
        }
    }
}

fn positive(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0 && *n <= 1e12)
}

/// A token bucket: a tick takes a token, tokens come at the rate, few can be saved.
#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: Option<f64>,
    burst: f64,
    tokens: f64,
    filled_at: Duration,
}

impl TokenBucket {
    /// A bucket holding one token at time zero.
    pub(super) fn new(rate: Rate) -> Self {
        let per_second = match rate {
            Rate::Max => None,
            Rate::PerSecond(rate) => Some(rate),
        };
        let burst = per_second.map_or(0.0, |rate| (rate * BURST.as_secs_f64()).max(1.0));
        Self { per_second, burst, tokens: 1.0, filled_at: Duration::ZERO }
    }

    /// Adds the tokens that came since the last call. `elapsed` counts from the start and never falls.
    pub(super) fn refill(&mut self, elapsed: Duration) {
        if let Some(rate) = self.per_second {
            let gained = elapsed.saturating_sub(self.filled_at).as_secs_f64() * rate;
            self.tokens = (self.tokens + gained).min(self.burst);
        }
        self.filled_at = elapsed;
    }

    /// Ticks that may leave now.
    pub(super) fn available(&self) -> u64 {
        if self.per_second.is_some() { self.tokens as u64 } else { u64::MAX }
    }

    /// Takes the tokens of `ticks` sent.
    pub(super) fn take(&mut self, ticks: u64) {
        if self.per_second.is_some() {
            self.tokens -= ticks as f64;
        }
    }

    /// How long until there is a token.
    pub(super) fn wait(&self) -> Duration {
        match self.per_second {
            Some(rate) if self.tokens < 1.0 => Duration::try_from_secs_f64((1.0 - self.tokens) / rate).unwrap_or(Duration::MAX),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_documented_form_is_read_and_rubbish_is_refused_with_a_way_out() {
        assert_eq!(Rate::parse("max"), Ok(Rate::Max));
        assert_eq!(Rate::parse("5000"), Ok(Rate::PerSecond(5000.0)));
        assert_eq!(Rate::parse("250k"), Ok(Rate::PerSecond(250_000.0)));
        assert_eq!(Rate::parse("1.5M"), Ok(Rate::PerSecond(1_500_000.0)));
        assert_eq!(Speed::parse("max"), Ok(Speed::Max));
        assert_eq!(Speed::parse("1x"), Ok(Speed::Times(1.0)));
        assert_eq!(Speed::parse("0.5"), Ok(Speed::Times(0.5)));
        for text in ["", "0", "-1", "nan", "inf", "fast", "k", "1e300"] {
            assert!(Rate::parse(text).is_err_and(|e| e.to_string().contains("250k")), "{text:?}");
            assert!(Speed::parse(text).is_err_and(|e| e.to_string().contains("10x")), "{text:?}");
        }
    }

    #[test]
    fn ten_times_the_speed_is_a_tenth_of_the_wait() {
        assert_eq!(Speed::Times(10.0).due(5_000_000_000), Duration::from_millis(500));
        assert_eq!(Speed::Max.due(5_000_000_000), Duration::ZERO);
        assert_eq!(Speed::Times(1.0).due(-5), Duration::ZERO, "an event before the first is due at once");
    }

    proptest! {
        #[test]
        fn no_more_ticks_leave_than_the_rate_allows(
            rate in 0.1_f64..1e6,
            steps in prop::collection::vec((0_u64..300_000, 0_u64..1_000_000), 1..60),
        ) {
            let mut bucket = TokenBucket::new(Rate::PerSecond(rate));
            let (mut elapsed, mut sent) = (Duration::ZERO, 0_u64);
            for (micros, wanted) in steps {
                elapsed += Duration::from_micros(micros);
                bucket.refill(elapsed);
                let ticks = bucket.available().min(wanted);
                bucket.take(ticks);
                sent += ticks;
                prop_assert!(sent as f64 <= rate * elapsed.as_secs_f64() + 1.0 + 1e-6 * sent as f64);
                prop_assert!(bucket.available() > 0 || bucket.wait() > Duration::ZERO || wanted > 0);
            }
        }
    }
}
