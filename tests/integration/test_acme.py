"""deploy/acme.sh, as its container runs it, with Debian's certbot and an authority for tests (Pebble), through the balancer."""

import json
import os
import shutil
import socket
import ssl

import pytest
import requests

from support.authority import Authority
from support.balancer import HAPROXY, Balancer
from support.client import Crowd
from support.go_program import NoProgram, build_go_program
from support.ports import free_port
from support.process import REPOSITORY, Program, clean_environment
from support.stack import Stack
from support.wait import wait_until

pytestmark = [
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed"),
    pytest.mark.skipif(shutil.which("certbot") is None, reason="certbot is not installed"),
]
PEBBLE_VERSION = "v2.8.0"
DOMAIN = "localhost"  # both this machine and the authority find it


@pytest.fixture(scope="module")
def pebble():
    try:
        return build_go_program("pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble", PEBBLE_VERSION)
    except NoProgram as why:
        pytest.skip(f"no authority for tests (Pebble): {why}")


class Acme:
    """An authority whose certificates last an hour, so that certbot renews at each run, and the script."""

    def __init__(self, program, folder, challenge_port):
        self.folder, self.port, self._management = folder, free_port(), free_port()
        self._own = Authority(folder / "own")
        served = self._own.issue(DOMAIN, "IP:127.0.0.1")
        (folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(served.cert), "privateKey": str(served.key), "httpPort": challenge_port, "tlsPort": free_port(),
            "profiles": {"default": {"description": "an hour", "validityPeriod": 3600}}}}))
        self.authority = Program("pebble", [program, "-config", str(folder / "pebble.json")], {
            **clean_environment(), "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}, folder / "pebble.log")

    def __enter__(self):
        self.authority.start()
        wait_until(self._serves, self.authority.log)
        return self

    def __exit__(self, *exception):
        self.authority.kill()

    def _get(self, port, path):
        return requests.get(f"https://127.0.0.1:{port}{path}", verify=str(self._own.ca), timeout=10)

    def _serves(self):
        assert self.authority.alive, self.authority.log()
        try:
            return self._get(self.port, "/dir").status_code == 200
        except requests.RequestException:
            return False

    def root(self):
        """The file of the certificate that its clients have to trust."""
        path = self.folder / "root.pem"
        path.write_text(self._get(self._management, "/roots/0").text)
        return path

    def script(self, port, certificate):
        """What the container runs; certbot keeps everything below the folder."""
        settings = self.folder / "home" / ".config" / "letsencrypt"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "cli.ini").write_text("".join(f"{name} = {self.folder}/{name}\n" for name in ("config-dir", "work-dir", "logs-dir")))
        return Program("acme", [str(REPOSITORY / "deploy" / "acme.sh")], {
            **clean_environment(), "HOME": str(self.folder / "home"), "DOMAIN": DOMAIN, "EMAIL": "admin@example.org",
            "ACME_SERVER": f"https://127.0.0.1:{self.port}/dir", "ACME_PORT": str(port), "CERTIFICATE": str(certificate),
            "CERTIFICATE_OWNER": f"{os.getuid()}:{os.getgid()}", "LETSENCRYPT": f"{self.folder}/config-dir",
            "REQUESTS_CA_BUNDLE": str(self._own.ca)}, self.folder / "acme.log")


def served(balancer, root):
    """The number of the certificate, which must be of the authority."""
    context = ssl.create_default_context(cafile=root)
    with socket.create_connection(("127.0.0.1", balancer.https), 10) as plain, \
            context.wrap_socket(plain, server_hostname=DOMAIN) as connection:
        return connection.getpeercert()["serialNumber"]


def run_until_it_has_made_one(script, certificate):
    before = certificate.read_text() if certificate.exists() else ""
    script.start()
    try:
        wait_until(lambda: certificate.exists() and certificate.read_text() != before, script.log, timeout=120)
    finally:
        script.stop()


@pytest.mark.slow
def test_a_certificate_is_obtained_and_renewed_through_the_balancer(pebble, tmp_path, monkeypatch):
    certificate, port = tmp_path / "certificates" / "messenger.pem", free_port()
    with Stack(settings={"gateway.trustedProxies": "127.0.0.0/8"}) as stack, \
            Balancer(stack, certificate, acme=port) as balancer, Acme(pebble, tmp_path, balancer.port) as acme:
        script = acme.script(port, certificate)
        run_until_it_has_made_one(script, certificate)
        assert balancer.program.wait() == 0, "Docker would start it again"
        balancer.start()
        root = acme.root()
        first = served(balancer, root)

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(root))
        monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(root))
        crowd = Crowd()
        user = crowd.user(Site(balancer))
        open_socket = user.socket()
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        run_until_it_has_made_one(script, certificate)
        wait_until(lambda: served(balancer, root) != first, balancer.log)
        assert open_socket.call("getSelfInfo"), "the socket is still open"
        crowd.close()


class Site:
    def __init__(self, balancer):
        self._balancer = balancer

    def url(self, gateway=0, path=""):
        return self._balancer.secure_url(path, DOMAIN)


def test_the_file_is_made_again_when_it_was_lost(tmp_path):
    """Although certbot has nothing to do."""
    tools, lineage = tmp_path / "bin", tmp_path / "config-dir" / "live" / "messenger"
    tools.mkdir()
    (tools / "certbot").write_text("#!/bin/sh\nexit 0\n")
    (tools / "certbot").chmod(0o755)
    lineage.mkdir(parents=True)
    made = Authority(tmp_path / "own").issue(DOMAIN)
    shutil.copy(made.cert, lineage / "fullchain.pem")
    shutil.copy(made.key, lineage / "privkey.pem")
    certificate = tmp_path / "certificates" / "messenger.pem"
    environment = clean_environment()
    script = Program("acme", [str(REPOSITORY / "deploy" / "acme.sh")], {
        **environment, "PATH": f"{tools}:{environment['PATH']}", "DOMAIN": DOMAIN, "CERTIFICATE": str(certificate),
        "CERTIFICATE_OWNER": f"{os.getuid()}:{os.getgid()}", "LETSENCRYPT": str(tmp_path / "config-dir")}, tmp_path / "acme.log")
    run_until_it_has_made_one(script, certificate)
    assert "PRIVATE KEY" in certificate.read_text()


def test_without_a_domain_there_is_nothing_to_obtain(tmp_path):
    script = Program("acme", [str(REPOSITORY / "deploy" / "acme.sh")], clean_environment(), tmp_path / "acme.log")
    script.start()
    assert script.wait() == 1 and script.log() == "acme: DOMAIN is not set\n"
