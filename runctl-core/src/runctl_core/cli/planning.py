"""From the command line to a plan: what `train` was asked, and what it would do."""

from __future__ import annotations

import os
import shlex
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

from runctl_core.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runctl_core.cli.session import Session
    from runctl_core.models.resources import Offer
    from runctl_core.training.place import Here
    from runctl_core.training.plan import Plan
    from runctl_core.training.script import Launch
    from runctl_core.training.spending import Spending


def make_plan(
    session: Session,
    provider: str,
    launch: Launch,
    place: Here,
    request: dict[str, Any],
    env: list[str],
    env_files: list[str] | None,
    secrets: list[str],
    provider_flags: dict[str, Any] | None,
) -> Plan:
    """What the settings and the flags ask for, with every path absolute.

    Raises:
        UsageError, ConfigError: Something that was given is malformed.
    """
    from runctl_core.training.place import There
    from runctl_core.training.plan import Plan

    settings = session.settings
    configured = [settings.env_file] if settings.env_file else []
    return Plan(
        provider=provider,
        command=launch.command,
        workdir=place.workdir if isinstance(place, There) else os.getcwd(),
        code_root=place.root if isinstance(place, There) else None,
        include=[os.path.abspath(os.path.expanduser(path)) for path in settings.include],
        kind=str(launch.kind),
        setup=launch.setup,
        provider_flags=provider_flags or {},
        request=request,
        env=dict(_variable(text) for text in env),
        env_files=[os.path.abspath(path) for path in env_files or configured],
        secrets=[_absolute_secret(spec) for spec in secrets],
        outputs=settings.output,
        checkpoint_dir=settings.checkpoint_dir and os.path.abspath(settings.checkpoint_dir),
        max_hours=settings.max_hours,
        budget_usd=settings.budget,
        idle_minutes=settings.idle_minutes,
        grace_s=settings.grace_seconds,
        on_finish=str(settings.on_finish),
    )


def choose_provider(session: Session, request: dict[str, Any]) -> str:
    """The provider to train on; `any` is the one whose free offer is the cheapest.

    Raises:
        PluginError, CapacityError: There is none.
        Unsupported: It lacks what is asked for, and says why.
    """
    chosen = _named(session, request)
    require_capabilities(chosen, request)
    return chosen


def require_capabilities(provider: str, request: Mapping[str, Any]) -> None:
    """Raise Unsupported, before anything is asked for, when a provider says that it lacks what is."""
    from runctl_core.errors import Unsupported
    from runctl_core.plugins import load_provider

    lacks = load_provider(provider).unsupported
    for name in ("spot", "region", "image"):
        if request.get(name) and name in lacks:
            raise Unsupported(
                f"{provider} has no {name}: {lacks[name]}",
                fix=f"leave out --{name}, or another --provider",
            )


def _named(session: Session, request: dict[str, Any]) -> str:
    from runctl_core.plugins import default_provider, provider_names
    from runctl_core.training.choose import nothing_fits
    from runctl_core.training.gather import gather
    from runctl_core.training.plan import Plan

    chosen = default_provider(session.settings.provider)
    if chosen != "any":
        return chosen
    wanted = Plan(provider="any", command=(), workdir="", request=request).resource_request()
    offers, problems = gather(provider_names(), session.config, wanted, timeout_s=20.0)
    for name, error in problems.items():
        output.note(f"{name} is left out: {error.message}")
    free = [offer for offer in offers if offer.available is not False]
    if not free:
        raise nothing_fits(wanted, offers, [])
    return free[0].provider


def resource_request(
    gpu: str | None,
    instance_type: str | None,
    spot: bool,
    region: str | None,
    max_price: Decimal | None,
) -> dict[str, Any]:
    """The fields of a `ResourceRequest`, JSON-ready. Raises UsageError for a malformed GPU."""
    from runctl_core.models.resources import parse_gpu

    name, count = parse_gpu(gpu) if gpu is not None else (None, 0)
    return {
        "gpu": name,
        "gpu_count": count,
        "instance_type": instance_type,
        "spot": spot,
        "region": region,
        "max_hourly_usd": None if max_price is None else str(max_price),
    }


def _variable(text: str) -> tuple[str, str]:
    from runctl_core.errors import UsageError

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError("--env takes NAME=VALUE", fix="--env LEARNING_RATE=0.1")
    return name, value


def _absolute_secret(spec: str) -> str:
    name, at, path = spec.partition("=@")
    return f"{name}=@{os.path.abspath(path)}" if at else spec


def money(text: str | None, option: str) -> Decimal | None:
    """The dollars that an option was given. Raises UsageError for anything that is not above zero."""
    from runctl_core.errors import UsageError

    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise UsageError(f"{option} takes a number of dollars, not {text!r}", fix=f"{option} 5.00")
    return positive(amount, option)


N = TypeVar("N", float, Decimal)


def positive(value: N | None, option: str) -> N | None:
    """The number that an option was given. Raises UsageError unless it is above zero and no slip."""
    from runctl_core.core_settings import LARGEST
    from runctl_core.errors import UsageError

    if value is not None and not 0 < value <= LARGEST:
        raise UsageError(
            f"{option} takes a number above zero and not above {LARGEST}, not {value}", fix=f"{option} 2"
        )
    return value


def show_plan(session: Session, plan: Plan, json: bool) -> None:
    """Print what `plan` would do, on which offers, and when and at what cost it would end."""
    from runctl_core.training import documents, limits

    offers = session.engine.offers(plan)
    price = offers[0].price.hourly_usd
    most, usd = limits.ceiling(plan, price)
    hours = None if most is None else float(most)
    standing = session.engine.budgets.standing()
    if json:
        budgets = [documents.of_spending(one, one.with_run(price, most)) for one in standing]
        output.print_json({**documents.of_plan(plan, offers, hours, usd), "budgets": budgets})
        return
    rows = [("provider", plan.provider), ("would run", shlex.join(plan.command))]
    rows += [("set-up", shlex.join(program)) for program in plan.setup]
    rows += [("in", plan.workdir)]
    rows += [("on" if n == 0 else "or on", _priced(offer)) for n, offer in enumerate(offers[:3])]
    rows += [("ends", "by itself only" if hours is None else f"after {output.duration(hours * 3600)}")]
    at_most = f"about {output.cost(usd)} at most" if usd else "nothing"
    rows += [("costs", "without a limit" if usd is None else at_most)]
    rows += [(f"{one.period.budget} budget", _standing(one, one.with_run(price, most))) for one in standing]
    output.pairs(rows)


def _standing(one: Spending, after: Decimal) -> str:
    spent = output.cost(one.spent.usd, one.unknown, one.spent.estimated_usd)
    return f"{output.cost(one.period.limit_usd)}; {spent} spent, {output.cost(after)} with all that may come"


def _priced(offer: Offer) -> str:
    region = f" in {offer.region}" if offer.region else ""
    return f"{offer.name}{region}, {output.hourly(offer.price.hourly_usd)}"
