"""A promised size is counted as it says: code counts, what explains it does not."""

from __future__ import annotations

import pytest

from lines_of_code import lines_of_code

DOCUMENTED = '''
class A:
    """What."""

    def f(self):
        """Say
        it."""
        return 1
'''


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\n\n# why\ny = 2  # and why\n", 2),
        ('"""What.\n\nMore.\n"""\n\nx = 1\n', 1),
        (DOCUMENTED, 3),
        ('x = """no\ndocstring\n"""\n', 3),
        ("f(\n    1,\n    # why\n    2,\n)\n", 4),
        ("", 0),
    ],
)
def test_a_line_counts_when_code_stands_on_it(source: str, lines: int) -> None:
    assert lines_of_code(source) == lines
