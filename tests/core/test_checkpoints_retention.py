"""Which checkpoints stay: the newest good one, what is newer, what is pinned, and what a rule keeps."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runctl_core.checkpoints.retention import Plan, Rules, plan
from runctl_core.models.checkpoints import Checkpoint

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def checkpoint(
    number: int, *, whole: bool = True, step: int | None = None, loss: float | None = None
) -> Checkpoint:
    return Checkpoint(
        path=f"/c/step-{number}",
        format="npz",
        step=step,
        epoch=None,
        size_bytes=10,
        modified_at=BEGIN + timedelta(seconds=number),
        complete=whole,
        metrics={} if loss is None else {"loss": loss},
    )


def removed(made: Plan) -> list[str]:
    return [checkpoint.path for checkpoint in made.removed]


def reasons(made: Plan) -> dict[str, tuple[str, ...]]:
    return {kept.checkpoint.path: kept.reasons for kept in made.kept}


FOLDERS = st.lists(
    st.tuples(
        st.booleans(),
        st.none() | st.integers(0, 40),
        st.none() | st.floats(allow_nan=True, allow_infinity=True),
    ),
    max_size=12,
).map(
    lambda rows: [
        checkpoint(n, whole=whole, step=step, loss=loss)
        for n, (whole, step, loss) in reversed(list(enumerate(rows)))
    ]
)
RULES = st.builds(
    Rules,
    last=st.integers(0, 5),
    best=st.integers(0, 5),
    metric=st.just("loss"),
    mode=st.sampled_from(["min", "max"]),
    every=st.integers(0, 10),
)


def newest_whole(checkpoints: list[Checkpoint]) -> str | None:
    return next((c.path for c in checkpoints if c.complete), None)


@given(FOLDERS, RULES)
def test_nothing_is_lost_and_nothing_is_in_both(folder: list[Checkpoint], rules: Rules) -> None:
    made = plan(folder, newest_whole(folder), rules, {})
    assert [c for c in folder if c in made.removed or c.path in reasons(made)] == folder
    assert not set(removed(made)) & reasons(made).keys()
    assert all(reasons(made).values()), "a checkpoint stays and nobody can say why"


@given(FOLDERS, RULES)
def test_the_newest_good_one_and_what_is_newer_stay(folder: list[Checkpoint], rules: Rules) -> None:
    good = newest_whole(folder)
    made = plan(folder, good, rules, {})
    paths = [c.path for c in folder]
    untouchable = paths[: paths.index(good) + 1] if good else paths
    assert not set(untouchable) & set(removed(made)), "the checkpoint to resume from would be gone"


@given(FOLDERS, RULES, st.data())
def test_what_is_pinned_stays_also_by_something_in_it(
    folder: list[Checkpoint], rules: Rules, data: st.DataObject
) -> None:
    pinned = data.draw(
        st.lists(st.sampled_from(folder), unique_by=lambda c: c.path) if folder else st.just([])
    )
    inside = data.draw(st.sampled_from(["", "/model.safetensors"]))
    made = plan(folder, newest_whole(folder), rules, {c.path + inside: "a run needs it" for c in pinned})
    assert all("a run needs it" in reasons(made)[c.path] for c in pinned), "a live run's checkpoint would go"


@given(FOLDERS, RULES)
def test_rules_keep_what_they_say(folder: list[Checkpoint], rules: Rules) -> None:
    made = plan(folder, newest_whole(folder), rules, {})
    gone = set(removed(made))
    whole = [c for c in folder if c.complete]
    assert not gone & {c.path for c in whole[: rules.last]}
    if rules.every:
        assert not gone & {c.path for c in whole if c.step is not None and c.step % rules.every == 0}
    scored = [c for c in whole if math.isfinite(c.metrics.get("loss", math.nan))]
    kept = [c for c in scored if any("loss" in why for why in reasons(made).get(c.path, ()))]
    assert len(kept) == min(rules.best, len(scored))
    better = min if rules.mode == "min" else max
    for lost in (c for c in scored if c not in kept):
        for best in kept:
            assert better(lost.metrics["loss"], best.metrics["loss"]) == best.metrics["loss"]


@given(FOLDERS, RULES, RULES)
def test_another_rule_never_removes_more(folder: list[Checkpoint], rules: Rules, more: Rules) -> None:
    both = Rules(max(rules.last, more.last), max(rules.best, more.best), "loss", rules.mode, rules.every)
    good = newest_whole(folder)
    assert set(removed(plan(folder, good, both, {}))) <= set(removed(plan(folder, good, rules, {})))


@given(FOLDERS, RULES)
def test_a_second_prune_finds_nothing_more_to_remove(folder: list[Checkpoint], rules: Rules) -> None:
    first = plan(folder, newest_whole(folder), rules, {})
    left = [kept.checkpoint for kept in first.kept]
    assert removed(plan(left, newest_whole(left), rules, {})) == []


def test_without_a_good_one_nothing_is_removed() -> None:
    folder = [checkpoint(2, whole=False), checkpoint(1, whole=False)]
    assert removed(plan(folder, None, Rules(last=1), {})) == [], "the only remains of a training would go"


def test_one_whose_headers_are_whole_but_which_did_not_verify_is_no_good_one() -> None:
    folder = [checkpoint(3), checkpoint(2), checkpoint(1)]
    made = plan(folder, "/c/step-2", Rules(every=1000), {})
    assert removed(made) == ["/c/step-1"]
    assert reasons(made)["/c/step-3"] == ("newer than the newest good one",)


def test_a_damaged_one_takes_the_place_of_no_good_one() -> None:
    folder = [checkpoint(3), checkpoint(2, whole=False), checkpoint(1)]
    assert removed(plan(folder, "/c/step-3", Rules(last=2), {})) == ["/c/step-2"]


def test_of_equal_metrics_the_newest_is_the_best() -> None:
    folder = [checkpoint(4), checkpoint(3, loss=1.0), checkpoint(2, loss=1.0), checkpoint(1, loss=2.0)]
    assert removed(plan(folder, "/c/step-4", Rules(best=1, metric="loss"), {})) == ["/c/step-2", "/c/step-1"]
