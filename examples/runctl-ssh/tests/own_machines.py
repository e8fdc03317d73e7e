"""Own machines as the kit's cloud: the kit looks at the slots behind the provider's back."""

import json
import shutil
from pathlib import Path

import machines

from runctl_core.api import Unsupported
from runctl_core.testing import CloudUnderTest, Fault, Machine, Operation

VERBS = {
    Operation.OFFERS: "look",
    Operation.GET: "look",
    Operation.LIST: "look",
    Operation.CREATE: "take",
    Operation.TERMINATE: "give",
}
FAULTS = {
    Fault.SERVER_ERROR: "refuse",
    Fault.REFUSED: "refuse",
    Fault.RESET: "break",
    Fault.REPLY_LOST: "lose",
    Fault.GARBLED: "garble",
    Fault.NO_CAPACITY: "fill",
}


class OwnMachines(CloudUnderTest):
    """One or more machines of one's own."""

    def __init__(self, *there: machines.Machine) -> None:
        self.there = there
        self._seen: dict[str, Machine] = {}

    def machines(self):
        """Every slot that was seen to be taken, whether or not it still is."""
        found = {}
        for one in self.there:
            for path in one.slots.glob("*.slot"):
                if text := path.read_text():
                    slot = json.loads(text)
                    resource_id = f"{path.stem}-{slot['token']}@{one.host}"
                    found[resource_id] = Machine(resource_id, slot["tags"], "taken", gone=False)
        gone = {k: Machine(m.id, m.tags, "given back", gone=True) for k, m in self._seen.items()}
        self._seen = {**gone, **found}
        return list(self._seen.values())

    def inject(self, operation, fault, *, times=1, after=0):
        """Let calls go wrong on every machine."""
        if operation not in VERBS or fault not in FAULTS:
            raise Unsupported(f"a machine of one's own does not answer to {operation} with {fault}")
        for one in self.there:
            with (one.folder / "faults" / VERBS[operation]).open("a") as file:
                file.write("none\n" * after + f"{FAULTS[fault]}\n" * times)

    def pending_faults(self):
        """The lines that no call has taken away."""
        files = [path for one in self.there for path in (one.folder / "faults").iterdir()]
        return sum(line != "none" for path in files for line in path.read_text().splitlines())

    def clear_faults(self):
        """Let no call go wrong any more."""
        for one in self.there:
            for path in (one.folder / "faults").iterdir():
                path.unlink()

    def add_foreign(self):
        """Nobody makes slots but this provider."""
        raise Unsupported("whatever else runs on a machine takes no slot")

    def set_listing_lag(self, seconds):
        """A slot is listed as soon as it is taken."""
        if seconds:
            raise Unsupported("the list is the machine's own folder, and never lags")

    def vanish(self, resource_id):
        """Somebody cleans up by hand."""
        slot, _, host = resource_id.partition("@")
        (one,) = (one for one in self.there if one.host == host)
        (one.slots / f"{slot.partition('-')[0]}.slot").unlink()
        shutil.rmtree(one.slots / slot, ignore_errors=True)

    def preempt(self, resource_id, *, notice_s=0.0):
        """Nobody takes own machines away."""
        raise Unsupported("nobody takes your own machines away")

    def skew_clock(self, seconds):
        """Moments are this computer's, where the slot is taken."""
        raise Unsupported("the moment of a slot is written by who takes it")

    @property
    def secrets(self):
        """The private keys that let in."""
        return [Path(one.key_file).read_text().splitlines()[2] for one in self.there]

    @property
    def replay(self):
        """Nothing is left to chance."""
        return ""
