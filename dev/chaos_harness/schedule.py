"""Owns: which fault happens when, to whom and for how long: a plan that follows from a seed alone.
Does not own: doing it to anybody (faults.py).
Invariant: same seed, length and pace: same plan. Two faults that hold the same thing never overlap. Kinds are dealt from a
shuffled deck that holds each (deaths and freezes twice) and is used up, as far as they fit, before it is shuffled again.
The last fault is over before the plan is.
"""

import random
from dataclasses import dataclass, field

INGESTERS = ("i1", "i2", "i3")
EXTRA = "i4"  # the member that comes and goes
SESSION_S = 4.0
CALM_S = 10.0  # at the start, for everybody to begin, and at the end
AT_ONCE_MAX = 3
INCREASES_MAX = 2
LONG_FROM_S = 600.0  # plans of this length also have outages longer than a client's own time-outs
LONG_CHANCE = 0.2

EVERY_LINK = {link: frozenset(f"{i}/{link}" for i in (*INGESTERS, EXTRA)) for link in ("s3", "kafka", "glue")}


@dataclass(frozen=True)
class Fault:
    number: int
    at_s: float
    kind: str
    action: str  # what faults.py calls it
    target: str
    duration_s: float
    details: dict = field(default_factory=dict)
    holds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kind:
    name: str
    action: str
    targets: tuple[str, ...]
    duration_s: tuple[float, float]
    holds: frozenset[str]  # {i} is the target
    after_s: float = 1.0  # how long it holds them beyond its duration, until what was stopped has started again
    long_s: tuple[float, float] | None = None
    most: int | None = None
    in_deck: int = 1
    details: object = lambda chance: {}


def toxic(kind: str, stream: str, **attributes):
    """A Toxiproxy toxic; an attribute given as a pair is drawn between its ends."""
    def drawn(chance: random.Random) -> dict:
        values = {name: chance.randint(*ends) for name, ends in attributes.items()}
        # Half of a client's connections broken, or all: a client that changes connections must get through the first.
        toxicity = chance.choice((0.5, 1.0)) if kind in ("reset_peer", "limit_data", "timeout") and values else 1.0
        return {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": values or {"timeout": 0}}
    return drawn


# "Upstream" is the way of a request, "downstream" that of its response.
WAYS = {
    "delay": ("s3 kafka glue", (4, 12), toxic("latency", "downstream", latency=(200, 1500), jitter=(0, 200))),
    "reset": ("s3 kafka glue", (3, 8), toxic("reset_peer", "downstream", timeout=(0, 300))),
    "black hole": ("s3 kafka glue", (SESSION_S + 1, 14), toxic("timeout", "upstream")),
    "narrow": ("s3", (5, 12), toxic("bandwidth", "upstream", rate=(4, 40))),
    "response cut off": ("s3 kafka glue", (3, 8), toxic("limit_data", "downstream", bytes=(0, 60))),
    "response lost": ("s3", (3, 8), toxic("timeout", "downstream", timeout=(300, 3000))),
}
LINKS = {"s3": "S3", "kafka": "Kafka", "glue": "Glue"}
LONG_S = {("s3", "black hole"): (35, 50)}


def _network() -> list[Kind]:
    return [
        Kind(f"{LINKS[link]}: {way}", "toxic", INGESTERS, duration, frozenset({"{i}/" + link}), long_s=LONG_S.get((link, way)),
             details=lambda chance, link=link, drawn=drawn: {"link": link} | drawn(chance))
        for way, (links, duration, drawn) in WAYS.items()
        for link in links.split()
    ]


def _service(shown: str, name: str, after_s: float, holds: frozenset[str], long_s=None) -> Kind:
    return Kind(f"{shown}: kill -9", "service", (name,), (0, 5), holds | {name}, after_s=after_s, long_s=long_s)


def _storm(chance: random.Random) -> dict:
    """How long each life of the extra member lasts, and how it ends."""
    return {"lives": [[round(chance.uniform(0.3, 3.0), 2), chance.choice(("TERM", "KILL"))] for _ in range(chance.randint(3, 5))]}


KINDS = (
    Kind("ingester: kill -9", "kill9", INGESTERS, (0, 3), frozenset({"{i}"}), in_deck=2),
    Kind("ingester: frozen beyond its session", "freeze", INGESTERS, (SESSION_S + 1, SESSION_S + 6), frozenset({"{i}"}), in_deck=2),
    # Asked to end while its store or broker is away it rightly takes its time: that would be no fault but a wait.
    Kind("ingester: SIGTERM", "terminate", INGESTERS, (0, 2), frozenset({"{i}", "{i}/s3", "{i}/kafka", "kafka", "minio"}), after_s=4),
    Kind("group: rebalance storm", "storm", (EXTRA,), (1, 1), frozenset({EXTRA, "kafka", "minio"}), after_s=20, details=_storm),
    Kind("topic: more partitions", "partitions", ("topic",), (0, 0), frozenset({"kafka"}), most=INCREASES_MAX),
    _service("broker", "kafka", 15, EVERY_LINK["kafka"]),
    _service("MinIO", "minio", 4, EVERY_LINK["s3"], long_s=(35, 50)),
    _service("Glue endpoint", "moto", 6, EVERY_LINK["glue"]),
    *_network(),
)


def plan(seed: int, length_s: float, every_s: float) -> list[Fault]:
    """The faults of a run of this length, one every `every_s` on average."""
    chance = random.Random(seed)
    deck: list[Kind] = []
    counts: dict[str, int] = {}
    faults: list[Fault] = []
    now = CALM_S
    while now < length_s - CALM_S:
        if not deck:
            deck = [kind for kind in KINDS for _ in range(kind.in_deck) if kind.most is None or counts.get(kind.name, 0) < kind.most]
            chance.shuffle(deck)
        fault = _first_that_fits(chance, deck, faults, now, length_s)
        if fault:
            faults.append(fault)
            counts[fault.kind] = counts.get(fault.kind, 0) + 1
            deck.remove(next(kind for kind in deck if kind.name == fault.kind))
            now += every_s * chance.uniform(0.5, 1.5)
        else:
            now += 1.0
    return faults


def _first_that_fits(chance: random.Random, deck: list[Kind], faults: list[Fault], now: float, length_s: float) -> Fault | None:
    going_on = [fault for fault in faults if _until(fault) > now]
    if len(going_on) >= AT_ONCE_MAX:
        return None
    held = frozenset().union(*(fault.holds for fault in going_on))
    for kind in deck:
        for target in chance.sample(kind.targets, len(kind.targets)):
            holds = frozenset(name.format(i=target) for name in kind.holds)
            long = kind.long_s and length_s >= LONG_FROM_S and chance.random() < LONG_CHANCE
            duration = round(chance.uniform(*(kind.long_s if long else kind.duration_s)), 2)
            if not holds & held and now + duration + kind.after_s <= length_s - CALM_S:
                return Fault(len(faults) + 1, round(now, 2), kind.name, kind.action, target, duration, kind.details(chance), holds)
    return None


def _until(fault: Fault) -> float:
    kind = next(kind for kind in KINDS if kind.name == fault.kind)
    return fault.at_s + fault.duration_s + kind.after_s
