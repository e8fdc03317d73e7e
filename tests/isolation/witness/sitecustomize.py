"""Writes down what a Python process imported and which attrs classes it made, when it ends.

The real command is run with this folder on `PYTHONPATH`, and the folder for the answers in `WITNESS`.
It imports nothing that Python itself has not imported before.
"""

import atexit
import os
import sys

_BEFORE = frozenset(sys.modules)


def _testify() -> None:
    import gc

    modules = sorted(set(sys.modules) - _BEFORE)
    gc.collect()  # a class with slots is made twice, and its first form is garbage
    classes = {
        f"{found.__module__}.{found.__qualname__}"
        for found in gc.get_objects()
        if isinstance(found, type) and "__attrs_attrs__" in vars(found)
    }
    with open(os.path.join(os.environ["WITNESS"], str(os.getpid())), "w") as file:
        file.write(repr((modules, sorted(classes))))


atexit.register(_testify)
