"""Machines over SSH. A resource is a slot of one: a GPU of it, or all of it where it has none.

A slot that is taken is a file on its machine, `0.slot`, with its token and tags. It is written beside its
place and appears by a rename, under a lock that everybody holds who looks, takes or gives back.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import PurePosixPath

from runctl_core import api
from runctl_ssh.plugin import ENTRY, runctl_provider

SLOTS = r"""set -e; umask 77; mkdir -p "$1"; cd "$1"; exec 9> .lock; flock 9
case $2 in
take) cat > .new; grep -qsF "$3" ./*.slot ||
  for i in $4; do [ -e $i.slot ] || { mv .new $i.slot; break; }; done ;;
give) if grep -qsF "$3" "$4.slot"; then rm -rf "$5"; rm "$4.slot"; fi ;;
esac
find . -name '*.slot' -maxdepth 1 -exec grep -H '' {} +"""


class SSH(api.TrainingProvider):
    """The machines that the settings name. Nothing is made or paid: a run takes a slot, and gives it back."""

    def __init__(self, settings):
        self.folder, self.price = settings.folder, api.Price(settings.hourly_usd, source="settings")
        self.hosts, self.gpus = {}, {}
        way = {"known_hosts": settings.known_hosts, "key_files": list(filter(None, [settings.key_file]))}
        for entry in settings.hosts:
            host, user, name, port, gpu, count = ENTRY.fullmatch(entry).groups()
            self.hosts[host] = api.SSHTransport(name, port=int(port or 22), user=user, **way)
            self.gpus[host] = [gpu] * int(count or 1) if gpu else []

    def offers(self, request):
        """One offer for each machine and kind of GPU in it."""
        found = []
        for host, slots in self.look():
            free = [gpu for index, gpu in enumerate(self.kinds(host)) if str(index) not in slots]
            for gpu in dict.fromkeys(self.kinds(host)):
                found.append(api.Offer("ssh", host, self.price, gpu, int(bool(gpu)), available=gpu in free))
        return [offer for offer in found if request.takes(offer)]

    def create_resource(self, spec):
        """Take a slot of the offer's machine."""
        host, gpu = spec.offer.name, spec.offer.gpu
        if spec.image:
            raise api.Unsupported(runctl_provider().unsupported["image"])
        indexes = [str(index) for index, kind in enumerate(self.kinds(host)) if kind == gpu]
        made = {"id": spec.token, "name": spec.name, "tags": dict(spec.tags), "gpu": gpu}
        made |= {"gpu_count": int(bool(gpu)), "created_at": datetime.now(UTC).isoformat()}
        slots = self.ask(host, "take", json.dumps(spec.token), " ".join(indexes), input=json.dumps(made))
        for index, slot in slots.items():
            if slot["id"] == spec.token:
                return self.resource(host, index, slot)
        raise api.CapacityError(f"every slot of {host} is taken", fix="runctl ps", scope=api.Scope.OFFER)

    def get_resource(self, resource_id):
        """The slot, as its machine has it now."""
        host = resource_id.partition("@")[2]
        slots = self.ask(host, "look") if host in self.hosts else {}
        for found in (self.resource(host, index, slot) for index, slot in slots.items()):
            if found.id == resource_id:
                return found
        raise api.ResourceNotFound(f"no slot {resource_id} is taken", fix="runctl ps")

    def list_resources(self):
        """Every slot of every machine. One that cannot be reached makes it raise."""
        return [self.resource(host, *item) for host, slots in self.look() for item in slots.items()]

    def terminate_resource(self, resource_id):
        """End the jobs in the slot, and give it back."""
        try:
            self.executor(self.get_resource(resource_id)).destroy()
        except api.ResourceNotFound:
            return
        folder, _, host = resource_id.partition("@")
        index, _, token = folder.partition("-")
        self.ask(host, "give", json.dumps(token), index, folder)

    def executor(self, resource):
        """Jobs run in the slot's folder, and see its GPU alone."""
        folder, _, host = resource.id.partition("@")
        only = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": folder.partition("-")[0]}
        root = PurePosixPath("~", self.folder, folder)
        return api.RunnerExecutor(self.way(host), str(root), env=only if resource.gpu else {})

    def kinds(self, host):
        """The GPU of each slot of a machine, asked for once; None for the slot of one without any."""
        if not self.gpus.get(host):
            query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
            done = self.way(host).run(query, timeout_s=60)
            if done.status not in (0, 6, 127):  # 6: a driver without a GPU; 127: no driver
                raise api.ProviderUnavailable(f"{host} does not tell its GPUs", why=done.stderr.decode())
            names = done.stdout.decode().splitlines() if done.status == 0 else []
            self.gpus[host] = [api.gpu_name(name) for name in names] or [None]
        return self.gpus[host]

    def way(self, host):
        """How a machine is reached."""
        if host not in self.hosts:
            raise api.InvalidRequest(f"{host} is none of your machines", fix="runctl config show")
        return self.hosts[host]

    def look(self):
        """Each machine with its slots; all are asked at once."""
        with ThreadPoolExecutor(max_workers=16) as pool:
            return list(
                zip(self.hosts, pool.map(lambda host: self.ask(host, "look"), self.hosts), strict=True)
            )

    def ask(self, host, *words, input=""):
        """Run `SLOTS` on a machine: the slots that are taken then, by index."""
        try:
            command = ["sh", "-c", SLOTS, "sh", self.folder, *words]
            done = self.way(host).run(command, input=input.encode(), timeout_s=60)
            lines = [line.partition(".slot:") for line in done.stdout.decode().splitlines()]
            if done.status == 0:
                return {path.removeprefix("./"): json.loads(slot) for path, _, slot in lines}
            why = done.stderr.decode()
        except (api.UnknownOutcome, ValueError) as error:
            why = str(error)
        kind = api.UnknownOutcome if "take" in words else api.ProviderUnavailable
        raise kind(f"{host} did not answer", why=why, fix=f"ssh {host} must work")

    def resource(self, host, index, slot):
        """A slot as a resource."""
        own = {"id": f"{index}-{slot['id']}@{host}", "created_at": datetime.fromisoformat(slot["created_at"])}
        own |= {"provider": "ssh", "state": api.ResourceState.RUNNING, "managed": True}
        return api.Resource(**{**slot, **own}, instance_type=host, price=self.price)
