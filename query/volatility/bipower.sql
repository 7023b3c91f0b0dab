-- estimator  Bipower variation: realised variance without the jumps
-- formula    BV = pi / 2 * n / (n - 1) * sum |r_i| |r_(i-1)|
-- source     O. E. Barndorff-Nielsen and N. Shephard (2004), "Power and Bipower Variation with Stochastic Volatility and Jumps",
--            Journal of Financial Econometrics 2(1), 1-37
-- units      variance: squared log return of the period; volatility: its square root a year, as a fraction (0.2 is 20 %)
-- nulls      variance and volatility, of a period with fewer than :min_observations returns;
--            with :overnight also of the first one
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :period duration 1d  what a figure is of, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :interval duration 5m  between two samples, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :min_observations bigint>=1 2  fewer returns in the period give NULL
-- :periods_per_year double>0 252  periods a year, the annualisation base
-- :overnight boolean false  true adds the squared log return from the last price of the period before to the first of this
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
-- shared: periods
-- Periods that hold a tick.
spans AS (
    SELECT
        symbol,
        time_ns / :period * :period AS period_ns,
        count(*) AS ticks,
        sum(size) AS volume,
        min_by(price, place) AS first_price,
        max_by(price, place) AS last_price
    FROM ticks
    GROUP BY symbol, time_ns / :period * :period
),
periods AS (
    SELECT *, lag(last_price) OVER (PARTITION BY symbol ORDER BY period_ns) AS previous_price
    FROM spans
),
-- end: periods
-- shared: samples
-- Previous-tick sampling: a period's first price, then the last price at the end of every interval to its last tick.
-- An interval without ticks repeats the price before it; sequence() gives 10,000 numbers at most, hence the two steps.
buckets AS (
    SELECT
        symbol,
        time_ns / :period * :period AS period_ns,
        time_ns / :interval * :interval AS bucket_ns,
        min_by(price, place) AS first_price,
        max_by(price, place) AS last_price
    FROM ticks
    GROUP BY symbol, time_ns / :period * :period, time_ns / :interval * :interval
),
gaps AS (
    SELECT
        *,
        if(lag(bucket_ns) OVER within IS NULL, -1, 0) AS first_step,
        coalesce((lead(bucket_ns) OVER within - bucket_ns) / :interval, 1) - 1 AS last_step
    FROM buckets
    WINDOW within AS (PARTITION BY symbol, period_ns ORDER BY bucket_ns)
),
samples AS (
    SELECT
        symbol,
        period_ns,
        bucket_ns + step * :interval AS sample_ns,
        if(step < 0, first_price, last_price) AS price
    FROM gaps
    CROSS JOIN UNNEST(sequence(0, (last_step - first_step) / 1000)) AS t (thousand)
    CROSS JOIN UNNEST(
        sequence(first_step + 1000 * thousand, least(first_step + 1000 * thousand + 999, last_step))
    ) AS s (step)
),
returns AS (
    SELECT
        symbol,
        period_ns,
        sample_ns,
        ln(price / lag(price) OVER (PARTITION BY symbol, period_ns ORDER BY sample_ns)) AS r
    FROM samples
),
-- end: samples
neighbours AS (
    SELECT
        symbol,
        period_ns,
        r,
        abs(r) * abs(lag(r) OVER within) AS product
    FROM returns
    WINDOW within AS (PARTITION BY symbol, period_ns ORDER BY sample_ns)
),
measures AS (
    SELECT
        symbol,
        period_ns,
        count(r) AS observations,
        pi() / 2e0 * count(r) / (count(r) - 1e0) * sum(product) AS measure
    FROM neighbours
    GROUP BY symbol, period_ns
),
-- shared: variance
figures AS (
    SELECT
        symbol,
        period_ns,
        observations,
        if(
            observations >= :min_observations,
            measure + if(:overnight, power(ln(first_price / previous_price), 2), 0e0)
        ) AS variance
    FROM measures
    JOIN periods USING (symbol, period_ns)
)
SELECT
    symbol,
    CAST(from_unixtime_nanos(period_ns) AT TIME ZONE 'UTC' AS timestamp(3)) AS period_start,
    observations,
    variance,
    if(variance >= 0e0, sqrt(variance * :periods_per_year)) AS volatility
FROM figures
ORDER BY symbol, period_ns
-- end: variance
