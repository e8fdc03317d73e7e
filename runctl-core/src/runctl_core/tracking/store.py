"""The state store: one SQLite file in WAL mode, safe for many processes and threads at once.

Every commit is durable (`synchronous=FULL`), because rows mean money or identity. Every failure of
the file or its disk leaves as a `StateError` with the act that mends it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runctl_core.errors import StateError
from runctl_core.paths import ensure_private_dir

_BUSY_TIMEOUT_S = 60.0

_MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT NOT NULL, owner TEXT NOT NULL,
        provider TEXT NOT NULL, script TEXT NOT NULL, directory TEXT NOT NULL,
        state TEXT NOT NULL, created_at INTEGER NOT NULL, attempt INTEGER NOT NULL,
        resource_id TEXT, started_at INTEGER, ended_at INTEGER, exit_code INTEGER,
        signal INTEGER, ended_by TEXT, reason TEXT NOT NULL, resumed_from TEXT,
        deadline INTEGER, hourly_usd TEXT
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_age ON runs (created_at);
    CREATE INDEX runs_by_state ON runs (state);
    CREATE TABLE plans (run_id TEXT PRIMARY KEY, plan TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE run_changes (
        run_id TEXT NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
        attempt INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (run_id, seq)
    ) WITHOUT ROWID;
    CREATE TABLE intents (
        token TEXT PRIMARY KEY, run_id TEXT NOT NULL, provider TEXT NOT NULL,
        attempt INTEGER NOT NULL, created_at INTEGER NOT NULL, given_up_at INTEGER,
        settled INTEGER NOT NULL DEFAULT 0, resource_id TEXT
    ) WITHOUT ROWID;
    CREATE INDEX intents_open ON intents (provider) WHERE settled = 0;
    CREATE TABLE resources (
        key INTEGER PRIMARY KEY, provider TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
        state TEXT NOT NULL, kind TEXT NOT NULL, managed INTEGER NOT NULL, tags TEXT NOT NULL,
        run_id TEXT, project TEXT, owner TEXT, hourly_usd TEXT, price_source TEXT NOT NULL,
        price_as_of INTEGER, created_at INTEGER, instance_type TEXT NOT NULL, gpu TEXT,
        gpu_count INTEGER NOT NULL, region TEXT NOT NULL, zone TEXT NOT NULL,
        spot INTEGER NOT NULL, note TEXT NOT NULL, first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL, gone_at INTEGER, problem TEXT NOT NULL DEFAULT ''
    );
    CREATE UNIQUE INDEX resources_by_id ON resources (provider, id);
    CREATE INDEX resources_by_run ON resources (run_id);
    CREATE INDEX resources_here ON resources (provider) WHERE gone_at IS NULL;
    CREATE TABLE intervals (
        resource INTEGER NOT NULL REFERENCES resources (key), since INTEGER NOT NULL,
        until INTEGER, state TEXT NOT NULL, hourly_usd TEXT
    );
    CREATE INDEX intervals_by_resource ON intervals (resource, since);
    CREATE UNIQUE INDEX intervals_open ON intervals (resource) WHERE until IS NULL;
    """,
    """
    ALTER TABLE resources ADD COLUMN vcpus INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE resources ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE resources ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE resources ADD COLUMN attached_to TEXT;
    CREATE TABLE marks (
        provider TEXT NOT NULL, id TEXT NOT NULL, mark TEXT NOT NULL, why TEXT NOT NULL,
        by TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (provider, id, mark)
    ) WITHOUT ROWID;
    CREATE TABLE surveys (
        provider TEXT PRIMARY KEY, at INTEGER NOT NULL, problem TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE resources ADD COLUMN price_estimated INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE intervals ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE intents ADD COLUMN hourly_usd TEXT;
    ALTER TABLE intents ADD COLUMN deadline INTEGER;
    CREATE INDEX intents_by_resource ON intents (provider, resource_id) WHERE resource_id IS NOT NULL;
    CREATE TABLE budget_warnings (
        budget TEXT NOT NULL, period TEXT NOT NULL, percent INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (budget, period, percent)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, act_id INTEGER REFERENCES audit (id), at INTEGER NOT NULL,
        act TEXT NOT NULL, provider TEXT NOT NULL, resource_id TEXT NOT NULL, name TEXT NOT NULL,
        run_id TEXT, owner TEXT NOT NULL, user TEXT NOT NULL, command TEXT NOT NULL, why TEXT NOT NULL,
        answer TEXT, detail TEXT NOT NULL DEFAULT ''
    );
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    """,
)


class Store:
    """Connections to the state file: one for each thread, opened when first used.

    Args:
        path: The SQLite file; its directory is made, private to the user.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with. Raises StateError."""
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise _explained(error, self.path) from error
        except UnicodeEncodeError:
            raise  # of a word that was looked for
        except (ValueError, ArithmeticError) as error:  # a price, a state, a moment that is none
            raise StateError(
                f"the state file {self.path} is damaged",
                why=f"it holds what runctl does not write: {error}",
                fix=f"mv {self.path} {self.path}.damaged",
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its beginning. Raises StateError."""
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
        except sqlite3.Error as error:
            raise _explained(error, self.path) from error

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def _open(self) -> sqlite3.Connection:
        ensure_private_dir(os.path.dirname(self.path))
        if not os.path.exists(self.path):
            _make_private(self.path)
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != len(_MIGRATIONS):
            _migrate(connection, self.path)
        return connection


def _make_private(path: str) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StateError(
            f"cannot write the state file {path}",
            why=error.strerror or str(error),
            fix="set RUNCTL_STATE_DIR to a directory that you can write to",
        ) from error


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    _enter_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise StateError(
                f"the state file {path} was written by a newer runctl",
                why=f"its version is {version}, and this runctl knows {len(_MIGRATIONS)}",
                fix="pip install --upgrade runctl-core",
            )
        for script in _MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(_MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _statements(script: str) -> Iterator[str]:
    """Each statement of a script; `executescript` would commit before the first. A trigger has
    semicolons inside."""
    statement = ""
    for piece in script.split(";")[:-1]:
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Change the journal of a new file. SQLite does not wait here for another that does the same."""
    end = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk ends the transaction by itself; rolling back again would hide the first error.
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _explained(error: sqlite3.Error, path: str) -> StateError:
    code = getattr(error, "sqlite_errorname", "") or ""
    folder = os.path.dirname(path)
    fixes = {
        "SQLITE_FULL": f"make room on the disk of {folder}",
        "SQLITE_IOERR": f"make room on the disk of {folder}, or check it",
        "SQLITE_READONLY": f"chmod -R u+w {folder}",
        "SQLITE_CANTOPEN": f"chmod -R u+rwX {folder}",
        "SQLITE_NOTADB": f"mv {path} {path}.damaged",
        "SQLITE_CORRUPT": f"mv {path} {path}.damaged",
        "SQLITE_BUSY": "wait for the other runctl command, then try again",
    }
    fix = next((fixes[name] for name in fixes if code.startswith(name)), "runctl doctor")
    return StateError(f"the state file {path} cannot be used", why=str(error), fix=fix)
