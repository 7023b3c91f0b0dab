SELECT symbol, date(time) AS day, AVG(price) AS avg_price FROM stock_data GROUP BY symbol, date(time) ORDER BY day DESC
