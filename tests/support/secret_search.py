"""Looks for secrets in everything a run leaves behind, also inside compressed and binary files."""

from __future__ import annotations

import base64
import gzip
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb

# a signed token: header, claims and signature, each in base64url; its first letters are `{"`
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}")


def traces_of(secret: str, text: str) -> list[str]:
    """What of the secret, written as it is or in base64, or of any token stands in the text."""
    found = [f"the secret: ...{_around(text, form)}..." for form in _forms(secret) if form in text]
    return found + [f"a token: {token}" for token in TOKEN.findall(text)]


def _forms(secret: str) -> list[str]:
    # without its ends, which depend on what stands before and after it
    inside = base64.b64encode(secret.encode()).decode().rstrip("=")[:-2]
    # a hint of it is enough to be too much
    return [secret, secret[: len(secret) // 2], inside]


def _around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 60) : at]


def traces_in_files(secret: str, *folders: Path) -> list[str]:
    """The same for every file below the folders."""
    return [
        f"{path}: {trace}"
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for text in texts_of(path)
        for trace in traces_of(secret, text)
    ]


def texts_of(path: Path) -> Iterator[str]:
    """A file's bytes as text, and what is packed in them."""
    raw = path.read_bytes()
    yield raw.decode("latin-1")
    if raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw).decode("latin-1")
    elif raw[:4] == b"PAR1":
        yield str(duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall())
    elif raw[8:12] == b"DUCK":
        yield from _duckdb_texts(path)
    elif raw[:15] == b"SQLite format 3":
        yield _sqlite_text(path)


def _duckdb_texts(path: Path) -> Iterator[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select distinct table_schema, table_name from information_schema.tables"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'select * from "{schema}"."{table}"').fetchall()
            yield f"{schema}.{table}: {rows}"
        yield str(connection.execute("select sql, comment from duckdb_tables()").fetchall())


def _sqlite_text(path: Path) -> str:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()
