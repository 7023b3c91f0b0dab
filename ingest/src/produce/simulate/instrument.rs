//! One instrument: its hidden value and volatility, and the quote and trade it prints.
//!
//! Owns: the price model and the tick grid (0.01).
//! Does not own: when it trades, and where its randomness comes from.
//! Invariant: 0 < bid <= price <= ask in whole cents, whatever the shocks.

use super::SimulatedTick;

/// Venues by ISO 10383 market identifier code.
pub(super) const VENUES: [&str; 6] = ["XNAS", "XNYS", "ARCX", "BATS", "EDGX", "IEXG"];
/// Sixteen draws over the venues: the first print most.
const VENUE_BY_DRAW: [u8; 16] = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5];

/// Square root of the seconds of a year, rounded: a market that never closes.
const YEAR_SQRT_S: f64 = 5_617.6;
/// Standard deviation of log volatility around its mean.
const VOLATILITY_OF_VOLATILITY: f64 = 0.4;
/// Pull of log volatility back to its mean, a second: a half-life of about an hour.
const REVERSION_PER_S: f64 = 1.9e-4;
/// Correlation of price and volatility shocks: falling prices, rising volatility.
const LEVERAGE: f64 = -0.4;
/// Values are held in here, dollars: no penny stock, no overflow of cents.
const VALUE: (f64, f64) = (1.0, 100_000.0);
/// Largest move between two trades, as a logarithm.
const MOVE_MAX: f64 = 0.2;

/// State of one instrument.
#[derive(Debug)]
pub(super) struct Instrument {
    value: f64,
    /// Volatility at its mean, a square root of a second.
    volatility: f64,
    /// Logarithm of volatility over its mean.
    log_volatility: f64,
    last_ns: i64,
    sequence: i64,
}

impl Instrument {
    /// An instrument at `start_ns`, from three standard normal draws: log-normal price around $60, log-normal yearly
    /// volatility around 30 %, and its state drawn from the stationary law.
    pub(super) fn new(start_ns: i64, price: f64, volatility: f64, state: f64) -> Self {
        Self {
            value: (60.0 * exp(0.9 * price)).clamp(2.0, 5_000.0),
            volatility: 0.3 * exp(0.35 * volatility) / YEAR_SQRT_S,
            log_volatility: VOLATILITY_OF_VOLATILITY * state,
            last_ns: start_ns,
            sequence: 0,
        }
    }

    /// Trades at `time_ns`: two standard normal shocks move the value and its volatility, `bits` choose the rest.
    pub(super) fn trade(&mut self, symbol: u32, time_ns: i64, shocks: [f64; 2], bits: u64) -> SimulatedTick {
        self.drift((time_ns - self.last_ns) as f64 / 1e9, shocks);
        self.last_ns = time_ns;
        self.sequence += 1;
        let cents = self.value * 100.0;
        // Around 1 to 4 basis points, wider when volatile, one cent at least: as liquid stocks quote.
        let width = 1.0 + 1.5e-4 * cents * exp(self.log_volatility) * uniform(bits >> 40);
        let bid_cents = ((cents - width / 2.0) as i64).max(1);
        let ask_cents = bid_cents + width as i64;
        SimulatedTick {
            symbol,
            time_ns,
            price_cents: price_within(cents, bid_cents, ask_cents, bits & 7),
            bid_cents,
            ask_cents,
            size: size(bits >> 3),
            venue: VENUE_BY_DRAW[(bits >> 24 & 15) as usize],
            sequence: self.sequence,
        }
    }

    /// Moves value and volatility over `seconds`.
    ///
    /// Log volatility is an Ornstein-Uhlenbeck process taken by its exact AR(1) step (Scott, "Option Pricing when the
    /// Variance Changes Randomly", J. Financial and Quantitative Analysis 22, 1987; Taylor, *Modelling Financial Time
    /// Series*, 1986, ch. 3); given it, the value is a geometric Brownian motion without drift (Euler step of
    /// d ln V = -s²/2 dt + s dW), its shock correlated with volatility's.
    fn drift(&mut self, seconds: f64, [price, other]: [f64; 2]) {
        let memory = exp(-REVERSION_PER_S * seconds);
        let shock = LEVERAGE * price + (1.0 - LEVERAGE * LEVERAGE).sqrt() * other;
        let deviation = self.volatility * exp(self.log_volatility) * seconds.sqrt();
        let step = (deviation * price - deviation * deviation / 2.0).clamp(-MOVE_MAX, MOVE_MAX);
        self.value = (self.value * exp(step)).clamp(VALUE.0, VALUE.1);
        self.log_volatility =
            memory * self.log_volatility + VOLATILITY_OF_VOLATILITY * (1.0 - memory * memory).max(0.0).sqrt() * shock;
    }
}

/// Mostly at the bid or the ask, which makes returns bounce (Roll, "A Simple Implicit Measure of the Effective Bid-Ask
/// Spread", J. Finance 39, 1984), sometimes between.
fn price_within(cents: f64, bid_cents: i64, ask_cents: i64, draw: u64) -> i64 {
    match draw {
        0..3 => bid_cents,
        3..6 => ask_cents,
        _ => ((cents + 0.5) as i64).clamp(bid_cents, ask_cents),
    }
}

/// Shares: two in five trades an odd lot, the rest round lots of 100 halving in frequency with each further lot.
fn size(bits: u64) -> u32 {
    let (kind, odd, lots) = (bits & 255, bits >> 8 & 255, bits >> 24 & 1023);
    if kind < 102 { 1 + (odd % 99) as u32 } else { 100 * (1 + lots.trailing_ones()) }
}

/// 24 bits as a number in [0, 2).
fn uniform(bits: u64) -> f64 {
    (bits & 0xff_ffff) as f64 / 8_388_608.0
}

/// e^x, held to |x| <= 8, within 1e-7: Taylor's polynomial at x/32, squared five times. The platform's `exp` may differ
/// in the last bit from machine to machine, basic operations may not.
fn exp(x: f64) -> f64 {
    let y = x.clamp(-8.0, 8.0) / 32.0;
    let mut power =
        1.0 + y * (1.0 + y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0 * (1.0 + y / 6.0 * (1.0 + y / 7.0))))));
    for _ in 0..5 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exp_is_e_to_the_x() {
        for i in -800..=800 {
            let x = f64::from(i) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-7, "{x}");
        }
    }

    #[test]
    fn trades_are_of_every_size_and_venue() {
        let mut instrument = Instrument::new(0, 0.0, 0.0, 0.0);
        let (mut venues, mut odd, mut round) = ([0; VENUES.len()], 0, 0);
        for n in 0..10_000_u64 {
            let bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            let tick = instrument.trade(0, n as i64 * 1_000_000, [0.0, 0.0], bits);
            venues[usize::from(tick.venue)] += 1;
            if tick.size.is_multiple_of(100) { round += 1 } else { odd += 1 }
        }
        assert!(venues.iter().all(|&n| n > 300), "{venues:?}");
        assert!((3_500..4_500).contains(&odd) && round > 5_000, "{odd} odd, {round} round");
    }

    proptest! {
        #[test]
        fn no_shock_breaks_the_quote(
            shocks in prop::collection::vec((-9.0_f64..9.0, -9.0_f64..9.0, any::<u64>(), 1_i64..1_000_000_000_000_000), 1..50),
        ) {
            let mut instrument = Instrument::new(0, 0.0, 3.0, 3.0);
            let mut time_ns = 0;
            for (price, other, bits, gap_ns) in shocks {
                time_ns += gap_ns;
                let tick = instrument.trade(0, time_ns, [price, other], bits);
                prop_assert!(0 < tick.bid_cents && tick.bid_cents <= tick.price_cents && tick.price_cents <= tick.ask_cents);
                prop_assert!(tick.ask_cents < 20_000_000 && tick.size > 0);
            }
        }
    }
}
