//! AWS Glue as a catalog.
//!
//! Owns: the Glue client, its time limits, the words Glue has for our types and for its refusals.
//! Does not own: credentials and endpoints (`aws`), what to register (`spec`, `plan`), in which order (`sync`).
//! Invariant: one method, one call to Glue; the SDK's retries are the only ones made here, and they are bounded.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::retry::RetryConfig;
use aws_sdk_glue::config::timeout::TimeoutConfig;
use aws_sdk_glue::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{
    Column, DatabaseInput, ErrorDetail, Partition, PartitionError, PartitionInput, PartitionValueList, SerDeInfo,
    StorageDescriptor, Table, TableInput,
};

use super::{
    Catalog, ColumnSpec, Created, FormatSpec, FoundTable, OthersNotes, PARTITIONS_PER_CREATE_MAX, PARTITIONS_PER_DELETE_MAX,
    PartitionPage, PartitionSpec, TableSpec, Updated, check_call_size,
};
use crate::LakeError;
use crate::tally::{Service, Tally};

/// The IAM actions ticklake needs on the catalog, the database and its tables.
pub const IAM_ACTIONS: [&str; 8] = [
    "glue:GetDatabase",
    "glue:CreateDatabase",
    "glue:GetTable",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:GetPartitions",
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
];

/// What we call the type of a table that is a link to another account's.
pub(super) const RESOURCE_LINK: &str = "RESOURCE_LINK";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES_MAX: u32 = 3;
/// Glue's own limit.
const PARTITIONS_PER_PAGE_MAX: i32 = 1000;

const NOT_FOUND: &str = "EntityNotFoundException";
const EXISTS: &str = "AlreadyExistsException";
const OVERTAKEN: &str = "ConcurrentModificationException";

/// The Glue Data Catalog of an account and region.
#[derive(Debug, Clone)]
pub struct GlueCatalog {
    client: Client,
    endpoint: String,
    tally: Arc<Tally>,
}

impl GlueCatalog {
    /// The catalog that the environment names: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL_GLUE`, … Makes no call to Glue.
    pub async fn connect() -> Self {
        let shared = crate::aws::load().await;
        let endpoint = crate::aws::endpoint("GLUE").unwrap_or_else(|| {
            let region = shared.region().map_or("?", |r| r.as_ref());
            format!("https://glue.{region}.amazonaws.com")
        });
        Self::new(aws_sdk_glue::config::Builder::from(&shared), retries(), endpoint)
    }

    fn new(config: aws_sdk_glue::config::Builder, retries: RetryConfig, endpoint: String) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = config.timeout_config(timeouts).retry_config(retries).build();
        Self { client: Client::from_conf(config), endpoint, tally: Arc::default() }
    }

    /// The same catalog, its requests counted together with a lake's.
    #[must_use]
    pub fn tallied(self, tally: Arc<Tally>) -> Self {
        Self { tally, ..self }
    }

    /// Makes a call and counts it; the SDK's retries are inside.
    async fn counted<T, E: ProvideErrorMetadata>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SdkError<E>> {
        let mut pending = self.tally.request(Service::Glue, operation);
        let answer = call.await;
        pending.ends(status(&answer));
        answer
    }

    /// Sorts a failed call by what the caller should do. `thing` is a database or one of its tables.
    fn failed<E>(&self, action: &str, thing: &str, error: &SdkError<E>) -> LakeError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            SdkError::ServiceError(refusal) => {
                let (meta, status) = (refusal.err().meta(), refusal.raw().status().as_u16());
                let message = meta.message().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
                self.refused(action, thing, meta.code().unwrap_or_default(), &message)
            }
            SdkError::ConstructionFailure(_) => {
                LakeError::Invalid(format!("Glue {thing}: {action}: {}", crate::error::one_line(error)))
            }
            other => {
                let why = crate::error::one_line(other);
                let hint = if why.to_lowercase().contains("credential") || why.contains("identity") {
                    "there are no usable AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                } else {
                    "it did not answer; check AWS_ENDPOINT_URL_GLUE, AWS_REGION and the network"
                };
                LakeError::Unavailable { what: self.place(thing), why: format!("{hint} ({action}: {why})") }
            }
        }
    }

    /// Sorts Glue's own refusals.
    fn refused(&self, action: &str, thing: &str, code: &str, message: &str) -> LakeError {
        let told = [action, code, message].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(": ");
        let why = match code {
            "InvalidInputException" | "ValidationException" | "InvalidParameterValueException" => {
                return LakeError::Invalid(format!("{} refused the request ({told})", self.place(thing)));
            }
            "" => format!("what answers there is not Glue; check AWS_ENDPOINT_URL_GLUE ({told})"),
            NOT_FOUND => format!("it does not exist (any more); run `ticklake catalog sync` ({told})"),
            "ResourceNumberLimitExceededException" => format!("a quota of the account is used up; have it raised ({told})"),
            "ThrottlingException" | "InternalServiceException" | "OperationTimeoutException" | OVERTAKEN => {
                format!("Glue is busy; try again later ({told})")
            }
            _ => format!(
                "Glue refused; check the credentials, that their policy allows {}, and Lake Formation's grants ({told})",
                IAM_ACTIONS.join(" ")
            ),
        };
        LakeError::Unavailable { what: self.place(thing), why }
    }

    fn place(&self, thing: &str) -> String {
        format!("Glue {thing} at {}", self.endpoint)
    }

    /// The first refusal of single partitions, those of one code aside.
    fn first_refusal(&self, action: &str, thing: &str, errors: &[PartitionError], harmless: &str) -> Result<(), LakeError> {
        let detail = |e: &PartitionError| e.error_detail().cloned().unwrap_or_else(|| ErrorDetail::builder().build());
        match errors.iter().find(|e| detail(e).error_code() != Some(harmless)) {
            None => Ok(()),
            Some(error) => {
                let (detail, values) = (detail(error), error.partition_values().join("/"));
                let message = format!("partition {values}: {}", detail.error_message().unwrap_or("no message"));
                Err(self.refused(action, thing, detail.error_code().unwrap_or_default(), &message))
            }
        }
    }
}

/// The SDK's own: exponential pauses with jitter, after throttling, server errors and answers that got lost.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(1 + RETRIES_MAX)
}

/// How a call ended, in few words.
fn status<T, E: ProvideErrorMetadata>(answer: &Result<T, SdkError<E>>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(SdkError::ServiceError(refusal)) => match refusal.err().meta().code().unwrap_or_default() {
            NOT_FOUND => "not_found",
            EXISTS => "already_exists",
            OVERTAKEN => "overtaken",
            "ThrottlingException" => "throttled",
            "AccessDeniedException" => "denied",
            _ => "refused",
        },
        Err(SdkError::TimeoutError(_)) => "timed_out",
        Err(_) => "failed",
    }
}

/// Whether Glue gave this code as its reason.
fn is<E: ProvideErrorMetadata>(error: &SdkError<E>, code: &str) -> bool {
    error.as_service_error().is_some_and(|e| e.meta().code() == Some(code))
}

#[async_trait]
impl Catalog for GlueCatalog {
    async fn ensure_database(&self, database: &str) -> Result<Created, LakeError> {
        let thing = format!("database {database}");
        match self.counted("GetDatabase", self.client.get_database().name(database).send()).await {
            Ok(_) => return Ok(Created::Already),
            Err(e) if is(&e, NOT_FOUND) => {}
            Err(e) => return Err(self.failed("glue:GetDatabase", &thing, &e)),
        }
        let input = DatabaseInput::builder().name(database).description("Tables of a ticklake").build().map_err(invalid)?;
        match self.counted("CreateDatabase", self.client.create_database().database_input(input).send()).await {
            Ok(_) => Ok(Created::Now),
            Err(e) if is(&e, EXISTS) => Ok(Created::Already),
            Err(e) => Err(self.failed("glue:CreateDatabase", &thing, &e)),
        }
    }

    async fn get_table(&self, database: &str, name: &str) -> Result<Option<FoundTable>, LakeError> {
        match self.counted("GetTable", self.client.get_table().database_name(database).name(name).send()).await {
            Ok(answer) => Ok(answer.table().map(found_table)),
            Err(e) if is(&e, NOT_FOUND) => Ok(None),
            Err(e) => Err(self.failed("glue:GetTable", &format!("table {database}.{name}"), &e)),
        }
    }

    async fn create_table(&self, database: &str, table: &TableSpec) -> Result<Created, LakeError> {
        let input = table_input(table, &OthersNotes::default())?;
        let call = self.client.create_table().database_name(database).table_input(input);
        match self.counted("CreateTable", call.send()).await {
            Ok(_) => Ok(Created::Now),
            Err(e) if is(&e, EXISTS) => Ok(Created::Already),
            Err(e) => Err(self.failed("glue:CreateTable", &format!("table {database}.{}", table.name), &e)),
        }
    }

    async fn update_table(&self, database: &str, table: &TableSpec, found: &FoundTable) -> Result<Updated, LakeError> {
        let version = (!found.version.is_empty()).then(|| found.version.clone());
        let call = self.client.update_table().database_name(database).table_input(table_input(table, &found.others)?);
        // Skipping the archive: Glue keeps a bounded number of versions, and ours say nothing the log does not.
        match self.counted("UpdateTable", call.set_version_id(version).skip_archive(true).send()).await {
            Ok(_) => Ok(Updated::Done),
            Err(e) if is(&e, OVERTAKEN) || is(&e, NOT_FOUND) => Ok(Updated::Overtaken),
            Err(e) => Err(self.failed("glue:UpdateTable", &format!("table {database}.{}", table.name), &e)),
        }
    }

    async fn list_partitions(&self, database: &str, table: &str, page: Option<String>) -> Result<PartitionPage, LakeError> {
        let call = self.client.get_partitions().database_name(database).table_name(table).set_next_token(page);
        let call = call.exclude_column_schema(true).max_results(PARTITIONS_PER_PAGE_MAX);
        let answer = self.counted("GetPartitions", call.send()).await;
        let answer = answer.map_err(|e| self.failed("glue:GetPartitions", &format!("table {database}.{table}"), &e))?;
        Ok(PartitionPage {
            partitions: answer.partitions().iter().map(found_partition).collect(),
            next: answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned),
        })
    }

    async fn create_partitions(
        &self,
        database: &str,
        table: &TableSpec,
        partitions: &[PartitionSpec],
    ) -> Result<usize, LakeError> {
        const ACTION: &str = "glue:BatchCreatePartition";
        check_call_size("creates", partitions.len(), PARTITIONS_PER_CREATE_MAX)?;
        let thing = format!("table {database}.{}", table.name);
        let inputs = partitions.iter().map(|p| partition_input(table, p)).collect::<Result<Vec<_>, _>>()?;
        let call = self.client.batch_create_partition().database_name(database).table_name(&table.name);
        let call = call.set_partition_input_list(Some(inputs));
        let answer = self.counted("BatchCreatePartition", call.send()).await.map_err(|e| self.failed(ACTION, &thing, &e))?;
        self.first_refusal(ACTION, &thing, answer.errors(), EXISTS)?;
        Ok(partitions.len() - answer.errors().len().min(partitions.len()))
    }

    async fn delete_partitions(&self, database: &str, table: &str, values: &[Vec<String>]) -> Result<usize, LakeError> {
        const ACTION: &str = "glue:BatchDeletePartition";
        check_call_size("deletes", values.len(), PARTITIONS_PER_DELETE_MAX)?;
        let thing = format!("table {database}.{table}");
        let list = |v: &Vec<String>| PartitionValueList::builder().set_values(Some(v.clone())).build().map_err(invalid);
        let lists = values.iter().map(list).collect::<Result<Vec<_>, _>>()?;
        let call = self.client.batch_delete_partition().database_name(database).table_name(table);
        let call = call.set_partitions_to_delete(Some(lists));
        let answer = self.counted("BatchDeletePartition", call.send()).await.map_err(|e| self.failed(ACTION, &thing, &e))?;
        self.first_refusal(ACTION, &thing, answer.errors(), NOT_FOUND)?;
        Ok(values.len() - answer.errors().len().min(values.len()))
    }
}

fn invalid(error: BuildError) -> LakeError {
    LakeError::Invalid(format!("not a Glue request: {}", crate::error::one_line(&error)))
}

fn columns(columns: &[ColumnSpec]) -> Result<Vec<Column>, LakeError> {
    let comment = |c: &ColumnSpec| (!c.comment.is_empty()).then(|| c.comment.clone());
    let one = |c: &ColumnSpec| Column::builder().name(&c.name).r#type(&c.kind).set_comment(comment(c)).build().map_err(invalid);
    columns.iter().map(one).collect()
}

/// Old Hive readers fail on absent lists and bucket counts, so all are given.
fn storage(table: &TableSpec, location: &str) -> Result<StorageDescriptor, LakeError> {
    let format = &table.format;
    let serde = SerDeInfo::builder()
        .serialization_library(&format.serde)
        .set_parameters(Some(format.serde_parameters.clone().into_iter().collect()))
        .build();
    Ok(StorageDescriptor::builder()
        .set_columns(Some(columns(&table.columns)?))
        .location(location)
        .input_format(&format.input_format)
        .output_format(&format.output_format)
        .compressed(false)
        .number_of_buckets(-1)
        .serde_info(serde)
        .set_bucket_columns(Some(Vec::new()))
        .set_sort_columns(Some(Vec::new()))
        .set_parameters(Some(std::collections::HashMap::new()))
        .stored_as_sub_directories(false)
        .build())
}

fn table_input(table: &TableSpec, others: &OthersNotes) -> Result<TableInput, LakeError> {
    TableInput::builder()
        .name(&table.name)
        .table_type(&table.table_type)
        .storage_descriptor(storage(table, &table.location)?)
        .set_partition_keys(Some(columns(&table.partition_keys)?))
        .set_parameters(Some(table.parameters.clone().into_iter().collect()))
        .set_description(others.description.clone())
        .set_owner(others.owner.clone())
        .retention(others.retention_days)
        .build()
        .map_err(invalid)
}

fn partition_input(table: &TableSpec, partition: &PartitionSpec) -> Result<PartitionInput, LakeError> {
    let storage = storage(table, &partition.location)?;
    Ok(PartitionInput::builder().set_values(Some(partition.values.clone())).storage_descriptor(storage).build())
}

/// What Glue leaves out reads as empty, and so as drift.
fn found_table(table: &Table) -> FoundTable {
    let storage = table.storage_descriptor();
    let serde = storage.and_then(StorageDescriptor::serde_info);
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let linked = table.target_table().is_some();
    let format = FormatSpec {
        input_format: text(storage.and_then(StorageDescriptor::input_format)),
        output_format: text(storage.and_then(StorageDescriptor::output_format)),
        serde: text(serde.and_then(SerDeInfo::serialization_library)),
        serde_parameters: serde.and_then(SerDeInfo::parameters).cloned().unwrap_or_default().into_iter().collect(),
    };
    let spec = TableSpec {
        name: table.name().to_owned(),
        table_type: if linked { RESOURCE_LINK.to_owned() } else { text(table.table_type()) },
        location: text(storage.and_then(StorageDescriptor::location)),
        format,
        columns: found_columns(storage.map(StorageDescriptor::columns).unwrap_or_default()),
        partition_keys: found_columns(table.partition_keys()),
        parameters: table.parameters().cloned().unwrap_or_default().into_iter().collect(),
    };
    let others = OthersNotes {
        description: table.description().map(str::to_owned),
        owner: table.owner().map(str::to_owned),
        retention_days: table.retention(),
    };
    FoundTable { spec, version: text(table.version_id()), others }
}

fn found_columns(columns: &[Column]) -> Vec<ColumnSpec> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    columns.iter().map(|c| ColumnSpec { name: c.name().to_owned(), kind: text(c.r#type()), comment: text(c.comment()) }).collect()
}

fn found_partition(partition: &Partition) -> PartitionSpec {
    let location = partition.storage_descriptor().and_then(StorageDescriptor::location);
    PartitionSpec { values: partition.values().to_vec(), location: location.unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod fault_tests;

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::super::spec::LakeTables;
    use super::*;

    #[tokio::test]
    async fn glue_never_behaves_unlike_the_catalog_in_memory() {
        if crate::aws::endpoint("GLUE").is_none() {
            return; // never run against an account; a simulator is named by its endpoint
        }
        let database = format!("conformance_{}", uuid::Uuid::new_v4().simple());
        conformance::run(&GlueCatalog::connect().await, &database, conformance::Versions::Ignored).await;
    }

    #[test]
    fn nothing_that_an_old_reader_needs_is_ever_left_out() {
        let tables = LakeTables::of(&url::Url::parse("s3://b/lake/").unwrap()).unwrap();
        for table in tables.all() {
            let input = table_input(table, &OthersNotes::default()).unwrap();
            let storage = input.storage_descriptor().unwrap();
            assert_eq!(storage.number_of_buckets(), -1);
            assert!(storage.bucket_columns.is_some() && storage.sort_columns.is_some(), "empty lists, not null");
            assert!(input.partition_keys.is_some(), "an empty list, not null");
        }
    }

    #[test]
    fn a_refusal_always_says_where_and_what_to_do() {
        let client = Client::from_conf(aws_sdk_glue::Config::builder().behavior_version_latest().build());
        let glue = GlueCatalog { client, endpoint: "http://127.0.0.1:1".into(), tally: Arc::default() };
        let error = glue.refused("glue:GetTable", "table ticks.stock_data", "AccessDeniedException", "not authorized");
        let text = error.to_string();
        assert!(matches!(error, LakeError::Unavailable { .. }), "{text}");
        for word in ["ticks.stock_data", "http://127.0.0.1:1", "glue:BatchCreatePartition", "not authorized"] {
            assert!(text.contains(word), "{text}");
        }
        assert!(matches!(glue.refused("glue:CreateTable", "table a.b", "InvalidInputException", "m"), LakeError::Invalid(_)));
    }
}
