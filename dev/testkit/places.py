"""Owns: where a lake may lie, with one way to look at it from outside: a directory, or a prefix of an S3 bucket.
Does not own: what the files hold (readers.py).
Invariant: only looks, unless a method says that it writes.
"""

import re
from pathlib import Path
from typing import Protocol

import boto3
from botocore.config import Config

# In a directory an object is written beside its place and then moved there; a process that is killed leaves `name#1`.
HALF_WRITTEN = re.compile(r"#\d+$")


class Place(Protocol):
    @property
    def url(self) -> str:
        """As `--lake` takes it."""

    def keys(self, prefix: str = "") -> list[str]:
        """Every object below the prefix, relative to the lake's root."""

    def read(self, key: str) -> bytes: ...

    def write(self, key: str, data: bytes):
        """Replaces an object."""

    def table(self, name: str) -> str:
        """A table's location, as Delta readers take it."""

    @property
    def storage_options(self) -> dict[str, str]: ...

    def local(self, key: str, folder: Path) -> Path:
        """The object as a local file, in `folder` if it has to be fetched."""


class Directory:
    def __init__(self, root: Path):
        self.root = root
        self.url, self.storage_options = str(root), {}

    def keys(self, prefix: str = "") -> list[str]:
        found = (p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())
        return sorted(key for key in found if key.startswith(prefix) and not HALF_WRITTEN.search(key))

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes):
        (self.root / key).write_bytes(data)

    def table(self, name: str) -> str:
        return str(self.root / name)

    def local(self, key: str, folder: Path) -> Path:
        return self.root / key


class Bucket:
    def __init__(self, bucket: str, prefix: str, env: dict[str, str]):
        self.bucket, self.prefix = bucket, prefix
        self.url = f"s3://{bucket}/{prefix}"
        self.storage_options = {
            "AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL_S3"],
            "AWS_ACCESS_KEY_ID": env["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": env["AWS_SECRET_ACCESS_KEY"],
            "AWS_REGION": env["AWS_REGION"],
            "AWS_ALLOW_HTTP": "true",
        }
        self.s3 = boto3.client(
            "s3",
            endpoint_url=env["AWS_ENDPOINT_URL_S3"], region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def create(self):
        """Makes the bucket, unless it is there."""
        if self.bucket not in {b["Name"] for b in self.s3.list_buckets()["Buckets"]}:
            self.s3.create_bucket(Bucket=self.bucket)

    def clear(self):
        """Deletes every object of the prefix."""
        for key in self.keys():
            self.s3.delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/{prefix}")
        return sorted(found["Key"].removeprefix(f"{self.prefix}/") for page in pages for found in page.get("Contents", []))

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")["Body"].read()

    def write(self, key: str, data: bytes):
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}", Body=data)

    def table(self, name: str) -> str:
        return f"{self.url}/{name}"

    def local(self, key: str, folder: Path) -> Path:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.read(key))
        return path


def commits(place: Place, table: str = "stock_data") -> list[int]:
    """The versions in a table's log, creation (0) included."""
    names = (key.rsplit("/", 1)[-1] for key in place.keys(f"{table}/_delta_log/"))
    return sorted(int(name.removesuffix(".json")) for name in names if name.endswith(".json") and name[:20].isdigit())
