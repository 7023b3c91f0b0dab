-- estimator  Close-to-close volatility, the sample standard deviation of the last n returns
-- formula    s^2 = 1 / (n - 1) * sum (r_i - mean r)^2,  r_i = ln(C_i / C_(i-1))
-- source     J. C. Hull (2018), "Options, Futures, and Other Derivatives", 10th ed., section 15.4
-- units      volatility: standard deviation of the log return a year, as a fraction (0.2 is 20 %)
-- nulls      volatility, where the window holds fewer than :min_observations observations, or only one
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1d  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :window bigint>=2 20  how many bars a figure looks back on, its own included
-- :min_observations bigint>=1 :window  fewer bars with an observation in the window give NULL
-- :periods_per_year double>0 252  bars a year, the annualisation base
-- :overnight boolean true  true: returns from close to close; false: from a bar's open to its close, without the gap before it
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
-- shared: candles
candles AS (
    SELECT *, lag(close) OVER (PARTITION BY symbol ORDER BY bar_ns) AS previous_close
    FROM bars
),
-- end: candles
terms AS (
    SELECT symbol, bar_ns, ln(close / if(:overnight, previous_close, open)) AS term
    FROM candles
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    count(term) OVER recent AS observations,
    if(count(term) OVER recent >= :min_observations, stddev_samp(term) OVER recent * sqrt(:periods_per_year)) AS volatility
FROM terms
WINDOW recent AS (PARTITION BY symbol ORDER BY bar_ns ROWS BETWEEN :window - 1 PRECEDING AND CURRENT ROW)
ORDER BY symbol, bar_ns
