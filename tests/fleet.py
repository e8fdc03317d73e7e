"""Many resources of several providers, for whole commands: `fleet_cloud` as an installed plugin."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from homes import Home

OWNER = "tester"
"""The owner of a home's runs."""


def row(resource_id: str, *, hourly_usd: str | None = "1.00", **fields: Any) -> dict[str, Any]:
    """A resource that runctl made for the home's user two hours ago, unless the fields say otherwise.

    Args:
        resource_id: Its id, and its name.
        hourly_usd: What an hour costs while it runs; None when nobody knows.
        fields: Of `Resource`; `tags` are added to those of runctl. `managed=False` leaves all out.
    """
    managed = fields.pop("managed", True)
    ours = {"runctl:owner": OWNER, "runctl:project": "demo", "runctl:token": f"token-{resource_id}"}
    created = datetime.now(UTC) - timedelta(hours=2)
    return {
        "id": resource_id,
        "name": resource_id,
        "managed": managed,
        "hourly_usd": hourly_usd,
        "created_at": created.isoformat(),
        "instance_type": "large",
        **fields,
        "tags": {**(ours if managed else {}), **fields.get("tags", {})},
    }


class Fleet:
    """Providers in a home, and what they have.

    Args:
        home: Whose commands see them.
        names: The providers' names.
    """

    def __init__(self, home: Home, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.folder = home.root / "fleet"
        plugins = home.root / "fleet-plugins"
        info = plugins / "fleet-1.0.dist-info"
        info.mkdir(parents=True)
        self.folder.mkdir()
        shutil.copy(Path(__file__).with_name("fleet_cloud.py"), plugins)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fleet\nVersion: 1.0\n")
        points = "".join(f"{name} = fleet_cloud:{name}\n" for name in self.names)
        (info / "entry_points.txt").write_text(f"[runctl.providers]\n{points}")
        home.env |= {"PYTHONPATH": str(plugins), "FLEET_DIR": str(self.folder)}
        for name in self.names:
            with closing(sqlite3.connect(self.folder / f"{name}.db")) as db, db:
                db.execute("CREATE TABLE resources (id TEXT PRIMARY KEY, row TEXT, gone_at REAL)")

    def add(self, provider: str, *rows: Mapping[str, Any]) -> None:
        """Put resources there, as `row` makes them; one with a known id replaces it."""
        with closing(sqlite3.connect(self.folder / f"{provider}.db")) as db, db:
            db.executemany(
                "INSERT OR REPLACE INTO resources VALUES (?, ?, NULL)",
                [(each["id"], json.dumps(each)) for each in rows],
            )

    def remove(self, provider: str, resource_id: str) -> None:
        """Take a resource away, as somebody else would."""
        with closing(sqlite3.connect(self.folder / f"{provider}.db")) as db, db:
            db.execute("DELETE FROM resources WHERE id = ?", (resource_id,))

    def misbehave(self, provider: str, **control: Any) -> None:
        """Say how a provider misbehaves from now on.

        Args:
            provider: Which one.
            control: `delay_s` before each answer; `hang`, a list of calls; `fail`, call to the name
                of an error; `refuse`, resource id (or `*`) to the name of the error that its
                termination gets; `ending_s` of a termination; `offers` and `spot_offers`, name to
                price.
        """
        (self.folder / f"{provider}.json").write_text(json.dumps(control))

    def alive(self, provider: str) -> list[str]:
        """The ids of what it has, those that are ending left out."""
        with closing(sqlite3.connect(self.folder / f"{provider}.db")) as db, db:
            query = "SELECT id FROM resources WHERE gone_at IS NULL ORDER BY id"
            return [found for (found,) in db.execute(query)]

    def gone(self, provider: str) -> list[str]:
        """The ids of what it let go of."""
        with closing(sqlite3.connect(self.folder / f"{provider}.db")) as db, db:
            query = "SELECT id FROM resources WHERE gone_at <= ? ORDER BY id"
            return [found for (found,) in db.execute(query, (time.time(),))]

    def calls(self, provider: str) -> list[str]:
        """What it was asked, a line a call: `terminate i-1`."""
        log = self.folder / f"{provider}.log"
        return log.read_text().splitlines() if log.exists() else []
