//! What librdkafka says of settings before there is a broker.
//!
//! Owns: asking it, one setting after the other and then all together.
//! Does not own: the settings that are ours alone (`kafka_settings`), where they were written (the caller).
//! Invariant: nothing is connected to; a value is repeated only where librdkafka itself does.

use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

pub use super::kafka_settings::group_fault;
use super::kafka_settings::{SESSION_TIMEOUT, SESSION_TIMEOUT_MS};

/// Every setting that librdkafka does not know or whose value it does not take, with its reason; when there is none, what it
/// makes of all of them together, such as a certificate that is not there, under no name.
pub fn faults(librdkafka: &BTreeMap<String, String>) -> Vec<(Option<String>, String)> {
    let alone = librdkafka.iter().filter_map(|(name, value)| {
        let one = ClientConfig::from_iter([(name.clone(), value.clone())]);
        Some((Some(name.clone()), said(one.create_native_config().err()?)))
    });
    let alone: Vec<_> = alone.collect();
    if !alone.is_empty() || librdkafka.is_empty() {
        return alone;
    }
    // As an ingester's, where settings must agree with each other.
    let mut client = ClientConfig::new();
    client.set(SESSION_TIMEOUT, SESSION_TIMEOUT_MS.to_string()).extend(librdkafka.clone());
    // A consumer must name a group; this one never joins it.
    client.set("group.id", "ticklake-config").set("log_level", "0");
    let refused = client.create::<BaseConsumer>().err();
    refused.map(|error| (None, said(error))).into_iter().collect()
}

fn said(error: KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, ..) | KafkaError::ClientCreation(why) => why,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Vec<(Option<String>, String)> {
        faults(&settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn no_setting_that_is_refused_hides_another() {
        let found = of(&[("no.such", "1"), ("security.protocol", "nonsense"), ("linger.ms", "5"), ("fetch.wait.max.ms", "x")]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_deref().unwrap()).collect();
        assert_eq!(names, ["fetch.wait.max.ms", "no.such", "security.protocol"], "{found:?}");
        let together = of(&[("security.protocol", "ssl"), ("ssl.ca.location", "/no/such/file.pem")]);
        assert!(together.len() == 1 && together[0].0.is_none() && together[0].1.contains("ssl.ca.location"), "{together:?}");
        assert_eq!(of(&[("security.protocol", "ssl"), ("acks", "all"), ("auto.offset.reset", "latest")]), []);
        assert_eq!(of(&[]), []);
    }
}
