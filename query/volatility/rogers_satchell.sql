-- estimator  Rogers-Satchell volatility, from each bar's open, high, low and close, free of drift
-- formula    s^2 = 1 / n * sum (ln(H_i / C_i) ln(H_i / O_i) + ln(L_i / C_i) ln(L_i / O_i))
-- source     L. C. G. Rogers and S. E. Satchell (1991), "Estimating Variance from High, Low and Closing Prices",
--            Annals of Applied Probability 1(4), 504-512
-- units      volatility: standard deviation of the log return a year, as a fraction (0.2 is 20 %)
-- nulls      volatility, where the window holds fewer than :min_observations observations
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1d  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :window bigint>=1 20  how many bars a figure looks back on, its own included
-- :min_observations bigint>=1 :window  fewer bars with an observation in the window give NULL
-- :periods_per_year double>0 252  bars a year, the annualisation base
-- :overnight boolean false  true adds the squared log return from the last bar's close to this bar's open
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
    SELECT
        symbol,
        bar_ns,
        ln(high / close) * ln(high / open) + ln(low / close) * ln(low / open)
            + if(:overnight, power(ln(open / previous_close), 2), 0e0) AS term
    FROM candles
),
-- shared: mean
-- Each window is added up anew: a running sum would keep the rounding errors of what has left the window.
means AS (
    SELECT
        symbol,
        bar_ns,
        count(term) OVER recent AS observations,
        reduce(array_agg(term) OVER recent, 0e0, (total, x) -> total + coalesce(x, 0e0), total -> total)
            / count(term) OVER recent AS variance
    FROM terms
    WINDOW recent AS (PARTITION BY symbol ORDER BY bar_ns ROWS BETWEEN :window - 1 PRECEDING AND CURRENT ROW)
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    observations,
    if(observations >= :min_observations, sqrt(variance * :periods_per_year)) AS volatility
FROM means
ORDER BY symbol, bar_ns
-- end: mean
