//! An endless, reproducible market: thousands of symbols, stochastic volatility, a U-shaped day.
//!
//! Owns: the configuration, the order of random draws, and what a simulated tick is.
//! Does not own: the time of day (`day`), who trades (`activity`), prices (`instrument`), bytes (`message`).
//! Invariant: the same configuration gives the same ticks, on any machine: draws come from ChaCha8, arithmetic is
//! IEEE basic operations and square roots, never the platform's `exp`, a map's order or a clock.

mod activity;
mod day;
mod instrument;
mod message;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp1, StandardNormal};
use ticklake_schemas::Tick;

use super::ProduceError;
use activity::{ActivityTable, symbol_names};
use day::{DayClock, subtract_work};
use instrument::{Instrument, VENUES};

/// More symbols than any venue lists.
pub const SYMBOLS_MAX: usize = 100_000;

/// Ticks a simulated second, between one in a quarter of an hour and one a nanosecond.
const TICKS_PER_SECOND: std::ops::RangeInclusive<f64> = 0.001..=1e9;

/// The year 2096: event times stay far from the end of 64-bit nanoseconds.
const START_NS_MAX: i64 = 4_000_000_000_000_000_000;

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulateConfig {
    /// Chooses the market; the same seed gives the same ticks.
    pub seed: u64,
    /// Instruments, 1 to [`SYMBOLS_MAX`].
    pub symbols: usize,
    /// No tick is at or before this instant, nanoseconds since 1970-01-01T00:00:00Z.
    pub start_ns: i64,
    /// Market-wide ticks a simulated second, averaged over a whole day.
    pub ticks_per_second: f64,
    /// Whether every hour is as busy as any other, so that the average holds at any time.
    pub steady: bool,
}

impl Default for SimulateConfig {
    /// 5,000 symbols from the New York open of 2024-01-02; 200,000 ticks take about 3 h by day, 5 h by night.
    fn default() -> Self {
        Self { seed: 42, symbols: 5_000, start_ns: 1_704_205_800_000_000_000, ticks_per_second: 15.0, steady: false }
    }
}

impl SimulateConfig {
    /// The same market, started so that its first `ticks` ticks lie before `end_ns`.
    ///
    /// Arrivals are Poisson, so their span varies: it is taken for six standard deviations (`6 * sqrt(ticks)`) more
    /// ticks than asked, which fails once in a billion runs.
    #[must_use]
    pub fn ending_by(mut self, end_ns: i64, ticks: u64) -> Self {
        let work_ns = self.work_ns_max(ticks);
        let start_ns = if self.steady { end_ns - work_ns.ceil() as i64 } else { subtract_work(end_ns, work_ns) };
        self.start_ns = start_ns.max(0);
        self
    }

    /// How long the first `ticks` ticks last at most, in nanoseconds of simulated time from `start_ns`
    /// (with the same margin as [`Self::ending_by`]).
    pub fn span_ns_max(&self, ticks: u64) -> i64 {
        self.clock().advance(self.work_ns_max(ticks)) - self.start_ns
    }

    fn clock(&self) -> DayClock {
        if self.steady { DayClock::steady(self.start_ns) } else { DayClock::new(self.start_ns) }
    }

    fn work_ns_max(&self, ticks: u64) -> f64 {
        let ticks = ticks as f64;
        (ticks + 6.0 * ticks.sqrt() + 40.0) * 1e9 / self.ticks_per_second
    }

    fn check(&self) -> Result<(), ProduceError> {
        let fault = if self.symbols == 0 || self.symbols > SYMBOLS_MAX {
            format!("symbols = {} is not between 1 and {SYMBOLS_MAX}", self.symbols)
        } else if !TICKS_PER_SECOND.contains(&self.ticks_per_second) {
            format!("ticks_per_second = {} is not between 0.001 and 1e9", self.ticks_per_second)
        } else if !(0..=START_NS_MAX).contains(&self.start_ns) {
            format!("start_ns = {} is not between 1970 and 2096", self.start_ns)
        } else {
            return Ok(());
        };
        Err(ProduceError::Invalid(format!("cannot simulate: {fault}")))
    }
}

/// A simulated tick as numbers: prices in whole cents, names as places in the simulator's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedTick {
    /// Place of the symbol; see [`Simulator::symbol`].
    pub symbol: u32,
    /// Event time, nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: i64,
    /// Trade price, cents.
    pub price_cents: i64,
    /// Best bid, cents.
    pub bid_cents: i64,
    /// Best ask, cents.
    pub ask_cents: i64,
    /// Shares.
    pub size: u32,
    /// Place of the venue.
    pub venue: u8,
    /// The symbol's own count, from 1.
    pub sequence: i64,
}

/// The market.
#[derive(Debug)]
pub struct Simulator {
    random: ChaCha8Rng,
    activity: ActivityTable,
    names: Vec<String>,
    instruments: Vec<Instrument>,
    clock: DayClock,
    mean_gap_ns: f64,
}

impl Simulator {
    /// Opens the market.
    ///
    /// # Errors
    /// `Invalid` for a configuration outside its bounds.
    pub fn new(config: &SimulateConfig) -> Result<Self, ProduceError> {
        config.check()?;
        let mut random = ChaCha8Rng::seed_from_u64(config.seed);
        let instruments = (0..config.symbols)
            .map(|_| {
                let [price, volatility, state] = std::array::from_fn(|_| StandardNormal.sample(&mut random));
                Instrument::new(config.start_ns, price, volatility, state)
            })
            .collect();
        Ok(Self {
            random,
            activity: ActivityTable::new(config.symbols),
            names: symbol_names(config.symbols),
            instruments,
            clock: config.clock(),
            mean_gap_ns: 1e9 / config.ticks_per_second,
        })
    }

    /// The next tick of the market. Times ascend strictly.
    ///
    /// Arrivals are a Poisson process whose rate follows the time of day (exponential gaps in operational time, run
    /// through the day's curve: Çinlar, *Introduction to Stochastic Processes*, 1975, ch. 4.7).
    pub fn next_tick(&mut self) -> SimulatedTick {
        let gap: f64 = Exp1.sample(&mut self.random);
        let time_ns = self.clock.advance(gap * self.mean_gap_ns);
        let symbol = self.activity.draw(self.random.next_u64());
        let shocks = [StandardNormal.sample(&mut self.random), StandardNormal.sample(&mut self.random)];
        let bits = self.random.next_u64();
        self.instruments[symbol as usize].trade(symbol, time_ns, shocks, bits)
    }

    /// The name of a symbol.
    pub fn symbol(&self, tick: &SimulatedTick) -> &str {
        &self.names[tick.symbol as usize]
    }

    /// Fills `into` with the tick, reusing its allocations.
    pub fn fill(&self, tick: &SimulatedTick, into: &mut Tick) {
        into.symbol.clear();
        into.symbol.push_str(self.symbol(tick));
        into.time_ns = tick.time_ns;
        // The nearest double to n/100 prints as that decimal: 15 digits survive the way through a double.
        into.price = tick.price_cents as f64 / 100.0;
        into.size = Some(f64::from(tick.size));
        into.bid = Some(tick.bid_cents as f64 / 100.0);
        into.ask = Some(tick.ask_cents as f64 / 100.0);
        let exchange = into.exchange.get_or_insert_default();
        exchange.clear();
        exchange.push_str(VENUES[usize::from(tick.venue)]);
        into.sequence = Some(tick.sequence);
        into.extra_members.clear();
    }

    /// Appends the tick's message: the bytes of `Tick::write_json`, without a detour through doubles.
    pub fn write_json(&self, tick: &SimulatedTick, out: &mut Vec<u8>) {
        message::write(tick, self.symbol(tick), VENUES[usize::from(tick.venue)], out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FNV-1a, 64 bit: <http://www.isthe.com/chongo/tech/comp/fnv/>.
    fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
        bytes.iter().fold(hash, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn hash_of_messages(config: &SimulateConfig, ticks: usize) -> u64 {
        let mut market = Simulator::new(config).unwrap();
        let mut message = Vec::new();
        (0..ticks).fold(0xcbf2_9ce4_8422_2325, |hash, _| {
            let tick = market.next_tick();
            message.clear();
            market.write_json(&tick, &mut message);
            fnv1a(hash, &message)
        })
    }

    #[test]
    fn the_first_10_000_messages_never_change() {
        let config = SimulateConfig::default();
        assert_eq!(format!("{:016x}", hash_of_messages(&config, 10_000)), "245746d794a81517");
        let other = SimulateConfig { seed: 43, ..config };
        assert_ne!(hash_of_messages(&other, 100), hash_of_messages(&SimulateConfig::default(), 100));
    }

    #[test]
    fn the_fast_bytes_never_differ_from_the_ticks_own() {
        let mut market = Simulator::new(&SimulateConfig { symbols: 300, ..SimulateConfig::default() }).unwrap();
        let (mut tick, mut slow, mut fast) = (Tick::default(), String::new(), Vec::new());
        for _ in 0..20_000 {
            let simulated = market.next_tick();
            market.fill(&simulated, &mut tick);
            slow.clear();
            fast.clear();
            tick.write_json(&mut slow);
            market.write_json(&simulated, &mut fast);
            assert_eq!(slow.as_bytes(), fast);
        }
    }

    #[test]
    fn a_run_that_must_end_now_never_reaches_the_future() {
        let now_ns = 1_790_000_000_000_000_000;
        for seed in 0..20 {
            let steady = seed % 2 == 1;
            let config = SimulateConfig { seed, symbols: 10, steady, ..SimulateConfig::default() }.ending_by(now_ns, 20_000);
            let mut market = Simulator::new(&config).unwrap();
            let last = (0..20_000).map(|_| market.next_tick().time_ns).last().unwrap();
            assert!(last < now_ns);
            assert!(last - config.start_ns <= config.span_ns_max(20_000));
            assert!(now_ns - last < (now_ns - config.start_ns) / 5, "ends long before now");
        }
    }

    #[test]
    fn a_steady_market_never_sends_another_number_than_was_asked_for_at_any_hour() {
        for hour in 0..24 {
            let start_ns = SimulateConfig::default().start_ns + hour * 3_600_000_000_000;
            let config =
                SimulateConfig { start_ns, ticks_per_second: 1000.0, steady: true, symbols: 10, ..SimulateConfig::default() };
            let mut market = Simulator::new(&config).unwrap();
            let end_ns = start_ns + 20_000_000_000;
            let ticks = std::iter::repeat_with(|| market.next_tick().time_ns).take_while(|time_ns| *time_ns <= end_ns).count();
            // Six standard deviations of a Poisson process.
            assert!(ticks.abs_diff(20_000) < 850, "{ticks} in 20 s at hour {hour}");
        }
    }

    #[test]
    fn the_demo_spans_hours_not_weeks() {
        for hour in 0..24 {
            let start_ns = SimulateConfig::default().start_ns + hour * 3_600_000_000_000;
            let span = SimulateConfig { start_ns, ..SimulateConfig::default() }.span_ns_max(200_000) / 60_000_000_000;
            assert!((110..=330).contains(&span), "{span} minutes");
        }
    }

    #[test]
    fn bounds_are_told() {
        for config in [
            SimulateConfig { symbols: 0, ..SimulateConfig::default() },
            SimulateConfig { ticks_per_second: f64::NAN, ..SimulateConfig::default() },
            SimulateConfig { start_ns: -1, ..SimulateConfig::default() },
        ] {
            assert!(matches!(Simulator::new(&config), Err(ProduceError::Invalid(_))));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_tick_is_one_a_market_could_print(
            seed: u64,
            symbols in 1_usize..200,
            ticks_per_second in 0.01_f64..1e7,
        ) {
            let config = SimulateConfig { seed, symbols, ticks_per_second, ..SimulateConfig::default() };
            let mut market = Simulator::new(&config).unwrap();
            let mut sequences = vec![0; symbols];
            let mut time_ns = config.start_ns;
            for _ in 0..2_000 {
                let tick = market.next_tick();
                prop_assert!(0 < tick.bid_cents && tick.bid_cents <= tick.price_cents && tick.price_cents <= tick.ask_cents);
                prop_assert!(tick.bid_cents < tick.ask_cents && tick.size > 0);
                prop_assert!(tick.time_ns > time_ns);
                time_ns = tick.time_ns;
                let sequence = &mut sequences[tick.symbol as usize];
                *sequence += 1;
                prop_assert_eq!(tick.sequence, *sequence);
            }
        }
    }
}
