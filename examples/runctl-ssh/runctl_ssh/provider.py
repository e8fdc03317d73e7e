"""Machines over SSH. A resource is a slot of one: a GPU of it, or all of it where it has none."""

import json
from contextlib import suppress
from datetime import UTC, datetime

from runctl_core import api
from runctl_ssh.plugin import ENTRY, runctl_provider

# A slot that is taken is a file on its machine, `0.slot`, with its token and tags. It is written beside its
# place and appears by a rename, under a lock that everybody holds who looks, takes or gives back.
SLOTS = r"""set -e; umask 77; mkdir -p ~/.runctl-ssh; cd ~/.runctl-ssh; exec 9> .lock; flock 9
case $1 in
gpus) ! command -v nvidia-smi > /dev/null || nvidia-smi --query-gpu=name --format=csv,noheader; exit ;;
take) cat > .new; grep -qsF "\"$2\"" ./*.slot ||
  for i in $3; do [ -s $i.slot ] || { mv .new $i.slot; break; }; done ;;
give) i=${2%%-*}; if grep -qsF "\"${2#*-}\"" $i.slot; then mv "$2" ".$2" || :; rm -rf ".$2"; rm $i.slot; fi ;;
esac
find . -maxdepth 1 -name '*.slot' -exec grep -H '' {} +"""


class SSH(api.TrainingProvider):
    """The machines that the settings name. Nothing is made or paid: a run takes a slot, and gives it back."""

    def __init__(self, settings):
        self.hosts, self.gpus, self.price = {}, {}, api.Price(settings.hourly_usd, source="settings")
        way = {"known_hosts": settings.known_hosts, "key_files": list(filter(None, [settings.key_file]))}
        for host, user, name, port, gpu, count in (ENTRY.fullmatch(h).groups() for h in settings.hosts):
            self.hosts[host] = api.SSHTransport(name, port=int(port or 22), user=user, **way)
            self.gpus[host] = [gpu] * int(count or 1) if gpu else []

    def offers(self, request):
        """One offer for each machine and kind of GPU in it."""
        found = []
        for host in self.hosts:
            taken = [slot.id.partition("-")[0] for slot in self.slots(host, "look")]
            free = {gpu for index, gpu in enumerate(self.kinds(host)) if str(index) not in taken}
            for gpu in dict.fromkeys(self.kinds(host)):
                found += [api.Offer("ssh", host, self.price, gpu, int(bool(gpu)), available=gpu in free)]
        return [offer for offer in found if request.takes(offer)]

    def create_resource(self, spec):
        """Take a slot of the offer's machine."""
        runctl_provider().refuse(spec)
        host, gpu = spec.offer.name, spec.offer.gpu
        indexes = " ".join(str(index) for index, kind in enumerate(self.kinds(host)) if kind == gpu)
        made = {"name": spec.name, "tags": dict(spec.tags), "gpu": gpu, "gpu_count": int(bool(gpu))}
        made |= {"token": spec.token, "created_at": datetime.now(UTC).isoformat()}
        for resource in self.slots(host, "take", spec.token, indexes, input=json.dumps(made).encode()):
            if resource.token == spec.token:
                return resource
        raise api.CapacityError(f"every slot of {host} is taken", fix="runctl ps", scope=api.Scope.OFFER)

    def get_resource(self, resource_id):
        """The slot, as its machine has it now."""
        host = resource_id.partition("@")[2]
        for resource in self.slots(host, "look") if host in self.hosts else []:
            if resource.id == resource_id:
                return resource
        raise api.ResourceNotFound(f"no slot {resource_id} is taken", fix="runctl ps")

    def list_resources(self):
        """Every slot of every machine. One that cannot be reached makes it raise."""
        return [resource for host in self.hosts for resource in self.slots(host, "look")]

    def terminate_resource(self, resource_id):
        """End the jobs in the slot, and give it back."""
        with suppress(api.ResourceNotFound):
            try:
                self.executor(self.get_resource(resource_id)).destroy()
            finally:  # it may have failed because somebody else has given the slot back meanwhile
                resource = self.get_resource(resource_id)
            self.slots(resource.instance_type, "give", resource_id.partition("@")[0])

    def executor(self, resource):
        """Jobs run in the slot's folder, and see its GPU alone."""
        slot, _, host = resource.id.partition("@")
        if host not in self.hosts:
            raise api.ResourceNotFound(f"{host} is none of your machines now", fix="runctl config show")
        gpu = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": slot.partition("-")[0]}
        return api.RunnerExecutor(self.hosts[host], f"~/.runctl-ssh/{slot}", env=gpu if resource.gpu else {})

    def kinds(self, host):
        """The GPU of each slot of a machine, asked for once; None for the slot of one without any."""
        self.gpus[host] = self.gpus[host] or self.ask(host, api.gpu_name, "gpus") or [None]
        return self.gpus[host]

    def slots(self, host, *words, input=b""):
        """The slots of a machine that are taken, after something was done with them."""
        return self.ask(host, lambda line: self.slot(host, line), *words, input=input)

    def slot(self, host, line):
        """A slot as a resource, from a line of what `SLOTS` prints."""
        path, _, text = line.partition(".slot:")
        slot = json.loads(text)
        slot["created_at"] = datetime.fromisoformat(slot["created_at"])
        more = {"id": f"{path[2:]}-{slot.pop('token')}@{host}", "instance_type": host, "price": self.price}
        return api.Resource(**slot, **more, provider="ssh", state=api.ResourceState.RUNNING, managed=True)

    def ask(self, host, read, *words, input=b""):
        """What `SLOTS` prints on a machine, each line read."""
        try:
            done = self.hosts[host].run(["sh", "-c", SLOTS, "sh", *words], input=input, timeout_s=60)
            if done.status == 0:
                return [read(line) for line in done.stdout.decode().splitlines()]
            why = done.stderr.decode()
        except (api.UnknownOutcome, ValueError) as error:
            why = str(error)
        kind = api.UnknownOutcome if words[0] == "take" else api.ProviderUnavailable
        raise kind(f"{host} did not answer", why=why, fix=f"ssh {host} must work")
