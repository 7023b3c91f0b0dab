-- estimator  Bollinger bands of the close
-- formula    middle = mean C, upper and lower = middle +- k s,  s^2 = 1 / n * sum (C_i - mean C)^2
-- source     J. Bollinger (2001), "Bollinger on Bollinger Bands", chapter 7
-- units      the price's own
-- nulls      middle, upper and lower, where the window holds fewer than :min_observations closes; close, of a bar without prices
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1d  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :window bigint>=1 20  how many bars a figure looks back on, its own included
-- :min_observations bigint>=1 :window  fewer bars with an observation in the window give NULL
-- :width double>0 2  k, how many standard deviations a band lies from the middle
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
-- Each window is added up anew: a running sum would keep the rounding errors of what has left the window.
figures AS (
    SELECT
        symbol,
        bar_ns,
        close,
        count(close) OVER recent AS observations,
        reduce(array_agg(close) OVER recent, 0e0, (total, x) -> total + coalesce(x, 0e0), total -> total)
            / count(close) OVER recent AS mean,
        stddev_pop(close) OVER recent AS deviation
    FROM bars
    WINDOW recent AS (PARTITION BY symbol ORDER BY bar_ns ROWS BETWEEN :window - 1 PRECEDING AND CURRENT ROW)
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    observations,
    close,
    if(observations >= :min_observations, mean) AS middle,
    if(observations >= :min_observations, mean + :width * deviation) AS upper,
    if(observations >= :min_observations, mean - :width * deviation) AS lower
FROM figures
ORDER BY symbol, bar_ns
