"""The safety table: each rule alone, each pair of rules, all of them at random, and with `--force`."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cleanup_facts import (
    CHANGES,
    COLLECTED,
    ME,
    NOON,
    POLICY,
    SAFE,
    history,
    item,
    marked,
    resource,
    run,
)
from runctl_core.cleanup import CleanupSafety, Facts, JobSeen, Mode, Rule, Step
from runctl_core.cleanup.rules import reasons, standing
from runctl_core.models.marks import Mark
from runctl_core.models.resources import ResourceState
from runctl_core.models.runs import RunState

FORCED = {Rule.YOUNG, Rule.ANOTHER_OWNER}
ONE_OF = ({"live run", "unknown run", "lost run"}, {"attached volume", "process"})
"""Changes of one and the same fact: no resource has two of them."""
PAIRS = [pair for pair in combinations(CHANGES, 2) if not any(set(pair) <= facts for facts in ONE_OF)]


def rules_that_hold(facts: Facts) -> set[Rule]:
    return {reason.rule for reason in reasons(facts, POLICY, NOON)}


def may_go(facts: Facts, *, force: bool) -> bool:
    safety = CleanupSafety(POLICY, None, clock=lambda: NOON)  # type: ignore[arg-type]  # the facts are given
    return isinstance(safety.judge(facts, Mode.FORCED if force else Mode.CLEANUP), Step)


def test_a_resource_that_nothing_speaks_for_may_go() -> None:
    assert reasons(SAFE, POLICY, NOON) == ()
    assert may_go(SAFE, force=False)


@pytest.mark.parametrize("name", CHANGES)
def test_each_rule_alone_keeps_a_resource_and_is_the_only_reason(name: str) -> None:
    rule, change = CHANGES[name]
    assert rules_that_hold(change(SAFE)) == {rule}
    assert not may_go(change(SAFE), force=False)


@pytest.mark.parametrize("name", CHANGES)
def test_force_lifts_age_and_ownership_and_nothing_else(name: str) -> None:
    rule, change = CHANGES[name]
    assert may_go(change(SAFE), force=True) == (rule in FORCED)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_of_each_pair_of_rules_both_reasons_are_told(pair: tuple[str, str], force: bool) -> None:
    facts = CHANGES[pair[1]][1](CHANGES[pair[0]][1](SAFE))
    rules = {CHANGES[name][0] for name in pair}
    assert rules <= rules_that_hold(facts), "a user who mends one reason meets the other only then"
    assert may_go(facts, force=force) == (force and rules <= FORCED)


def test_every_reason_of_one_rule_is_told() -> None:
    facts = SAFE
    for name in ("tag", "configured name", "configured tag", "mark", "veto"):
        facts = CHANGES[name][1](facts)
    assert len(reasons(facts, POLICY, NOON)) == 5


RUNS = st.sampled_from(["none", "unknown", *RunState])
STATES = st.sampled_from(list(RunState))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Facts of every kind, each drawn by itself."""
    which = draw(RUNS)
    age = draw(st.none() | st.integers(-600, 1200))
    seen = draw(st.none() | st.integers(-600, 1200))
    tags = {
        "runctl:owner": draw(st.sampled_from([ME, "bob@there", None])),
        "runctl:run": None if which == "none" else "calm-crab-11",
        "runctl:protected": draw(st.sampled_from(["true", "YES", "no", None])),
        "team": draw(st.sampled_from(["research", "other", None])),
    }
    marks = draw(st.sets(st.sampled_from(list(Mark))))
    return Facts(
        item(
            resource=resource(
                name=draw(st.sampled_from(["keep-me", "crab"])),
                kind=draw(st.sampled_from(["machine", "job", "volume", "snapshot", "process"])),
                state=draw(st.sampled_from([s for s in ResourceState if not s.gone])),
                managed=draw(st.booleans()),
                attached_to=draw(st.sampled_from(["i-9", None])),
                created_at=None if age is None else NOON - timedelta(seconds=age),
                tags=tags,
            ),
            first_seen=None if seen is None else NOON - timedelta(seconds=seen),
            run=None if which in ("none", "unknown") else run(RunState(which)),
            marks={mark: marked(mark) for mark in marks},
        ),
        vetoes=draw(st.sampled_from([(), ("the plugin p: no",)])),
        driven=draw(st.booleans()),
        job=draw(st.sampled_from(list(JobSeen))),
        history=history(*draw(st.lists(STATES, max_size=4))),
    )


def oracle(facts: Facts) -> set[Rule]:
    """The rules that hold, written down once more from the design, as a table of plain conditions."""
    it, res, tags = facts.item, facts.item.resource, dict(facts.item.resource.tags)
    past = [change.state for change in facts.history]
    adopted = Mark.ADOPTED in it.marks
    over = it.run is not None and it.run.state in (
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.LOST,
    )
    ended = bool(past) and past[-1] in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)
    home = ended and (RunState.COLLECTING in past or RunState.RUNNING not in past)
    born = res.created_at or it.first_seen
    table = {
        Rule.PROTECTED: str(tags.get("runctl:protected")).lower() in ("true", "yes", "1")
        or res.name == "keep-me"
        or tags.get("team") == "research"
        or Mark.PROTECTED in it.marks
        or facts.vetoes != (),
        Rule.LIVE_RUN: (it.run is not None and not over) or facts.driven or facts.job == "live",
        Rule.UNCOLLECTED: "runctl:run" in tags
        and (it.run is None or it.run.state == "collecting" or (over and facts.job != "none" and not home)),
        Rule.ATTACHED: res.kind == "volume" and res.attached_to is not None,
        Rule.UNKNOWN_STATE: res.state == "unknown",
        Rule.PROCESS: res.kind == "process",
        Rule.NOT_MADE_BY_RUNCTL: not res.managed and not adopted,
        Rule.ANOTHER_OWNER: not adopted and tags.get("runctl:owner") != ME,
        Rule.YOUNG: born is None or (NOON - born).total_seconds() < 300,
    }
    return {rule for rule, holds in table.items() if holds}


@settings(max_examples=3000)
@given(any_facts())
def test_whatever_the_facts_every_rule_of_the_design_holds_and_no_other(facts: Facts) -> None:
    expected = oracle(facts)
    assert rules_that_hold(facts) == expected
    assert may_go(facts, force=False) == (not expected)
    assert may_go(facts, force=True) == (expected <= FORCED)


@settings(max_examples=500)
@given(any_facts(), st.booleans())
def test_a_protected_resource_is_never_deleted(facts: Facts, force: bool) -> None:
    for name in ("tag", "configured name", "configured tag", "mark", "veto"):
        assert not may_go(CHANGES[name][1](facts), force=force), f"protected by its {name}, and deleted"


@settings(max_examples=500)
@given(any_facts())
def test_force_never_leaves_a_reason_that_it_does_not_lift(facts: Facts) -> None:
    found = reasons(facts, POLICY, NOON)
    assert standing(found, Mode.CLEANUP) == found
    assert {r.rule for r in standing(found, Mode.FORCED)} == {r.rule for r in found} - FORCED


@pytest.mark.parametrize(
    ("states", "home"),
    [
        ((RunState.SETTING_UP, RunState.FAILED), True),
        ((RunState.PROVISIONING, RunState.CANCELLED), True),
        ((RunState.RUNNING, RunState.COLLECTING, RunState.FAILED), True),
        ((RunState.RUNNING, RunState.PREEMPTED, RunState.FAILED), False),
        ((RunState.SETTING_UP, RunState.LOST), False),
        ((RunState.COLLECTING, RunState.LOST), False),
    ],
)
def test_results_are_home_when_they_were_collected_or_never_made(
    states: tuple[RunState, ...], home: bool
) -> None:
    facts = evolve(SAFE, item=evolve(SAFE.item, run=run(states[-1])), history=history(*states))
    assert (Rule.UNCOLLECTED not in rules_that_hold(facts)) == home


def test_a_lost_run_whose_runner_was_read_to_its_end_keeps_no_machine() -> None:
    lost = evolve(SAFE.item, run=run(RunState.LOST, ended_by="runner_died"))
    read = history(RunState.RUNNING, RunState.COLLECTING, RunState.LOST)
    assert Rule.UNCOLLECTED not in rules_that_hold(evolve(SAFE, item=lost, history=read))


def test_an_earlier_attempt_is_judged_by_its_own_end() -> None:
    second = history(RunState.RECOVERING, RunState.RUNNING, RunState.COLLECTING, RunState.FAILED, attempt=2)
    first = history(RunState.RUNNING, RunState.LOST)
    facts = evolve(
        SAFE, item=evolve(SAFE.item, run=run(RunState.FAILED, attempt=2)), history=(*first, *second)
    )
    assert Rule.UNCOLLECTED in rules_that_hold(facts), "what the first attempt left was taken for collected"
    assert Rule.UNCOLLECTED not in rules_that_hold(evolve(facts, history=(*COLLECTED, *second)))


def test_what_was_adopted_is_mine() -> None:
    theirs = CHANGES["another owner"][1](CHANGES["not made by runctl"][1](SAFE))
    adopted = evolve(theirs, item=evolve(theirs.item, marks={Mark.ADOPTED: marked(Mark.ADOPTED)}))
    assert may_go(adopted, force=False)
