//! What the lake's three tables look like in a Hive catalog.
//!
//! Owns: locations, formats, SerDes and parameters; pure functions of the contracts and the lake's URL.
//! Does not own: the columns (`schemas`), comparing with what is registered (`plan`).
//! Invariant: Trino, Athena and Spark read what is described here; a location never ends in a slash.

use std::collections::BTreeMap;

use object_store::path::Path;
use ticklake_schemas::{Contract, GlueColumn, STOCK_DATA_JSON};
use url::Url;

use super::{ColumnSpec, FormatSpec, PartitionSpec, TableSpec};
use crate::LakeError;
use crate::layout::Table;

/// A partition of `stock_data_json`: values of `dt` and `hour`.
pub type Folder = (String, String);

/// The SerDe parameter in which Delta readers look for the table's root.
pub(super) const PATH_PARAMETER: &str = "path";

const EXTERNAL_TABLE: &str = "EXTERNAL_TABLE";

/// How a table's files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Delta Lake: the log says everything, the catalog only says where it lies.
    Delta,
    /// Hive partitions of JSON lines.
    HiveJson,
}

impl TableKind {
    /// Formats and SerDe.
    fn format(self, location: &str) -> FormatSpec {
        let (input_format, output_format, serde) = match self {
            // What Spark writes for any data source table; Delta readers use nothing but `path`.
            Self::Delta => (
                "org.apache.hadoop.mapred.SequenceFileInputFormat",
                "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
                "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            ),
            // No `timestamp.formats`: without it the SerDe reads `yyyy-MM-dd HH:mm:ss[.fraction]`, which the mirror writes.
            Self::HiveJson => (
                "org.apache.hadoop.mapred.TextInputFormat",
                "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "org.apache.hive.hcatalog.data.JsonSerDe",
            ),
        };
        let mut serde_parameters = texts(&[("serialization.format", "1")]);
        if self == Self::Delta {
            serde_parameters.insert(PATH_PARAMETER.into(), location.into());
        }
        FormatSpec {
            input_format: input_format.into(),
            output_format: output_format.into(),
            serde: serde.into(),
            serde_parameters,
        }
    }

    /// Table parameters. Athena knows a Delta table by `table_type`, Spark and Trino by `spark.sql.sources.provider`,
    /// Glue itself by `classification`.
    fn parameters(self) -> BTreeMap<String, String> {
        match self {
            Self::Delta => texts(&[
                ("EXTERNAL", "TRUE"),
                ("classification", "delta"),
                ("spark.sql.sources.provider", "delta"),
                ("table_type", "delta"),
            ]),
            Self::HiveJson => texts(&[("EXTERNAL", "TRUE"), ("classification", "json")]),
        }
    }
}

/// The lake's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeTables {
    /// `stock_data`.
    pub stock_data: TableSpec,
    /// `stock_data_json`.
    pub stock_data_json: TableSpec,
    /// `dead_letters`.
    pub dead_letters: TableSpec,
}

impl LakeTables {
    /// The tables of the lake at `url`.
    ///
    /// # Errors
    /// `Invalid` when the lake is not on S3, where alone Glue's readers can follow.
    pub fn of(url: &Url) -> Result<Self, LakeError> {
        let delta = |t: Table| Ok::<_, LakeError>(table(t.name(), TableKind::Delta, t.contract(), location(url, t.name())?));
        Ok(Self {
            stock_data: delta(Table::StockData)?,
            stock_data_json: table(
                STOCK_DATA_JSON,
                TableKind::HiveJson,
                Table::StockData.contract(),
                location(url, STOCK_DATA_JSON)?,
            ),
            dead_letters: delta(Table::DeadLetters)?,
        })
    }

    /// All of them.
    pub fn all(&self) -> [&TableSpec; 3] {
        [&self.stock_data, &self.stock_data_json, &self.dead_letters]
    }
}

/// A partition of the JSON mirror.
pub fn partition(json: &TableSpec, (dt, hour): &Folder) -> PartitionSpec {
    PartitionSpec { values: vec![dt.clone(), hour.clone()], location: format!("{}/dt={dt}/hour={hour}", json.location) }
}

/// Partition columns of a Delta table stand among its columns and `PartitionKeys` stays empty, as Spark and Athena
/// register them: with keys, Hive readers would look for partitions in the catalog and find none.
fn table(name: &str, kind: TableKind, contract: &Contract, location: String) -> TableSpec {
    let (columns, partition_keys) = match kind {
        TableKind::Delta => (contract.glue_columns(), Vec::new()),
        TableKind::HiveJson => (contract.glue_file_columns(), contract.glue_partition_keys()),
    };
    TableSpec {
        name: name.to_owned(),
        table_type: EXTERNAL_TABLE.to_owned(),
        format: kind.format(&location),
        location,
        columns: columns.into_iter().map(column).collect(),
        partition_keys: partition_keys.into_iter().map(column).collect(),
        parameters: kind.parameters(),
    }
}

fn column(column: GlueColumn) -> ColumnSpec {
    ColumnSpec { name: column.name, kind: column.kind.to_owned(), comment: column.comment }
}

/// The S3 location of a table; keys as S3 has them, not percent-encoded as in a URL.
fn location(lake: &Url, table: &str) -> Result<String, LakeError> {
    let (Some(bucket), "s3") = (lake.host_str(), lake.scheme()) else {
        return Err(LakeError::Invalid(format!(
            "Glue needs an s3:// lake, and {lake} is not one; give --lake s3://bucket/prefix or leave --glue-database out"
        )));
    };
    let prefix = Path::from_url_path(lake.path()).map_err(|e| LakeError::Invalid(format!("lake location {lake}: {e}")))?;
    Ok(format!("s3://{bucket}/{}", prefix.join(table)))
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as text, one decision a line.
    fn render(table: &TableSpec) -> String {
        let columns = |list: &[ColumnSpec]| list.iter().map(|c| format!("{} {}", c.name, c.kind)).collect::<Vec<_>>().join(", ");
        let pairs = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(", ");
        format!(
            "{} {} at {}\ncolumns: {}\nkeys: {}\nparameters: {}\ninput: {}\noutput: {}\nserde: {} ({})\n",
            table.table_type,
            table.name,
            table.location,
            columns(&table.columns),
            columns(&table.partition_keys),
            pairs(&table.parameters),
            table.format.input_format,
            table.format.output_format,
            table.format.serde,
            pairs(&table.format.serde_parameters),
        )
    }

    fn tables(url: &str) -> LakeTables {
        LakeTables::of(&crate::store::parse_location(url).unwrap()).unwrap()
    }

    const TICK_COLUMNS: &str = "symbol string, time timestamp, time_ns bigint, price double, size double, bid double, \
        ask double, exchange string, sequence bigint, kafka_time timestamp, kafka_topic string, kafka_partition int, \
        kafka_offset bigint, extra string";

    #[test]
    fn a_delta_table_never_looks_like_anything_but_what_spark_registers() {
        let tables = tables("s3://bucket/some/lake/");
        let delta = |name: &str, columns: &str| {
            format!(
                "EXTERNAL_TABLE {name} at s3://bucket/some/lake/{name}\n\
                 columns: {columns}\n\
                 keys: \n\
                 parameters: EXTERNAL=TRUE, classification=delta, spark.sql.sources.provider=delta, table_type=delta\n\
                 input: org.apache.hadoop.mapred.SequenceFileInputFormat\n\
                 output: org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat\n\
                 serde: org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe \
                 (path=s3://bucket/some/lake/{name}, serialization.format=1)\n"
            )
        };
        assert_eq!(render(&tables.stock_data), delta("stock_data", &format!("{TICK_COLUMNS}, dt string, hour string")));
        let rejects = "class string, reason string, key_base64 string, payload_base64 string, kafka_time timestamp, \
            kafka_topic string, kafka_partition int, kafka_offset bigint, dt string, headers string";
        assert_eq!(render(&tables.dead_letters), delta("dead_letters", rejects));
    }

    #[test]
    fn the_json_mirror_never_repeats_its_partition_keys_as_columns() {
        assert_eq!(
            render(&tables("s3://bucket").stock_data_json),
            format!(
                "EXTERNAL_TABLE stock_data_json at s3://bucket/stock_data_json\n\
                 columns: {TICK_COLUMNS}\n\
                 keys: dt string, hour string\n\
                 parameters: EXTERNAL=TRUE, classification=json\n\
                 input: org.apache.hadoop.mapred.TextInputFormat\n\
                 output: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat\n\
                 serde: org.apache.hive.hcatalog.data.JsonSerDe (serialization.format=1)\n"
            )
        );
    }

    #[test]
    fn a_comment_never_exceeds_what_glue_stores() {
        for table in tables("s3://bucket/p").all() {
            for column in table.columns.iter().chain(&table.partition_keys) {
                assert!(column.comment.len() <= 255 && !column.comment.contains('\n'), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn locations_are_keys_without_slashes_to_spare_or_percent_codes() {
        assert_eq!(tables("s3://b/x/").stock_data.location, "s3://b/x/stock_data");
        assert_eq!(tables("s3://b/my lake").stock_data.location, "s3://b/my lake/stock_data");
        let json = tables("s3://b/x").stock_data_json;
        let found = partition(&json, &("2020-02-22".into(), "07".into()));
        assert_eq!(found.values, ["2020-02-22", "07"]);
        assert_eq!(found.location, "s3://b/x/stock_data_json/dt=2020-02-22/hour=07");
    }

    #[test]
    fn a_lake_that_athena_cannot_reach_is_never_registered() {
        for place in ["/tmp/lake", "memory://"] {
            let error = LakeTables::of(&crate::store::parse_location(place).unwrap()).unwrap_err();
            assert!(matches!(&error, LakeError::Invalid(text) if text.contains("s3://")), "{error}");
        }
    }
}
