-- estimator  Volume-weighted average price since each period's begin, and bands around it
-- formula    vwap = sum v_i p_i / sum v_i,  upper and lower = vwap +- k s,  s^2 = sum v_i (p_i - vwap)^2 / sum v_i,
--            over the period's ticks up to the bar's end
-- source     S. A. Berkowitz, D. E. Logue and E. A. Noser (1988), "The Total Cost of Transactions on the NYSE",
--            Journal of Finance 43(1), 97-112 (the average); the bands are charting practice
-- units      the price's own
-- nulls      vwap, upper and lower, before the period has :min_observations ticks with a price and a size, and some volume;
--            close, of a bar without prices
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :period duration 1d  how long an average runs, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :bar duration 1m  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :min_observations bigint>=1 1  fewer ticks with a price and a size so far in the period give NULL
-- :width double>0 2  k, how many standard deviations a band lies from the average
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
-- Prices are taken from the period's first one: squares of the whole price would drown the deviations.
anchors AS (
    SELECT symbol, time_ns / :period * :period AS period_ns, min_by(price, place) FILTER (WHERE price IS NOT NULL) AS anchor
    FROM ticks
    GROUP BY symbol, time_ns / :period * :period
),
sums AS (
    SELECT
        ticks.symbol,
        period_ns,
        time_ns / :bar * :bar AS bar_ns,
        anchor,
        count(price * size) AS n,
        sum(if(price IS NOT NULL, size)) AS v,
        sum(size * (price - anchor)) AS vd,
        sum(size * power(price - anchor, 2)) AS vdd
    FROM ticks
    JOIN anchors ON anchors.symbol = ticks.symbol AND period_ns = time_ns / :period * :period
    GROUP BY ticks.symbol, period_ns, time_ns / :bar * :bar, anchor
),
running AS (
    SELECT
        symbol,
        period_ns,
        bar_ns,
        anchor,
        sum(n) OVER so_far AS observations,
        sum(v) OVER so_far AS v,
        sum(vd) OVER so_far AS vd,
        sum(vdd) OVER so_far AS vdd
    FROM sums
    WINDOW so_far AS (PARTITION BY symbol, period_ns ORDER BY bar_ns ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
figures AS (
    SELECT
        symbol,
        period_ns,
        bar_ns,
        observations,
        if(observations >= :min_observations AND v > 0e0, anchor + vd / v) AS vwap,
        if(v > 0e0, sqrt(greatest(vdd / v - power(vd / v, 2), 0e0))) AS deviation
    FROM running
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    observations,
    close,
    vwap,
    vwap + :width * deviation AS upper,
    vwap - :width * deviation AS lower
FROM figures
JOIN bars USING (symbol, bar_ns)
ORDER BY symbol, period_ns, bar_ns
