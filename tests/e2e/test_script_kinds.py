"""Each kind of script runs with its own packages, and gets its arguments as they were typed."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from homes import Home

ARGUMENTS = [
    "a b",
    "",
    "--help",
    "-h",
    "--",
    "\"q'",
    "two\nlines",
    "\u00e9\U0001f600",
    "$HOME",
    "*",
    "--json",
]
SCRIPT = "import json, sys, {module}\nprint(json.dumps([{word}, sys.argv[1:]]))\n"
PLAIN = SCRIPT.format(module="os", word="os.path.basename(__file__)")
WITH_PACKAGE = SCRIPT.format(module="tiny", word="tiny.WORD")


@pytest.fixture
def home(home: Home) -> Home:
    """A home whose uv asks no index, and which has a package of its own as a file."""
    home.env |= {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(home.root / "uv"), "UV_PYTHON_DOWNLOADS": "never"}
    with zipfile.ZipFile(home.work / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "WORD = 'tiny'\n")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return home


def _wheel(home: Home) -> str:
    return (home.work / "tiny-1.0-py3-none-any.whl").as_uri()


def _header(home: Home) -> None:
    home.write("s.py", f'# /// script\n# dependencies = ["tiny @ {_wheel(home)}"]\n# ///\n{WITH_PACKAGE}')


def _lock(home: Home) -> None:
    _project(home)
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "lock", "-q"], cwd=home.work, env=home.env, check=True)


def _project(home: Home) -> None:
    home.write("s.py", WITH_PACKAGE)
    home.write(
        "pyproject.toml",
        f'[project]\nname = "mine"\nversion = "1"\ndependencies = ["tiny @ {_wheel(home)}"]\n',
    )
    for folder in ("data", "models"):  # side by side, as research has them, they cannot be built
        home.write(f"{folder}/__init__.py", "")


def _requirements(home: Home) -> None:
    home.write("s.py", WITH_PACKAGE)
    home.write("requirements.txt", f"tiny @ {_wheel(home)}\n")


def _plain(home: Home) -> None:
    home.write("s.py", PLAIN)


KINDS = {
    "uv run --script": (_header, "tiny"),
    "the lock uv.lock": (_lock, "tiny"),
    "the project pyproject.toml": (_project, "tiny"),
    "packages from requirements.txt": (_requirements, "tiny"),
    "a plain script": (_plain, "s.py"),
}


@pytest.mark.parametrize("said", KINDS)
def test_a_script_runs_with_its_packages_and_its_arguments(home: Home, said: str) -> None:
    make, word = KINDS[said]
    make(home)
    done = home.runctl("train", "s.py", "--", *ARGUMENTS)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [word, ARGUMENTS]
    assert said in done.stderr.decode()


@pytest.mark.parametrize("said", KINDS)
def test_nothing_but_the_scripts_own_bytes_is_printed(home: Home, said: str) -> None:
    KINDS[said][0](home)
    done = home.runctl("train", "s.py", env={"VIRTUAL_ENV": str(home.root / "another")})
    assert done.stdout.count(b"\n") == 1, "uv speaks among the script's lines"


@pytest.mark.parametrize("make", [_project, _requirements, _header])
def test_no_lock_and_no_environment_is_left_in_a_project(home: Home, make: object) -> None:
    make(home)
    before = sorted(os.listdir(home.work))
    assert home.runctl("train", "s.py").returncode == 0
    assert sorted(os.listdir(home.work)) == before


def test_a_lock_is_taken_as_it_stands(home: Home) -> None:
    _lock(home)
    lock = (home.work / "uv.lock").read_bytes()
    home.write("pyproject.toml", (home.work / "pyproject.toml").read_text().replace("dependencies", "others"))
    assert home.runctl("train", "s.py").returncode == 0
    assert (home.work / "uv.lock").read_bytes() == lock


def test_an_interpreter_that_is_named_is_used_and_nothing_is_set_up(home: Home) -> None:
    _requirements(home)
    home.write("s.py", "import json, sys; print(json.dumps([sys.executable, sys.argv[1:]]))")
    done = home.runctl("train", "s.py", "--python", sys.executable, "--", *ARGUMENTS)
    assert json.loads(done.stdout) == [sys.executable, ARGUMENTS]
    assert f"the interpreter {sys.executable}" in done.stderr.decode()


PROGRAMS = {
    "train.sh": '#!/bin/sh\nexec "$PYTHON" -c "import json, sys; print(json.dumps(sys.argv[1:]))" "$@"\n',
    "train": "#!/usr/bin/env python3\nimport json, sys; print(json.dumps(sys.argv[1:]))\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_as_it_is(home: Home, name: str) -> None:
    path = home.write(name, PROGRAMS[name])
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    done = home.runctl("train", name, "--", *ARGUMENTS, env={"PYTHON": sys.executable})
    assert json.loads(done.stdout) == ARGUMENTS
    assert b"an executable, run as it is" in done.stderr


def test_a_compiled_program_runs_as_it_is(home: Home) -> None:
    shutil.copy(shutil.which("printf") or "/usr/bin/printf", home.work / "compiled")
    done = home.runctl("train", "compiled", "--", "%s|", "a b", "", "--help")
    assert done.stdout == b"a b||--help|"


FAILING = {
    "an unknown package": ("no-such-package-of-anybody\n", "no-such-package-of-anybody"),
    "a file that is not there": ("./gone-1.0-py3-none-any.whl\n", "gone-1.0-py3-none-any.whl"),
    "a line that is none": ("===\n", "requirements.txt"),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_set_up_that_fails_is_explained_by_its_last_lines(home: Home, what: str) -> None:
    line, told = FAILING[what]
    home.write("s.py", "print('it ran')")
    home.write("requirements.txt", line)
    done = home.runctl("train", "s.py")
    assert (done.returncode, done.stdout) == (111, b"")
    assert home.json("status", "latest")["state"] == "failed"
    why = home.json("why", "latest")
    assert why["summary"] == "its environment could not be made"
    assert told in "\n".join(why["tail"])
    assert "Traceback" not in done.stderr.decode()
