//! The settings as flags of a command, and loading all layers.
//!
//! Owns: which command takes which settings, their place in clap, reading the file and the environment.
//! Does not own: the list (`settings`), merging (`layers`).
//! Invariant: a command reads and checks the whole file, whichever settings it uses.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use super::layers::{ENV_PREFIX, Effective, Layers, librdkafka_pair};
use super::{LIBRDKAFKA, SETTINGS, Setting, Settings, checks, parse};
use crate::args::LogFormat;
use crate::exit::Failure;

/// Read when it is there and `--config` does not name another.
const FILE: &str = "ticklake.toml";
const CONFIG: &str = "config";

/// The settings a command takes as flags.
pub(crate) trait Keys: std::fmt::Debug {
    /// Their keys, none for every one there is; `kafka.brokers` brings `-X` along.
    const KEYS: &'static [&'static str];
    /// Those without which the command cannot work.
    const REQUIRED: &'static [&'static str];
}

/// Whatever there is.
#[derive(Debug)]
pub(crate) struct AllKeys;
impl Keys for AllKeys {
    const KEYS: &'static [&'static str] = &[];
    const REQUIRED: &'static [&'static str] = &[];
}

/// Whatever there is, for `ticklake ingest`.
#[derive(Debug)]
pub(crate) struct IngestKeys;
impl Keys for IngestKeys {
    const KEYS: &'static [&'static str] = AllKeys::KEYS;
    const REQUIRED: &'static [&'static str] = &["kafka.brokers", "lake.location"];
}

/// What can be looked at before anything runs.
#[derive(Debug)]
pub(crate) struct DoctorKeys;
impl Keys for DoctorKeys {
    const KEYS: &'static [&'static str] =
        &["lake.location", "kafka.brokers", "kafka.topic", "kafka.group", "kafka.on_gap", "kafka.source", "glue.database"];
    const REQUIRED: &'static [&'static str] = &["lake.location"];
}

/// A topic.
#[derive(Debug)]
pub(crate) struct TopicKeys;
impl Keys for TopicKeys {
    const KEYS: &'static [&'static str] = &["kafka.brokers", "kafka.topic"];
    const REQUIRED: &'static [&'static str] = &["kafka.brokers"];
}

/// A lake, and the topic it may be held against.
#[derive(Debug)]
pub(crate) struct LakeTopicKeys;
impl Keys for LakeTopicKeys {
    const KEYS: &'static [&'static str] = &["lake.location", "kafka.brokers", "kafka.topic", "kafka.source"];
    const REQUIRED: &'static [&'static str] = &["lake.location"];
}

/// A lake, and the topic its dead letters go back to.
#[derive(Debug)]
pub(crate) struct ReplayKeys;
impl Keys for ReplayKeys {
    const KEYS: &'static [&'static str] = LakeTopicKeys::KEYS;
    const REQUIRED: &'static [&'static str] = &["lake.location", "kafka.brokers"];
}

/// A lake.
#[derive(Debug)]
pub(crate) struct LakeKeys;
impl Keys for LakeKeys {
    const KEYS: &'static [&'static str] = &["lake.location"];
    const REQUIRED: &'static [&'static str] = &["lake.location"];
}

/// A lake and its catalog.
#[derive(Debug)]
pub(crate) struct CatalogKeys;
impl Keys for CatalogKeys {
    const KEYS: &'static [&'static str] = &["lake.location", "glue.database"];
    const REQUIRED: &'static [&'static str] = &["lake.location", "glue.database"];
}

/// All layers, read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings, or every fault.
    pub(crate) settings: Result<Settings, Failure>,
    /// What is in force, and where each value comes from.
    pub(crate) effective: Effective,
}

impl Loaded {
    /// How to tell of it, whatever is wrong with other settings.
    pub(crate) fn log_format(&self) -> LogFormat {
        self.effective.read("log.format", parse::log_format, &mut Vec::new()).unwrap_or(LogFormat::Text)
    }
}

/// The settings of a command line: a group of clap's arguments.
#[derive(Debug)]
pub(crate) struct Flags<K> {
    config: Option<PathBuf>,
    given: Vec<(String, String)>,
    keys: PhantomData<K>,
}

impl<K: Keys> Flags<K> {
    /// All layers, merged and read.
    ///
    /// # Errors
    /// A usage failure that names every fault.
    pub(crate) fn load(&self) -> Result<Settings, Failure> {
        self.load_all().settings
    }

    /// As `load`, with what can be said of faulty settings, too.
    pub(crate) fn load_all(&self) -> Loaded {
        let mut faults = Vec::new();
        let file = self.file().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(ENV_PREFIX))
            .collect();
        let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        let effective = Effective::of(&Layers { file, env: &env, flags: &self.given }, &mut faults);
        let settings = Settings::read(&effective, &mut faults);
        checks::check(&effective, K::KEYS, &mut faults);
        K::REQUIRED.iter().for_each(|key| effective.require(key, &mut faults));
        let settings = settings.filter(|_| faults.is_empty()).ok_or_else(|| Failure::usage(faults.join("\n       ")));
        Loaded { settings, effective }
    }

    /// Name and text of the file, if there is one.
    fn file(&self) -> Result<Option<(String, String)>, String> {
        let path = match &self.config {
            Some(path) => path.as_path(),
            None if Path::new(FILE).is_file() => Path::new(FILE),
            None => return Ok(None),
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| format!("--config {name} cannot be read: {e}"))?;
        Ok(Some((name, text)))
    }

    fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| K::KEYS.is_empty() || K::KEYS.contains(&setting.key))
    }

    fn of(matches: &ArgMatches) -> Self {
        let mut given = Vec::new();
        for setting in Self::settings() {
            if is_switch(setting) {
                given.extend(matches.get_flag(setting.key).then(|| (setting.key.to_owned(), "false".to_owned())));
            } else if let Some(value) = matches.get_one::<String>(setting.key) {
                given.push((setting.key.to_owned(), value.clone()));
            }
            if setting.key == "kafka.brokers" {
                given.extend(matches.get_many::<(String, String)>(LIBRDKAFKA).into_iter().flatten().cloned());
            }
        }
        Self { config: matches.get_one::<PathBuf>(CONFIG).cloned(), given, keys: PhantomData }
    }
}

fn is_switch(setting: &Setting) -> bool {
    setting.flag.starts_with("no-")
}

fn arg(setting: &Setting) -> Arg {
    let arg = Arg::new(setting.key).long(setting.flag);
    if is_switch(setting) {
        return arg.action(ArgAction::SetTrue).help(setting.help);
    }
    let help = match setting.default {
        "" => setting.help.to_owned(),
        default => format!("{} [default: {default}]", setting.help),
    };
    arg.value_name(setting.value_name).help(help)
}

fn librdkafka_arg() -> Arg {
    Arg::new(LIBRDKAFKA)
        .short('X')
        .long("kafka-option")
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .value_parser(librdkafka_pair)
        .help("A librdkafka setting, such as security.protocol=SASL_SSL; repeatable. Secrets belong in the environment: TICKLAKE__KAFKA__LIBRDKAFKA__SASL_PASSWORD")
}

impl<K: Keys> clap::FromArgMatches for Flags<K> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::of(matches))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::of(matches);
        Ok(())
    }
}

impl<K: Keys> clap::Args for Flags<K> {
    fn augment_args(command: clap::Command) -> clap::Command {
        let mut command = command;
        for setting in Self::settings() {
            command = command.arg(arg(setting));
            if setting.key == "kafka.brokers" {
                command = command.arg(librdkafka_arg());
            }
        }
        let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").value_parser(clap::value_parser!(PathBuf));
        command.arg(
            config.help("Settings; the environment (TICKLAKE__SECTION__KEY) and flags win over them [default: ./ticklake.toml]"),
        )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        settings: Flags<IngestKeys>,
    }

    #[test]
    fn a_flag_is_never_given_by_its_default() {
        let line = ["ticklake", "--brokers", "b:1", "--no-json-mirror", "-X", "a.b=c=d", "--window-age", "soon", "-Xe=f"];
        let Flags { config, given, .. } = Whole::try_parse_from(line).unwrap().settings;
        let given: Vec<(&str, &str)> = given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            given,
            [
                ("kafka.brokers", "b:1"),
                ("kafka.librdkafka.a.b", "c=d"),
                ("kafka.librdkafka.e", "f"),
                ("lake.json_mirror", "false"),
                ("window.age_max", "soon"),
            ]
        );
        assert_eq!(config, None);
        assert!(Whole::try_parse_from(["ticklake", "-X", "novalue"]).is_err());
    }

    #[test]
    fn a_file_that_is_named_and_not_there_is_never_passed_over() {
        let settings = Whole::try_parse_from(["ticklake", "--config", "/no/such/file.toml"]).unwrap().settings;
        assert!(settings.load().is_err());
    }

    #[test]
    fn a_fault_is_told_in_the_format_that_was_asked_for() {
        let line = ["ticklake", "--log-format", "json", "--config", "/no/such/file.toml", "--window-age", "soon"];
        let loaded = Whole::try_parse_from(line).unwrap().settings.load_all();
        assert!(loaded.settings.is_err() && loaded.log_format() == LogFormat::Json);
    }
}
