"""The shipped configurations of proxies with TLS: parsed by the real programs, and run in front of a gateway."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import warnings

import pytest
import requests
import websocket

from support.authority import Authority
from support.balancer import HOST, AsHost
from support.client import User, auth_cookie
from support.images import png
from support.ports import free_port
from support.process import REPOSITORY, Program, clean_environment
from support.stack import Stack
from support.wait import wait_until

PATH = os.environ.get("PATH", "") + ":/usr/sbin"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with ca.pem, and server.crt, server.key and server.pem of HOST."""
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.issue(HOST, "localhost")
    return made.folder


class Ports:
    def __init__(self, gateway):
        self.gateway, self.http, self.https = gateway, free_port(), free_port()


def replace(text, *changes):
    for pattern, by in changes:
        text, count = re.subn(pattern, by, text, flags=re.MULTILINE)
        assert count > 0, pattern
    return text


def nginx(text, folder, ports):
    return replace(text, (r"127\.0\.0\.1:8000", f"127.0.0.1:{ports.gateway}"), (r"^ *listen \[.*\n", ""),
                   (r"listen 80;", f"listen 127.0.0.1:{ports.http};"),
                   (r"listen 443", f"listen 127.0.0.1:{ports.https}"), (r"https://\$host", f"https://$host:{ports.https}"),
                   (r"/etc/letsencrypt/live/chat.example.org/fullchain.pem", f"{folder}/server.crt"),
                   (r"/etc/letsencrypt/live/chat.example.org/privkey.pem", f"{folder}/server.key"),
                   (r"^pid .*", f"pid {folder}/nginx.pid;\ndaemon off;\nuser {os.environ.get('USER', 'root')};"))


def caddy(text, folder, ports):
    """With the certificate at hand instead of one from the net."""
    return (f"{{\n\tadmin off\n\tauto_https disable_certs\n\thttp_port {ports.http}\n\thttps_port {ports.https}\n"
            "\tdefault_bind 127.0.0.1\n}\n" +
            replace(text, (r"127\.0\.0\.1:8000", f"127.0.0.1:{ports.gateway}"),
                    (r"^chat.example.org \{", f"{HOST} {{\n\ttls {folder}/server.crt {folder}/server.key")))


def haproxy(text, folder, ports):
    return replace(text, (r"127\.0\.0\.1:8000", f"127.0.0.1:{ports.gateway}"), (r"bind :80$", f"bind 127.0.0.1:{ports.http}"),
                   (r"bind :443", f"bind 127.0.0.1:{ports.https}"), (r"scheme https", f"prefix https://{HOST}:{ports.https}"),
                   (r"/etc/haproxy/chat.example.org.pem", f"{folder}/server.pem"))


# By name: the file, how it is changed for a test, the command that checks it, the command that runs it.
PROXIES = {
    "nginx": ("nginx.conf", nginx, ["-t", "-e", "stderr", "-c"], ["-e", "stderr", "-c"]),
    "caddy": ("Caddyfile", caddy, ["validate", "--adapter", "caddyfile", "--config"],
              ["run", "--adapter", "caddyfile", "--config"]),
    "haproxy": ("haproxy.cfg", haproxy, ["-c", "-f"], ["-db", "-f"]),
}


def program(name):
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Front:
    """A proxy that serves https://HOST in front of a stack."""

    def __init__(self, name, stack, authority):
        file, change, self.check, run = PROXIES[name]
        self.ports, self.authority, self.found = Ports(stack.ports[0]), authority, program(name)
        self.path = stack.directory / f"{name}-front" / file
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(change((REPOSITORY / "deploy" / "proxy" / file).read_text(), authority, self.ports))
        environment = {**clean_environment(), "HOME": str(self.path.parent), "XDG_DATA_HOME": str(self.path.parent)}
        self._program = Program(name, [self.found, *run, str(self.path)], environment, stack.directory / f"{name}.log")

    def __enter__(self):
        self._program.start()
        wait_until(self._serves, lambda: f"the proxy to serve: {self._program.log()[-500:]}")
        return self

    def __exit__(self, *exception):
        self._program.kill()

    def _serves(self):
        try:
            return self.get("/healthz").status_code == 200
        except requests.RequestException:
            return False

    def connect(self, **options):
        """A TLS connection to it as HOST."""
        context = ssl.create_default_context(cafile=self.authority / "ca.pem")
        for name, value in options.items():
            setattr(context, name, value)
        plain = socket.create_connection(("127.0.0.1", self.ports.https), 10)
        return context.wrap_socket(plain, server_hostname=HOST)

    def get(self, path, method="get", **options):
        session = requests.Session()
        session.mount("https://", AsHost())
        return session.request(method, f"https://127.0.0.1:{self.ports.https}{path}", timeout=30,
                               verify=str(self.authority / "ca.pem"),
                               headers={"Host": HOST, **options.pop("headers", {})}, **options)


@pytest.fixture(scope="module")
def trusting():
    with Stack(settings={"gateway.trustedProxies": "127.0.0.1", "log.level": "info"}) as stack:
        yield stack


@pytest.fixture(scope="module", params=PROXIES)
def front(request, trusting, authority):
    program(request.param)
    with Front(request.param, trusting, authority) as front:
        yield front


@pytest.mark.parametrize("name", PROXIES)
def test_the_file_is_accepted_by_the_program(name, trusting, authority):
    front = Front(name, trusting, authority)
    done = subprocess.run([front.found, *front.check, str(front.path)], capture_output=True, text=True, timeout=60,
                          env={**clean_environment(), "HOME": str(front.path.parent)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_pages_come_over_tls_and_ask_for_it_ever_after(front):
    answer = front.get("/")
    assert answer.status_code == 200 and "<title>" in answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_plain_http_leads_to_tls(front):
    answer = requests.get(f"http://127.0.0.1:{front.ports.http}/example?a=b", headers={"Host": HOST}, timeout=30,
                          allow_redirects=False)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"].startswith(f"https://{HOST}") and answer.headers["Location"].endswith("/example?a=b")


def test_old_tls_is_refused(front):
    assert front.connect().version() == "TLSv1.3"
    assert front.connect(maximum_version=ssl.TLSVersion.TLSv1_2).version() == "TLSv1.2"
    with pytest.raises((ssl.SSLError, ConnectionError)), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is tested
        front.connect(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_a_log_in_gets_the_cookie_of_this_host_and_opens_a_socket(front, trusting):
    user = User(trusting)
    body = {"user": {"email": user.email, "password": user.password}}
    answer = front.get("/login", "post", json=body, headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"})
    cookies = {cookie.name: cookie for cookie in answer.cookies}
    assert set(cookies) == {"auth", "__Host-auth"} and all(cookie.secure for cookie in cookies.values())
    opened = websocket.WebSocket()
    opened.connect(f"wss://{HOST}:{front.ports.https}/api", socket=front.connect(), timeout=30, host=HOST,
                   header=[f"Cookie: __Host-auth={cookies['__Host-auth'].value}"], origin=f"https://{HOST}")
    opened.send('{"jsonrpc":"2.0","method":"listSessions","id":1}')
    assert '"address":"127.0.0.1"' in opened.recv(), "not what the client claimed"
    opened.close()
    user.close()


def test_a_large_upload_passes(front, trusting):
    user = User(trusting)
    picture = png(64, 64) + bytes(14 * 1024 * 1024)
    answer = front.get("/upload-image", "post", files={"image": ("p.png", picture, "image/png")},
                       headers=auth_cookie(user.token))
    assert answer.status_code == 200, answer.text
    user.close()
