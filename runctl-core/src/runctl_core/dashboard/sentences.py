"""The lines above the tables and beside the log: money, providers, usage, checkpoints, facts."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve

from runctl_core import words
from runctl_core.dashboard.glyphs import Glyphs
from runctl_core.dashboard.rows import cost, took
from runctl_core.dashboard.snapshot import Health, Snapshot, Watched
from runctl_core.inventory import Item
from runctl_core.models.checkpoints import Checkpoint
from runctl_core.models.jobs import Usage
from runctl_core.models.money import Total
from runctl_core.models.runs import Run
from runctl_core.models.warnings import UsageWarning


def money(snapshot: Snapshot, owner: str, dot: str, *, width: int) -> str:
    """`now $3.00/h · today $5.10 · month $40.00 +1 unknown · 1 live run · 4 resources`, what fits of it."""
    live, burn = sum(not run.state.over for run in snapshot.runs), snapshot.burn
    mine = sum(item.belongs_to(owner) for item in snapshot.items)
    parts = [
        f"now {words.per_hour(*burn.figures)}",
        f"today {_sum(snapshot.today)}",
        f"month {_sum(snapshot.month)}",
        words.count(live, "live run"),
        words.count(mine, "resource"),
    ]
    while len(text := f" {dot} ".join(parts)) > width and len(parts) > 1:
        parts.pop()
    return text


def _sum(total: Total) -> str:
    known = cost(evolve(total, unknown=0))
    return f"{known} +{total.unknown} unknown" if total.unknown else known


def providers(snapshot: Snapshot, at: datetime, dot: str) -> str:
    """How old what is known of each provider is; those that do not answer stand first."""
    ordered = sorted(snapshot.providers, key=lambda health: not health.silent(at))
    return f" {dot} ".join(_health(health, at) for health in ordered)


def _health(health: Health, at: datetime) -> str:
    known = f"known {_ago(health.answered_at, at)}" if health.answered_at else "never answered"
    if health.problem and health.asked_at is None:
        return f"! {health.name} failed ({known}): {health.problem}"
    if health.asked_at is not None and health.silent(at):
        return f"! {health.name}: no answer for {_for(health.asked_at, at)} ({known})"
    return (
        f"{health.name} {_ago(health.answered_at, at)}" if health.answered_at else f"{health.name} is asked"
    )


def _for(since: datetime, at: datetime) -> str:
    return words.age(at - since).removesuffix(" ago")


def _ago(moment: datetime, at: datetime) -> str:
    return words.age(at - moment)


def usage(run: Run, samples: tuple[Usage, ...], glyphs: Glyphs, *, width: int) -> str:
    """GPU, processor and memory with their latest minutes as bars; or what became of the run."""
    if samples:
        return f" {glyphs.dot} ".join(_meters(samples, glyphs, bars=max(4, width // 8)))
    return f"{run.state}: {run.reason}" if run.reason else str(run.state)


def warned(warning: UsageWarning) -> str:
    """A warning with what mends it, in a line."""
    return f"! {warning.message}; {warning.fix}"


def _meters(samples: tuple[Usage, ...], glyphs: Glyphs, *, bars: int) -> list[str]:
    last = samples[-1]
    cpu, memory = [each.cpu_percent for each in samples], [each.memory_bytes for each in samples]
    parts = [
        f"CPU {glyphs.sparkline(cpu, bars, full=max(100.0, *cpu))} {last.cpu_percent:.0f} %",
        f"MEM {glyphs.sparkline(memory, bars, full=max(memory))} {words.size(last.memory_bytes)}",
    ]
    if last.gpu_percent is not None:
        shown = glyphs.sparkline([each.gpu_percent or 0.0 for each in samples], bars, full=100.0)
        held = "" if last.gpu_memory_bytes is None else f" {words.size(last.gpu_memory_bytes)}"
        parts.insert(0, f"GPU {shown} {last.gpu_percent:.0f} %{held}")
    return parts


def log_title(watched: Watched, at: datetime, dot: str) -> str:
    """`LOG brave-otter-41 · 3 checkpoints, newest step 400, 5 s ago`, and why there is no log."""
    parts = [f"LOG {watched.run_id}".rstrip()]
    parts += [saved(watched.checkpoints, at)] if watched.checkpoints else []
    parts += [watched.problem] if watched.problem else []
    return f" {dot} ".join(parts)


def saved(checkpoints: tuple[Checkpoint, ...], at: datetime) -> str:
    """`3 checkpoints, newest step 400, 5 s ago`."""
    newest = checkpoints[0]
    step = "" if newest.step is None else f" step {newest.step},"
    damaged = sum(not checkpoint.complete for checkpoint in checkpoints)
    left = f", {damaged} not whole" if damaged else ""
    return f"{words.count(len(checkpoints), 'checkpoint')}, newest{step} {_ago(newest.modified_at, at)}{left}"


def facts_of_run(run: Run, snapshot: Snapshot, watched: Watched) -> list[tuple[str, str]]:
    """All that a person may ask of a run."""
    ended = [("ended", _ago(run.ended_at, snapshot.at))] if run.ended_at else []
    status = run.exit_code if run.signal is None else f"signal {run.signal}"
    rows = [
        ("name", run.name),
        ("state", f"{run.state}: {run.reason}" if run.reason else str(run.state)),
        *([("exit status", str(status))] if status is not None else []),
        ("project", run.project),
        ("owner", run.owner),
        ("attempt", str(run.attempt)),
        ("provider", f"{run.provider} ({run.resource_id or 'no resource'})"),
        ("script", run.script),
        ("in", run.directory),
        ("created", _ago(run.created_at, snapshot.at)),
        *ended,
        ("took", took(run, snapshot)),
        ("deadline", f"{run.deadline:%Y-%m-%d %H:%M} UTC" if run.deadline else "none"),
        ("price", words.hourly(run.hourly_usd)),
        ("cost", cost(snapshot.run_costs.get(run.id))),
        ("resumed from", run.resumed_from or "-"),
    ]
    if watched.run_id != run.id:
        return rows
    rows += [("warning", warned(warning)) for warning in watched.warnings]
    return [*rows, *(("checkpoint", _checkpoint(each, snapshot.at)) for each in watched.checkpoints)]


def _checkpoint(checkpoint: Checkpoint, at: datetime) -> str:
    step = "" if checkpoint.step is None else f" step {checkpoint.step},"
    whole = "whole" if checkpoint.complete else f"not whole: {checkpoint.problem}"
    size = words.size(checkpoint.size_bytes)
    return f"{checkpoint.path},{step} {size}, {_ago(checkpoint.modified_at, at)}, {whole}"


def facts_of_item(item: Item, snapshot: Snapshot) -> list[tuple[str, str]]:
    """All that a person may ask of a resource."""
    seen = item.resource
    rows = [
        ("name", seen.name),
        ("state", str(seen.state)),
        ("problem", item.problem),
        ("kind", f"{seen.kind} {seen.instance_type}"),
        ("GPU", f"{seen.gpu}:{seen.gpu_count}" if seen.gpu else ""),
        ("where", seen.zone or seen.region),
        ("run", seen.run_id or ""),
        ("project", seen.project or ""),
        ("owner", seen.owner or ""),
        ("marks", ", ".join(sorted(map(str, item.marks)))),
        ("price", f"{words.hourly(item.hourly_usd)} ({seen.price.source or 'no source'})"),
        ("cost", cost(snapshot.resource_costs.get(item.key))),
        ("created", _ago(item.created_at, snapshot.at) if item.created_at else ""),
        ("expires", f"{seen.expires_at:%Y-%m-%d %H:%M} UTC" if seen.expires_at else ""),
        ("last seen", _ago(item.last_seen, snapshot.at)),
        ("note", seen.note),
    ]
    return [(name, text) for name, text in rows if text.strip()]
