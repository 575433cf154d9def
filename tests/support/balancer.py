"""deploy/haproxy.cfg in front of a stack of this machine, started by deploy/balancer.sh as in its container."""

import os
import re
import shutil
import socket
import ssl

import requests

from support.ports import free_port
from support.process import REPOSITORY, Program, clean_environment
from support.wait import wait_until

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
HOST = "chat.example.org"
INTERVAL = 0.2  # between two looks at the certificate


def configuration(http, https, gateway, acme=1):
    """The file with ports of this machine in the place of Docker's names; by default nobody answers challenges."""
    text = (REPOSITORY / "deploy" / "haproxy.cfg").read_text()
    for pattern, by in (
            (r"^resolvers docker\n(?: .*\n)*", ""),
            (r"server-template .*", f"server one 127.0.0.1:{gateway}"), (r"server acme .*", f"server acme 127.0.0.1:{acme}"),
            (r" resolvers docker .*$", ""),
            (r"bind :8000", f"bind 127.0.0.1:{http}"), (r"bind :8443", f"bind 127.0.0.1:{https}")):
        text, count = re.subn(pattern, by, text, flags=re.MULTILINE)
        assert count == 1, pattern
    return text


class Balancer:
    """`certificate` is the path of a file that need not be there yet; then there is no HTTPS."""

    def __init__(self, stack, certificate=None, acme=1, **environment):
        self.port, self.https = free_port(), free_port()
        self.certificate = certificate
        path = stack.directory / "haproxy.cfg"
        path.write_text(configuration(self.port, self.https, stack.ports[0], acme))
        environment = {"CERTIFICATE": str(certificate or stack.directory / "none.pem"), "CERTIFICATE_INTERVAL": str(INTERVAL),
                       "CONTROL_PORT": str(free_port()), "HTTPS_PORT": str(self.https), **environment}
        everything = {**clean_environment(), **environment}
        everything["PATH"] += ":/usr/sbin"
        self.program = Program("haproxy", [str(REPOSITORY / "deploy" / "balancer.sh"), str(path)], everything,
                               stack.directory / "haproxy.log")

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.program.kill()

    def start(self):
        self.program.start()
        wait_until(self._serves, lambda: f"HAProxy to find its gateway: {self.program.log()[-800:]}")
        return self

    def _serves(self):
        assert self.program.alive, self.program.log()
        try:
            return requests.get(self.url("/healthz"), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def log(self):
        return self.program.log()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def secure_url(self, path="", host=HOST):
        return f"https://{host}:{self.https}{path}"

    def connect(self, ca, **options):
        """A TLS connection to it as HOST; `options` are attributes of the context, and its ciphers."""
        context = ssl.create_default_context(cafile=ca)
        if "ciphers" in options:
            context.set_ciphers(options.pop("ciphers"))
        for name, value in options.items():
            setattr(context, name, value)
        plain = socket.create_connection(("127.0.0.1", self.https), 10)
        return context.wrap_socket(plain, server_hostname=HOST)

    def request(self, ca, method, path, headers=None, **options):
        """Over TLS, as HOST."""
        session = requests.Session()
        session.mount("https://", AsHost())
        return session.request(method, f"https://127.0.0.1:{self.https}{path}", timeout=30, verify=str(ca),
                               headers={"Host": f"{HOST}:{self.https}", **(headers or {})}, allow_redirects=False, **options)


class AsHost(requests.adapters.HTTPAdapter):
    """Asks for HOST, whatever the address."""

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, server_hostname=HOST, assert_hostname=HOST, **options)
