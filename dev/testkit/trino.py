"""Owns: asking a Trino server one question over its HTTP protocol and getting all rows.
Does not own: what is asked, nor types (values are as the protocol's JSON has them: timestamps and decimals are strings).
Invariant: returns every row or raises TrinoError; never a part of an answer.
"""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field


class TrinoError(Exception):
    """The server's own name for the failure (TABLE_NOT_FOUND, ...) and its message."""

    def __init__(self, name: str, message: str):
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


@dataclass
class Answer:
    """Names and types of the columns, and all rows."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list] = field(default_factory=list)


def query(url: str, catalog: str, schema: str, sql: str, timeout_s: float = 300) -> list[list]:
    """All rows."""
    return answer(url, catalog, schema, sql, timeout_s).rows


def answer(url: str, catalog: str, schema: str, sql: str, timeout_s: float = 300) -> Answer:
    deadline = time.monotonic() + timeout_s
    headers = {
        "X-Trino-User": "ticklake",
        "X-Trino-Catalog": catalog,
        "X-Trino-Schema": schema,
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",  # else the server rounds every timestamp to milliseconds
    }
    statement = sql.strip().removesuffix(";").encode()  # a trailing semicolon is the shell's, not SQL's
    while True:
        try:
            return _read(urllib.request.Request(f"{url}/v1/statement", data=statement, headers=headers), deadline)
        except TrinoError as error:
            # A machine so busy that the server lost sight of itself; it finds itself again.
            if error.name != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _read(first: urllib.request.Request, deadline: float) -> Answer:
    page, whole = _ask(first, deadline), Answer()
    while True:
        if error := page.get("error"):
            raise TrinoError(error["errorName"], error["message"])
        whole.columns = [(column["name"], column["type"]) for column in page.get("columns", [])] or whole.columns
        whole.rows += page.get("data", [])
        if "nextUri" not in page:
            return whole
        page = _ask(urllib.request.Request(page["nextUri"], headers={"X-Trino-User": "ticklake"}), deadline)


def _ask(request: urllib.request.Request, deadline: float) -> dict:
    """One exchange. The protocol says: 502, 503 and 504 mean ask the same again, anything but 200 is a failure."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            with urllib.request.urlopen(request, timeout=left) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code not in (502, 503, 504):
                raise TrinoError(f"HTTP_{error.code}", error.read().decode(errors="replace")) from error
            time.sleep(0.1)
        except OSError as error:
            raise TrinoError("UNREACHABLE", str(error)) from error
    raise TrinoError("TIMED_OUT", f"no answer from {request.full_url}")
