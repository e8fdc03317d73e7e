"""Checks of what reaches a script, and of what comes home: environment, secrets, checkpoints, files."""

from __future__ import annotations

import uuid
from functools import partial
from pathlib import Path

from runctl_core.errors import NotFound
from runctl_core.testing.check import broken, check
from runctl_core.testing.expect import raised
from runctl_core.testing.job_runs import JobFixtures, JobRuns

_SEARCH = r"""
import os, time
secret, mine = os.environ['KIT_SECRET'].encode(), os.getpid()
found, until = [], time.monotonic() + 10
for pid in filter(str.isdigit, os.listdir('/proc') if os.path.isdir('/proc') else []):
    try:
        if secret in open('/proc/%s/cmdline' % pid, 'rb').read():
            found.append('the arguments of process ' + pid)
    except OSError:
        pass
own = os.path.dirname(os.environ['RUNCTL_CHECKPOINT_DIR'])
for root in {own, os.path.dirname(own), os.getcwd(), os.environ.get('HOME', own)}:
    for folder, _, names in os.walk(root):
        for path in (os.path.join(folder, name) for name in names):
            try:
                new = time.time() - os.path.getmtime(path) < 600 and os.path.getsize(path) < 1 << 22
                if new and os.path.isfile(path) and secret in open(path, 'rb').read():
                    found.append(path)
            except OSError:
                pass
        if time.monotonic() > until:
            break
print(sorted(set(found)))
"""
_CHECKPOINT = """
import os
folder = os.environ['RUNCTL_CHECKPOINT_DIR']
open(os.path.join(folder, 'step-1.pt'), 'wb').write(bytes(range(256)))
"""
_FOLDER = r"""
import os
os.makedirs('kit out/deep/empty')
open('kit out/a b.bin', 'wb').write(bytes(range(256)) * 100)
open('kit out/deep/\u00fcml.txt', 'w').write('deep')
open('kit out/run.sh', 'w').write('#!/bin/sh\n'); os.chmod('kit out/run.sh', 0o755)
"""
_TREE = {"a b.bin": bytes(range(256)) * 100, "deep/\u00fcml.txt": b"deep", "run.sh": b"#!/bin/sh\n"}


def _tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class JobFilesChecks(JobFixtures):
    """What goes to a script, and what comes back from it."""

    @check("the job's variables reach the script as they are", tests="start")
    def test_environment_reaches_the_script(self, jobs: JobRuns) -> None:
        """Prints one with spaces, quotes, a line break and a letter beyond ASCII."""
        value = "a 'b' \"c\" $HOME `d` \\n\n\u00fc"
        handle, _ = jobs.run("import os; os.write(1, os.environb[b'KIT_VALUE'])", env={"KIT_VALUE": value})
        if jobs.log(handle) != value.encode():
            broken(expected=repr(value), found=jobs.log(handle))

    @check("the job runs in its working directory", tests="start")
    def test_job_runs_in_its_workdir(self, jobs: JobRuns) -> None:
        """Prints the directory, and finds the code in it."""
        handle, status = jobs.run("import os; open('train.py').close(); print(os.path.realpath(os.getcwd()))")
        if status.exit_code != 0:
            broken(expected=f"the script finds its code in {jobs.workdir}", found=jobs.log(handle))

    @check("secrets reach the script", tests="start")
    def test_secrets_reach_the_script(self, jobs: JobRuns) -> None:
        """Says whether the secret is there, without telling it."""
        secret = f"kit{uuid.uuid4().hex}"
        code = f"import os; print(os.environ['KIT_SECRET'][::-1] == {secret[::-1]!r})"
        handle, _ = jobs.run(code, secrets={"KIT_SECRET": secret})
        if jobs.log(handle) != b"True\n":
            broken(expected="the script has KIT_SECRET in its environment", found=jobs.log(handle))

    @check("secrets are in no file of the machine and in no program's arguments", tests="start")
    def test_secrets_are_written_nowhere(self, jobs: JobRuns) -> None:
        """Lets the script search the machine for its own secret."""
        handle, _ = jobs.run(_SEARCH, secrets={"KIT_SECRET": f"kit{uuid.uuid4().hex}"})
        if jobs.log(handle) != b"[]\n":
            broken(expected="the secret is found nowhere but in the environment", found=jobs.log(handle))

    @check("secrets are in no status and no log", tests=("status", "logs"))
    def test_secrets_are_told_by_nobody(self, jobs: JobRuns) -> None:
        """Looks at all that is said of a job with a secret."""
        secret = f"kit{uuid.uuid4().hex}"
        setup = (("echo", "set up"),)
        handle, status = jobs.run("print('done')", setup=setup, secrets={"KIT_SECRET": secret})
        said = [repr(status), repr(jobs.executor), str(jobs.executor.usage(handle))]
        said += [str(jobs.log(handle)), str(jobs.executor.logs(handle, 0, log="setup"))]
        if any(secret in words for words in said):
            broken(expected="the secret is told by nobody", found="it is in the status, a log or a repr")

    @check("the script is told where its checkpoints go, and so is who asks", tests=("start", "status"))
    def test_checkpoint_folder_is_told(self, jobs: JobRuns) -> None:
        """Prints the variable, and compares it with the status."""
        code = "import os; d = os.environ['RUNCTL_CHECKPOINT_DIR']; assert os.path.isdir(d); print(d)"
        handle, status = jobs.run(code)
        if status.exit_code != 0 or jobs.log(handle).decode() != f"{status.checkpoint_dir}\n":
            broken(expected="RUNCTL_CHECKPOINT_DIR is a folder, and the status names it", found=status)

    @check("a script's checkpoints can be fetched", tests="fetch")
    def test_checkpoints_can_be_fetched(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Fetches the folder of checkpoints."""
        handle, status = jobs.run(_CHECKPOINT)
        if status.checkpoint_dir is None:
            broken(expected="the status names the folder of checkpoints", found=status)
        jobs.executor.fetch(handle, status.checkpoint_dir, str(tmp_path / "kit-home"))
        if (found := _tree(tmp_path / "kit-home")) != {"step-1.pt": bytes(range(256))}:
            broken(expected="step-1.pt, as it was written", found=found)

    @check("a checkpoint to resume from reaches the script", tests="start")
    def test_resume_from_reaches_the_script(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Resumes from a folder of this computer, whose file the script prints."""
        checkpoint = tmp_path / "kit-step-7"
        checkpoint.mkdir()
        (checkpoint / "weights.bin").write_bytes(b"weights")
        code = "import os; print(open(os.environ['RUNCTL_RESUME_FROM'] + '/weights.bin').read())"
        handle, _ = jobs.run(code, resume_from=str(checkpoint))
        if jobs.log(handle) != b"weights\n":
            broken(expected="RUNCTL_RESUME_FROM has the checkpoint's file", found=jobs.log(handle))

    @check("a fresh start has nothing to resume from", tests="start")
    def test_fresh_start_resumes_from_nothing(self, jobs: JobRuns) -> None:
        """Looks for the variable."""
        handle, _ = jobs.run("import os; print('RUNCTL_RESUME_FROM' in os.environ)")
        if jobs.log(handle) != b"False\n":
            broken(expected="RUNCTL_RESUME_FROM is not set", found=jobs.log(handle))

    @check("a file is fetched as it is, its path meant from the working directory", tests="fetch")
    def test_fetch_brings_a_file(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Fetches a file by a relative path."""
        handle, _ = jobs.run("open('kit.bin', 'wb').write(bytes(range(256)) * 4096)")
        target = tmp_path / "kit-home.bin"
        jobs.executor.fetch(handle, "kit.bin", str(target))
        if target.read_bytes() != bytes(range(256)) * 4096:
            broken(expected="a megabyte, as it was written", found=f"{target.stat().st_size} bytes")

    @check("a folder is fetched whole, with names, empty folders and the right to execute", tests="fetch")
    def test_fetch_brings_a_folder(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Fetches a folder over one that is there already."""
        handle, _ = jobs.run(_FOLDER)
        target = tmp_path / "kit-home"
        target.mkdir()
        (target / "old.txt").write_text("old")
        jobs.executor.fetch(handle, "kit out", str(target))
        executable = (target / "run.sh").exists() and (target / "run.sh").stat().st_mode & 0o100
        if _tree(target) != _TREE or not executable or not (target / "deep" / "empty").is_dir():
            found = sorted(str(path.relative_to(target)) for path in target.rglob("*"))
            broken(expected=f"{sorted(_TREE)}, deep/empty, run.sh executable, nothing else", found=found)

    @check("a fetch of what is not there leaves nothing, and spoils nothing", tests="fetch")
    def test_fetch_is_whole_or_not_at_all(self, jobs: JobRuns, tmp_path: Path) -> None:
        """Fetches a missing file, to a new place and over a file that is there."""
        handle, _ = jobs.run("pass")
        folder = tmp_path / "kit-home"
        folder.mkdir()
        (folder / "old.txt").write_text("old")
        for name in ("new.txt", "old.txt"):
            fetch = partial(jobs.executor.fetch, handle, "kit-none", str(folder / name))
            raised(NotFound, fetch, when="from a fetch of what is not there")
        if (found := _tree(folder)) != {"old.txt": b"old"}:
            broken(expected="old.txt as it was, and nothing else", found=found)
