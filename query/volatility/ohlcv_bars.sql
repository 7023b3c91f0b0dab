-- estimator  Open, high, low, close, volume and VWAP of every bar that holds a tick
-- formula    vwap = sum v_i p_i / sum v_i over the bar's ticks that have a size
-- source     market practice; ticks of one instant go by sequence, then by their place in Kafka
-- units      prices: the price's own; volume: the size's own; ticks: a count
-- nulls      open, high, low and close, of a bar with a tick without a price (see :skip_zero_prices) or with fewer than
--            :min_observations ticks; volume and vwap, of a bar without a size
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1m  length of a bar, 1s to 1d and beyond, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :min_observations bigint>=1 1  bars of fewer ticks are left out
WITH
-- shared: ticks
-- Ticks in their order; a price that is not above zero is none.
ticks AS (
    SELECT
        symbol,
        time_ns,
        ROW(time_ns, coalesce(sequence, 9223372036854775807), kafka_partition, kafka_offset) AS place,
        if(price > 0e0, price) AS price,
        size
    FROM :table
    WHERE (:symbol = '' OR symbol = :symbol)
        AND dt BETWEEN CAST(date(:from) AS varchar) AND CAST(date(:to - INTERVAL '0.001' SECOND) AS varchar)
        AND time_ns >= date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', :from) * 1000000
        AND time_ns < date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', :to) * 1000000
        AND (price > 0e0 OR NOT :skip_zero_prices)
),
-- end: ticks
-- shared: bars
-- Bars that hold a tick; one that holds a tick without a price has no prices.
bars AS (
    SELECT
        symbol,
        time_ns / :bar * :bar AS bar_ns,
        count(*) AS ticks,
        if(count(price) = count(*), min_by(price, place)) AS open,
        if(count(price) = count(*), max(price)) AS high,
        if(count(price) = count(*), min(price)) AS low,
        if(count(price) = count(*), max_by(price, place)) AS close,
        sum(size) AS volume,
        sum(price * size) AS turnover
    FROM ticks
    GROUP BY symbol, time_ns / :bar * :bar
),
-- end: bars
candles AS (
    SELECT *, lag(close) OVER (PARTITION BY symbol ORDER BY bar_ns) AS previous_close
    FROM bars
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    open,
    high,
    low,
    close,
    close / previous_close - 1e0 AS change,
    volume,
    if(close IS NOT NULL AND volume > 0e0, turnover / volume) AS vwap,
    ticks
FROM candles
WHERE ticks >= :min_observations
ORDER BY symbol, bar_ns
