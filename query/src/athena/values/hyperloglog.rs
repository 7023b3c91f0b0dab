//! Sketches of how many different values there are: HyperLogLog.
//!
//! Owns: taking hashes in, merging, the estimate, and the bytes that Trino's sketches are: few hashes by their first bits, many by
//! registers. After P. Flajolet and others, and S. Heule and others ("HyperLogLog in Practice").
//! Does not own: hashes of values.
//! Invariant: the same hashes give the same sketch, in whatever order. Where Trino corrects the registers' estimate by a table of
//! measured biases, O. Ertl's estimator stands, which has none ("New cardinality estimation algorithms for HyperLogLog sketches").

/// Bits of a hash that tell few hashes apart.
const PREFIX_BITS: u8 = 26;
/// Bits for how many zeros follow them.
const ZERO_BITS: u8 = 6;
/// How many more entries a sketch of few hashes makes room for at a time.
const ROOM: usize = 10;
/// What a register's four bits hold.
const DELTA_MAX: u8 = 15;
/// The share of empty registers above which they are counted.
const EMPTY_SHARE: f64 = 0.4;

/// The formats' numbers in front of the bytes.
const SPARSE: u8 = 2;
const DENSE: u8 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HyperLogLog {
    /// Of a register's number.
    bits: u8,
    kept: Kept,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// The first bits of each hash and the zeros that follow, in order; and the room for them.
    Sparse(Vec<u32>, usize),
    /// For each register the most zeros seen, and one.
    Dense(Vec<u8>),
}

impl HyperLogLog {
    /// Of `2^bits` registers.
    pub(crate) fn new(bits: u8) -> Self {
        Self { bits, kept: Kept::Sparse(Vec::new(), 1) }
    }

    /// With as many registers as a standard error asks for.
    pub(crate) fn within(error: f64) -> Self {
        let registers = (1.04 * 1.04 / (error * error)).ceil();
        let bits = (1..PREFIX_BITS).find(|bits| f64::from(1_u32 << bits) >= registers);
        Self::new(bits.unwrap_or(PREFIX_BITS))
    }

    /// What it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.kept {
            Kept::Sparse(entries, _) => entries.capacity() * size_of::<u32>(),
            Kept::Dense(registers) => registers.capacity(),
        }
    }

    pub(crate) fn add(&mut self, hash: u64) {
        match &mut self.kept {
            Kept::Sparse(entries, room) => {
                let prefix = hash >> (64 - PREFIX_BITS);
                insert(entries, u32::try_from(prefix << ZERO_BITS).unwrap_or(0) | zeros(hash, PREFIX_BITS));
                while *room < entries.len() {
                    *room += ROOM;
                }
                let room = *room;
                self.spread(room);
            }
            Kept::Dense(registers) => {
                let register = usize::try_from(hash >> (64 - self.bits)).unwrap_or(0);
                raise(registers, register, zeros(hash, self.bits) + 1);
            }
        }
    }

    /// Takes in another's hashes; `Err` tells its number of registers where that is another.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), (u32, u32)> {
        if self.bits != other.bits {
            return Err((1 << self.bits, 1 << other.bits));
        }
        match (&mut self.kept, &other.kept) {
            (Kept::Sparse(entries, room), Kept::Sparse(others, _)) => {
                others.iter().for_each(|entry| insert(entries, *entry));
                *room = entries.len();
                let room = *room;
                self.spread(room);
            }
            _ => {
                let others = other.registers();
                let mut registers = self.registers();
                others.iter().enumerate().for_each(|(at, value)| raise(&mut registers, at, u32::from(*value)));
                self.kept = Kept::Dense(registers);
            }
        }
        Ok(())
    }

    /// Registers, once they take no more memory than the entries.
    fn spread(&mut self, room: usize) {
        if room * 4 > (1_usize << self.bits) / 2 + 16 {
            self.kept = Kept::Dense(self.registers());
        }
    }

    fn registers(&self) -> Vec<u8> {
        let entries = match &self.kept {
            Kept::Dense(registers) => return registers.clone(),
            Kept::Sparse(entries, _) => entries,
        };
        let mut registers = vec![0; 1 << self.bits];
        for entry in entries {
            let within = u32::from(PREFIX_BITS - self.bits);
            let zeros = (entry << self.bits).leading_zeros();
            // Past the entry's own bits it tells how many follow.
            let zeros = if zeros >= within { within + (entry & ((1 << ZERO_BITS) - 1)) } else { zeros };
            raise(&mut registers, (entry >> (32 - self.bits)) as usize, zeros + 1);
        }
        registers
    }

    /// About how many different hashes there were.
    pub(crate) fn cardinality(&self) -> f64 {
        let registers = match &self.kept {
            Kept::Sparse(entries, _) => return linear(f64::from(1_u32 << PREFIX_BITS), entries.len() as f64),
            Kept::Dense(registers) => registers,
        };
        let count = registers.len() as f64;
        let empty = registers.iter().filter(|value| **value == 0).count() as f64;
        if empty > EMPTY_SHARE * count {
            return linear(count, count - empty);
        }
        let sum: f64 = registers.iter().map(|value| (-f64::from(*value)).exp2()).sum();
        let alpha = match self.bits {
            4 => 0.673,
            5 => 0.697,
            6 => 0.709,
            _ => 0.7213 / (1.0 + 1.079 / count),
        };
        let raw = alpha * count * count / sum;
        // Beyond, the bias is none.
        if raw > 5.0 * count { raw } else { self.unbiased(registers, count) }
    }

    /// Ertl's estimate.
    fn unbiased(&self, registers: &[u8], count: f64) -> f64 {
        let last = usize::from(64 - self.bits);
        let mut of_value = vec![0.0; last + 2];
        registers.iter().for_each(|value| of_value[usize::from(*value).min(last + 1)] += 1.0);
        let mut z = count * tau(1.0 - of_value[last + 1] / count);
        for value in (1..=last).rev() {
            z = 0.5 * (z + of_value[value]);
        }
        z += count * sigma(of_value[0] / count);
        count * count / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// As Trino stores it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let registers = match &self.kept {
            Kept::Sparse(entries, _) => {
                let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
                let head = [SPARSE, self.bits].into_iter().chain(count.to_le_bytes());
                return head.chain(entries.iter().flat_map(|entry| entry.to_le_bytes())).collect();
            }
            Kept::Dense(registers) => registers,
        };
        let least = registers.iter().min().copied().unwrap_or(0);
        let mut bytes = vec![DENSE, self.bits, least];
        let delta = |value: &u8| (value - least).min(DELTA_MAX);
        bytes.extend(registers.chunks(2).map(|pair| delta(&pair[0]) << 4 | pair.get(1).map_or(0, delta)));
        let beyond = || registers.iter().enumerate().filter(|(_, value)| **value - least > DELTA_MAX);
        bytes.extend(u16::try_from(beyond().count()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend(beyond().flat_map(|(at, _)| u16::try_from(at).unwrap_or(u16::MAX).to_le_bytes()));
        bytes.extend(beyond().map(|(_, value)| value - least - DELTA_MAX));
        bytes
    }

    /// The sketch that some bytes are; `None` when they are none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (format, bits, rest) = (*bytes.first()?, *bytes.get(1)?, bytes.get(2..)?);
        let short = |at: usize, rest: &[u8]| Some(u16::from_le_bytes(rest.get(at..at + 2)?.try_into().ok()?));
        if format == SPARSE && (1..=PREFIX_BITS).contains(&bits) {
            let (entries, end) = rest.get(2..)?.as_chunks::<4>();
            let entries: Vec<u32> = entries.iter().map(|entry| u32::from_le_bytes(*entry)).collect();
            let is_whole = end.is_empty() && usize::from(short(0, rest)?) == entries.len();
            let room = entries.len();
            return is_whole.then_some(Self { bits, kept: Kept::Sparse(entries, room) });
        }
        if format != DENSE || !(1..=16).contains(&bits) {
            return None;
        }
        let (least, rest) = rest.split_first()?;
        let (deltas, rest) = rest.split_at_checked((1 << bits) / 2)?;
        let mut registers: Vec<u8> = deltas.iter().flat_map(|pair| [pair >> 4, pair & DELTA_MAX]).collect();
        let count = usize::from(short(0, rest)?);
        for i in 0..count {
            let register = registers.get_mut(usize::from(short(2 + 2 * i, rest)?))?;
            *register = register.checked_add(*rest.get(2 + 2 * count + i)?)?;
        }
        for register in &mut registers {
            *register = register.checked_add(*least)?;
        }
        (rest.len() == 2 + 3 * count).then_some(Self { bits, kept: Kept::Dense(registers) })
    }
}

/// How many zeros follow a hash's first bits.
fn zeros(hash: u64, bits: u8) -> u32 {
    (hash << bits | 1 << (bits - 1)).leading_zeros()
}

fn raise(registers: &mut [u8], at: usize, value: u32) {
    if let Some(register) = registers.get_mut(at) {
        *register = (*register).max(u8::try_from(value).unwrap_or(u8::MAX));
    }
}

/// Puts an entry where it belongs; of two of the same first bits the one with more zeros stays.
fn insert(entries: &mut Vec<u32>, entry: u32) {
    match entries.binary_search_by_key(&(entry >> ZERO_BITS), |own| own >> ZERO_BITS) {
        Ok(at) => entries[at] = entries[at].max(entry),
        Err(at) => entries.insert(at, entry),
    }
}

/// How many there are, if so many of all places are taken.
fn linear(all: f64, taken: f64) -> f64 {
    all * (all / (all - taken)).ln()
}

fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn sketch(bits: u8, numbers: std::ops::Range<u64>) -> HyperLogLog {
        let mut sketch = HyperLogLog::new(bits);
        numbers.for_each(|number| sketch.add(hash(number)));
        sketch
    }

    #[test]
    fn an_estimate_is_never_far_off() {
        for count in [0, 1, 10, 251, 252, 1000, 2500, 8000, 30_000, 1_000_000_u64] {
            let estimate = sketch(11, 0..count).cardinality();
            assert!((estimate - count as f64).abs() <= count as f64 * 0.06 + 0.5, "{count}: {estimate}");
        }
    }

    #[test]
    fn parts_together_are_never_another_sketch_than_the_whole() {
        for count in [4, 300, 5000] {
            let whole = sketch(12, 0..2 * count);
            let mut parts = sketch(12, 0..count + 1);
            parts.merge(&sketch(12, count..2 * count)).unwrap();
            assert_eq!((parts.bytes(), parts.cardinality()), (whole.bytes(), whole.cardinality()), "{count}");
            assert_eq!(HyperLogLog::read(&whole.bytes()).map(|read| read.bytes()), Some(whole.bytes()));
        }
        assert_eq!(sketch(11, 0..1).merge(&sketch(12, 0..1)), Err((2048, 4096)));
        for wrong in [&[][..], &[0], &[2, 12, 1, 0], &[2, 12, 0], &[3, 4, 0, 1], &[2, 60, 0, 0]] {
            assert_eq!(HyperLogLog::read(wrong), None);
        }
    }
}
