"""The plugin: which provider this is, and which settings it has. It imports nothing heavy."""

import re
from decimal import Decimal

from attrs import define

from runctl_core.api import ProviderInfo, hookimpl, setting

ENTRY = re.compile(r"((?:([\w.-]+)@)?([\w.-]+)(?::(\d+))?)(?:=([^:]+)(?::(\d+))?)?")
"""`me@gpu1:2222=H100:2`, of which only the name must be there."""


def problem(hosts):
    """What is wrong with a list of hosts; an empty text for nothing."""
    return "; ".join(f"{host} is not like me@gpu1:22=H100:2" for host in hosts if not ENTRY.fullmatch(host))


@define
class Settings:
    """Which machines there are, and how they are reached."""

    hosts: list[str] = setting([], help="Machines, as [USER@]HOST[:PORT][=GPU[:COUNT]].", valid=problem)
    key_file: str | None = setting(None, help="A private key; the agent's and the usual ones otherwise.")
    known_hosts: str | None = setting(None, help="A file of host keys; ~/.ssh/known_hosts otherwise.")
    hourly_usd: Decimal | None = setting(None, help="What an hour of a slot costs; unknown otherwise.")


@hookimpl
def runctl_provider():
    """Describe the provider."""
    absent = {"spot": "nobody takes your own machines away", "stop": "a slot has nothing to stop"}
    absent |= {"image": "jobs run on the machine as it is", "region": "--instance-type names a machine"}
    return ProviderInfo("ssh", "My machines over SSH", "runctl_ssh.provider:SSH", Settings, absent)
