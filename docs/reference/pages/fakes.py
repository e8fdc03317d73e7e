"""`fakes.md`: the fake cloud: its states, its faults, its calls over HTTP, what it offers; from its code."""

from __future__ import annotations

from collections.abc import Iterator

from pages.markdown import code, docstring, table
from runctl_core.testing.cloud import Fault, Operation
from runctl_core.testing.fakes import FakeCloud, FaultScript, HttpCloud
from runctl_core.testing.fakes.catalogue import TYPES, ZONES
from runctl_core.testing.fakes.http_calls import ROUTES, STATUS
from runctl_core.testing.fakes.records import REMEMBERED_S, Record
from runctl_core.testing.fakes.script import possible

HOURS = round(REMEMBERED_S / 3600)
_INTRODUCTION = """\
# The fake cloud

`FakeCloud` and `HttpCloud`, of `runctl_core.testing` (extra `test`), are clouds for an author's tests.
Their machines are folders of this computer, in which commands really run; Linux only. They are no border
of safety: a command, and SFTP too, may read and write whatever this computer's user may. All that runs
in a machine's folder ends with the machine, detached or not, and all machines end with the cloud, even
when the test is killed.

`python -m runctl_core.testing.fakes --directory DIR` serves one until Ctrl-C and prints its `url` and
its `key` (`--json`: as one document). The key follows from `--seed`, and stays the same; machines end
with the program.
"""
_STATES = f"""\
## States

`pending` → `running` → `stopping` → `stopped` → `pending`, and `terminating` → `terminated` from each of
them. `failed` is a broken machine that still costs. `pending` and `failed` are this cloud's own words.
For {HOURS} hour, a terminated machine is still told of and listed, as terminated; one that vanished is
not.

## A machine's row

Calls of `FakeCloud` give it as a dictionary, and `HttpCloud` as JSON. Prices are text, or null when
unknown; sizes are bytes; moments are ISO 8601 in UTC. `ssh` has `host`, `port`, `user`, `host_key` and
`home` while a machine runs that was made with an `ssh_key`. A job's row also has what `JobStatus` has,
and the `handle` that it was started with.
"""
_FAULTS = """\
## Faults

`cloud.inject(Operation.CREATE, Fault.RESET)` lets the next call go wrong; a page of a list is a call.
`faults=`, and `--faults`, take a script. A test's failure shows `cloud.replay`: given as `faults`, it
makes the same calls go wrong in the same way.
"""
_CALLS = """\
## Calls over HTTP

Each has the header `Authorization: Bearer KEY`. Lists come in pages: `next` is the `cursor` of the next
one, and null on the last. A machine or a job is made with `type`, `zone` and `name`, and may have
`token`, `tags`, `spot`, `ssh_key`, `image` and `delete_at`; a second call with a token gives what the
first one made. What is wrong is said as `application/problem+json`, with `code`, `detail` and `status`.
"""
_FIELDS = "### Fields of a row\n"


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            _INTRODUCTION,
            docstring(FakeCloud.__doc__),
            "",
            docstring(HttpCloud.__doc__),
            "",
            _STATES,
            _FIELDS,
            ", ".join(code(name) for name in sorted(_row())) + "\n",
            _FAULTS,
            docstring(FaultScript.__doc__),
            "",
            table(("Fault", "Strikes", "In this process", "Over HTTP"), list(_faults())),
            _CALLS,
            table(("Call", "Path"), [(code(m), code(_path(p.pattern))) for m, p, _ in ROUTES]),
            table(("Code", "Status"), [(code(c), code(str(s))) for c, s in STATUS.items()]),
            "## What it offers\n",
            "Zones: " + ", ".join(f"{code(zone)} in {region}" for zone, region in ZONES.items()) + ".\n",
            table(("Type", "GPU", "An hour in the north", "Spot", "Full at first"), list(_types())),
        ]
    )


def _row() -> list[str]:
    record = Record("m-0001", "machine", "cpu-2", "north-a", "", {}, 0.0, 0.0, "running")
    return list(record.row())


def _path(pattern: str) -> str:
    return pattern.replace(r"(?P<id>[\w-]+)", "{id}")


def _faults() -> Iterator[tuple[str, ...]]:
    broken = {
        Fault.RESET: ("`ConnectionResetError`, nothing was done", "a reset, nothing was done"),
        Fault.REPLY_LOST: ("`TimeoutError`, it was done", "no reply, it was done"),
        Fault.GARBLED: ("`ValueError`, it was done", "a page of HTML, it was done"),
        Fault.RATE_LIMIT: ("`rate_limit`, with `retry_after_s`", "429, with `Retry-After`"),
        Fault.RATE_LIMIT_SILENT: ("`rate_limit`", "429"),
    }
    for fault in Fault:
        struck = [operation for operation in Operation if possible(operation, fault)]
        where = "all calls" if len(struck) == len(Operation) else ", ".join(map(code, struck))
        here, there = broken.get(fault) or (code(fault), str(STATUS[fault]))
        yield code(fault), where, here, there


def _types() -> Iterator[tuple[str, ...]]:
    for kind in TYPES.values():
        price = kind.price("north", spot=False)
        gpu = f"{kind.gpu_count} {kind.gpu}" if kind.gpu else ""
        told = "unknown" if price is None else f"${price:.2f}"
        yield code(kind.name), gpu, told, "yes" if kind.spot else "", ", ".join(map(code, kind.full))
