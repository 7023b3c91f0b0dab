-- estimator  Realised volatility per symbol and event hour (UTC), every tick a sample
-- formula    sqrt(sum r_i^2), r_i = ln(p_i / p_(i-1)) within the hour; returns across its edge belong to no hour
-- source     T. G. Andersen and T. Bollerslev (1998), "Answering the Skeptics: Yes, Standard Volatility Models Do Provide
--            Accurate Forecasts", International Economic Review 39(4), 885-905
-- units      standard deviation of the log return an hour, as a fraction; not annualised; it holds bid-ask bounce besides volatility
--            (the terms are doubles, added in no promised order: the last digits may differ between engines and runs)
-- nulls      realized_volatility, of an hour with one tick
WITH ticks AS (
    SELECT
        symbol,
        dt,
        hour,
        price,
        lag(price) OVER (
            PARTITION BY symbol, dt, hour
            ORDER BY time_ns, sequence NULLS LAST, kafka_partition, kafka_offset
        ) AS previous_price
    FROM stock_data
),
returns AS (
    SELECT symbol, dt, hour, ln(price / previous_price) AS log_return
    FROM ticks
)
SELECT
    symbol,
    dt,
    hour,
    count(*) AS ticks,
    sqrt(sum(log_return * log_return)) AS realized_volatility
FROM returns
GROUP BY symbol, dt, hour
ORDER BY symbol, dt, hour
-- lint: allow FULL_SCAN
