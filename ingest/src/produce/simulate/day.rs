//! The simulated day: how busy the market is by time of day, and time run through that curve.
//!
//! Owns: the activity curve (UTC, quarter hours) and operational time: work of 1 ns passes in 1 ns of an average day.
//! Does not own: randomness.
//! Invariant: adding work and subtracting it again comes back to the same instant, to the nanosecond's rounding.

use std::sync::LazyLock;

const QUARTER_NS: i64 = 900_000_000_000;
const QUARTERS: usize = 96;
/// New York's session in winter, 14:30 to 21:00 UTC, in quarter hours of the UTC day.
const SESSION: std::ops::Range<usize> = 58..84;

/// Activity by quarter hour, mean 1. Inside the session it is the U every market shows (Wood, McInish and Ord, "An
/// Investigation of Transactions Data for NYSE Stocks", J. Finance 40, 1985; explained by Admati and Pfleiderer,
/// Rev. Financial Studies 1, 1988), outside it flat and lower: a market that never closes, so that a demo runs at any hour.
static ACTIVITY: LazyLock<[f64; QUARTERS]> = LazyLock::new(|| {
    let raw: [f64; QUARTERS] = std::array::from_fn(|quarter| {
        if SESSION.contains(&quarter) {
            let across = (quarter - SESSION.start) as f64 / (SESSION.len() - 1) as f64;
            0.9 + 1.6 * (2.0 * across - 1.0) * (2.0 * across - 1.0)
        } else {
            0.75
        }
    });
    let mean = raw.iter().sum::<f64>() / QUARTERS as f64;
    raw.map(|activity| activity / mean)
});

/// Activity during the quarter hour that holds `time_ns`.
fn activity(time_ns: i64) -> f64 {
    let quarter = time_ns.div_euclid(QUARTER_NS).rem_euclid(QUARTERS as i64);
    ACTIVITY[quarter as usize]
}

/// The instant `work_ns` of operational time before `time_ns`.
pub(super) fn subtract_work(mut time_ns: i64, mut work_ns: f64) -> i64 {
    loop {
        let begin_ns = (time_ns - 1).div_euclid(QUARTER_NS) * QUARTER_NS;
        let activity = activity(begin_ns);
        let room_ns = (time_ns - begin_ns) as f64 * activity;
        if work_ns <= room_ns || begin_ns <= 0 {
            return time_ns - (work_ns / activity).ceil() as i64;
        }
        work_ns -= room_ns;
        time_ns = begin_ns;
    }
}

/// A clock that runs fast through quiet hours and slowly through busy ones.
#[derive(Debug)]
pub(super) struct DayClock {
    now_ns: i64,
    quarter_end_ns: i64,
    activity: f64,
}

impl DayClock {
    /// A clock standing at `now_ns`.
    pub(super) fn new(now_ns: i64) -> Self {
        let quarter_end_ns = (now_ns.div_euclid(QUARTER_NS) + 1).saturating_mul(QUARTER_NS);
        Self { now_ns, quarter_end_ns, activity: activity(now_ns) }
    }

    /// A clock standing at `now_ns` for which every hour is an average one.
    pub(super) fn steady(now_ns: i64) -> Self {
        Self { now_ns, quarter_end_ns: i64::MAX, activity: 1.0 }
    }

    /// Moves on by `work_ns` of operational time, at least one nanosecond; the new time.
    pub(super) fn advance(&mut self, mut work_ns: f64) -> i64 {
        let mut from_ns = self.now_ns;
        loop {
            let room_ns = (self.quarter_end_ns - from_ns) as f64 * self.activity;
            if work_ns < room_ns || self.quarter_end_ns == i64::MAX {
                let reached_ns = from_ns.saturating_add((work_ns / self.activity) as i64);
                self.now_ns = reached_ns.max(self.now_ns.saturating_add(1));
                return self.now_ns;
            }
            work_ns -= room_ns;
            from_ns = self.quarter_end_ns;
            self.activity = activity(from_ns);
            self.quarter_end_ns = from_ns.saturating_add(QUARTER_NS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_NS: i64 = 86_400_000_000_000;

    #[test]
    fn a_day_of_work_is_a_day_and_the_session_is_u_shaped() {
        let noon_ns = 1_704_196_800_000_000_000;
        assert!((DayClock::new(noon_ns).advance(DAY_NS as f64) - noon_ns - DAY_NS).abs() < 1_000);
        let (open, middle, close) = (ACTIVITY[58], ACTIVITY[70], ACTIVITY[83]);
        assert!(open > 2.0 * middle && close > 2.0 * middle && middle > ACTIVITY[0]);
    }

    proptest! {
        #[test]
        fn work_added_is_work_subtracted(time_ns in 1_000 * DAY_NS..30_000 * DAY_NS, work_ns in 1.0_f64..3e14) {
            let there = DayClock::new(time_ns).advance(work_ns);
            prop_assert!(there > time_ns);
            prop_assert!((subtract_work(there, work_ns) - time_ns).abs() < 1_000);
        }
    }
}
