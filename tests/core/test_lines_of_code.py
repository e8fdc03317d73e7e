"""A promised size is counted as it says: code counts, what explains it does not."""

from __future__ import annotations

import pytest

from lines_of_code import lines_of_code


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\n\n# why\ny = 2  # and why\n", 2),
        ('"""What.\n\nMore.\n"""\n\nx = 1\n', 1),
        (
            'class A:\n    """What."""\n\n    def f(self):\n        """Say\n        it."""\n        return 1\n',
            3,
        ),
        ('x = """no\ndocstring\n"""\n', 3),
        ("f(\n    1,\n    # why\n    2,\n)\n", 4),
        ("", 0),
    ],
)
def test_a_line_counts_when_code_stands_on_it(source: str, lines: int) -> None:
    assert lines_of_code(source) == lines
