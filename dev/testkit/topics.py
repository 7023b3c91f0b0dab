"""Owns: a Kafka topic as an independent client (confluent-kafka) sees it: making it, writing to it, where it ends.
Does not own: what `ticklake produce` and `ingest` do with it.
Invariant: `produce` returns only when the broker has acknowledged every message, with the offset each got.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message as KafkaMessage, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from commands import wait_until

WITHIN_S = 30
LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError._UNKNOWN_PARTITION)


@dataclass(frozen=True)
class Message:
    """A record to be: bytes as they are, None for none."""

    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass
class Topic:
    brokers: str
    name: str
    _consumer: Consumer | None = field(default=None, repr=False)

    def create(self, partitions: int, **config: str):
        admin = AdminClient({"bootstrap.servers": self.brokers})  # must outlive the answer
        admin.create_topics([NewTopic(self.name, partitions, 1, config=config)])[self.name].result(WITHIN_S)

    def grow(self, partitions: int):
        """Raises the number of partitions."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.create_partitions([NewPartitions(self.name, partitions)])[self.name].result(WITHIN_S)

    def delete(self):
        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.delete_topics([self.name])[self.name].result(WITHIN_S)

    def recreate(self, partitions: int):
        """Deletes it and makes it again, empty."""
        self.delete()
        wait_until(f"{self.name} is gone", lambda: not self.exists(), WITHIN_S)
        self.create(partitions)

    def produce(self, messages: list[Message]) -> dict[tuple[int, int], Message]:
        """Every message by the (partition, offset) it got."""
        landed: dict[tuple[int, int], Message] = {}
        failed = []

        def delivered(message: Message):
            def report(error, record):
                if error:
                    failed.append(error)
                else:
                    landed[record.partition(), record.offset()] = message
            return report

        producer = Producer({"bootstrap.servers": self.brokers, "acks": "all", "message.max.bytes": 4 << 20, "linger.ms": 5})
        for message in messages:
            producer.produce(
                self.name, value=message.value, key=message.key, partition=message.partition, headers=list(message.headers),
                on_delivery=delivered(message),
            )
            producer.poll(0)
        assert producer.flush(WITHIN_S) == 0 and not failed, failed[:3]
        assert len(landed) == len(messages)
        return landed

    def watermarks(self) -> dict[int, tuple[int, int]]:
        """(low, high) by partition, from the broker itself; asked again while a new partition waits for its leader."""
        return wait_until(f"every partition of {self.name} has a leader", self._watermarks, WITHIN_S)

    def _watermarks(self) -> dict[int, tuple[int, int]] | None:
        if self._consumer is None:
            self._consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "e2e-watermarks", "enable.auto.commit": False, "log_level": 2})
        partitions = self._consumer.list_topics(self.name, WITHIN_S).topics[self.name].partitions
        try:
            return {p: self._consumer.get_watermark_offsets(TopicPartition(self.name, p), WITHIN_S, cached=False) for p in sorted(partitions)}
        except KafkaException as error:
            if error.args[0].code() in LEADERLESS:
                return None
            raise

    def exists(self) -> bool:
        return self.name in AdminClient({"bootstrap.servers": self.brokers}).list_topics(timeout=WITHIN_S).topics

    def messages(self) -> int:
        return sum(high - low for low, high in self.watermarks().values())

    def messages_by_partition(self) -> dict[int, list[tuple[bytes | None, bytes | None]]]:
        """Every (key, value), in order, read to the ends as they are now."""
        return {p: [(message.key, message.value) for message in found] for p, found in self.read().items()}

    def read(self) -> dict[int, list[Message]]:
        """Every message, in order, read to the ends as they are now."""
        found: dict[int, list[Message]] = {}
        for record in self.records():
            message = Message(record.value(), record.key(), record.partition(), tuple(record.headers() or ()))
            found.setdefault(record.partition(), []).append(message)
        return found

    def records(self) -> Iterator[KafkaMessage]:
        """Every record that is committed, each partition's in order, read to the ends as they are now."""
        ends = {p: high for p, (low, high) in self.watermarks().items() if high > low}
        reader = Consumer({"bootstrap.servers": self.brokers, "group.id": "e2e-messages", "enable.auto.commit": False, "enable.partition.eof": True})
        reader.assign([TopicPartition(self.name, p, 0) for p in ends])
        until = time.monotonic() + WITHIN_S
        while ends:
            assert time.monotonic() < until, f"{self.name}: the messages stop before {ends}"
            for message in reader.consume(1000, timeout=0.1):
                at_end = message.error() and message.error().code() == KafkaError._PARTITION_EOF
                assert at_end or not message.error(), message.error()
                until = time.monotonic() + WITHIN_S
                if not at_end and message.offset() < ends.get(message.partition(), 0):
                    yield message
                # What ends a transaction is no message: beyond the last one there may be offsets that only an end tells of.
                if message.offset() + (not at_end) >= ends.get(message.partition(), 0):
                    ends.pop(message.partition(), None)
        reader.close()
