"""What this computer cannot do, and why. Importing it imports nothing heavy."""

from __future__ import annotations

from runctl_core.api import LaunchSpec, Unsupported

UNSUPPORTED = {
    "spot": "nobody takes this computer away",
    "stop": "a slot is a directory: it costs nothing, so it is not stopped and started",
    "image": "jobs run in this computer's own system, not in an image",
    "region": "this computer is in one place",
}
"""By capability, with the reason."""


def refuse_unsupported(spec: LaunchSpec) -> None:
    """Raise Unsupported for a launch that asks for what this computer cannot do."""
    asked = {"spot": spec.offer.spot, "image": spec.image is not None, "region": bool(spec.offer.region)}
    for capability in (name for name, wanted in asked.items() if wanted):
        raise Unsupported(
            f"this computer has no {capability}", why=UNSUPPORTED[capability], fix=f"leave {capability} out"
        )
