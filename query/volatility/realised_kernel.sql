-- estimator  Realised kernel with Parzen weights: from every tick, free of the bias of bid-ask bounce, never negative
-- formula    RK = sum over h = -H..H of k(h / (H + 1)) g_h,  g_h = sum r_i r_(i-|h|),
--            k(x) = 1 - 6 x^2 + 6 x^3 up to x = 1/2, then 2 (1 - x)^3; the first and last price are not averaged (no jittering)
-- source     O. E. Barndorff-Nielsen, P. R. Hansen, A. Lunde and N. Shephard (2009), "Realized Kernels in Practice: Trades and
--            Quotes", Econometrics Journal 12(3), C1-C32
-- units      variance: squared log return of the period; volatility: its square root a year, as a fraction (0.2 is 20 %)
-- nulls      variance and volatility, of a period with fewer than :min_observations returns;
--            with :overnight also of the first one
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :period duration 1d  what a figure is of, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :bandwidth bigint>=0<10000 30  H; the paper's choice is about 3.5 n^(3/5) (noise variance / variance of the period)^(2/5)
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
-- shared: tick_returns
-- The return from each tick of a period to the next.
numbered AS (
    SELECT
        symbol,
        time_ns / :period * :period AS period_ns,
        row_number() OVER (PARTITION BY symbol, time_ns / :period * :period ORDER BY place) AS n,
        price
    FROM ticks
),
returns AS (
    SELECT
        symbol,
        period_ns,
        n,
        price,
        ln(price / lag(price) OVER (PARTITION BY symbol, period_ns ORDER BY n)) AS r
    FROM numbered
),
-- end: tick_returns
chains AS (
    SELECT symbol, period_ns, count(r) AS observations, array_agg(r ORDER BY n) FILTER (WHERE r IS NOT NULL) AS r
    FROM returns
    GROUP BY symbol, period_ns
),
weights AS (
    SELECT
        h,
        if(h = 0, 1e0, 2e0)
            * if(x <= 0.5e0, 1e0 - 6e0 * x * x + 6e0 * x * x * x, 2e0 * power(1e0 - x, 3)) AS weight
    FROM (SELECT h, h / (:bandwidth + 1e0) AS x FROM UNNEST(sequence(0, :bandwidth)) AS t (h))
),
measures AS (
    SELECT
        symbol,
        period_ns,
        observations,
        sum(weight * reduce(
            zip_with(slice(r, h + 1, observations - h), slice(r, 1, observations - h), (x, y) -> x * y),
            0e0,
            (total, x) -> total + x,
            total -> total
        )) AS measure
    FROM chains
    JOIN weights ON h < observations
    GROUP BY symbol, period_ns, observations
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
