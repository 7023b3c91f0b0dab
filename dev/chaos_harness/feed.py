"""Owns: what is sent while things break: a live market by `ticklake produce`, our own poison (1 %) and late ticks (2 %), and when
transactions are due (5 %).
Does not own: the transactions (transactions.py), how it should land (evidence.py).
Invariant: what is counted was acknowledged by the broker. Our own messages say in a Kafka header what they are, so that what
must become of each is told by the topic itself, not by this process's memory.
"""

import random
import signal
import time
from dataclasses import dataclass

from confluent_kafka import Producer

from chaos_harness.clock import Clock
from chaos_harness.transactions import Transactions
from commands import Background, Commands
from messages import BAD, MIB, tick
from topics import Topic

HEADER = "chaos"
POISON_SHARE, LATE_SHARE, TRANSACTION_SHARE = 0.01, 0.02, 0.05
LATE_HOURS = (1, 2, 7, 26, 75, 170)
LATE_HOUR_LASTS_S = 15.0  # late ticks come in bursts of an hour, as a feed that was down brings them
SYMBOLS = 100
FLUSH_WITHIN_S = 120
TERMINATED = 128 + signal.SIGTERM
# A producer learns of new partitions by asking. One request at a time: a new partition's leader that refuses the first batch
# and takes the second leaves an idempotent producer believing that both were written, which is no fault of an ingester.
CLIENT = {"topic.metadata.refresh.interval.ms": 5000, "max.in.flight.requests.per.connection": 1}
MAX_MESSAGE_BYTES = 2 * MIB


@dataclass
class Sent:
    """What the broker acknowledged."""

    market: int = 0
    poison: int = 0
    late: int = 0
    transactions: int = 0  # messages of those committed

    @property
    def total(self) -> int:
        return self.market + self.poison + self.late + self.transactions


class Feed:
    def __init__(self, commands: Commands, topic: Topic, clock: Clock, seed: int, rate: float):
        self._commands, self._topic, self._clock, self._seed = commands, topic, clock, seed
        self._chance = random.Random(seed)
        self._market_rate = rate * (1 - POISON_SHARE - LATE_SHARE - TRANSACTION_SHARE)
        self._own_rate = rate * (POISON_SHARE + LATE_SHARE)
        self._producer = Producer({
            "bootstrap.servers": topic.brokers, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 20,
            "message.max.bytes": MAX_MESSAGE_BYTES, "log_level": 2, **CLIENT,
        })
        self._transaction_rate = rate * TRANSACTION_SHARE
        self.transactions = Transactions(topic, clock, seed, HEADER, CLIENT)
        self.sent, self.failures = Sent(), []
        self.acknowledged: set[str] = set()
        self._own_sent = 0
        self._late_hours, self._late_until_s = LATE_HOURS[0], 0.0
        self._market: Background | None = None
        self._markets = 0

    def start(self):
        self._began_s = self._clock.now()
        self._start_market()

    def _start_market(self):
        where = ("--brokers", self._topic.brokers, "--topic", self._topic.name, *(part for setting in CLIENT.items() for part in ("-X", "{}={}".format(*setting))))
        market = ("--simulate", "--start", "now", "--rate", f"{self._market_rate:.3f}", "--symbols", SYMBOLS, "--seed", self._seed + self._markets)
        self._market = self._commands.start("ticklake", "produce", *where, *market, "--json")
        self._markets += 1

    def step(self):
        """Sends what is due, and starts the market again should it have ended."""
        if self._market and not self._market.running():
            self._settle_market("the producer ended by itself")
            self._start_market()
        due = int(self._own_rate * (self._clock.now() - self._began_s))
        while self._own_sent < due and self._send_own(self._own_sent):
            self._own_sent += 1
        self._producer.poll(0)
        self.transactions.step(int(self._transaction_rate * (self._clock.now() - self._began_s)))

    def stop(self):
        """Ends the market and waits for every acknowledgement."""
        self._market.signal(signal.SIGTERM)
        self._market.end(FLUSH_WITHIN_S)
        self._settle_market("")
        if left := self._producer.flush(FLUSH_WITHIN_S):
            self.failures.append(f"{left} of our own messages were never acknowledged")
        if not self.transactions.ended(FLUSH_WITHIN_S):
            self.failures.append("a transaction never ended")
        if not self.transactions.committed or not self.transactions.aborted:
            self.failures.append("no transaction was committed, or none aborted: nothing is proved of them")
        self.acknowledged |= self.transactions.committed
        self.sent.transactions = len(self.transactions.committed)

    def _settle_market(self, fault: str):
        done = self._market.end(1)
        self._market = None
        if fault or done.code != TERMINATED:
            self.failures.append(f"{fault or 'the producer failed'}, exit code {done.code}: {done.err[-500:]}")
        if done.out:
            self.sent.market += done.json()["produced"]

    def _send_own(self, number: int) -> bool:
        """One of ours: a third poison, class after class, the rest late. False when there is no room now."""
        if number % 3 == 0:
            case = BAD[number // 3 % len(BAD)]
            kind, value, key, mark = "poison", case.value, case.key, f"poison {number} {case.reject}"
        else:
            kind, (value, key, mark) = "late", self._late(number)
        try:
            self._producer.produce(self._topic.name, value=value, key=key, headers=[(HEADER, mark.encode())], on_delivery=self._delivered(number, kind))
        except BufferError:
            return False
        return True

    def _late(self, number: int) -> tuple[bytes, bytes, str]:
        if self._clock.now() >= self._late_until_s:
            self._late_hours = self._chance.choice(LATE_HOURS)
            self._late_until_s = self._clock.now() + LATE_HOUR_LASTS_S
        at_ns = time.time_ns() - self._late_hours * 3_600_000_000_000
        symbol = f"LATE{number % 10}"
        folder = time.strftime("dt=%Y-%m-%d/hour=%H", time.gmtime(at_ns // 1_000_000_000))
        return tick(symbol=symbol, time=at_ns, price=100 + number % 100 / 100, sequence=number), symbol.encode(), f"late {number} {folder}"

    def _delivered(self, number: int, kind: str):
        def report(error, _record):
            if error:
                self.failures.append(f"one of our own messages was given up: {error}")
            else:
                self.acknowledged.add(str(number))
                setattr(self.sent, kind, getattr(self.sent, kind) + 1)
        return report
