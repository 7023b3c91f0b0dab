-- estimator  Exactly-once audit per Kafka partition: duplicates and missing offsets, which must be 0
-- formula    every Kafka offset is one row of stock_data or of dead_letters; missing = offsets between the first and the last
--            that neither table holds
-- source     the tables alone; offsets taken by transaction markers, by aborted transactions or emptied by log compaction were
--            never messages and count as missing too
-- units      counts, and offsets of Kafka
-- nulls      none
WITH messages AS (
    SELECT kafka_topic, kafka_partition, kafka_offset, 1 AS is_tick FROM stock_data
    UNION ALL
    SELECT kafka_topic, kafka_partition, kafka_offset, 0 AS is_tick FROM dead_letters
)
SELECT
    kafka_topic,
    kafka_partition,
    sum(is_tick) AS ticks,
    count(*) - sum(is_tick) AS dead_letters,
    count(DISTINCT kafka_offset) AS distinct_offsets,
    min(kafka_offset) AS first_offset,
    max(kafka_offset) AS last_offset,
    count(*) - count(DISTINCT kafka_offset) AS duplicates,
    max(kafka_offset) - min(kafka_offset) + 1 - count(DISTINCT kafka_offset) AS missing
FROM messages
GROUP BY kafka_topic, kafka_partition
ORDER BY kafka_topic, kafka_partition
-- lint: allow FULL_SCAN
