"""The bus drops anything: the gateway detects the gap and fetches the changes."""

import contextlib
import re

import pytest

from support.client import NO_AUTH_REASON, RpcError, User, befriend, is_online, leave, send
from support.proxy import Proxy
from support.raw import RawWebSocket
from support.stack import SERVICES, Stack
from support.wait import pass_time, stays_true, wait_until


@contextlib.contextmanager
def deaf_bus():
    """A stack whose NATS refuses every notification of the message service."""
    stack = Stack(gateways=2, authorised=True)
    conf = stack.directory / "nats.conf"
    text, count = re.subn(r'publish: \["notify\.\*", ', "publish: [", conf.read_text())
    assert count == 1
    conf.write_text(text)
    with stack:
        yield stack


@pytest.fixture(scope="module")
def deaf():
    with deaf_bus() as stack:
        yield stack


@contextlib.contextmanager
def cut_off_gateway():
    """A stack whose second gateway reaches NATS through a proxy."""
    stack = Stack(gateways=2)
    with contextlib.closing(Proxy(stack.nats_port)) as proxy:
        stack.program("gateway", 1).env["MESSENGER_NATS_URL"] = f"nats://127.0.0.1:{proxy.port}"
        with stack:
            yield stack, proxy


def listening(user, gateway=0):
    """A socket whose position is known: every later change is pushed. An earlier one is not, and if its own
    notification is lost, too, a change of this moment may be earlier."""
    socket = user.socket(gateway)
    socket.call("hello")
    return socket


def texts(socket):
    return [n.body["text"] for n in socket.seen(3001)]


def numbers(socket):
    return [n.body["userSeq"] for n in socket.seen() if "userSeq" in n.body]


def test_changes_lost_on_the_bus_are_fetched_from_the_store(deaf):
    """Every notification, in order, to all sockets, at every gateway."""
    alice, bob = User(deaf), User(deaf)
    mine, his, his_too = listening(alice), listening(bob), listening(bob, 1)
    for number in range(20):
        send(mine, bob, str(number))
    send(his, alice, "answer")
    his.call("markMessagesWithUserAsRead", [alice.tag])
    mine.call("setSelfInfo", ["Alicia"])
    for tab in (his, his_too):
        tab.wait_notification(3200)
        assert texts(tab) == [str(number) for number in range(20)]
        assert [n.code for n in tab.seen() if n.code >= 3200] == [3301, 3200]
    mine.wait_notification(3300)
    assert texts(mine) == ["answer"]
    for tab in (mine, his, his_too):
        assert numbers(tab) == sorted(set(numbers(tab)))


def test_a_changed_profile_is_notified_as_it_is(deaf):
    alice, bob = User(deaf), User(deaf)
    mine, his = listening(alice), listening(bob)
    befriend(mine, bob)
    his.wait_notification(3001)
    mine.call("setSelfInfo", ["Alicia", "Keys"])
    body = his.wait_notification(3200)
    assert (body["tag"], body["firstName"], body["lastName"]) == (alice.tag, "Alicia", "Keys")


def test_changes_before_a_socket_opened_are_not_pushed(deaf):
    alice, bob = User(deaf), User(deaf)
    mine = alice.socket()
    befriend(mine, bob)
    his = bob.socket()
    assert len(his.call("getDialogsList")) == 1
    send(mine, bob, "later")
    his.wait_notification(3001, {"text": "later"})
    assert texts(his) == ["later"]


def test_changes_missed_while_nats_is_away_follow_the_reconnect():
    with cut_off_gateway() as (stack, proxy):
        alice, bob = User(stack), User(stack)
        mine, his = alice.socket(0), bob.socket(1)
        befriend(mine, bob)
        his.wait_notification(3001)
        proxy.cut()
        for number in range(300):
            send(mine, bob, str(number))
        stays_true(lambda: texts(his) == ["hello"], 0.3, "nothing comes through the cut")
        assert his.open
        proxy.heal()
        his.wait_notification(3001, {"text": "299"})
        assert texts(his) == ["hello", *map(str, range(300))]


def test_a_client_that_reads_while_nats_is_away_is_told_to_try_again():
    with cut_off_gateway() as (stack, proxy):
        bob = User(stack)
        his = bob.socket(1)
        assert his.call("getDialogsList") == []
        proxy.cut()
        with pytest.raises(RpcError) as error:
            his.call("sync")
        assert error.value.code == -32001 and error.value.retry_after_ms > 0
        proxy.heal()
        wait_until(lambda: "result" in his.exchange(
            '{"jsonrpc":"2.0","method":"sync","id":"again"}', "again"), "sync to work again")


def test_another_store_resets_every_client(tmp_path):
    """The message services go over to a store of another epoch, as after a move to a fresh one."""
    with Stack() as stack:
        alice, bob = User(stack), User(stack)
        mine, his = alice.socket(), bob.socket()
        third = RawWebSocket(stack.ports[0], bob.token)  # which knows close codes that are newer
        befriend(mine, bob)
        his.wait_notification(3001)
        epoch = his.call("hello")["epoch"]
        stack.restart("message", settings={"store.messages": f"sqlite://{tmp_path}/other.db"})
        assert third.wait_close()[0] == 1012
        his.wait_closed()
        again = bob.socket()
        page = again.call("sync", [epoch, 1])
        assert page["reset"] and page["epoch"] != epoch and page["position"] == 0
        befriend(alice.socket(), bob)
        assert again.wait_notification(3001)["userSeq"] == 1


def test_presence_changed_during_an_outage_of_nats_is_notified_after_it():
    with cut_off_gateway() as (stack, proxy):
        alice, bob, carol = User(stack), User(stack), User(stack)
        mine, hers = alice.socket(0), carol.socket(0)
        befriend(mine, bob)
        befriend(hers, bob)
        his = bob.socket(1)
        for socket in (mine, hers):
            socket.wait_notification(3101)
        assert {d["userInfo"]["isOnline"] for d in his.call("getDialogsList")} == {True}
        proxy.cut()
        mine.close()
        hers.close()
        witness = User(stack).socket(0)
        wait_until(lambda: not is_online(witness, alice), "Alice to be offline")
        again = carol.socket(0)
        wait_until(lambda: again.open and is_online(witness, carol), "Carol to be online again")
        proxy.heal()
        his.wait_notification(3100, {"loggedOutUserTag": alice.tag})
        wait_until(lambda: [n.code for n in his.seen(match=lambda body: carol.tag in body.values())
                            if n.code in (3100, 3101)][-1:] in ([3101], []),
                   "Carol to be shown online")
        assert len(his.seen(3100, {"loggedOutUserTag": alice.tag})) == 1


def test_a_log_out_while_nats_was_away_closes_the_sockets_after_it():
    with cut_off_gateway() as (stack, proxy):
        alice = User(stack)
        mine = alice.socket(1)
        other = alice.login(0)
        kept = alice.socket(1, token=other)
        proxy.cut()
        assert leave(stack.url(0), alice.token).status_code == 200
        stays_true(lambda: mine.open, 0.3, "nobody has heard of it here")
        proxy.heal()
        code, reason = mine.wait_closed()
        assert (code, reason) == (1000, NO_AUTH_REASON)
        assert kept.open


def test_a_gateway_without_nats_ends_in_good_order():
    with cut_off_gateway() as (stack, proxy):
        alice = User(stack)
        mine = alice.socket(1)
        proxy.cut()
        stack.terminate("gateway", 1)
        assert mine.wait_closed()[0] == 1001
        proxy.heal()
        stack.restart("gateway", 1)


def test_a_gateway_whose_services_hang_while_it_catches_up_ends_in_time():
    with cut_off_gateway() as (stack, proxy):
        users = [User(stack) for _ in range(3)]
        sockets = [user.socket(1) for user in users]
        befriend(sockets[0], users[1])
        before = proxy.accepted
        proxy.cut()
        for service in SERVICES:
            stack.freeze(service)
        proxy.heal()
        wait_until(lambda: proxy.accepted > before and stack.program("gateway", 1).log().count(
            "connected to the bus") == 2, "the gateway to be back on the bus")
        pass_time(1, "so that what is asked now would be asked again while the calls end")
        for socket in sockets:
            socket.start_call("getSelfInfo")
        stack.terminate("gateway", 1)
        assert [socket.wait_closed()[0] for socket in sockets] == [1001] * 3
        stack.repair()


def write_to_frozen(stack, many):
    """Alice writes texts of 16 KB to Bob, whose gateway is frozen; returns Bob's socket."""
    alice, bob = User(stack), User(stack)
    mine, his = alice.socket(0), bob.socket(1)
    befriend(mine, bob)
    his.wait_notification(3001)
    stack.freeze("gateway", 1)
    for number in range(many):
        send(mine, bob, f"{number} {'x' * 16000}")
    return his


def wait_for_all(his, many):
    wait_until(lambda: his.ended or len(texts(his)) == many + 1, "all to come")
    assert his.open, f"closed with {his.close_code} {his.close_reason}"
    assert [int(text.split()[0]) for text in texts(his)[1:]] == list(range(many))


def test_the_backlog_of_a_frozen_gateway_overloads_no_one():
    """It comes all at once, and is several times as much as may wait for a socket."""
    many = 400
    with Stack(gateways=2, settings={"store.messages": None}) as stack:  # the quick one
        his = write_to_frozen(stack, many)
        stack.resume("gateway", 1)
        wait_for_all(his, many)


def test_changes_that_nats_dropped_for_a_frozen_gateway_follow_later():
    """The server cuts off a client that does not take what is sent to it."""
    stack = Stack(gateways=2, authorised=True, settings={"store.messages": None})
    conf = stack.directory / "nats.conf"
    conf.write_text(conf.read_text() + "\nwrite_deadline: \"1s\"\n")
    many = 1000  # sixteen megabytes: more than the kernel holds for the gateway
    with stack:
        his = write_to_frozen(stack, many)
        wait_until(lambda: "Slow Consumer" in stack.log_tails(), "NATS to give the gateway up")
        stack.resume("gateway", 1)
        wait_for_all(his, many)
