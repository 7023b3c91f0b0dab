//! Flags of `ticklake status`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;
use ticklake_schemas::DEFAULT_TOPIC;

use super::{KafkaOptions, LakeArg};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Ask these brokers how far their topic goes.
    #[arg(long, env = "TICKLAKE_BROKERS", value_name = "HOST:PORT,…")]
    pub(crate) brokers: Option<String>,
    /// The topic to ask for.
    #[arg(long, default_value = DEFAULT_TOPIC)]
    pub(crate) topic: String,
    /// Name its offsets are recorded under. Default: the topic.
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) options: KafkaOptions,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
