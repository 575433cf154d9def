"""A certificate is mounted into the balancer's container: it serves HTTPS from then on, and renews without a restart."""

import os
import pathlib
import socket
import ssl
import subprocess

import pytest
import requests

from support.authority import Authority
from support.client import Crowd, befriend, send
from support.process import REPOSITORY
from support.wait import wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Https:
    """The published port for HTTPS; as a stack, for clients."""

    def __init__(self, authority):
        self.port = int(os.environ["HTTPS_PORT"])
        self._authority = authority
        self._certificate = pathlib.Path(os.environ["CERTIFICATES"]) / "messenger.pem"

    def url(self, gateway=0, path=""):
        return f"https://localhost:{self.port}{path}"

    def install(self, name):
        """By the hook of certbot. Returns the number of the certificate."""
        made = self._authority.issue("localhost", file=name)
        lineage = self._authority.folder / name
        lineage.mkdir()
        (lineage / "fullchain.pem").write_text(made.cert.read_text())
        (lineage / "privkey.pem").write_text(made.key.read_text())
        subprocess.run([REPOSITORY / "deploy" / "certbot-hook.sh"], check=True, stdout=subprocess.DEVNULL, env={
            **os.environ, "RENEWED_LINEAGE": str(lineage), "CERTIFICATE": str(self._certificate)})
        return made.serial

    def remove(self):
        self._certificate.unlink(missing_ok=True)

    def served(self):
        """The number of the certificate that is served, or None."""
        context = ssl.create_default_context(cafile=self._authority.ca)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 10) as plain, \
                    context.wrap_socket(plain, server_hostname="localhost") as connection:
                return connection.getpeercert()["serialNumber"]
        except OSError:
            return None


@pytest.fixture
def https(stack, authority, monkeypatch):
    """Afterwards the stack is as it was, without a certificate."""
    for name in ("REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authority.ca))
    https = Https(authority)
    yield https
    https.remove()
    (balancer,) = stack.containers("balancer")
    balancer.stop()
    balancer.start()


def test_a_certificate_is_all_that_https_needs(stack, https):
    (balancer,) = stack.containers("balancer")
    assert https.served() is None
    started = balancer.state["StartedAt"]
    first = https.install("first")
    wait_until(lambda: https.served() == first, lambda: balancer.log(20))
    assert balancer.state["StartedAt"] != started, "Docker has started it again, with one port more"
    balancer.wait_healthy()
    led = requests.get(stack.url(path="/login"), allow_redirects=False, timeout=30)
    assert (led.status_code, led.headers["Location"]) == (308, https.url(path="/login").replace("localhost", "127.0.0.1"))
    started = balancer.state["StartedAt"]
    crowd = Crowd()
    ada, ben = crowd.users(https, 2)
    answer = requests.post(https.url(path="/login"), json={"user": {"email": ada.email, "password": ada.password}}, timeout=30)
    assert answer.headers["Strict-Transport-Security"] and "__Host-auth" in answer.cookies
    first_socket, second_socket = ada.socket(), ben.socket()
    befriend(first_socket, ben)
    second = https.install("second")
    wait_until(lambda: https.served() == second, lambda: balancer.log(20))
    send(second_socket, ada, "after the renewal")
    assert first_socket.wait_notification(3001, lambda body: body["text"] == "after the renewal")
    assert balancer.state["StartedAt"] == started
    crowd.close()
