"""The command `runctl`. What must answer at once is answered here, before anything is imported."""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    _open_what_is_closed()
    words = sys.argv[1:] if argv is None else argv
    first = words[0] if words else "--help"
    if first in ("--version", "-V"):
        from runctl_core import __version__

        return _say(f"runctl {__version__}\n")
    if first in ("--help", "-h", "help") and len(words) <= 1:
        return _say(root_help_page())
    if first == "_complete" and words[1:2] == ["1"]:
        return _say(_first_level(words[3] if len(words) > 3 else ""))
    if first == "burn" and words[1:] in ([], ["--json"]):
        from runctl_core.cli.burn import answer

        if (text := answer(json="--json" in words)) is not None:
            return _say(text)
    from runctl_core.cli.app import run

    return run(words)


def provider_main() -> int:
    """The script `runctl-NAME` of a provider's package: `runctl` with NAME, unless another is named."""
    name = os.path.basename(sys.argv[0]).removeprefix("runctl-").removesuffix(".exe")
    os.environ.setdefault("RUNCTL_PROVIDER", name)
    return main()


def root_help_page() -> str:
    """What `runctl --help` prints."""
    from runctl_core.cli.help import root_help

    return root_help(_plugin_groups())


def _open_what_is_closed() -> None:
    """Put the null device where a standard stream is closed, so that no file of ours gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _plugin_groups() -> list[tuple[str, str]]:
    from runctl_core._entrypoints import clash, enabled, summary
    from runctl_core.cli.table import taken

    points, ours = enabled("runctl.commands"), taken()
    return [(point.name, summary(point)) for point in points if not clash(point, points, ours)]


def _first_level(beginning: str) -> str:
    from runctl_core.cli.table import names

    known = names() + [name for name, _ in _plugin_groups()]
    return "".join(f"{name}\n" for name in known if name.startswith(beginning))


def _say(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # what it did not take is not tried again at the end
        if isinstance(error, BrokenPipeError):
            return 141  # The reader has gone: end as quietly as a program that SIGPIPE ended.
        sys.stderr.write(f"error: standard output cannot be written\n  why: {error.strerror}\n")
        sys.stderr.write("  fix: make room there, or send it elsewhere\n")
        return 109
    return 0


if __name__ == "__main__":
    sys.exit(main())
