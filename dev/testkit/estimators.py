"""Owns: the figures of the volatility library once more, from the ticks of one symbol: by numpy, TA-Lib and arch.
Does not own: the ticks, the comparison (e2e/test_volatility.py).
Every formula is written from its paper, not from the SQL; parameters are the library's defaults but for those of PARAMETERS.
"""

import math
from dataclasses import dataclass

import numpy
import talib
from arch.univariate import EWMAVariance

DAY = 86_400_000_000_000
HOUR, MINUTE = DAY // 24, DAY // 1440
YEAR = 252
WINDOW = 20
PARAMETERS = {"ewma": {"window": "10"}}


@dataclass(frozen=True)
class Tick:
    time_ns: int
    price: float
    size: float | None


def groups(ticks: list[Tick], length: int) -> dict[int, list[Tick]]:
    """Ticks by the beginning of their bar or period."""
    found: dict[int, list[Tick]] = {}
    for tick in ticks:
        found.setdefault(tick.time_ns // length * length, []).append(tick)
    return found


def candles(ticks: list[Tick], length: int = DAY):
    """Beginnings, opens, highs, lows, closes."""
    found = groups(ticks, length)
    prices = [[tick.price for tick in each] for each in found.values()]
    table = numpy.array([[each[0], max(each), min(each), each[-1]] for each in prices])
    return (list(found), *table.T)


def after_one(values) -> numpy.ndarray:
    """With the NaN of a first bar that has none before it."""
    return numpy.concatenate(([math.nan], values))


def number(value) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def rolling(starts, figure, count=WINDOW, column="volatility"):
    """The figure of every window of so many places; None before, or where the window is not whole."""
    values = [figure(slice(at + 1 - count, at + 1)) if at + 1 >= count else math.nan for at in range(len(starts))]
    return {start: {column: number(value)} for start, value in zip(starts, values)}


def yearly(variance: float, periods: float = YEAR) -> float:
    return math.sqrt(variance * periods)


# ---- bars ----------------------------------------------------------------------------------------------------------------


def close_to_close(ticks):
    starts, _, _, _, close = candles(ticks)
    returns = after_one(numpy.diff(numpy.log(close)))
    return rolling(starts, lambda w: numpy.std(returns[w], ddof=1) * math.sqrt(YEAR))


def close_to_close_zero_mean(ticks):
    starts, _, _, _, close = candles(ticks)
    returns = after_one(numpy.diff(numpy.log(close)))
    return rolling(starts, lambda w: yearly(numpy.mean(returns[w] ** 2)))


def mean_of(term):
    def figure(ticks):
        starts, *prices = candles(ticks)
        terms = term(*prices)
        return rolling(starts, lambda w: yearly(numpy.mean(terms[w])))
    return figure


def range_squared(o, h, l, c):
    return numpy.log(h / l) ** 2 / (4 * math.log(2))


def garman_klass(o, h, l, c):
    return 0.5 * numpy.log(h / l) ** 2 - (2 * math.log(2) - 1) * numpy.log(c / o) ** 2


def rogers_satchell(o, h, l, c):
    return numpy.log(h / c) * numpy.log(h / o) + numpy.log(l / c) * numpy.log(l / o)


def jumps(o, c):
    return after_one(numpy.log(o[1:] / c[:-1]))


def yang_zhang(ticks):
    starts, o, h, l, c = candles(ticks)
    gaps, moves, rs = jumps(o, c), numpy.log(c / o), rogers_satchell(o, h, l, c)
    k = 0.34 / (1.34 + (WINDOW + 1) / (WINDOW - 1))
    return rolling(starts, lambda w: yearly(numpy.var(gaps[w], ddof=1) + k * numpy.var(moves[w], ddof=1) + (1 - k) * numpy.mean(rs[w])))


def ewma(ticks):
    """arch's variance of a day is known the evening before; its recursion begins after the mean of the first ten squares."""
    starts, _, _, _, close = candles(ticks)
    returns, window = numpy.diff(numpy.log(close)), int(PARAMETERS["ewma"]["window"])
    seed, later = numpy.mean(returns[:window] ** 2), numpy.append(returns[window:], 0.0)
    bounds = numpy.array([[0.0, 1e6]] * len(later))
    known = EWMAVariance(0.94).compute_variance(numpy.array([]), later, numpy.empty(len(later)), seed, bounds)
    values = [math.nan] * window + [yearly(variance) for variance in known]
    return {start: {"volatility": number(value)} for start, value in zip(starts, values)}


def atr(ticks):
    starts, _, high, low, close = candles(ticks)
    values = talib.ATR(high, low, close, 14)
    return {start: {"atr": number(v), "atr_percent": number(100 * v / c)} for start, v, c in zip(starts, values, close)}


def bollinger(ticks):
    """In numpy: TA-Lib takes the deviation from running sums of squares, whose last digits are noise (see `bands`)."""
    starts, _, _, _, close = candles(ticks)
    middle = rolling(starts, lambda w: numpy.mean(close[w]), column="middle")
    upper = rolling(starts, lambda w: numpy.mean(close[w]) + 2 * numpy.std(close[w]), column="upper")
    lower = rolling(starts, lambda w: numpy.mean(close[w]) - 2 * numpy.std(close[w]), column="lower")
    return {start: middle[start] | upper[start] | lower[start] for start in starts}


def bands(ticks):
    """TA-Lib's Bollinger bands."""
    starts, _, _, _, close = candles(ticks)
    upper, middle, lower = talib.BBANDS(close, WINDOW, 2.0, 2.0)
    return {s: {"middle": number(m), "upper": number(u), "lower": number(l)} for s, m, u, l in zip(starts, middle, upper, lower)}


def vwap_bands(ticks):
    found = {}
    for each in groups(ticks, DAY).values():
        so_far: list[Tick] = []
        for start, part in groups(each, MINUTE).items():
            so_far += [tick for tick in part if tick.size is not None]
            p, v = numpy.array([t.price for t in so_far]), numpy.array([t.size for t in so_far])
            if v.sum() > 0:
                mean = p[0] + numpy.average(p - p[0], weights=v)
                deviation = math.sqrt(numpy.average((p - mean) ** 2, weights=v))
                found[start] = {"vwap": mean, "upper": mean + 2 * deviation, "lower": mean - 2 * deviation}
            else:
                found[start] = {"vwap": None, "upper": None, "lower": None}
    return found


def ohlcv_bars(ticks):
    found = {}
    for start, each in groups(ticks, MINUTE).items():
        prices, sized = [t.price for t in each], [t for t in each if t.size is not None]
        volume = math.fsum(t.size for t in sized)
        vwap = math.fsum(t.size * t.price for t in sized) / volume if volume else None
        found[start] = {
            "open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1],
            "volume": volume if sized else None, "vwap": vwap, "ticks": len(each),
        }
    return found


# ---- realised measures ---------------------------------------------------------------------------------------------------


def sampled(ticks: list[Tick], interval: int = 5 * MINUTE) -> numpy.ndarray:
    """The first price, then the last at or before the end of every interval up to that of the last tick."""
    first, last = ticks[0].time_ns // interval, ticks[-1].time_ns // interval
    times, prices = [tick.time_ns for tick in ticks], [tick.price for tick in ticks]
    ends = (numpy.arange(first, last + 1) + 1) * interval
    places = numpy.searchsorted(times, ends, side="left") - 1
    return numpy.array([prices[0], *(prices[place] for place in places)])


def returns_of(prices) -> numpy.ndarray:
    prices = numpy.asarray(prices)
    return numpy.log(prices[1:] / prices[:-1])


def daily(measure, sample=sampled):
    """A measure of every day's returns, None below two of them."""
    def figure(ticks):
        found = {}
        for start, each in groups(ticks, DAY).items():
            r = returns_of(sample(each))
            found[start] = figures(measure(r) if len(r) >= 2 else None)
        return found
    return figure


def figures(variance: float | None) -> dict:
    if variance is None or math.isnan(variance):
        return {"variance": None, "volatility": None}
    return {"variance": variance, "volatility": yearly(variance) if variance >= 0 else None}


def every_price(ticks: list[Tick]):
    return [tick.price for tick in ticks]


def bipower(r):
    n, a = len(r), numpy.abs(r)
    return math.pi / 2 * n / (n - 1) * numpy.sum(a[1:] * a[:-1])


def minrv(r):
    n, a = len(r), numpy.abs(r)
    return math.pi / (math.pi - 2) * n / (n - 1) * numpy.sum(numpy.minimum(a[1:], a[:-1]) ** 2)


def medrv(r):
    n, a = len(r), numpy.abs(r)
    if n < 3:
        return None
    triples = numpy.stack([a[:-2], a[1:-1], a[2:]])
    return math.pi / (6 - 4 * math.sqrt(3) + math.pi) * n / (n - 2) * numpy.sum(numpy.median(triples, axis=0) ** 2)


def semivariance(ticks):
    found = {}
    for start, each in groups(ticks, DAY).items():
        r = returns_of(sampled(each))
        up, down = (numpy.sum(r[r > 0] ** 2), numpy.sum(r[r < 0] ** 2)) if len(r) >= 2 else (None, None)
        found[start] = {
            "variance_up": up, "variance_down": down,
            "volatility_up": up if up is None else yearly(up), "volatility_down": down if down is None else yearly(down),
        }
    return found


def tsrv(ticks, k=30):
    """By its definition: the mean of the realised variances of K subgrids, each a list of its own."""
    found = {}
    for start, each in groups(ticks, DAY).items():
        prices = every_price(each)
        n = len(prices) - 1
        if n < k:
            found[start] = figures(None)
            continue
        fast = numpy.sum(returns_of(prices) ** 2)
        slow = numpy.mean([numpy.sum(returns_of(prices[grid::k]) ** 2) for grid in range(k)])
        share = (n - k + 1) / k / n
        found[start] = figures((slow - share * fast) / (1 - share))
    return found


def realised_kernel(r, bandwidth=30):
    def parzen(x):
        return 1 - 6 * x**2 + 6 * x**3 if x <= 0.5 else 2 * (1 - x) ** 3
    covariances = numpy.correlate(r, r, mode="full")
    lags = numpy.arange(-len(r) + 1, len(r))
    return sum(parzen(abs(h) / (bandwidth + 1)) * covariance for h, covariance in zip(lags, covariances) if abs(h) <= bandwidth)


def har(ticks):
    starts, rv = zip(*((start, figure["variance"]) for start, figure in FIGURES["realised_variance_calendar"](ticks).items()))
    def mean(at, n):
        part = rv[at + 1 - n : at + 1] if at + 1 >= n else (None,)
        return None if None in part else numpy.mean(part)
    return {
        start: {"rv_daily": rv[at], "rv_weekly": mean(at, 5), "rv_monthly": mean(at, 22), "rv_next": (*rv, None)[at + 1]}
        for at, start in enumerate(starts)
    }


def volatility_over_time(ticks):
    found, before = {}, None
    for start, each in groups(ticks, HOUR).items():
        r, close = returns_of(sampled(each, MINUTE)), each[-1].price
        found[start] = {
            "close": close, "change": None if before is None else close / before - 1, "ticks": len(each),
            "volatility": yearly(numpy.sum(r**2), 1638) if len(r) >= 2 else None,
        }
        before = close
    return found


FIGURES = {
    "close_to_close": close_to_close,
    "close_to_close_zero_mean": close_to_close_zero_mean,
    "parkinson": mean_of(range_squared),
    "garman_klass": mean_of(garman_klass),
    "rogers_satchell": mean_of(rogers_satchell),
    "gk_yz": mean_of(lambda o, h, l, c: jumps(o, c) ** 2 + garman_klass(o, h, l, c)),
    "yang_zhang": yang_zhang,
    "ewma": ewma,
    "atr": atr,
    "bollinger": bollinger,
    "vwap_bands": vwap_bands,
    "realised_variance_calendar": daily(lambda r: numpy.sum(r**2)),
    "realised_variance_ticks": daily(lambda r: numpy.sum(r**2), every_price),
    "bipower": daily(bipower),
    "minrv": daily(minrv),
    "medrv": daily(medrv),
    "semivariance": semivariance,
    "tsrv": tsrv,
    "realised_kernel": daily(realised_kernel, every_price),
    "har": har,
    "ohlcv_bars": ohlcv_bars,
    "volatility_over_time": volatility_over_time,
}
