"""Owns: ticks sent in transactions, every third of which is aborted: readers must skip it, and what ends one takes offsets, too.
Does not own: when they are due (feed.py), how they should land (evidence.py).
Invariant: the broker is never waited for longer than a turn; `committed` holds only what the broker said it had committed. One that
cannot be committed any more is aborted.
"""

import random
import time

from confluent_kafka import KafkaException, Producer

from chaos_harness.clock import Clock
from messages import tick
from topics import Topic

WAIT_S = 0.05
MESSAGES_MAX = 40
OPEN_MAX_S = 1.0  # until it ends, nobody may read what comes after its first message
ABORTED_EVERY = 3


class Transactions:
    def __init__(self, topic: Topic, clock: Clock, seed: int, header: str, client: dict):
        self._topic, self._clock, self._chance, self._header = topic, clock, random.Random(seed), header
        self._client = {"bootstrap.servers": topic.brokers, "transactional.id": topic.name, "linger.ms": 20, "log_level": 2, **client}
        self._producer: Producer | None = None
        self._ready = self._aborts = False
        self._open: list[str] = []  # numbers of the messages of the transaction that is to end
        self._ends_s = 0.0
        self._sent = self._begun = 0
        self.committed: set[str] = set()
        self.aborted = 0

    def step(self, due: int):
        """Begins a transaction once one is due of so many messages in all, ends one whose time has come."""
        try:
            self._go_on(due)
        except KafkaException as raised:
            error = raised.args[0]
            if error.txn_requires_abort():
                self._aborts = True
            elif not error.retriable():
                self._producer = None  # the next of its name aborts what this one left open

    def ended(self, within_s: float) -> bool:
        """Waits until none is open."""
        until_s, self._ends_s = self._clock.now() + within_s, 0.0
        while self._open and self._clock.now() < until_s:
            self.step(0)
        return not self._open

    def _go_on(self, due: int):
        if self._producer is None:
            self._producer, self._ready = Producer(self._client), False
        if not self._ready:
            self._producer.init_transactions(WAIT_S)
            self._ready, self._open = True, []
        if self._open and self._clock.now() >= self._ends_s:
            self._end()
        elif not self._open and self._sent < due:
            self._begin()

    def _begin(self):
        self._producer.begin_transaction()
        self._aborts = self._begun % ABORTED_EVERY == ABORTED_EVERY - 1
        self._ends_s = self._clock.now() + self._chance.uniform(0, OPEN_MAX_S)
        self._begun += 1
        for _ in range(self._chance.randint(1, MESSAGES_MAX)):
            number, symbol = f"t{self._sent}", f"TX{self._sent % 10}"
            value = tick(symbol=symbol, time=time.time_ns(), price=100 + self._sent % 100 / 100, sequence=self._sent)
            mark = f"{'aborted' if self._aborts else 'transaction'} {number} -"
            self._sent += 1
            self._open.append(number)
            self._producer.produce(self._topic.name, value=value, key=symbol.encode(), headers=[(self._header, mark.encode())])

    def _end(self):
        if self._aborts:
            self._producer.abort_transaction(WAIT_S)
            self.aborted += len(self._open)
        else:
            self._producer.commit_transaction(WAIT_S)
            self.committed.update(self._open)
        self._open = []
