-- Realised volatility per symbol and event hour (UTC):
--
--     RV = sqrt( sum_i r_i^2 ),   r_i = ln(p_i / p_(i-1))
--
-- over the successive trade prices p_i of one symbol within one hour, every tick a sample.
-- Source: T. G. Andersen and T. Bollerslev (1998), "Answering the Skeptics: Yes, Standard Volatility
-- Models Do Provide Accurate Forecasts", International Economic Review 39(4), 885-905.
--
-- Not annualised. Returns across the hour's edge belong to no hour. An hour with one tick has no return: NULL.
-- Sampled at every tick, the sum holds microstructure noise (bid-ask bounce) besides volatility.
-- The terms are doubles and added in no promised order: the last digits may differ between engines and runs.
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
