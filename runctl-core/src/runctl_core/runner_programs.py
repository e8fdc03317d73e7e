"""Small programs that a machine's Python is given, and the runner's sources that are copied there."""

from __future__ import annotations

import os

NOT_THERE = 97
"""Exit status of a program that did not find what it was to run or to look at."""

PROGRAM = """
import sys
sys.path.append(sys.argv.pop(1))
try:
    from runner.runner import main
except ImportError:
    sys.exit(97)
main()
"""
SETTLE = """
import os, shutil, sys
try:
    os.rename(*sys.argv[1:])
except OSError:
    shutil.rmtree(sys.argv[1])
"""
LIST = """
import json, os, stat, sys
root, found = sys.argv[1], []
if not os.path.isdir(root): sys.exit(97)
for folder, _, names in os.walk(root):
    for name in names:
        try:
            seen = os.lstat(os.path.join(folder, name))
        except FileNotFoundError:
            continue
        if stat.S_ISREG(seen.st_mode):
            path = os.path.relpath(os.path.join(folder, name), root)
            found.append([path, seen.st_size, seen.st_mtime_ns])
print(json.dumps(found))
"""


def sources() -> list[str]:
    """The files of the runner on this computer, its own module first."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "runner")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    live = os.path.join(folder, "live", "sitecustomize.py")
    return [*(os.path.join(folder, name) for name in names), live]


def digest() -> str:
    """Names this version of the runner."""
    import hashlib

    found = hashlib.sha256()
    for path in sources():
        with open(path, "rb") as file:
            found.update(file.read())
    return found.hexdigest()[:12]
