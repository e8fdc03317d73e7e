"""Writes the pages of the reference from the code: `python docs/reference/generate.py`.

With `--check` it writes nothing, and ends with status 1 when a page is not what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pages import commands, conformance, contracts, errors, fakes, hooks, schemas, settings

HERE = Path(__file__).parent
PAGES = {
    "commands.md": commands.page,
    "settings.md": settings.page,
    "errors.md": errors.page,
    "json.md": schemas.page,
    "hooks.md": hooks.page,
    "contracts.md": contracts.page,
    "conformance.md": conformance.page,
    "fakes.md": fakes.page,
}
NOTE = (
    "<!-- Made by docs/reference/generate.py. Change the code that it describes, then run it again. -->\n\n"
)


def main(words: list[str]) -> int:
    """Write every page, or say which ones are behind the code."""
    behind = []
    for name, make in PAGES.items():
        path, text = HERE / name, NOTE + make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        behind.append(name)
        if "--check" not in words:
            path.write_text(text, encoding="utf-8")
    if behind and "--check" in words:
        sys.stderr.write(f"behind the code: {', '.join(behind)}; run python docs/reference/generate.py\n")
        return 1
    sys.stdout.write("".join(f"wrote {name}\n" for name in behind))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
