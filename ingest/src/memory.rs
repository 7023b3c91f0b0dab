//! One memory limit, shared out among the stages of the pipeline.
//!
//! Owns: what each stage may hold of `memory_max`.
//! Does not own: keeping to it: each stage has its own bound (`source`, `lake::window`, the bounded channel).
//! Invariant: pure; the stages' worst cases and the reserve together never exceed the limit.
//!
//! | stage | holds at worst |
//! |---|---|
//! | the process itself, Kafka's and S3's clients, checkpoints | the reserve |
//! | fetched, not yet polled | twice the fetch queue: librdkafka counts payloads, not its own records |
//! | being decoded | a raw batch and its columns |
//! | windows: one filling, one waiting, one being published | three windows |
//! | files being encoded and uploaded | the published window once more, sorted, and half of it encoded |

use crate::progress::Stage;

/// Default of `memory_max`.
pub const MEMORY_MAX_DEFAULT: usize = 512 << 20;
/// Below this there is no room for a useful window.
pub const MEMORY_MAX_LEAST: usize = 192 << 20;

const RESERVE: usize = 128 << 20;
/// Windows in half windows: three held, one sorted, a half encoded.
const HALF_WINDOWS: usize = 9;
const WINDOW_BYTES_MOST: usize = 96 << 20;
const FETCH_QUEUE_MOST: usize = 32 << 20;
const BATCH_BYTES_MOST: usize = 8 << 20;

/// What each stage may hold, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShares {
    /// Messages librdkafka fetched ahead, all partitions together.
    pub fetch_queue: usize,
    /// Keys and payloads of a raw batch.
    pub batch: usize,
    /// Ticks of a window.
    pub window: usize,
}

impl MemoryShares {
    /// What a stage may hold.
    pub(crate) fn at(self, stage: Stage) -> usize {
        match stage {
            Stage::FetchQueue => 2 * self.fetch_queue,
            Stage::Decoding => 2 * self.batch,
            Stage::Filling | Stage::Waiting | Stage::Publishing | Stage::Encoding => self.window,
            Stage::Uploading => self.window / 2,
        }
    }

    /// The shares of a limit; one below [`MEMORY_MAX_LEAST`] counts as that.
    pub fn of(memory_max: usize) -> Self {
        let free = memory_max.max(MEMORY_MAX_LEAST) - RESERVE;
        let fetch_queue = (free / 12).min(FETCH_QUEUE_MOST);
        let batch = (free / 48).min(BATCH_BYTES_MOST);
        let window = ((free - 2 * fetch_queue - 2 * batch) / HALF_WINDOWS * 2).min(WINDOW_BYTES_MOST);
        Self { fetch_queue, batch, window }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_stages_never_hold_more_than_the_limit(memory_max in MEMORY_MAX_LEAST..(64_usize << 30)) {
            let MemoryShares { fetch_queue, batch, window } = MemoryShares::of(memory_max);
            let worst = RESERVE + 2 * fetch_queue + 2 * batch + window * HALF_WINDOWS / 2;
            let shares = Stage::ALL.map(|stage| MemoryShares::of(memory_max).at(stage));
            proptest::prop_assert!(RESERVE + shares.iter().sum::<usize>() <= worst);
            proptest::prop_assert!(worst <= memory_max, "{worst} of {memory_max}");
            proptest::prop_assert!(window >= 4 << 20 && batch >= 1 << 20, "each stage has room to work");
        }
    }
}
