//! Who trades: the symbols' names and how often each is drawn.
//!
//! Owns: the Zipf weights, the alias table over them, the tickers.
//! Does not own: the random bits.
//! Invariant: names are unique; a draw is one table look-up whatever the number of symbols.

/// The best-known tickers stand first and trade most, so that an example query finds them. Their prices are invented.
const KNOWN: [&str; 20] = [
    "NVDA", "TSLA", "AAPL", "AMD", "AMZN", "MSFT", "META", "GOOGL", "NFLX", "INTC", "BAC", "JPM", "XOM", "WMT", "KO", "DIS",
    "IBM", "GE", "F", "T",
];

/// Shift of Zipf-Mandelbrot: weight `1 / (rank + shift)`, so that the first symbol does not eclipse the rest.
const ZIPF_SHIFT: f64 = 2.7;

/// Names of `count` symbols, most active first.
pub(super) fn symbol_names(count: usize) -> Vec<String> {
    let known = KNOWN.iter().map(|&name| name.to_owned());
    known.chain((0..).map(four_letters).filter(|name| !KNOWN.contains(&name.as_str()))).take(count).collect()
}

/// The `index`-th four-letter ticker, in a scattered order: 104,729 is prime, hence a permutation of 26^4 = 456,976.
fn four_letters(index: u64) -> String {
    let mut code = (index * 104_729 + 17) % 456_976;
    let mut name = String::with_capacity(4);
    for _ in 0..4 {
        name.push(char::from(b'A' + (code % 26) as u8));
        code /= 26;
    }
    name
}

/// Draws symbols with Zipf-Mandelbrot weights in constant time (alias method: Walker 1977; tables built as in Vose,
/// "A Linear Algorithm for Generating Random Numbers with a Given Distribution", IEEE TSE 17(9), 1991).
#[derive(Debug)]
pub(super) struct ActivityTable {
    /// For each column: the share (of 2^32) it keeps, and who gets the rest.
    columns: Vec<(u32, u32)>,
}

impl ActivityTable {
    /// A table over `count` symbols, ranked by their place.
    pub(super) fn new(count: usize) -> Self {
        let weights: Vec<f64> = (0..count).map(|rank| 1.0 / (rank as f64 + 1.0 + ZIPF_SHIFT)).collect();
        let mean = weights.iter().sum::<f64>() / count as f64;
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut columns: Vec<(u32, u32)> = (0..count).map(|column| (u32::MAX, column as u32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|&column| shares[column] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            columns[poor] = ((shares[poor] * 4_294_967_296.0) as u32, rich as u32);
            shares[rich] -= 1.0 - shares[poor];
            if shares[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { columns }
    }

    /// The symbol chosen by 64 random bits: the upper half picks a column (multiply and shift: Lemire, "Fast Random
    /// Integer Generation in an Interval", ACM TOMACS 29, 2019), the lower half chooses within it.
    pub(super) fn draw(&self, bits: u64) -> u32 {
        let column = (((bits >> 32) * self.columns.len() as u64) >> 32) as u32;
        let (kept, alias) = self.columns[column as usize];
        if bits as u32 <= kept { column } else { alias }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

    #[test]
    fn no_name_is_given_twice() {
        let names = symbol_names(super::super::SYMBOLS_MAX);
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        assert_eq!(symbol_names(3), ["NVDA", "TSLA", "AAPL"]);
    }

    #[test]
    fn symbols_are_drawn_as_often_as_zipf_says() {
        let (count, draws) = (1_000, 2_000_000);
        let table = ActivityTable::new(count);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut seen = vec![0_u32; count];
        for _ in 0..draws {
            seen[table.draw(random.next_u64()) as usize] += 1;
        }
        let total: f64 = (0..count).map(|rank| 1.0 / (rank as f64 + 1.0 + ZIPF_SHIFT)).sum();
        for (rank, &seen) in seen.iter().enumerate() {
            let expected = f64::from(draws) / (rank as f64 + 1.0 + ZIPF_SHIFT) / total;
            assert!((f64::from(seen) - expected).abs() < 6.0 * expected.sqrt(), "rank {rank}: {seen} for {expected}");
        }
        assert_eq!(ActivityTable::new(1).draw(u64::MAX), 0);
    }
}
