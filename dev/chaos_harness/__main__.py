"""Owns: a run from the flags to the exit code: services, names of its own, the loop, catching up, the checks.
Does not own: any of the steps; the folder and the end of everything (dev/chaos).
Invariant: one thread, one loop. Exit code 0: everything was right. 1: something was wrong and is told. 2: usage.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path

from chaos_harness import evidence, report
from chaos_harness.clock import Clock
from chaos_harness.evidence import Check
from chaos_harness.faults import Director, World
from chaos_harness.feed import MAX_MESSAGE_BYTES, Feed
from chaos_harness.fleet import END_WITHIN_S, Fleet
from proxy import Toxiproxy
from chaos_harness.schedule import EXTRA, INGESTERS, SESSION_S, plan
from commands import Commands
from places import Bucket
from services import Services, bin_dir
from topics import Topic

BUCKET = "ticklake-chaos"
PARTITIONS = 8
TURN_S = 0.05
ASK_EVERY_S = 1.0
AUDIT_WITHIN_S = 600
AUDITED = ("lost", "twice", "phantom", "beyond", "mirror_missing", "mirror_extra")
USAGE, INTERRUPTED = 2, 130
MEMORY_MAX_MB = 512  # the ingester's default budget
PARENT_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev/chaos", description="Breaks everything around three ingesters, then proves that no tick is lost or twice.")
    parser.add_argument("--minutes", type=float, default=3, help="how long ticks come and faults go on (default 3)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the plan of faults and of the ticks (default: the time)")
    parser.add_argument("--every", type=float, default=6, metavar="SECONDS", help="a fault so often on average (default 6)")
    parser.add_argument("--rate", type=float, default=500, help="messages a second (default 500)")
    parser.add_argument("--window-age", default="2s", help="of the ingesters (default 2s)")
    parser.add_argument("--assignment", choices=("cooperative-sticky", "eager"), default="cooperative-sticky", help="how the group shares partitions")
    parser.add_argument("--catch-up", type=float, default=180, metavar="SECONDS", help="wait so long for the last tick (default 180)")
    parser.add_argument("--plan", action="store_true", help="print the faults of this seed and leave")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    form.add_argument("--markdown", action="store_true", help="the report as Markdown on stdout")
    return parser.parse_args()


def say(text: str):
    print(text, file=sys.stderr, flush=True)


class Run:
    """Everything of one run, wired together."""

    def __init__(self, args: argparse.Namespace, folder: Path, services: Path):
        self.args, self.folder = args, folder
        self.name = f"chaos_{args.seed}_{uuid.uuid4().hex[:8]}"
        self.env = Services(services).start("kafka", "minio", "moto", "toxiproxy")
        self.place = Bucket(BUCKET, self.name, self.env)
        self.place.create()
        self.topic = Topic(self.env["TICKLAKE_KAFKA_BROKERS"], self.name)
        self.topic.create(PARTITIONS, **{"max.message.bytes": str(MAX_MESSAGE_BYTES)})
        self.proxies = Toxiproxy(self.env["TICKLAKE_TOXIPROXY_URL"])
        self.proxies.clear()
        self.links = self._links()
        (folder / "logs").mkdir()
        self.clock = Clock()  # of the plan: servers may have taken their time to start
        self.commands = Commands(bin_dir(), self.env, folder / "logs")
        self.fleet = Fleet(self.commands, self.clock, self._ingest, self._addresses, (*INGESTERS, EXTRA))
        self.feed = Feed(self.commands, self.topic, self.clock, args.seed, args.rate)
        world = World(self.clock, self.fleet, self.proxies, self.topic, services)
        self.director = Director(world, plan(args.seed, 60 * args.minutes, args.every), folder / "faults.jsonl", say)

    def _links(self) -> dict[tuple[str, str], str]:
        """A proxy of its own for every ingester and service, so that one can be cut off and the others not."""
        kafka = [pair.split(":") for pair in self.env["TICKLAKE_KAFKA_PROXIED"].split(",")]
        links = {}
        for name, (at, to) in zip((*INGESTERS, EXTRA), kafka):
            s3, glue = (self.env[f"AWS_ENDPOINT_URL_{service}"].removeprefix("http://") for service in ("S3", "GLUE"))
            ways = {"s3": (s3, "127.0.0.1:0"), "glue": (glue, "127.0.0.1:0"), "kafka": (f"127.0.0.1:{to}", f"127.0.0.1:{at}")}
            for link, (upstream, listen) in ways.items():
                links[name, link] = self.proxies.create(f"{name}-{link}", upstream, listen)
        return links

    def _ingest(self, name: str) -> tuple:
        librdkafka = {
            "session.timeout.ms": int(1000 * SESSION_S), "heartbeat.interval.ms": 1000, "max.poll.interval.ms": 30_000,
            "topic.metadata.refresh.interval.ms": 5000,  # new partitions are found by asking
        }
        member = ("--group-instance-id", name) if name == INGESTERS[-1] else ()  # one of them a static member
        options = [part for pair in librdkafka.items() for part in ("-X", "{}={}".format(*pair))]
        at = ("--brokers", self.links[name, "kafka"], "--topic", self.topic.name, "--group", self.name, "--assignment", self.args.assignment, *member, *options)
        to = ("--lake", self.place.url, "--glue-database", self.name, "--window-age", self.args.window_age, "--json")
        return ("ticklake", "ingest", *at, *to)

    def _addresses(self, name: str) -> dict[str, str]:
        return {f"AWS_ENDPOINT_URL_{link.upper()}": f"http://{self.links[name, link]}" for link in ("s3", "glue")}

    # ---- the run -------------------------------------------------------------------------------------------------------

    def turn(self):
        self.director.step()
        self.fleet.watch(self.director.away)
        time.sleep(TURN_S)

    def turn_until(self, condition, within_s: float) -> bool:
        until = self.clock.now() + within_s
        while not condition():
            if self.clock.now() >= until:
                return False
            self.turn()
        return True

    def break_things(self):
        say(f"chaos: seed {self.args.seed}, {self.args.minutes:g} minutes; everything lies in {self.folder}")
        for name in INGESTERS:
            self.fleet[name].start()
        self.feed.start()
        self.began_s = self.clock.now()
        while self.clock.now() < self.began_s + 60 * self.args.minutes or not self.director.finished():
            self.feed.step()
            self.turn()
        self.stopped_s = self.clock.now()
        say("chaos: no more faults, no more ticks")
        self.feed.stop()

    def catch_up(self) -> tuple[float, Check]:
        """Until the log ends where the topic does."""
        began, asked, behind = self.clock.now(), [0.0], [None]
        ends = {partition: high for partition, (_, high) in self.topic.watermarks().items() if high}

        def caught_up() -> bool:
            if self.clock.now() < asked[0] + ASK_EVERY_S:
                return False
            done = self.commands.run("ticklake", "status", "--lake", self.place.url, "--json", expect=None)
            recorded = {row["partition"]: row["offset"] for row in done.json()["offsets"]} if done.code == 0 else {}
            behind[0] = {partition: end - recorded.get(partition, 0) for partition, end in ends.items() if recorded.get(partition, 0) < end}
            asked[0] = self.clock.now()
            return not behind[0]

        reached = self.turn_until(caught_up, self.args.catch_up)
        told = "" if reached else f"messages behind by partition after {self.args.catch_up:.0f} s: {behind[0]}"
        return self.clock.now() - began, Check("partitions not read to their end", 0 if reached else len(behind[0] or ends), told)

    def end_fleet(self):
        for one in self.fleet.running():
            one.end(signal.SIGTERM)
        if not self.turn_until(lambda: not self.fleet.running(), END_WITHIN_S):
            for one in self.fleet.running():
                one.gave_up_waiting()
            self.turn_until(lambda: not self.fleet.running(), END_WITHIN_S)

    # ---- the proof -----------------------------------------------------------------------------------------------------

    def check(self, caught_up: Check) -> tuple[list[Check], evidence.Landed]:
        say("chaos: reading everything back")
        found = evidence.truth(self.topic)
        landed = evidence.landed(self.place, found)
        sync = self.commands.run("ticklake", "catalog", "sync", "--lake", self.place.url, "--glue-database", self.name, "--json", expect=None)
        greedy = [f"{one.name}: {one.peak_rss_mb:.0f} MB" for one in self.fleet.members.values() if one.peak_rss_mb > MEMORY_MAX_MB]
        failures = self.feed.failures + ([] if sync.code == 0 else [f"ticklake catalog sync: {sync.err[-500:]}"])
        return [
            caught_up,
            *evidence.offsets(landed, found),
            *self.audited(),
            evidence.mirror(landed),
            evidence.dead_letters(landed, found),
            evidence.late(landed, found),
            evidence.acknowledged(self.feed, found),
            evidence.glue(self.place, self.name, self.env) if sync.code == 0 else Check("Glue not restored", 1),
            Check(f"ingesters that took more than {MEMORY_MAX_MB} MB", len(greedy), ", ".join(greedy)),
            Check("failures of producers and commands", len(failures), "; ".join(failures)),
        ], landed

    def audited(self) -> list[Check]:
        """The same question to ticklake itself."""
        at = ("--lake", self.place.url, "--brokers", self.topic.brokers, "--topic", self.topic.name)
        done = self.commands.run("ticklake", "audit", *at, "--mirror", "--json", expect=None, within_s=AUDIT_WITHIN_S)
        if not done.out:
            return [Check("ticklake audit gave no answer", 1, done.err[-500:])]
        said = done.json()
        wrong = [Check(f"ticklake audit: {name.replace('_', ' ')}", said[name]) for name in AUDITED]
        return [*wrong, Check("ticklake audit: exit code", done.code)]

    def told(self, checks: list[Check], landed: evidence.Landed, caught_up_s: float) -> dict:
        members = self.fleet.members
        commits = {name: one.commits for name, one in members.items()}
        sent = self.feed.sent
        return report.verdict(checks, self.fleet.ends(), {
            "seed": self.args.seed, "minutes": self.args.minutes, "every_s": self.args.every, "assignment": self.args.assignment,
            "acknowledged": {"market": sent.market, "late": sent.late, "transactions": sent.transactions, "poison": sent.poison},
            "aborted": self.feed.transactions.aborted,
            "ticks": landed.ticks, "dead_letters": landed.dead_letters, "commits": landed.commits, "files": landed.files,
            "caught_up_s": round(caught_up_s, 1),
            "longest_silence_s": round(report.longest_silence_s(commits, self.began_s, self.stopped_s), 1),
            "faults": report.faults_by_kind(self.director.done, commits),
            "ingesters": report.ingesters(members.values()),
        })

    def go(self) -> dict:
        with self.commands:
            self.break_things()
            seconds, caught_up = self.catch_up()
            self.end_fleet()
            checks, landed = self.check(caught_up)
            return self.told(checks, landed, seconds)

    def forget(self):
        """Takes what lies in servers that others go on using."""
        self.topic.delete()
        self.place.clear()
        self.proxies.clear()


def main() -> int:
    args = flags()
    if args.plan:
        for fault in plan(args.seed, 60 * args.minutes, args.every):
            print(f"{fault.at_s:7.1f} s  {fault.kind} on {fault.target} for {fault.duration_s:.1f} s  {json.dumps(fault.details)}")
        return 0
    try:
        bin_dir()
    except FileNotFoundError as missing:
        say(f"dev/chaos: {missing}")
        return USAGE
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)  # dev/chaos killed: end as if it had said so
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder, services = Path(os.environ["TICKLAKE_CHAOS_DIR"]), Path(os.environ["TICKLAKE_CHAOS_SERVICES"])
    try:
        run = Run(args, folder, services)
        told = run.go()
    except KeyboardInterrupt:
        if services.is_relative_to(folder):
            Services(services).stop()
        return INTERRUPTED
    (folder / "report.json").write_text(json.dumps(told, indent=1))
    print(json.dumps(told) if args.json else report.as_text(told, args.markdown), end="\n" if args.json else "")
    if told["ok"]:
        run.forget()
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
