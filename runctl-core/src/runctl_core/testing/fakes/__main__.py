"""Serves a fake cloud until Ctrl-C: `python -m runctl_core.testing.fakes --directory DIR`.

For trying `runctl train --provider NAME` by hand. Its machines end with it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from runctl_core.errors import RunctlError
from runctl_core.testing.fakes.http import HttpCloud


def main() -> int:
    """Serve. Returns the exit status."""
    options = _options()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    try:
        cloud = HttpCloud(options.directory, port=options.port, seed=options.seed, faults=options.faults)
    except RunctlError as error:
        print(f"{error.message}\n  why: {error.why}\n  fix: {error.fix}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    except OSError as error:
        print(f"cannot serve: {error}", file=sys.stderr)  # noqa: T201
        return 1
    with cloud:
        told = {"url": cloud.url, "key": cloud.api_key}
        rows = json.dumps(told) if options.json else "\n".join(f"{k}  {v}" for k, v in told.items())
        print(rows, flush=True)  # noqa: T201
        if not options.json:
            print("serving until Ctrl-C; its machines end with it", file=sys.stderr)  # noqa: T201
        over.wait()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m runctl_core.testing.fakes", description=__doc__)
    add = parser.add_argument
    add("--directory", required=True, help="where the machines' folders are made")
    add("--port", type=int, default=0, help="where to listen on 127.0.0.1; any by default")
    add("--seed", type=int, default=0, help="decides what chance decides, and the key")
    add("--faults", default="", help="calls that go wrong, such as create:reply_lost@2,get:rate_limit@5%%")
    add("--json", action="store_true", help="print one document")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
