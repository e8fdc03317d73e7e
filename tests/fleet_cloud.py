"""Providers with many resources, kept in a folder: installed for a test as plugins are.

`fleet_cloud:NAME` is the plugin of the provider NAME. Its resources are rows of
`$FLEET_DIR/NAME.db`, so that every process sees the same cloud; `$FLEET_DIR/NAME.json` says how it
misbehaves, and `$FLEET_DIR/NAME.log` is what it was asked to do, a line a call.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from runctl_core import api
from runctl_core.api import Price, Resource, ResourceNotFound, ResourceState

STORAGE = "storage_usd"
"""The key of a resource's row that says what an hour costs while it is stopped."""


class FleetProvider(api.TrainingProvider, api.Stoppable):
    """A cloud in a folder. It keeps every promise of the contract but those it is told to break."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._base = os.path.join(os.environ["FLEET_DIR"], name)

    def offers(self, request: api.ResourceRequest) -> list[api.Offer]:
        """What its control file offers: name and price; `spot_offers` for spot machines."""
        self._called("offers")
        rows = self._control().get("spot_offers" if request.spot else "offers", {})
        return [
            api.Offer(self.name, name, Price(Decimal(usd), "api"), spot=request.spot)
            for name, usd in rows.items()
        ]

    def create_resource(self, spec: api.LaunchSpec) -> Resource:
        """It makes nothing: what it has, the test put there."""
        raise api.CapacityError("the fleet is full", scope=api.Scope.REGION)

    def get_resource(self, resource_id: str) -> Resource:
        """One resource, unless it is gone."""
        self._called("get", resource_id)
        return self._read(resource_id)

    def _read(self, resource_id: str) -> Resource:
        with self._rows() as db:
            row = db.execute("SELECT row, gone_at FROM resources WHERE id = ?", (resource_id,)).fetchone()
        if row is None or (row[1] is not None and row[1] <= time.time()):
            raise ResourceNotFound(f"{self.name} has no {resource_id}")
        return resource(self.name, json.loads(row[0]), ending=row[1] is not None)

    def list_resources(self) -> list[Resource]:
        """Everything that is not gone."""
        self._called("list")
        query = "SELECT row, gone_at FROM resources WHERE gone_at IS NULL OR gone_at > ? ORDER BY id"
        with self._rows() as db:
            rows = db.execute(query, (time.time(),)).fetchall()
        return [resource(self.name, json.loads(row), ending=gone is not None) for row, gone in rows]

    def terminate_resource(self, resource_id: str) -> None:
        """End it after `ending_s`, unless the control file has an answer for it in `refuse`."""
        self._called("terminate", resource_id)
        control = self._control()
        answer = control.get("refuse", {}).get(resource_id) or control.get("refuse", {}).get("*")
        if answer:
            raise getattr(api, answer)(f"{self.name} does not end {resource_id}", fix="ask its owner")
        with self._rows() as db:
            db.execute(
                "UPDATE resources SET gone_at = ? WHERE id = ? AND gone_at IS NULL",
                (time.time() + control.get("ending_s", 0.0), resource_id),
            )

    def stop_resource(self, resource_id: str) -> None:
        """Stop it: its storage goes on costing."""
        self._called("stop", resource_id)
        self._enter(resource_id, ResourceState.STOPPED)

    def start_resource(self, resource_id: str) -> None:
        """Start it again."""
        self._called("start", resource_id)
        self._enter(resource_id, ResourceState.RUNNING)

    def executor(self, resource: Resource) -> api.JobExecutor:
        """Nothing runs on it."""
        raise api.ProviderUnavailable(f"{resource.id} of {self.name} cannot be reached")

    def _enter(self, resource_id: str, state: ResourceState) -> None:
        self._read(resource_id)
        with self._rows() as db:
            (text,) = db.execute("SELECT row FROM resources WHERE id = ?", (resource_id,)).fetchone()
            row = json.dumps({**json.loads(text), "state": str(state)})
            db.execute("UPDATE resources SET row = ? WHERE id = ?", (row, resource_id))

    def _called(self, what: str, resource_id: str = "") -> None:
        with open(f"{self._base}.log", "a", encoding="utf-8") as log:
            log.write(f"{what} {resource_id}".rstrip() + "\n")
        control = self._control()
        time.sleep(control.get("delay_s", 0.0))
        if what in control.get("hang", ()):
            time.sleep(3600)
        if what in control.get("fail", {}):
            raise getattr(api, control["fail"][what])(f"{self.name} fails to {what}", why="it was told to")

    def _control(self) -> dict[str, Any]:
        try:
            with open(f"{self._base}.json", encoding="utf-8") as file:
                control: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return {}
        return control

    @contextmanager
    def _rows(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"{self._base}.db", timeout=30)) as db, db:
            yield db


def resource(provider: str, row: dict[str, Any], *, ending: bool = False) -> Resource:
    """The resource that a row of the folder stands for."""
    fields = {key: value for key, value in row.items() if key not in (STORAGE, "hourly_usd")}
    state = ResourceState.TERMINATING if ending else ResourceState(fields.pop("state", "running"))
    fields.pop("state", None)
    usd = row.get(STORAGE, "0") if state is ResourceState.STOPPED else row.get("hourly_usd")
    if fields.get("created_at"):
        fields["created_at"] = datetime.fromisoformat(fields["created_at"])
    price = Price(None if usd is None else Decimal(usd), "api")
    return Resource(provider=provider, state=state, price=price, **fields)


class Plugin:
    """The plugin of one provider of the fleet."""

    def __init__(self, name: str) -> None:
        self._name = name

    @api.hookimpl
    def runctl_provider(self) -> api.ProviderInfo:
        """Describe it."""
        return api.ProviderInfo(
            name=self._name, title=f"Fleet {self._name}", factory=lambda _settings: FleetProvider(self._name)
        )


def __getattr__(name: str) -> Plugin:
    if name.startswith("_"):
        raise AttributeError(name)
    return Plugin(name)
