//! What is wrong with settings beyond a single value's look: what an ingester would refuse at its start for them alone.
//!
//! Owns: those checks, each fault with where the setting was written.
//! Does not own: reading single values (`parse`), what the lake or librdkafka refuses (they say so themselves).
//! Invariant: no service is asked, nothing is made; no fault hides another.

use std::io::ErrorKind;
use std::net::TcpListener;

use ticklake_ingest::source::kafka::why_refused;
use ticklake_ingest::source::kafka_faults::{self, group_fault};
use ticklake_lake::catalog::spec::LakeTables;
use ticklake_lake::store::parse_location;

use super::layers::Effective;
use super::{LIBRDKAFKA, parse};

/// What must have a name: left out it has a default or is not used, given and empty it means nothing.
const NAMED: [&str; 5] = ["kafka.brokers", "kafka.topic", "kafka.group", "kafka.source", "lake.location"];

/// Adds the faults that matter to a command which takes these settings, none for every one there is.
pub(super) fn check(effective: &Effective, keys: &[&str], faults: &mut Vec<String>) {
    let ingests = keys.is_empty();
    for key in NAMED.iter().filter(|key| ingests || keys.contains(key)) {
        faults.extend(effective.blank(key).map(|origin| format!("{origin}: {key} is empty; give a value, or leave it out")));
    }
    lake(effective, ingests, faults);
    if ingests {
        membership(effective, faults);
        metrics(effective, faults);
    }
    if ingests || keys.contains(&"kafka.brokers") {
        librdkafka(effective, ingests, faults);
    }
}

fn lake(effective: &Effective, ingests: bool, faults: &mut Vec<String>) {
    let Some((location, origin)) = effective.given("lake.location") else { return };
    match parse_location(location) {
        Err(why) => faults.push(format!("{origin}: {why}")),
        Ok(url) => {
            if let (true, Some((_, origin)), Err(why)) = (ingests, effective.given("glue.database"), LakeTables::of(&url)) {
                faults.push(format!("{origin}: glue.database: {why}"));
            }
        }
    }
}

fn membership(effective: &Effective, faults: &mut Vec<String>) {
    if let (Some(_), Some((_, origin))) = (effective.given("kafka.partitions"), effective.given("kafka.group_instance_id")) {
        faults.push(format!(
            "{origin}: kafka.group_instance_id means nothing where kafka.partitions reads without joining the group; leave one of \
             them out"
        ));
    }
}

/// An address that another program has is no fault of the settings: an ingester may be running by them.
fn metrics(effective: &Effective, faults: &mut Vec<String>) {
    let Some((text, origin)) = effective.given("metrics.listen") else { return };
    let Ok(Some(address)) = parse::address(text) else { return };
    match TcpListener::bind(address) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => faults.push(format!(
            "{origin}: metrics.listen is {text}: this process cannot listen there ({error}); give an address of this machine and a \
             port above 1023"
        )),
        _ => {}
    }
}

fn librdkafka(effective: &Effective, ingests: bool, faults: &mut Vec<String>) {
    let settings = effective.librdkafka();
    let origin = |name: &str| effective.given(&format!("{LIBRDKAFKA}{name}")).map_or("kafka.librdkafka", |(_, origin)| origin);
    for (name, why) in settings.keys().filter_map(|name| Some((name, why_refused(name)?))).filter(|_| ingests) {
        faults.push(format!("{}: the librdkafka setting {name} is not to be changed: {why}", origin(name)));
    }
    if let Some((name, why)) = group_fault(&settings).filter(|_| ingests) {
        faults.push(format!("{}: the librdkafka setting {why}", origin(name)));
    }
    for (name, why) in kafka_faults::faults(&settings) {
        match name {
            Some(name) => faults.push(format!("{}: librdkafka refuses its setting {name}: {why}", origin(&name))),
            None => faults.push(format!("librdkafka refuses its settings: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::super::layers::Layers;
    use super::*;

    fn faults(file: &str, keys: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        let effective = Effective::of(&Layers { file: Some(("t.toml", file)), ..Layers::default() }, &mut faults);
        check(&effective, keys, &mut faults);
        faults
    }

    const EVERY: &[&str] = &[];

    #[test]
    fn what_an_ingester_would_refuse_is_told_all_at_once_with_its_line() {
        let file = "[kafka]\npartitions = \"0\"\ngroup_instance_id = \"a\"\n[kafka.librdkafka]\n\"group.id\" = \"g\"\n\"no.such\" = 1\n\
                    [lake]\nlocation = \"/tmp\"\n[glue]\ndatabase = \"ticks\"\n";
        let found = faults(file, EVERY);
        let parts =
            [("t.toml:10: ", "S3"), ("t.toml:3: ", "kafka.partitions"), ("t.toml:5: ", "group.id"), ("t.toml:6: ", "no.such")];
        assert_eq!(found.len(), parts.len(), "{found:#?}");
        for (fault, (place, word)) in found.iter().zip(parts) {
            assert!(fault.starts_with(place) && fault.to_lowercase().contains(&word.to_lowercase()), "{fault}");
        }
        assert_eq!(faults("[lake]\nlocation = \"gs://b\"\n", EVERY).len(), 1);
    }

    #[test]
    fn what_can_only_fail_later_is_never_passed() {
        let file = "[kafka]\nbrokers = \"\"\ntopic = \"a b\"\ngroup = \" \"\nsource = \"\"\n[lake]\nlocation = \"\"\n[metrics]\n\
                    listen = \"192.0.2.1:9464\"\n[kafka.librdkafka]\n\"session.timeout.ms\" = 1\n";
        let mut found = Vec::new();
        let effective = Effective::of(&Layers { file: Some(("t.toml", file)), ..Layers::default() }, &mut found);
        assert!(Settings::read(&effective, &mut found).is_none());
        check(&effective, EVERY, &mut found);
        effective.require("lake.location", &mut found);
        let parts = [
            ("t.toml:3: ", "letters, digits"),
            ("t.toml:2: ", "kafka.brokers is empty"),
            ("t.toml:4: ", "kafka.group is empty"),
            ("t.toml:5: ", "kafka.source is empty"),
            ("t.toml:7: ", "lake.location is empty"),
            ("t.toml:9: ", "an address of this machine"),
            ("t.toml:11: ", "heartbeat.interval.ms"),
        ];
        assert_eq!(found.len(), parts.len(), "{found:#?}");
        for (fault, (place, words)) in found.iter().zip(parts) {
            assert!(fault.starts_with(place) && fault.contains(words), "{fault}");
        }
    }

    #[test]
    fn an_address_that_is_in_use_is_never_called_a_wrong_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let file = format!("[metrics]\nlisten = \"{}\"\n", taken.local_addr().unwrap());
        assert_eq!(faults(&file, EVERY), Vec::<String>::new());
    }

    #[test]
    fn a_command_is_never_refused_for_what_it_does_not_use() {
        let file = "[kafka]\npartitions = \"0\"\ngroup_instance_id = \"a\"\n[kafka.librdkafka]\n\"group.id\" = \"g\"\n\
                    [lake]\nlocation = \"/tmp\"\n[glue]\ndatabase = \"ticks\"\n";
        assert_eq!(faults(file, &["lake.location", "kafka.brokers"]), Vec::<String>::new());
        assert_eq!(faults("[kafka.librdkafka]\n\"no.such\" = 1\n", &["lake.location"]), Vec::<String>::new());
    }
}
