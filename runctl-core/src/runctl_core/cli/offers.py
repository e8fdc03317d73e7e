"""`runctl offers`: what fits now, over every installed provider, cheapest first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from typer import Option

from runctl_core.cli import output
from runctl_core.cli.options import JsonFlag, complete_providers

if TYPE_CHECKING:
    from runctl_core.models.resources import Offer


def offers(
    provider: Annotated[str, Option(help="Only this provider.", autocompletion=complete_providers)] = "any",
    gpu: Annotated[str | None, Option(metavar="NAME[:COUNT]", help="A GPU, as `H100:2`.")] = None,
    instance_type: Annotated[str | None, Option(help="The provider's own name.")] = None,
    spot: Annotated[bool, Option("--spot", help="Machines that may be taken away.")] = False,
    region: Annotated[str | None, Option(help="A region of the provider.")] = None,
    max_price: Annotated[str | None, Option(metavar="USD", help="Highest price per hour.")] = None,
    timeout: Annotated[float, Option(help="Seconds that each provider has to answer.")] = 20.0,
    json: JsonFlag = False,
) -> None:
    """Show what fits, at every installed provider at once, cheapest first.

    A provider that fails or is slow is named and left out. Unknown prices come last.

    Examples:
        runctl offers
        runctl offers --gpu H100 --max-price 3
    """
    from runctl_core.cli.planning import money, positive, resource_request
    from runctl_core.config import load
    from runctl_core.plugins import provider_names
    from runctl_core.training.documents import of_offer
    from runctl_core.training.gather import gather
    from runctl_core.training.plan import Plan

    config = load(directory=os.getcwd())
    names = provider_names() if provider == "any" else [provider]
    limit = money(max_price, "--max-price")
    positive(timeout, "--timeout")
    request = Plan(
        provider="any",
        command=(),
        workdir="",
        request=resource_request(gpu, instance_type, spot, region, limit),
    ).resource_request()
    found, problems = gather(names, config, request, timeout_s=timeout)
    for name, error in problems.items():
        output.note(f"{name} is left out: {error.message}{f' ({error.why})' if error.why else ''}")
    if problems and provider != "any":
        raise next(iter(problems.values()))
    if json:
        output.print_json([of_offer(offer) for offer in found])
        return
    columns = ("PROVIDER", "TYPE", "GPU", "VCPU", "MEMORY", "PRICE", "FREE", "NOTE")
    output.table(columns, [_row(offer) for offer in found], empty="nothing fits")


def _row(offer: Offer) -> tuple[str, ...]:
    free = {True: "yes", False: "no", None: "?"}[offer.available]
    return (
        offer.provider,
        offer.name,
        f"{offer.gpu_count} x {offer.gpu}" if offer.gpu else "-",
        str(offer.vcpus or "?"),
        output.size(offer.memory_bytes) if offer.memory_bytes else "?",
        output.hourly(offer.price.hourly_usd),
        free,
        offer.note,
    )
