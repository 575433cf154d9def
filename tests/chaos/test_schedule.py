"""The same seed makes the same faults and the same load; a schedule keeps to its rules."""

import itertools

import pytest

from chaos import plan, schedule

SEEDS = range(20)


def test_a_seed_makes_the_same_faults_and_the_same_load():
    assert schedule.make(7, 300) == schedule.make(7, 300)
    assert schedule.make(7, 300) != schedule.make(8, 300)
    one, other = plan.make(7, 100), plan.make(7, 100)
    assert one == other
    for device in one.devices:
        assert (list(itertools.islice(one.actions(device), 50)) ==
                list(itertools.islice(other.actions(device), 50)))
    assert plan.make(8, 100).pairs != one.pairs


@pytest.mark.parametrize("store", ["sqlite", "mongodb"])
def test_every_kind_of_fault_comes_before_any_comes_again_and_again(store):
    made = {(fault.kind, fault.service) for fault in schedule.make(1, 3600, store)}
    assert made == set(schedule.cards(store))


@pytest.mark.parametrize("seed", SEEDS)
def test_at_most_two_at_once_and_of_different_services(seed):
    faults = schedule.make(seed, 600)
    for fault in faults:
        together = [other for other in faults if other.start < fault.end and fault.start < other.end]
        assert len(together) <= 3, "the one before, itself, the one after"
        assert all(other.service != fault.service for other in together if other is not fault)
        now = [other for other in faults if other.start <= fault.start < other.end]
        assert len(now) <= 2


@pytest.mark.parametrize("store", ["sqlite", "mongodb"])
@pytest.mark.parametrize("seed", SEEDS)
def test_some_are_alone_and_followed_by_calm(seed, store):
    faults = schedule.make(seed, 1800, store)
    lonely = [fault for fault in faults if schedule.KINDS[fault.kind].alone]
    assert lonely
    for fault in lonely:
        end = fault.end + schedule.KINDS[fault.kind].calm
        assert [other for other in faults if other.start < end and fault.start < other.end] == [fault]
        assert end <= 1800


def test_faults_of_files_are_of_sqlite_alone():
    kinds = {kind for kind, _ in schedule.cards("mongodb")}
    assert not kinds & schedule.SQLITE_KINDS and {"kill-all", "nats-away", "frozen-clients"} <= kinds
    assert schedule.SQLITE_KINDS <= {kind for kind, _ in schedule.cards("sqlite")}


def test_nats_is_away_for_longer_than_a_call_waits():
    made = schedule.make(1, 600, kinds=["nats-away"])
    assert made and all(fault.seconds >= 10 for fault in made)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_program_stops_in_time(seed):
    assert all(0 < fault.start and fault.end <= 60 for fault in schedule.make(seed, 60))


def test_only_the_kinds_that_were_asked_for():
    assert {fault.kind for fault in schedule.make(1, 300, kinds=["kill", "clock"])} == {"kill", "clock"}


def test_every_user_has_a_peer_and_a_device():
    made = plan.make(3, 100)
    assert len(made.users) == 23 and len(set(made.pairs)) == len(made.pairs) >= 28
    for tag in made.users:
        assert made.peers(tag) and [device for device in made.devices if device.user == tag]


def test_a_text_is_unique_and_begins_with_its_key():
    made = plan.make(3, 100)
    words = [action.word for device in made.devices
             for action in itertools.islice(made.actions(device), 200) if action.kind.startswith("send")]
    assert len({word.partition(" ")[0] for word in words}) == len(words)


@pytest.mark.parametrize("seed", SEEDS)
def test_users_come_in_the_middle_and_some_conversations_are_idle(seed):
    made = plan.make(seed, 100, seconds=100)
    assert len(made.joins) == 3 and all(10 <= at <= 80 for at in made.joins.values())
    assert all(any(late in pair for pair in made.pairs) for late in made.joins)
    assert {made.befriended_at(pair) == 0 for pair in made.pairs} == {True, False}
    assert len(made.idle) == 4 and set(made.idle) <= set(made.pairs)
    used = [tuple(sorted((device.user, action.peer))) for device in made.devices
            for action in itertools.islice(made.actions(device), 200)]
    share = sum(pair in made.idle for pair in used) / len(used)
    assert 0 < share < 0.02
    assert any(device.narrow for device in made.devices) and not all(device.narrow for device in made.devices)
