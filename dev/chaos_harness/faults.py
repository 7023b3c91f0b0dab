"""Owns: doing each fault of the plan, in steps, and the record of what was done when.
Does not own: the plan (schedule.py), what an ingester does about it (fleet.py).
Invariant: a fault begins only when nothing it holds is held by one that still goes on, whatever the plan thought; every
one ends what it began, also when the run is cut short (`undo`). Nothing here waits: a fault is a generator of conditions.
"""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos_harness.clock import Clock
from chaos_harness.fleet import END_WITHIN_S, Fleet
from proxy import Toxiproxy
from chaos_harness.schedule import Fault
from services import DEV
from topics import Topic

PARTITIONS_MORE = 4
SERVICE_WITHIN_S = 180.0
TAKES_AWAY = ("service", "toxic")

Condition = Callable[[], bool]
Steps = Iterator[Condition]


@dataclass
class World:
    """Everything a fault can be done to."""

    clock: Clock
    fleet: Fleet
    proxies: Toxiproxy
    topic: Topic
    services: Path
    scripts: list[subprocess.Popen] = field(default_factory=list)

    def after(self, seconds: float) -> Condition:
        until = self.clock.now() + seconds
        return lambda: self.clock.now() >= until

    def script(self, service: str, verb: str) -> Steps:
        """dev/<service> VERB, to its end."""
        with (self.services / "chaos.log").open("a") as log:
            running = subprocess.Popen([DEV / service, verb, self.services], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.scripts.append(running)
        late = self.after(SERVICE_WITHIN_S)
        yield lambda: running.poll() is not None or late()
        assert running.poll() == 0, f"dev/{service} {verb} ended with {running.poll()}; see {self.services / 'chaos.log'}"


def kill9(world: World, fault: Fault) -> Steps:
    one = world.fleet[fault.target]
    one.end(signal.SIGKILL)
    yield world.after(fault.duration_s)
    one.wanted = True


def freeze(world: World, fault: Fault) -> Steps:
    world.fleet[fault.target].signal(signal.SIGSTOP)
    yield world.after(fault.duration_s)
    world.fleet[fault.target].signal(signal.SIGCONT)


def terminate(world: World, fault: Fault) -> Steps:
    yield from _ended(world, fault.target, signal.SIGTERM)
    yield world.after(fault.duration_s)
    world.fleet[fault.target].wanted = True


def _ended(world: World, name: str, how: int) -> Steps:
    one = world.fleet[name]
    one.end(how)
    late = world.after(END_WITHIN_S)
    yield lambda: not one.running or late()
    if one.running:
        one.gave_up_waiting()
        yield lambda: not one.running


def storm(world: World, fault: Fault) -> Steps:
    one = world.fleet[fault.target]
    for lasts_s, how in fault.details["lives"]:
        one.wanted = True
        yield lambda: one.running
        yield world.after(lasts_s)
        yield from _ended(world, fault.target, signal.Signals[f"SIG{how}"])


def service(world: World, fault: Fault) -> Steps:
    yield from world.script(fault.target, "kill9")
    yield world.after(fault.duration_s)
    yield from world.script(fault.target, "start")


def partitions(world: World, fault: Fault) -> Steps:
    world.topic.grow(len(world.topic.watermarks()) + PARTITIONS_MORE)
    yield lambda: True


def toxic(world: World, fault: Fault) -> Steps:
    proxy, name = f"{fault.target}-{fault.details['link']}", f"fault-{fault.number}"
    world.proxies.poison(proxy, name, {key: fault.details[key] for key in ("type", "stream", "toxicity", "attributes")})
    yield world.after(fault.duration_s)
    world.proxies.heal(proxy, name)


ACTIONS = {action.__name__: action for action in (kill9, freeze, terminate, storm, service, partitions, toxic)}


@dataclass
class Done:
    """A fault as it was."""

    fault: Fault
    began_s: float
    ended_s: float | None = None


class Director:
    """Does the plan, a step at a time."""

    def __init__(self, world: World, plan: list[Fault], log: Path, say: Callable[[str], None]):
        self.world, self._waiting, self._log, self._say = world, list(plan), log, say
        self.done: list[Done] = []
        self._going_on: list[tuple[Done, Steps, Condition]] = []

    def finished(self) -> bool:
        return not self._waiting and not self._going_on

    def step(self):
        now = self.world.clock.now()
        held = frozenset().union(*(done.fault.holds for done, _, _ in self._going_on))
        for fault in [fault for fault in self._waiting if fault.at_s <= now]:
            if not fault.holds & held:
                self._waiting.remove(fault)
                self._begin(fault, now)
            held |= fault.holds  # one that waits keeps its place
        self._going_on = [one for one in map(self._advance, self._going_on) if one]

    def away(self, ingester: str, since_s: float) -> bool:
        """Whether a fault has taken something from an ingester since a moment."""
        needs = {"kafka", "minio", f"{ingester}/s3", f"{ingester}/kafka"}
        outages = (done for done in self.done if done.fault.action in TAKES_AWAY and done.fault.holds & needs)
        return any(done.ended_s is None or done.ended_s >= since_s for done in outages)

    def _begin(self, fault: Fault, now: float):
        done = Done(fault, now)
        self.done.append(done)
        details = f" {json.dumps(fault.details)}" if fault.details else ""
        self._record("begins", done, now, f"{fault.kind} on {fault.target} for {fault.duration_s:.1f} s{details}")
        self._going_on.append((done, ACTIONS[fault.action](self.world, fault), lambda: True))

    def _advance(self, one: tuple[Done, Steps, Condition]) -> tuple[Done, Steps, Condition] | None:
        done, steps, condition = one
        while condition():
            try:
                condition = next(steps)
            except StopIteration:
                done.ended_s = self.world.clock.now()
                self._record("ends", done, done.ended_s, f"{done.fault.kind} on {done.fault.target}")
                return None
        return done, steps, condition

    def _record(self, what: str, done: Done, at_s: float, told: str):
        fault, at = done.fault, self.world.clock.wall(at_s)
        entry = {"at": at, "t_s": round(at_s, 3), "event": what, "fault": fault.number, "kind": fault.kind, "target": fault.target,
                 "planned_at_s": fault.at_s, "duration_s": fault.duration_s, "details": fault.details}
        with self._log.open("a") as log:
            log.write(json.dumps(entry) + "\n")
        self._say(f"{at} {at_s:7.1f} s  fault {fault.number} {what}: {told}")
