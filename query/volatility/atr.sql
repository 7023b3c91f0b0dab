-- estimator  Average true range, by Wilder's smoothing
-- formula    ATR_i = ((n - 1) ATR_(i-1) + TR_i) / n,  TR_i = max(H_i, C_(i-1)) - min(L_i, C_(i-1)),
--            begun with the mean of the first n true ranges; a first bar, without a close before it, has none
-- source     J. W. Wilder (1978), "New Concepts in Technical Trading Systems", chapter 3
-- units      atr: the price's own; atr_percent: per cent of the close
-- nulls      atr and atr_percent, before :window and before :min_observations true ranges, and at a bar without one
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :bar duration 1d  length of a bar, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :window bigint>=2 14  Wilder's n
-- :min_observations bigint>=1 :window  fewer true ranges so far give NULL
-- :overnight boolean true  false leaves out the close before: the true range is high - low, and a first bar has one
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
        if(:overnight, greatest(high, previous_close) - least(low, previous_close), high - low) AS term,
        (:window - 1e0) / :window AS decay
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
    if(observations >= :min_observations, y) AS atr,
    if(observations >= :min_observations, 1e2 * y / close) AS atr_percent
FROM numbered
JOIN bars USING (symbol, bar_ns)
LEFT JOIN smoothed USING (symbol, bar_ns)
ORDER BY symbol, bar_ns
