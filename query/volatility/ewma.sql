-- estimator  Exponentially weighted (RiskMetrics) volatility, as known at the close of each bar
-- formula    s^2_i = lambda s^2_(i-1) + (1 - lambda) r_i^2,  r_i = ln(C_i / C_(i-1)),
--            begun with the mean of the first :window r^2; s^2_i is the forecast for the bar after i
-- source     J.P. Morgan/Reuters (1996), "RiskMetrics - Technical Document", 4th ed., section 5.2
-- units      volatility: standard deviation of the log return a year, as a fraction (0.2 is 20 %)
-- nulls      volatility, before :window and before :min_observations returns, and at a bar without a return
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1d  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :lambda double>=0.001<1 0.94  the weight of the past, RiskMetrics' for daily bars (0.97 for monthly ones)
-- :window bigint>=1 74  how many squared returns the first figure is the mean of; 74 carry 99 % of the weight at 0.94
-- :min_observations bigint>=1 :window  fewer returns so far give NULL
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
    SELECT symbol, bar_ns, power(ln(close / if(:overnight, previous_close, open)), 2) AS term, :lambda AS decay
    FROM candles
),
-- shared: smoothed
-- y(:window) = mean of the first :window terms; then y(i) = decay * y(i - 1) + (1 - decay) * term(i), solved exactly:
-- within a block of 100 as power(decay, i) times a running sum of inputs over power(decay, i), which cannot overflow for a
-- decay from 0.001; then each block adds what the blocks before it left, which one pass over the blocks' ends gives.
numbered AS (
    SELECT
        symbol,
        bar_ns,
        term,
        decay,
        count(term) OVER so_far AS observations,
        avg(term) OVER so_far AS mean
    FROM terms
    WINDOW so_far AS (PARTITION BY symbol ORDER BY bar_ns ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
inputs AS (
    SELECT
        symbol,
        bar_ns,
        decay,
        (observations - :window) / 100 AS block,
        mod(observations - :window, 100) AS step,
        if(observations = :window, mean, (1e0 - decay) * term) AS input
    FROM numbered
    WHERE term IS NOT NULL AND observations >= :window
),
blocks AS (
    SELECT
        symbol,
        bar_ns,
        decay,
        block,
        step,
        power(decay, step) * sum(input / power(decay, step)) OVER (
            PARTITION BY symbol, block ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS y
    FROM inputs
),
carried AS (
    SELECT
        symbol,
        reduce(
            coalesce(array_agg(y ORDER BY block) FILTER (WHERE step = 99), ARRAY[]),
            ARRAY[0e0],
            (carries, y) -> carries || (power(decay, 100) * element_at(carries, -1) + y),
            carries -> carries
        ) AS carries
    FROM blocks
    GROUP BY symbol, decay
),
smoothed AS (
    SELECT symbol, bar_ns, y + power(decay, step + 1) * element_at(carries, block + 1) AS y
    FROM blocks
    JOIN carried USING (symbol)
)
-- end: smoothed
SELECT
    symbol,
    CAST(from_unixtime_nanos(bar_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS bar_start,
    observations,
    if(observations >= :min_observations, sqrt(y * :periods_per_year)) AS volatility
FROM numbered
LEFT JOIN smoothed USING (symbol, bar_ns)
ORDER BY symbol, bar_ns
