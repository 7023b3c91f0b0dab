-- estimator  Two-scale realised variance: from every tick, free of the bias of bid-ask bounce
-- formula    TSRV = (slow - m / n * fast) / (1 - m / n),  fast = sum ln(p_i / p_(i-1))^2 over n returns,
--            slow = 1 / K * sum ln(p_i / p_(i-K))^2,  m = (n - K + 1) / K
-- source     L. Zhang, P. A. Mykland and Y. Ait-Sahalia (2005), "A Tale of Two Time Scales", Journal of the American Statistical
--            Association 100(472), 1394-1411
-- units      variance: squared log return of the period; volatility: its square root a year, as a fraction (0.2 is 20 %)
-- nulls      variance and volatility, of a period with fewer than :min_observations returns or of :subgrids ticks at most;
--            volatility also where the variance is negative, as it can be; with :overnight both also of the first period
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :period duration 1d  what a figure is of, counted from 1970-01-01 UTC; in the text, nanoseconds
-- :subgrids bigint>=2 30  K: the slow scale takes every K-th tick, K times over
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
scales AS (
    SELECT symbol, period_ns, r, ln(price / lag(price, :subgrids) OVER (PARTITION BY symbol, period_ns ORDER BY n)) AS slow_r
    FROM returns
),
sums AS (
    SELECT
        symbol,
        period_ns,
        count(r) AS observations,
        (count(r) - :subgrids + 1e0) / :subgrids / count(r) AS share,
        sum(r * r) AS fast,
        sum(slow_r * slow_r) / :subgrids AS slow
    FROM scales
    GROUP BY symbol, period_ns
),
measures AS (
    SELECT symbol, period_ns, observations, (slow - share * fast) / (1e0 - share) AS measure
    FROM sums
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
