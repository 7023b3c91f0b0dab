-- estimator  Average price per symbol and day (UTC), newest day first
-- formula    mean of the day's prices, every tick a sample; lines of one day come in no promised order
-- source     the pipeline's own
-- units      the price's own
-- nulls      none
SELECT symbol, date(time) AS day, AVG(price) AS avg_price FROM stock_data GROUP BY symbol, date(time) ORDER BY day DESC
-- lint: allow FULL_SCAN
