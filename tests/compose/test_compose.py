"""The scaled stack of docker-compose.yml, through its balancer."""

import http.client
import json
import os

import jwt
import pytest
import requests

from support.client import (
    NO_AUTH_REASON, Socket, befriend, is_online, leave, send, unique, upload, uploaded_name)
from support.compose import PROGRAMS, docker
from support.exchange import exchange
from support.images import png
from support.wait import wait_until

SCALED = {"gateway": 3, "user": 2, "message": 2, "presence": 2, "nats": 1, "mongo": 1, "balancer": 1}


def test_everything_runs_as_often_as_requested(stack):
    assert {service: len(stack.containers(service)) for service in SCALED} == SCALED
    with stack.bus() as bus:
        wait_until(lambda: len(bus.request_many("$SRV.PING")) == 9, "all nine programs to answer", timeout=20)


# What people do

def test_sockets_are_spread_over_the_gateways(stack, crowd):
    user = crowd.user(stack)
    with stack.bus() as bus:
        alive = bus.subscribe("event.gateway.alive")
        for _ in range(12):
            user.socket()
        sockets = {}

        def spread():
            message = alive.next(5)
            key, count = gateway_and_sockets(message.data)
            sockets[key] = count
            return len(sockets) == 3 and min(sockets.values()) >= 3
        wait_until(spread, lambda: f"sockets at every gateway: {sockets}", timeout=20)


def gateway_and_sockets(data):
    """GatewayAlive: gateway_id = 1, sockets = 2 (left out when 0)."""
    assert data[0] == 0x0a
    end = 2 + data[1]
    return data[2:end], data[end + 1] if len(data) > end else 0


def test_accounts_are_administered_by_the_tool_in_a_container(stack, crowd):
    def ctl(*arguments):
        return stack.compose("run", "-T", "--rm", "messengerctl", *arguments)

    user = crowd.user(stack)
    assert json.loads(ctl("user", "show", user.tag, "--json"))["email"] == user.email
    with user.socket() as socket:
        ctl("user", "disable", user.email)
        assert socket.wait_closed()[0] == 1000
    assert json.loads(ctl("user", "show", user.tag, "--json"))["disabled"]
    assert "#invite=" in ctl("invite", "create")
    assert not stack.containers("messengerctl")


def test_the_doctor_sees_what_the_containers_are_configured_with(stack):
    def doctor(**settings):
        given = [word for name, value in settings.items() for word in ("-e", f"MESSENGER_{name}={value}")]
        return stack.compose("run", "-T", "--rm", *given, "doctor", "--json")

    decided = {"REGISTRATION_MODE": "invite", "CONTACTS_CONSENT": "true", "APP_URL": "https://chat.example.org"}
    lines = [json.loads(line) for line in doctor(**decided).splitlines()]
    assert [line["setting"] for line in lines] == [
        "registration.mode", "contacts.consent", "JWT.privateKey", "app.url", "cookie.secure", "gateway.trustedProxies",
        "client.url", "nats.url", "nats.user", "store.users", "store.messages"]
    for name in decided:  # without one of them, the exit status is 1
        with pytest.raises(AssertionError):
            doctor(**{key: value for key, value in decided.items() if key != name})


def test_messages_and_presence_across_gateways(stack, crowd):
    people = crowd.users(stack, 6)
    sockets = [person.socket() for person in people]
    for sender, receiver in zip(sockets, [*people[1:], people[0]]):
        befriend(sender, receiver)
    for index, person in enumerate(people):
        sender = people[index - 1]
        assert sockets[index].wait_notification(3001)["senderTag"] == sender.tag
        wait_until(lambda: is_online(sockets[index - 1], person), "everybody to be online", timeout=10)
    sockets[0].close()
    for neighbour in (sockets[1], sockets[-1]):
        neighbour.wait_notification(3100, {"loggedOutUserTag": people[0].tag}, 10)


@pytest.mark.slow
def test_ledger_of_two_thousand_messages(stack, crowd):
    exchange(crowd.users(stack, 20), 2000)


def test_every_gateway_serves_every_picture(stack, crowd):
    user = crowd.user(stack)
    name = uploaded_name(upload(stack.url(), user.token, png(20, 20)))
    user.socket().call("setSelfInfo", {"img": name})
    bodies = {requests.get(url + "/img/" + name, timeout=10).content for url in stack.gateway_urls()}
    bodies.add(requests.get(stack.url(path="/img/" + name), timeout=10).content)
    assert len(bodies) == 1 and len(bodies.pop()) > 100


def test_logging_out_counts_everywhere(stack, crowd):
    user = crowd.user(stack)
    sockets = [user.socket() for _ in range(6)]
    leave(stack.url(), user.token)
    for socket in sockets:
        assert socket.wait_closed() == (1000, NO_AUTH_REASON)
    for url in stack.gateway_urls():
        assert Socket(url, user.token).wait_closed() == (1000, NO_AUTH_REASON)


def test_the_token_is_signed_with_the_secret_of_the_file(stack, crowd):
    key = (stack._secrets / "jwt_key").read_text()
    assert jwt.decode(crowd.user(stack).token, key, algorithms=["HS256"])["data"]["tag"]


# Client addresses

def log_in_from(balancer, source, forged):
    """The answer to a wrong log-in, sent from an address of this machine; each with an e-mail of its own, so that only
    the address is limited."""
    connection = http.client.HTTPConnection(balancer, 8000, 10, (source, 0))
    body = json.dumps({"user": {"email": f"{unique('nobody')}@example.com", "password": "password"}})
    connection.request("POST", "/login", body, {"Content-Type": "application/json",
                                                "X-Forwarded-For": forged})
    status = connection.getresponse().status
    connection.close()
    return status


def test_gateways_see_the_clients_address(stack):
    """Each address has a limit of its own, and a header of the client's does not evade it."""
    (balancer,) = stack.containers("balancer")
    address, here = balancer.address("clients"), balancer.gateway_address("clients")
    there = bridge_address(stack.containers("nats")[0], "bus")
    forged = (f"198.51.100.{number}" for number in range(255))
    wait_until(lambda: log_in_from(address, here, next(forged)) == 429, "the limit of this address", timeout=30)
    assert log_in_from(address, there, "198.51.100.1") == 401


def bridge_address(container, network):
    """This machine's own address on a network of Docker's: the first of its range."""
    return container.address(network).rsplit(".", 1)[0] + ".1"


# Gateways come and go

def test_a_gateway_joins_and_leaves_without_any_other_change(stack, crowd):
    user, friend = crowd.users(stack, 2)
    socket = user.socket()
    others = {c.id: c.state["StartedAt"] for c in stack.containers() if c.service != "gateway"}
    stack.scale(gateway=4)
    newest = stack.containers("gateway")[-1]
    address = newest.address("clients")
    (balancer,) = stack.containers("balancer")
    wait_until(lambda: f"{address}" in established(newest, crowd, stack), "the new gateway to be used", timeout=20)
    assert newest.stop() == 0
    docker("rm", newest.id)
    for _ in range(12):
        with friend.socket() as opened:
            send(opened, user, "still here")
    assert socket.wait_notification(3001)
    assert {c.id: c.state["StartedAt"] for c in stack.containers() if c.service != "gateway"} == others


def established(container, crowd, stack):
    """The container's address after a sign-up there."""
    crowd.user(stack).socket()
    lines = []
    for name in ("tcp", "tcp6"):  # a gateway listens for both
        with open(f"/proc/{container.state['Pid']}/net/{name}", encoding="ascii") as table:
            lines += table.readlines()
    port = f":{8000:04X}"
    used = [line for line in lines if line.split()[1].endswith(port) and line.split()[3] == "01"]
    return container.address("clients") if used else ""


# What the images hold

def files_of(image):
    container = docker("create", image)
    try:
        listed = os.popen(f"docker export {container} | tar -t").read().splitlines()
    finally:
        docker("rm", container)
    return listed


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_images_hold_programs_and_libraries_only(stack, name):
    files = files_of(f"messenger/{name}")
    programs = [f for f in files if "/bin/" in "/" + f and not f.endswith("/")]
    assert {os.path.basename(f) for f in programs} >= set(PROGRAMS)
    assert all(f.startswith("usr/local/bin/") for f in programs), programs
    assert not [f for f in files if f.endswith((".c", ".h", ".o", ".a", ".py", ".proto", ".conf.env"))]
    assert not [f for f in files if "secret" in f or f.endswith(("jwt_key", ".key"))]
    assert not [f for f in files if os.path.basename(f) in ("sh", "bash", "cc", "gcc", "ld", "apt", "make")]


def test_the_balancers_image_has_no_compiler_and_no_source(stack):
    files = files_of("messenger/balancer")
    programs = {os.path.basename(f) for f in files if os.path.dirname(f).endswith("bin")}
    assert "haproxy" in programs
    assert not programs & {"cc", "gcc", "ld", "as", "make", "go", "clang"}
    assert not [f for f in files if f.endswith((".c", ".h", "jwt_key", "/Makefile"))]


@pytest.mark.parametrize("name", [*PROGRAMS, "balancer"])
def test_the_images_are_labelled_and_run_as_an_unprivileged_user(stack, name):
    image = json.loads(docker("image", "inspect", f"messenger/{name}"))[0]
    config = image["Config"]
    user = config["User"].split(":")
    assert all(part.isdigit() and int(part) > 0 for part in user), config["User"]
    assert config["Labels"]["org.opencontainers.image.title"].startswith("messenger")
    assert config["Healthcheck"]["Test"]
    secrets = [path.read_text() for path in stack._secrets.iterdir() if path.name != "nats-routes.conf"]
    history = docker("history", "--no-trunc", f"messenger/{name}") + json.dumps(config)
    assert not [secret for secret in secrets if secret in history]
    if name in PROGRAMS:
        assert "MESSENGER_ENV=production" in config["Env"]
    print(f"messenger/{name}: {image['Size'] / 1e6:.0f} MB")


@pytest.mark.parametrize("name", PROGRAMS)
def test_labels_carry_the_version_and_the_commit_of_the_program(name):
    image = json.loads(docker("image", "inspect", f"messenger/{name}"))[0]
    labels = image["Config"]["Labels"]
    printed = docker("run", "--rm", "--network=none", f"messenger/{name}", "--version")
    version, revision = (labels[f"org.opencontainers.image.{key}"] for key in ("version", "revision"))
    assert printed == f"{version} ({revision})"


def test_containers_may_do_no_more_than_they_need(stack):
    for container in stack.containers():
        host = container.inspect()["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], container
        assert "no-new-privileges:true" in host["SecurityOpt"], container
        assert host["Memory"] > 0 and host["RestartPolicy"]["Name"] == "unless-stopped", container
        assert host["LogConfig"]["Config"]["max-size"], container
        assert container.service == "balancer" or not host["PortBindings"], container


def test_no_secret_is_in_an_environment_or_a_log(stack):
    secrets = {path.name: path.read_text() for path in stack._secrets.iterdir()}
    for container in stack.containers():
        text = json.dumps(container.inspect()["Config"]) + container.log(2000)
        assert not [name for name, secret in secrets.items() if secret in text], container
