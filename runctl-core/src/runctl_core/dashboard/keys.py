"""The keys of the dashboard, as its last line and its help page name them."""

from __future__ import annotations

LINE = "? help  tab pane  / find  o sort  a all  l log  s stop  p pull  c clean  q quit"
"""The keys in a line of 80 columns."""

KEYS = (
    ("up down, j k", "move; page up, page down, g and G go further"),
    ("tab", "to the runs, the resources, the log"),
    ("enter", "all about what is selected, with its checkpoints"),
    ("l", "the log on the whole screen; right shows long lines"),
    ("/", "only rows with a text; escape shows all again"),
    ("o", "sort by money, by age, by name"),
    ("a", "also runs that ended long ago, and what others have"),
    ("r", "ask every provider now"),
    ("s", "stop the selected run; asks first"),
    ("p", "copy its results to a folder here; asks first"),
    ("c", "clean up: shows the plan, then asks"),
    ("q, ctrl+c", "leave; runs go on"),
)
"""Each key, and what it does."""
