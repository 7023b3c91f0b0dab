//! A catalog in this process, with the limits real Glue has and simulators lack.
//!
//! Owns: versions, conflicts, pages and call sizes as Glue has them; faults on demand.
//! Does not own: any persistence. It is for tests and trials: a lake without Glue simply has no catalog.
//! Invariant: passes the same conformance suite as Glue; an update based on a stale version never wins.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{
    Catalog, Created, FoundTable, OthersNotes, PARTITIONS_PER_CREATE_MAX, PARTITIONS_PER_DELETE_MAX, PartitionPage,
    PartitionSpec, TableSpec, Updated, check_call_size,
};
use crate::LakeError;

/// Partitions a page, unless told otherwise.
const PARTITIONS_PER_PAGE: usize = 100;

/// The calls of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named after the methods of `Catalog`")]
pub enum Call {
    EnsureDatabase,
    GetTable,
    CreateTable,
    UpdateTable,
    ListPartitions,
    CreatePartitions,
    DeletePartitions,
}

/// What may go wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the call fails.
    Outage,
    /// Everything is done, and the call fails all the same.
    AnswerLost,
    /// Someone else writes every table just before; the call goes on.
    Interference,
}

#[derive(Debug)]
struct Entry {
    spec: TableSpec,
    version: u64,
    others: OthersNotes,
    /// Locations by values.
    partitions: BTreeMap<Vec<String>, String>,
}

#[derive(Debug, Default)]
struct State {
    databases: BTreeMap<String, BTreeMap<String, Entry>>,
    faults: BTreeMap<Call, VecDeque<Fault>>,
    fault_at: Option<(usize, Fault)>,
    calls: Vec<Call>,
}

/// A catalog in memory.
#[derive(Debug)]
pub struct MemoryCatalog {
    state: Mutex<State>,
    partitions_per_page: usize,
}

impl Default for MemoryCatalog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCatalog {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_page(PARTITIONS_PER_PAGE)
    }

    /// An empty one whose listings come in pages of that size.
    pub fn with_page(partitions_per_page: usize) -> Self {
        Self { state: Mutex::default(), partitions_per_page: partitions_per_page.max(1) }
    }

    /// Lets the next call of that kind without a fault meet this one.
    pub fn inject(&self, call: Call, fault: Fault) {
        self.lock().faults.entry(call).or_default().push_back(fault);
    }

    /// Lets the call of that number, counted from 0, meet this fault, whatever its kind.
    pub fn inject_at(&self, call: usize, fault: Fault) {
        self.lock().fault_at = Some((call, fault));
    }

    /// The calls made so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Forgets the calls made so far.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    /// The values of a table's partitions.
    pub fn partition_values(&self, database: &str, table: &str) -> Vec<Vec<String>> {
        let state = self.lock();
        let entry = state.databases.get(database).and_then(|tables| tables.get(table));
        entry.map(|e| e.partitions.keys().cloned().collect()).unwrap_or_default()
    }

    /// Changes a table as someone else would.
    pub fn change(&self, database: &str, table: &str, change: impl FnOnce(&mut TableSpec, &mut OthersNotes)) {
        let mut state = self.lock();
        if let Some(entry) = state.databases.get_mut(database).and_then(|tables| tables.get_mut(table)) {
            change(&mut entry.spec, &mut entry.others);
            entry.version += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call under whatever fault awaits it.
    fn call<T>(&self, call: Call, run: impl FnOnce(&mut State) -> Result<T, LakeError>) -> Result<T, LakeError> {
        let mut state = self.lock();
        let number = state.calls.len();
        state.calls.push(call);
        let fault = state.faults.get_mut(&call).and_then(VecDeque::pop_front);
        let fault = fault.or(state.fault_at.and_then(|(at, fault)| (at == number).then_some(fault)));
        if fault == Some(Fault::Outage) {
            return Err(failed(call, "did not answer"));
        }
        if fault == Some(Fault::Interference) {
            state.databases.values_mut().flat_map(BTreeMap::values_mut).for_each(|entry| entry.version += 1);
        }
        let done = run(&mut state)?;
        if fault == Some(Fault::AnswerLost) { Err(failed(call, "did its work, but the answer was lost")) } else { Ok(done) }
    }
}

fn failed(call: Call, why: &str) -> LakeError {
    LakeError::Unavailable { what: format!("catalog in memory, {call:?}"), why: why.to_owned() }
}

impl State {
    fn tables(&mut self, database: &str) -> Result<&mut BTreeMap<String, Entry>, LakeError> {
        self.databases.get_mut(database).ok_or_else(|| missing(database))
    }

    fn entry(&mut self, database: &str, table: &str) -> Result<&mut Entry, LakeError> {
        self.tables(database)?.get_mut(table).ok_or_else(|| missing(&format!("{database}.{table}")))
    }
}

fn missing(name: &str) -> LakeError {
    LakeError::Unavailable {
        what: format!("catalog in memory, {name}"),
        why: "it does not exist; run `ticklake catalog sync`".to_owned(),
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    async fn ensure_database(&self, database: &str) -> Result<Created, LakeError> {
        self.call(Call::EnsureDatabase, |state| {
            if state.databases.contains_key(database) {
                return Ok(Created::Already);
            }
            state.databases.insert(database.to_owned(), BTreeMap::new());
            Ok(Created::Now)
        })
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Option<FoundTable>, LakeError> {
        self.call(Call::GetTable, |state| {
            let entry = state.databases.get(database).and_then(|tables| tables.get(name));
            Ok(entry.map(|e| FoundTable { spec: e.spec.clone(), version: e.version.to_string(), others: e.others.clone() }))
        })
    }

    async fn create_table(&self, database: &str, table: &TableSpec) -> Result<Created, LakeError> {
        self.call(Call::CreateTable, |state| {
            let tables = state.tables(database)?;
            if tables.contains_key(&table.name) {
                return Ok(Created::Already);
            }
            let entry = Entry { spec: table.clone(), version: 0, others: OthersNotes::default(), partitions: BTreeMap::new() };
            tables.insert(table.name.clone(), entry);
            Ok(Created::Now)
        })
    }

    async fn update_table(&self, database: &str, table: &TableSpec, found: &FoundTable) -> Result<Updated, LakeError> {
        self.call(Call::UpdateTable, |state| match state.entry(database, &table.name) {
            Ok(entry) if entry.version.to_string() == found.version => {
                *entry = Entry {
                    spec: table.clone(),
                    version: entry.version + 1,
                    others: found.others.clone(),
                    partitions: std::mem::take(&mut entry.partitions),
                };
                Ok(Updated::Done)
            }
            _ => Ok(Updated::Overtaken),
        })
    }

    async fn list_partitions(&self, database: &str, table: &str, page: Option<String>) -> Result<PartitionPage, LakeError> {
        self.call(Call::ListPartitions, |state| {
            let start = match &page {
                None => 0,
                Some(token) => token.parse().map_err(|_| LakeError::Invalid(format!("{token:?} is no page of a listing")))?,
            };
            let all = &state.entry(database, table)?.partitions;
            let end = (start + self.partitions_per_page).min(all.len());
            let items = all.iter().skip(start).take(self.partitions_per_page);
            let partitions =
                items.map(|(values, place)| PartitionSpec { values: values.clone(), location: place.clone() }).collect();
            Ok(PartitionPage { partitions, next: (end < all.len()).then(|| end.to_string()) })
        })
    }

    async fn create_partitions(
        &self,
        database: &str,
        table: &TableSpec,
        partitions: &[PartitionSpec],
    ) -> Result<usize, LakeError> {
        self.call(Call::CreatePartitions, |state| {
            check_call_size("creates", partitions.len(), PARTITIONS_PER_CREATE_MAX)?;
            let entry = state.entry(database, &table.name)?;
            if let Some(wrong) = partitions.iter().find(|p| p.values.len() != entry.spec.partition_keys.len()) {
                return Err(LakeError::Invalid(format!(
                    "{}: {:?} are not values of its partition keys",
                    table.name, wrong.values
                )));
            }
            let before = entry.partitions.len();
            for partition in partitions {
                entry.partitions.entry(partition.values.clone()).or_insert_with(|| partition.location.clone());
            }
            Ok(entry.partitions.len() - before)
        })
    }

    async fn delete_partitions(&self, database: &str, table: &str, values: &[Vec<String>]) -> Result<usize, LakeError> {
        self.call(Call::DeletePartitions, |state| {
            check_call_size("deletes", values.len(), PARTITIONS_PER_DELETE_MAX)?;
            let partitions = &mut state.entry(database, table)?.partitions;
            Ok(values.iter().filter(|v| partitions.remove(*v).is_some()).count())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;

    #[tokio::test]
    async fn the_catalog_in_memory_never_behaves_unlike_glue() {
        conformance::run(&MemoryCatalog::with_page(7), "conformance", conformance::Versions::Checked).await;
    }

    #[tokio::test]
    async fn a_lost_answer_never_undoes_the_work() {
        let catalog = MemoryCatalog::new();
        catalog.inject(Call::EnsureDatabase, Fault::AnswerLost);
        catalog.inject(Call::EnsureDatabase, Fault::Outage);
        assert!(catalog.ensure_database("d").await.is_err());
        assert!(catalog.ensure_database("d").await.is_err());
        assert_eq!(catalog.ensure_database("d").await.unwrap(), Created::Already);
    }
}
