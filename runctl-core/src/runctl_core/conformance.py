"""The recorded result of the author's kit: `conformance.json`, shipped beside a plugin's module."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runctl_core._entrypoints import EntryPoint

FILE = "conformance.json"
_HOLDS = ("passed", "not_applicable")


def document(point: EntryPoint) -> dict[str, Any]:
    """What is recorded for an installed provider, as `providers show --json` has it.

    `state` is `recorded`, `not recorded` or `damaged`; everything else is empty but for the first.
    """
    try:
        found = _read(point)
        return {"state": "not recorded"} | _NOTHING if found is None else _recorded(found, point.version)
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"state": "damaged"} | _NOTHING


_NOTHING: dict[str, Any] = {
    "conformant": None,
    "version": None,
    "current": None,
    "core": None,
    "profile": None,
    "date": None,
    "profiles": [],
    "problems": [],
}


def _read(point: EntryPoint) -> dict[str, Any] | None:
    """The file beside the plugin's module; None for none. It imports nothing but parent packages."""
    spec = find_spec(point.value.partition(":")[0].strip())
    if spec is None or not spec.origin:
        return None
    try:
        with open(os.path.join(os.path.dirname(spec.origin), FILE), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    except OSError:
        return None
    if found["provider"] != point.name:
        return None  # another plugin's, of the same package
    return found


def _recorded(found: dict[str, Any], installed: str) -> dict[str, Any]:
    checks: list[dict[str, str]] = found["checks"]
    profiles = list(dict.fromkeys(check["profile"] for check in checks))
    order = ("required", "recommended", "chaos", "live")
    return {
        "state": "recorded",
        "conformant": bool(found["conformant"]),
        "version": str(found["version"]),
        "current": found["version"] == installed,
        "core": str(found["core"]),
        "profile": str(found["profile"]),
        "date": str(found["date"]),
        "profiles": [_counts(name, checks) for name in sorted(profiles, key=order.index)],
        "problems": [
            {"check": check["check"], "result": check["result"], "reason": check["reason"]}
            for check in checks
            if check["result"] not in _HOLDS
        ],
    }


def _counts(profile: str, checks: list[dict[str, str]]) -> dict[str, Any]:
    results = [check["result"] for check in checks if check["profile"] == profile]
    return {
        "profile": profile,
        "checks": len(results),
        "hold": sum(result in _HOLDS for result in results),
        "not_applicable": results.count("not_applicable"),
    }


def in_words(recorded: dict[str, Any]) -> str:
    """The same, in one line for people."""
    if recorded["state"] != "recorded":
        return str(recorded["state"])
    counts = [f"{p['hold']} of {p['checks']} {p['profile']} checks hold" for p in recorded["profiles"]]
    verdict = "conformant" if recorded["conformant"] else "not conformant"
    version = "" if recorded["current"] else f"; it is of another version, {recorded['version']}"
    return f"{verdict}: {', '.join(counts)} (recorded {recorded['date']}{version})"
