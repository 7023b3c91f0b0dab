"""Owns: Toxiproxy's HTTP API as far as it is used here: making a proxy, adding a toxic, taking either away.
Does not own: which toxic when (schedule.py).
"""

import json
import urllib.request

WITHIN_S = 15


class Toxiproxy:
    def __init__(self, url: str):
        self.url = url

    def create(self, name: str, to: str, at: str) -> str:
        """A proxy from one address to another; returns where it listens."""
        return self._ask("POST", "/proxies", {"name": name, "listen": at, "upstream": to, "enabled": True})["listen"]

    def poison(self, proxy: str, name: str, toxic: dict):
        self._ask("POST", f"/proxies/{proxy}/toxics", {"name": name} | toxic)

    def heal(self, proxy: str, name: str):
        self._ask("DELETE", f"/proxies/{proxy}/toxics/{name}")

    def clear(self):
        """Takes every proxy away, also those of a run that was cut short."""
        for proxy in self._ask("GET", "/proxies"):
            self._ask("DELETE", f"/proxies/{proxy}")

    def _ask(self, method: str, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
            return json.loads(answer.read() or b"{}")
