"""MongoDB goes away and comes back: nothing is acknowledged that is not stored, and nobody has to
start anything again."""

import socket
import threading
import time

import pytest

from support.client import RpcError, login, send, unique
from support.mongo import mongo_server
from support.stack import Stack
from support.wait import wait_until

RPC_TIMEOUT_MS = 5000
PROCESSES_ON_MONGO = 3  # one user service, two message services


@pytest.fixture(scope="module")
def mongo():
    with mongo_server(own=True) as server:
        yield server


@pytest.fixture(scope="module")
def stack(mongo):
    url = mongo.new_url()
    settings = {"store.users": url, "store.messages": url, "rpc.timeoutMs": RPC_TIMEOUT_MS}
    with Stack(messages=2, settings=settings) as stack:
        yield stack


@pytest.fixture
def anna(stack, crowd):
    return crowd.user(stack)


@pytest.fixture
def ben(stack, crowd):
    return crowd.user(stack)


def assert_refused(hers, ben, text, client_id):
    with pytest.raises(RpcError) as raised:
        send(hers, ben, text, client_id)
    assert raised.value.code == -32001
    assert raised.value.retry_after_ms > 0


def taken(hers, ben, text, client_id):
    try:
        send(hers, ben, text, client_id)
        return True
    except RpcError as error:
        assert error.code == -32001, error
        return False


def wait_until_taken(hers, ben, text, client_id):
    wait_until(lambda: taken(hers, ben, text, client_id), "a send to be taken")


def messages(his, anna):
    """Oldest first. Each process finds by itself that MongoDB is back, up to two seconds later:
    until all have, a call may be refused, and is repeated as a client would."""
    answer = []

    def answered():
        try:
            answer[:] = reversed(his.call("getMessagesWithUser", [anna.tag]))
            return True
        except RpcError as error:
            assert error.code == -32001, error
            return False
    wait_until(answered, "messages to be read")
    return answer


def texts(his, anna):
    return [message["text"] for message in messages(his, anna)]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["killed", "frozen"])
def test_sends_are_refused_while_mongo_is_unreachable_and_accepted_afterwards(mongo, stack, anna, ben, way):
    hers, his = anna.socket(), ben.socket()
    wait_until_taken(hers, ben, "hello", unique("id"))
    before = len(texts(his, anna))
    if way == "killed":
        mongo.kill()
    else:
        mongo.freeze()
    try:
        for number in range(3):
            assert_refused(hers, ben, f"number {number}", f"id-{number}")
        assert login(stack.url(), anna.email, anna.password).status_code == 503
    finally:
        if way == "killed":
            mongo.start_again()
        else:
            mongo.resume()
    for number in range(3):
        wait_until_taken(hers, ben, f"number {number}", f"id-{number}")
    # Exactly once each, whether the first try was stored in the end or not.
    assert sorted(texts(his, anna)[before:]) == ["number 0", "number 1", "number 2"]
    assert len({message["seq"] for message in messages(his, anna)}) == before + 3
    wait_until(lambda: login(stack.url(), anna.email, anna.password).status_code == 200, "log-ins to work")


class Decoy:
    """Listens where the server was, counts who comes, and hangs up on them."""

    def __init__(self, port):
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512, reuse_port=False)
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.count += 1
            connection.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_an_unreachable_server_is_tried_at_growing_intervals(mongo, stack, anna, ben):
    sockets = [anna.socket() for _ in range(20)]
    wait_until_taken(sockets[0], ben, "hello", unique("id"))
    outcomes = []

    def send_some(hers):
        for _ in range(3):
            outcomes.append(taken(hers, ben, "x", unique("id")))

    mongo.kill()
    decoy = Decoy(mongo.port)
    threads = [threading.Thread(target=send_some, args=(hers,)) for hers in sockets]
    started = time.monotonic()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - started
    finally:
        decoy.close()
        mongo.start_again()
    assert outcomes == [False] * 60
    # A process looks twice a second, once more when it gives up looking, and not once for each call.
    assert decoy.count <= PROCESSES_ON_MONGO * (5 + 3 * seconds), \
        f"{decoy.count} connections in {seconds:.1f} s"
    wait_until_taken(sockets[0], ben, "back", "back")
