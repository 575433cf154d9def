"""Three NATS servers with deploy/nats-cluster.conf: any one of them may go."""

import pytest

from support.client import RpcError, befriend, is_online, send
from support.stack import Stack
from support.wait import wait_until


def answers(call):
    """Whether a call is answered; not being available is the only failure that may be."""
    try:
        return bool(call())
    except RpcError as error:
        assert error.code == -32001, error
        return False


@pytest.mark.slow
@pytest.mark.parametrize("index", range(3))
def test_any_server_may_die(crowd, index):
    """The one that leads, or the one that feeds a presence instance, or neither."""
    with Stack(gateways=2, presences=2, nats_nodes=3, settings={"nats.replicas": 3}) as own:
        wait_until(own.nats_whole, "the cluster to be whole")
        anna, ben = crowd.user(own, 0), crowd.user(own, 1)
        hers, his = anna.socket(), ben.socket()
        befriend(hers, ben)
        own.nats_node(index).kill()
        wait_until(lambda: answers(lambda: send(hers, ben, "still there?", "id-1")), "a message to be taken")
        wait_until(lambda: own.ready(0) and own.ready(1), "both gateways to be ready")
        wait_until(lambda: answers(lambda: is_online(hers, ben)), "Ben to be seen")
        his.close()
        hers.wait_notification(3100, {"loggedOutUserTag": ben.tag})
        ben.socket()
        hers.wait_notification(3101, {"loggedInUserTag": ben.tag})


@pytest.mark.slow
def test_a_bucket_gets_the_copies_that_it_lacks_and_keeps_those_it_has(crowd):
    with Stack(nats_nodes=3) as own:
        anna, ben = crowd.users(own, 2)
        hers, _ = anna.socket(), ben.socket()
        presence = own.program("presence")
        for replicas in (3, 1):
            own.restart("presence", settings={"nats.replicas": replicas})
            wait_until(lambda: is_online(hers, ben), "Ben to be seen")
            assert presence.log().count("has 3 replicas now") == 1


@pytest.mark.slow
def test_presence_waits_for_enough_servers(crowd):
    """The bucket wants three copies while one server runs: as soon as the others come, it is made."""
    with Stack(nats_nodes=3) as own:
        for index in (1, 2):
            own.nats_node(index).kill()
        own.kill("presence")
        own.restart("presence", settings={"nats.replicas": 3}, ready=False)
        assert not own.ready()
        for index in (1, 2):
            own.start_nats_node(index)
        own.wait_ready()
        anna, ben = crowd.users(own, 2)
        ben.socket()
        hers = anna.socket()
        wait_until(lambda: is_online(hers, ben), "Ben to be seen")
