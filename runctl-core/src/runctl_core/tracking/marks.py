"""The rows of marks: what the user says of a resource."""

from __future__ import annotations

from runctl_core.clock import Clock, from_micros, to_micros
from runctl_core.models.marks import Mark, Marked
from runctl_core.tracking.store import Store


class Marks:
    """The marks in the books, by provider and id: they hold whether or not the resource is known."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def set(self, provider: str, resource_id: str, mark: Mark, *, why: str, by: str) -> None:
        """Set a mark; setting it again replaces its reason."""
        row = (provider, resource_id, str(mark), why, by, to_micros(self._clock()))
        with self._store.writing() as db:
            db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?, ?)", row)

    def unset(self, provider: str, resource_id: str, mark: Mark) -> bool:
        """Take a mark back. Returns whether it was set."""
        query = "DELETE FROM marks WHERE provider = ? AND id = ? AND mark = ?"
        with self._store.writing() as db:
            return db.execute(query, (provider, resource_id, str(mark))).rowcount > 0

    def of(self, provider: str, resource_id: str) -> dict[Mark, Marked]:
        """The marks of one resource."""
        found = self._read("WHERE provider = ? AND id = ?", provider, resource_id)
        return {marked.mark: marked for marked in found}

    def all(self) -> list[Marked]:
        """Every mark, ordered by provider and id."""
        return self._read("")

    def _read(self, condition: str, *values: str) -> list[Marked]:
        columns = "provider, id, mark, why, by, at"
        query = f"SELECT {columns} FROM marks {condition} ORDER BY provider, id, mark"  # noqa: S608
        with self._store.reading() as db:
            rows = db.execute(query, values).fetchall()
        return [
            Marked(provider, resource_id, Mark(mark), why, by, from_micros(at))
            for provider, resource_id, mark, why, by, at in rows
        ]
