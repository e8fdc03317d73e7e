"""Output appears while the script runs, and the script does not notice how."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runctl_core.runner import supervisor

VERSIONS = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))
INTERPRETERS = [str(p) for p in VERSIONS if int(p.parts[-3].split(".")[1]) >= 8] or [sys.executable]


@pytest.fixture(params=INTERPRETERS, ids=lambda path: Path(path).parts[-3])
def python(request):
    """Each interpreter of this machine from 3.8 on."""
    return request.param


def run(python, code, tmp_path, *flags, path=(), **more):
    """Run code as the supervisor does; returns output, errors and status."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env["PYTHONPATH"] = os.pathsep.join([supervisor.LIVE, *map(str, path)])
    (tmp_path / "script.py").write_text(code)
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        argv = [python, *flags, str(tmp_path / "script.py")]
        status = subprocess.run(argv, stdout=out, stderr=err, env=env, timeout=60, **more).returncode
    return (tmp_path / "out").read_text(), (tmp_path / "err").read_text(), status


def test_a_line_is_seen_while_the_script_sleeps(python, tmp_path):
    code = """
import time
for text in "first", "second":
    print(text)
    time.sleep(0.5)
    print(repr(open(__file__[:-9] + "out").read()))
"""
    out, err, status = run(python, code, tmp_path)
    assert out == "first\n'first\\n'\nsecond\n\"first\\n'first\\\\n'\\nsecond\\n\"\n"
    assert (err, status) == ("", 0)


def test_forks_are_undisturbed_and_warn_of_nothing(python, tmp_path):
    code = """
import os, sys, time
for n in range(30):
    pid = os.fork()
    if pid == 0:
        print("child", n)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
pid = os.fork()
if pid == 0:
    print("late")
    time.sleep(0.4)
    with open(__file__[:-9] + "out") as file:
        print(file.read().count("late"))
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    out, err, status = run(python, code, tmp_path, "-Wdefault")
    assert (err, status) == ("", 0)
    lines = out.split("\n")
    assert [line for line in lines if line.startswith("child")] == [f"child {n}" for n in range(30)]
    assert lines[-3:-1] == ["late", "1"], "a forked child's output came late"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works(python, tmp_path, method):
    code = f"""
import multiprocessing
def work(n):
    print("n", n)
    return n * n
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with context.Pool(2) as pool:
        print(sum(pool.map(work, range(20), chunksize=1)))
"""
    out, err, status = run(python, code, tmp_path, "-Wdefault")
    assert (err, status) == ("", 0)
    assert "2470\n" in out


@pytest.mark.parametrize(
    "code",
    [
        "import sys; print('x'); sys.stdout.close(); import time; time.sleep(0.3)",
        "import sys, time; print('x', flush=True); raw = sys.stdout.detach(); time.sleep(0.3)\n"
        "sys.stdout = sys.__stdout__ = None",
        "import os, time; print('x', flush=True); os.close(1); time.sleep(0.3); os._exit(0)",
        "import sys, time; print('x'); sys.stdout = None; time.sleep(0.3)",
        "import sys, time\nclass Odd:\n    def flush(self): raise KeyError\n    write = len\n"
        "print('x'); sys.stdout = Odd(); time.sleep(0.3); sys.stdout = sys.__stdout__",
        "import threading; threading.Thread(target=lambda: print('x')).start()",
        "import atexit; atexit.register(print, 'x')",
        "import os; os.register_at_fork(before=lambda: None); print('x')",
        "import sys; print('x'); sys.exit(0)",
        "import os, subprocess\nsubprocess.call(['echo', 'x'], preexec_fn=lambda: None)",
    ],
)
def test_whatever_the_script_does_with_its_stdout_is_its_own(python, tmp_path, code):
    assert run(python, code, tmp_path) == ("x\n", "", 0)


def test_a_replaced_text_layer_is_live_too(python, tmp_path):
    code = """
import io, sys, time
sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8")
print("x"); time.sleep(0.5); print(open(__file__[:-9] + "out").read())
"""
    assert run(python, code, tmp_path) == ("x\nx\n\n", "", 0)


def test_the_interpreter_ends_cleanly_in_the_middle_of_output(python, tmp_path):
    code = "import time\nend = time.time() + 0.25\nwhile time.time() < end: print('x' * 50)"
    for _ in range(4):
        out, err, status = run(python, code, tmp_path)
        assert (err, status) == ("", 0)
        assert set(out.split("\n")) == {"x" * 50, ""}


def test_the_users_own_sitecustomize_is_imported(python, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import builtins; builtins.theirs = __file__")
    code = "import sys, sitecustomize; print(theirs == sitecustomize.__file__, len(sys.path))"
    out, err, _ = run(python, code, tmp_path, path=[folder])
    plain, _, _ = run(python, "import sys; print('True', len(sys.path))", tmp_path, path=[folder])
    assert (out, err) == (plain, "")


def test_without_another_sitecustomize_nothing_is_missed(python, tmp_path):
    code = "import sys; print([p for p in sys.path if 'live' in p], 'sitecustomize' in sys.modules)"
    assert run(python, code, tmp_path) == ("[] True\n", "", 0)


@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-u"])
def test_isolated_interpreters_run_as_ever(python, tmp_path, flag):
    assert run(python, "print('x')", tmp_path, flag) == ("x\n", "", 0)


def test_the_script_has_one_thread_of_its_own(python, tmp_path):
    code = "import threading; print(threading.active_count(), threading.main_thread().name)"
    assert run(python, code, tmp_path) == ("1 MainThread\n", "", 0)


def test_the_jobs_log_is_live(jobs, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    jobs.start("print('x'); import time; time.sleep(20)")
    jobs.wait_running()
    begun = time.monotonic()
    while jobs.log() != b"x\n":
        assert time.monotonic() - begun < 1.5, "the first line came late"
        time.sleep(0.01)
