"""deploy/haproxy.cfg and deploy/balancer.sh with a certificate: HTTPS and WSS, and a renewal while sockets are open."""

import os
import shutil
import socket
import ssl
import subprocess
import warnings

import pytest
import requests

from support.authority import Authority
from support.balancer import HAPROXY, HOST, INTERVAL, Balancer, configuration
from support.client import Crowd, befriend, send, unique
from support.process import REPOSITORY
from support.raw import Connection, RawWebSocket
from support.stack import Stack
from support.wait import pass_time, wait_until

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")

SETTINGS = {"gateway.trustedProxies": "127.0.0.0/8"}
HSTS = "Strict-Transport-Security"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def trusting():
    with Stack(settings=SETTINGS) as stack:
        yield stack


def issue(authority, path, name="server"):
    """A new certificate at this path, moved there whole."""
    made = authority.issue(HOST, "localhost", file=name)
    shutil.copy(made.both, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)
    return made.serial


@pytest.fixture(scope="module")
def balancer(trusting, authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "messenger.pem"
    issue(authority, path)
    with Balancer(trusting, path) as balancer:
        yield balancer


class Site:
    """What a client takes for the messenger: the balancer at https://localhost."""

    def __init__(self, balancer):
        self._balancer = balancer

    def url(self, gateway=0, path=""):
        return self._balancer.secure_url(path, "localhost")


@pytest.fixture
def site(balancer, authority, monkeypatch):
    """For clients of this test, which trust the authority."""
    for name in ("REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authority.ca))
    return Site(balancer)


def served_serial(balancer, authority):
    with balancer.connect(authority.ca) as connection:
        return connection.getpeercert()["serialNumber"]


# The configuration

@pytest.mark.parametrize("with_certificate", [False, True])
def test_haproxy_accepts_the_file_without_a_warning(with_certificate, authority, tmp_path):
    path = tmp_path / "haproxy.cfg"
    path.write_text(configuration(1, 2, 3))
    environment = {**os.environ, "CONTROL_PORT": "4", "HTTPS_SUFFIX": ""}
    if with_certificate:
        environment["CERTIFICATE"] = str(authority.issue(HOST).both)
    for file in (path, REPOSITORY / "deploy" / "haproxy.cfg"):
        done = subprocess.run([HAPROXY, "-c", "-f", str(file)], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr


# Clients

def test_people_sign_up_and_write_over_tls(site):
    crowd = Crowd()
    ada, ben = crowd.users(site, 2)
    first, second = ada.socket(), ben.socket()
    assert first._ws.sock.version() == "TLSv1.3"
    befriend(first, ben)
    send(second, ada, "over TLS")
    assert first.wait_notification(3001, lambda body: body["text"] == "over TLS")
    crowd.close()


def test_a_log_in_gets_the_cookie_of_this_host(site):
    crowd = Crowd()
    user = crowd.user(site)
    body = {"user": {"email": user.email, "password": user.password}}
    answer = requests.post(site.url(path="/login"), json=body, headers={"X-Forwarded-Proto": "http"}, timeout=30)
    cookies = {cookie.name: cookie for cookie in answer.cookies}
    assert set(cookies) == {"auth", "__Host-auth"} and all(cookie.secure for cookie in cookies.values())
    crowd.close()


@pytest.mark.parametrize("path, status", [("/", 200), ("/no-such-page", 404), ("/.well-known/acme-challenge/x", 503)])
def test_browsers_are_told_to_use_https_from_now_on(balancer, authority, path, status):
    answer = balancer.request(authority.ca, "get", path)
    assert answer.status_code == status
    assert answer.headers[HSTS] == "max-age=31536000"


def test_plain_http_leads_to_https(balancer):
    for method in ("get", "post"):
        answer = requests.request(method, balancer.url("/login?a=b&c=%20"), headers={"Host": f"{HOST}:{balancer.port}"},
                                  allow_redirects=False, timeout=30)
        assert answer.status_code == 308
        assert answer.headers["Location"] == f"https://{HOST}:{balancer.https}/login?a=b&c=%20"
        assert HSTS not in answer.headers and "Set-Cookie" not in answer.headers


def test_at_the_standard_port_the_address_needs_none(trusting, balancer):
    with Balancer(trusting, balancer.certificate, HTTPS_PORT="443") as standard:
        answer = requests.get(standard.url("/"), headers={"Host": "[fd00::1]"}, allow_redirects=False, timeout=30)
        assert answer.headers["Location"] == "https://[fd00::1]/"


def test_a_request_that_names_no_host_cannot_be_led_anywhere(balancer):
    with Connection(balancer.port) as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.wait_end() and connection.received.split()[1] == b"400"


def test_a_websocket_over_plain_http_is_not_opened(balancer):
    with RawWebSocket(balancer.port) as raw:
        assert raw.status == 308


def test_the_check_of_the_container_stays_on_http(balancer):
    assert requests.get(balancer.url("/healthz"), timeout=30, allow_redirects=False).status_code == 200


def test_challenges_of_acme_stay_on_http(balancer):
    """Nobody answers them here; the balancer has asked, and does not lead elsewhere."""
    answer = requests.get(balancer.url("/.well-known/acme-challenge/x"), timeout=30, allow_redirects=False)
    assert answer.status_code == 503


def test_what_came_by_tls_to_a_trusted_proxy_is_not_led_to_https_again(trusting, balancer):
    with Balancer(trusting, balancer.certificate, TRUSTED_PROXIES="127.0.0.1") as behind:
        def status(proto):
            answer = requests.get(behind.url("/"), headers={"X-Forwarded-Proto": proto}, allow_redirects=False, timeout=30)
            return answer.status_code
        assert (status("https"), status("http")) == (200, 308)
    claimed = requests.get(balancer.url("/"), headers={"X-Forwarded-Proto": "https"}, allow_redirects=False, timeout=30)
    assert claimed.status_code == 308, "what a client claims is replaced"


def test_old_tls_is_refused(balancer, authority):
    assert balancer.connect(authority.ca).version() == "TLSv1.3"
    second = balancer.connect(authority.ca, maximum_version=ssl.TLSVersion.TLSv1_2)
    assert second.version() == "TLSv1.2" and second.cipher()[0].startswith("ECDHE-")
    with pytest.raises(ssl.SSLError, match="alert protocol version"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is tested
        balancer.connect(authority.ca, ciphers="DEFAULT:@SECLEVEL=0", minimum_version=ssl.TLSVersion.TLSv1,
                         maximum_version=ssl.TLSVersion.TLSv1_1)


def test_a_client_that_does_not_know_the_authority_refuses(balancer):
    with pytest.raises(ssl.SSLCertVerificationError):
        balancer.connect(None)


# Renewal

def test_a_renewed_certificate_is_used_and_no_socket_is_closed(site, balancer, authority):
    crowd = Crowd()
    ada, ben = crowd.users(site, 2)
    first, second = ada.socket(), ben.socket()
    befriend(first, ben)
    before, pid = served_serial(balancer, authority), balancer.program.pid
    renewed = issue(authority, balancer.certificate, "renewed")
    assert renewed != before
    wait_until(lambda: served_serial(balancer, authority) == renewed, balancer.log)
    send(second, ada, "after the renewal")
    assert first.wait_notification(3001, lambda body: body["text"] == "after the renewal")
    assert first.open and second.open and balancer.program.pid == pid
    assert ada.socket().call("getSelfInfo")
    wait_until(lambda: "balancer: the certificate was replaced" in balancer.log(), "a line about it")
    pass_time(5 * INTERVAL, "it is replaced once, not at every look")
    assert balancer.log().count("the certificate was replaced") == 1
    crowd.close()


@pytest.mark.parametrize("content", ["nonsense\n", "certificate only", "key of another"])
def test_a_file_that_is_no_certificate_changes_nothing(balancer, authority, content):
    before = served_serial(balancer, authority)
    made, other = (authority.issue(HOST, file=unique("bad")) for _ in range(2))
    texts = {"certificate only": made.cert.read_text(), "key of another": made.cert.read_text() + other.key.read_text()}
    good = balancer.certificate.read_text()
    lines = balancer.log().count("the certificate was not replaced")
    balancer.certificate.write_text(texts.get(content, content))
    wait_until(lambda: balancer.log().count("the certificate was not replaced") > lines, "a line about it")
    assert served_serial(balancer, authority) == before
    balancer.certificate.write_text(good)
    wait_until(lambda: balancer.log().rstrip().endswith("was replaced"), balancer.log)
    assert served_serial(balancer, authority) == before


def test_a_file_that_is_being_written_or_gone_changes_nothing(balancer, authority):
    """The next certificate is found nevertheless."""
    before = served_serial(balancer, authority)
    log = balancer.log()
    balancer.certificate.write_text("")
    pass_time(5 * INTERVAL, "the balancer looks at an empty file")
    balancer.certificate.unlink()
    pass_time(5 * INTERVAL, "the balancer looks for a file")
    assert served_serial(balancer, authority) == before and balancer.log() == log
    renewed = issue(authority, balancer.certificate, "again")
    wait_until(lambda: served_serial(balancer, authority) == renewed, balancer.log)


def test_the_first_certificate_restarts_the_balancer_with_https(trusting, authority, tmp_path):
    """It ends by itself, and Docker starts it again."""
    path = tmp_path / "messenger.pem"
    with Balancer(trusting, path) as balancer:
        assert requests.get(balancer.url("/"), allow_redirects=False, timeout=30).status_code == 200
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", balancer.https), 5)
        path.write_text("nonsense\n")
        wait_until(lambda: "the certificate is not usable" in balancer.log(), "a line about it")
        assert requests.get(balancer.url("/"), allow_redirects=False, timeout=30).status_code == 200
        serial = issue(authority, path, "first")
        assert balancer.program.wait() == 0
        assert "there is a certificate now" in balancer.log()
        balancer.start()
        assert served_serial(balancer, authority) == serial


def test_a_certificate_that_is_not_usable_at_the_start_is_an_error(trusting, tmp_path):
    """Not a reason to serve passwords over plain HTTP."""
    path = tmp_path / "messenger.pem"
    path.write_text("nonsense\n")
    balancer = Balancer(trusting, path)
    balancer.program.start()
    assert balancer.program.wait() == 1
    assert "unable to load certificate" in balancer.log() or "messenger.pem" in balancer.log()
