//! Gathering the three layers into one value a setting, with where it comes from.
//!
//! Owns: what a file and the environment may say, the order of the layers, every fault with its place.
//! Does not own: which settings there are (`settings`), reading the disk and the environment (`flags`).
//! Invariant: pure; all faults come together; a secret is never printed.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{LIBRDKAFKA, SETTINGS, Setting};

/// Settings in the environment begin so; two underscores stand between section and key.
pub(super) const ENV_PREFIX: &str = "TICKLAKE__";
/// What names of secrets among librdkafka's settings hold.
const SECRET_WORDS: [&str; 6] = ["password", "secret", "token", ".pem", "oauthbearer.config", "jaas"];

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    text: String,
    origin: String,
}

/// What is in force, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Effective(BTreeMap<String, Given>);

/// A line of `ticklake config`.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Shown {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// The layers, lowest first.
#[derive(Debug, Default)]
pub(super) struct Layers<'a> {
    /// Name and text of the file.
    pub(super) file: Option<(&'a str, &'a str)>,
    /// Variables of the environment that begin as settings do.
    pub(super) env: &'a [(String, String)],
    /// Key and value of flags.
    pub(super) flags: &'a [(String, String)],
}

impl Effective {
    /// The layers merged; faults of what is written in them go to `faults`.
    pub(super) fn of(layers: &Layers<'_>, faults: &mut Vec<String>) -> Self {
        let mut effective = Self::default();
        if let Some((name, text)) = layers.file {
            effective.add_file(name, text, faults);
        }
        for (name, value) in layers.env {
            effective.add(&env_key(name), value, name, faults);
        }
        for (key, value) in layers.flags {
            let origin = setting(key).map_or("-X".to_owned(), |setting| format!("--{}", setting.flag));
            effective.add(key, value, &origin, faults);
        }
        effective
    }

    fn add_file(&mut self, name: &str, text: &str, faults: &mut Vec<String>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            faults.push(format!("{name}:{}: {}", line(at), error.message().replace('\n', " ")));
        }
        let mut values = Vec::new();
        flatten(table.get_ref(), "", &mut values);
        values.sort_by_key(|(_, at, _)| *at);
        for (key, at, value) in values {
            let origin = format!("{name}:{}", line(at));
            match value {
                Some(value) => self.add(&key, &value, &origin, faults),
                None => faults.push(format!("{origin}: {key} takes one plain value")),
            }
        }
    }

    fn add(&mut self, key: &str, value: &str, origin: &str, faults: &mut Vec<String>) {
        if setting(key).is_some() || key.strip_prefix(LIBRDKAFKA).is_some_and(|name| !name.is_empty()) {
            self.0.insert(key.to_owned(), Given { text: value.to_owned(), origin: origin.to_owned() });
        } else {
            faults.push(format!("{origin}: there is no setting {key}; {}", neighbours(key)));
        }
    }

    /// The value of a setting; `None` when it cannot be read, which is then told.
    pub(super) fn read<T>(&self, key: &str, parse: fn(&str) -> Result<T, String>, faults: &mut Vec<String>) -> Option<T> {
        let given = self.0.get(key);
        let text = given.map_or_else(|| setting(key).map_or("", |setting| setting.default), |given| given.text.as_str());
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => {
                let origin = given.map_or("default", |given| given.origin.as_str());
                faults.push(format!("{origin}: {key} is {text:?}: {why}"));
                None
            }
        }
    }

    /// What was given for a key, and where; not its default, and nothing for the empty text.
    pub(super) fn given(&self, key: &str) -> Option<(&str, &str)> {
        self.0.get(key).filter(|given| !given.text.is_empty()).map(|given| (given.text.as_str(), given.origin.as_str()))
    }

    /// Where a key was given nothing but blanks.
    pub(super) fn blank(&self, key: &str) -> Option<&str> {
        self.0.get(key).filter(|given| given.text.trim().is_empty()).map(|given| given.origin.as_str())
    }

    /// Tells of a setting without which a command cannot work; one that was given nothing is told of elsewhere.
    pub(super) fn require(&self, key: &str, faults: &mut Vec<String>) {
        if let (Some(setting), None, None) = (setting(key), self.given(key), self.blank(key)) {
            let (section, name) = key.split_once('.').unwrap_or((key, ""));
            let (flag, variable) = (setting.flag, env_name(key));
            faults.push(format!("{key} is not set; give --{flag}, {variable}, or {name} under [{section}] in ticklake.toml"));
        }
    }

    /// librdkafka's settings by their own names.
    pub(super) fn librdkafka(&self) -> BTreeMap<String, String> {
        let named = self.0.iter().filter_map(|(key, given)| Some((key.strip_prefix(LIBRDKAFKA)?, &given.text)));
        named.map(|(name, text)| (name.to_owned(), text.clone())).collect()
    }

    /// Every setting for people, with where its value comes from; secrets hidden.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let known = SETTINGS.iter().map(|setting| match self.0.get(setting.key) {
            Some(given) => (setting.key, given.text.as_str(), given.origin.as_str()),
            None => (setting.key, setting.default, "default"),
        });
        let own = self.0.iter().filter(|(key, _)| key.starts_with(LIBRDKAFKA));
        let own = own.map(|(key, given)| {
            let secret = SECRET_WORDS.iter().any(|word| key.contains(word));
            (key.as_str(), if secret { "(hidden)" } else { given.text.as_str() }, given.origin.as_str())
        });
        known
            .chain(own)
            .map(|(key, value, origin)| Shown { key: key.into(), value: value.into(), origin: origin.into() })
            .collect()
    }
}

fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The keys of the same section, or the sections.
fn neighbours(key: &str) -> String {
    let section = |key: &'static str| key.split_once('.').map_or("", |(section, _)| section);
    let asked = key.split('.').next().unwrap_or_default();
    let keys: Vec<&str> = SETTINGS.iter().filter(|s| section(s.key) == asked).map(|s| s.key).collect();
    if keys.is_empty() {
        let mut sections: Vec<&str> = SETTINGS.iter().map(|s| section(s.key)).collect();
        sections.dedup();
        return format!("the sections are {}", sections.join(", "));
    }
    format!("there are {}", keys.join(", "))
}

/// Every value of a table by its dotted key, with where the key stands; `None` for what is no plain value.
fn flatten(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(String, usize, Option<String>)>) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        let plain = match value.get_ref() {
            DeValue::Table(inner) => {
                flatten(inner, &format!("{key}."), found);
                continue;
            }
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::Boolean(value) => Some(value.to_string()),
            DeValue::Datetime(_) | DeValue::Array(_) => None,
        };
        found.push((key, name.span().start, plain));
    }
}

/// The key that a variable names. librdkafka's names have dots where a variable can only have underscores.
fn env_key(name: &str) -> String {
    let key = name.strip_prefix(ENV_PREFIX).unwrap_or(name).to_ascii_lowercase().replace("__", ".");
    match key.strip_prefix(LIBRDKAFKA) {
        // The one name of librdkafka's that has an underscore.
        Some("log_level") | None => key,
        Some(own) => format!("{LIBRDKAFKA}{}", own.replace('_', ".")),
    }
}

fn env_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// `name=value` of a librdkafka setting.
pub(super) fn librdkafka_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((format!("{LIBRDKAFKA}{}", name.trim()), value.to_owned())),
        _ => Err("give NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn merged(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> (Effective, Vec<String>) {
        let (env, flags, mut faults) = (pairs(env), pairs(flags), Vec::new());
        let layers = Layers { file: Some(("ticklake.toml", file)), env: &env, flags: &flags };
        (Effective::of(&layers, &mut faults), faults)
    }

    fn origin(effective: &Effective, key: &str) -> (String, String) {
        let shown = effective.shown().into_iter().find(|line| line.key == key).unwrap();
        (shown.value, shown.origin)
    }

    #[test]
    fn a_lower_layer_never_wins() {
        let file = "[kafka]\ntopic = \"file\"\ngroup = \"file\"\nbrokers = \"file:1\"\n";
        let env = [("TICKLAKE__KAFKA__GROUP", "env"), ("TICKLAKE__KAFKA__BROKERS", "env:1")];
        let (effective, faults) = merged(file, &env, &[("kafka.brokers", "flag:1")]);
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(origin(&effective, "kafka.topic"), ("file".into(), "ticklake.toml:2".into()));
        assert_eq!(origin(&effective, "kafka.group"), ("env".into(), "TICKLAKE__KAFKA__GROUP".into()));
        assert_eq!(origin(&effective, "kafka.brokers"), ("flag:1".into(), "--brokers".into()));
        assert_eq!(origin(&effective, "window.age_max"), ("10s".into(), "default".into()));
    }

    #[test]
    fn no_fault_hides_another() {
        let file = "[kafka]\ntopci = \"t\"\n\n[window]\nage_max = 10\nrows_max = 0\n[windows]\nage_max = \"1s\"\n[lake]\nlocation = [1]\n";
        let (effective, mut faults) = merged(file, &[("TICKLAKE__LAKE__JSON_MIRROR", "yes")], &[("window.bytes_max", "1MB")]);
        assert!(Settings::read(&effective, &mut faults).is_none());
        effective.require("kafka.brokers", &mut faults);
        let begins = [
            "ticklake.toml:2: there is no setting kafka.topci; there are kafka.brokers, kafka.topic",
            "ticklake.toml:8: there is no setting windows.age_max; the sections are kafka, lake, glue, window, memory, metrics, log, rejects",
            "ticklake.toml:10: lake.location takes one plain value",
            "TICKLAKE__LAKE__JSON_MIRROR: lake.json_mirror is \"yes\": give true or false",
            "ticklake.toml:5: window.age_max is \"10\": give a whole number with a unit",
            "ticklake.toml:6: window.rows_max is \"0\": give a whole number from 1",
            "--window-bytes: window.bytes_max is \"1MB\": give a size",
            "kafka.brokers is not set; give --brokers, TICKLAKE__KAFKA__BROKERS, or brokers under [kafka]",
        ];
        assert_eq!(faults.len(), begins.len(), "{faults:#?}");
        for (fault, begin) in faults.iter().zip(begins) {
            assert!(fault.starts_with(begin), "{fault}\nis not\n{begin}");
        }
    }

    #[test]
    fn a_broken_file_is_told_with_its_line() {
        let (_, faults) = merged("[kafka]\ntopic = \n", &[], &[]);
        assert!(faults.len() == 1 && faults[0].starts_with("ticklake.toml:2: "), "{faults:?}");
    }

    #[test]
    fn librdkafkas_settings_keep_their_names_and_no_secret_is_shown() {
        let file = "[kafka.librdkafka]\nsecurity.protocol = \"SASL_SSL\"\n\"sasl.password\" = \"p1\"\nlinger.ms = 5\n";
        let env = [("TICKLAKE__KAFKA__LIBRDKAFKA__SASL_PASSWORD", "p2"), ("TICKLAKE__KAFKA__LIBRDKAFKA__LOG_LEVEL", "7")];
        let pair = librdkafka_pair("ssl.key.pem=a=b").unwrap();
        let (effective, faults) = merged(file, &env, &[(&pair.0, &pair.1)]);
        assert_eq!(faults, Vec::<String>::new());
        let expected = [
            ("linger.ms", "5"),
            ("log_level", "7"),
            ("sasl.password", "p2"),
            ("security.protocol", "SASL_SSL"),
            ("ssl.key.pem", "a=b"),
        ];
        assert_eq!(effective.librdkafka(), pairs(&expected).into_iter().collect());
        assert_eq!(origin(&effective, "kafka.librdkafka.sasl.password").0, "(hidden)");
        assert_eq!(origin(&effective, "kafka.librdkafka.ssl.key.pem"), ("(hidden)".into(), "-X".into()));
        assert!(librdkafka_pair("no value").is_err() && librdkafka_pair("=x").is_err());
    }

    proptest::proptest! {
        /// Any text is a file of settings or faults, never a panic.
        #[test]
        fn no_file_ever_panics(text in "\\PC{0,80}", keys in "(\\[?[a-z_.]{0,12}\\]? ?=? ?[\"0-9a-z]{0,6}\n){0,6}") {
            for file in [text, keys] {
                let (effective, mut faults) = merged(&file, &[], &[]);
                proptest::prop_assert!(Settings::read(&effective, &mut faults).is_some() || !faults.is_empty());
            }
        }
    }
}
