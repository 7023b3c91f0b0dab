-- estimator  For a dashboard: the symbols whose price changed most from :from to :to, in either direction
-- formula    change = last price / first price - 1
-- source     market practice
-- units      prices: the price's own; change and spread (highest over lowest, less one): fractions; volume: the size's own
-- nulls      change and spread, of symbols with a tick without a price at the edge (see :skip_zero_prices); volume, without a size
-- :table identifier stock_data  the table of ticks: stock_data or stock_data_json, with its database if need be
-- :symbol varchar ''  the instrument; '' takes every one
-- :from timestamp 1970-01-01  ticks from this moment on (UTC, whole milliseconds)
-- :to timestamp 2200-01-01  ticks before this moment (UTC, whole milliseconds)
-- :skip_zero_prices boolean true  true leaves out ticks whose price is not above zero; false makes NULL what such a tick is part of
-- :min_observations bigint>=1 2  symbols of fewer ticks are left out
-- :limit bigint>=1 10  how many symbols
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
moves AS (
    SELECT
        symbol,
        min_by(price, place) AS first_price,
        max_by(price, place) AS last_price,
        min(price) AS lowest,
        max(price) AS highest,
        sum(size) AS volume,
        count(*) AS ticks
    FROM ticks
    GROUP BY symbol
)
SELECT
    symbol,
    first_price,
    last_price,
    last_price / first_price - 1e0 AS change,
    highest / lowest - 1e0 AS spread,
    volume,
    ticks
FROM moves
WHERE ticks >= :min_observations
ORDER BY abs(last_price / first_price - 1e0) DESC NULLS LAST, symbol
LIMIT :limit
