"""SMTP servers: a real one that keeps what it receives, and hostile ones."""

import email
import email.policy
import re
import socket
import ssl
import subprocess
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from support.ports import free_port
from support.wait import wait_until


class Mail:
    """As the server got it: envelope and content."""

    def __init__(self, server, session, envelope):
        self.sender, self.receivers = envelope.mail_from, list(envelope.rcpt_tos)
        self.raw = envelope.content
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.over_tls = server.transport.get_extra_info("ssl_object") is not None
        self.logged_in = session.authenticated
        self.host_name = session.host_name

    @property
    def text(self):
        return self.message.get_content().replace("\r\n", "\n")

    def code(self, part):
        """The secret of the link that ends with #part=..."""
        return re.search(rf"^\S+/#{part}=([0-9a-f]{{32}})$", self.text, re.MULTILINE).group(1)


class SmtpServer:
    """`replies` are answers to the next mails, before others are accepted; `context` (TLS) offers STARTTLS, or TLS
    from the start with `implicit`; `login` is (user, password)."""

    def __init__(self, port=None, context=None, implicit=False, login=None, offers=True):
        self.port = port or free_port()
        self.mails, self.refused, self.replies = [], [], []
        self._taken = 0
        options = {"tls_context": context if offers else None} if not implicit else {}
        if login:
            options.update(authenticator=lambda server, session, envelope, mechanism, data: AuthResult(
                success=(data.login, data.password) == tuple(part.encode() for part in login), handled=False),
                auth_required=True, auth_require_tls=context is not None and not implicit)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True,
                                      ssl_context=context if implicit else None, **options)

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server, session, envelope):
        if self.replies:
            reply = self.replies.pop(0)
            self.refused.append(Mail(server, session, envelope))
            return reply
        self.mails.append(Mail(server, session, envelope))
        return "250 OK"

    def start(self):
        self._controller.start()
        return self

    def stop(self):
        self._controller.stop()

    __enter__ = start

    def __exit__(self, *exception):
        self.stop()

    def next(self):
        """The next mail that was accepted."""
        wait_until(lambda: len(self.mails) > self._taken, "a mail")
        self._taken += 1
        return self.mails[self._taken - 1]


class HostileServer:
    """Talks to each client, on a thread of its own, by `behave(connection)`; counts the clients."""

    def __init__(self, behave):
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.clients = 0
        self._open = []
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.clients += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        try:
            self._behave(connection, self._ended)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._ended.set()
        for end in [self._listener, *self._open]:
            end.close()


def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def make_authority(folder, names="DNS:localhost,IP:127.0.0.1"):
    """ca.pem in the folder, and the TLS context of a server with these names."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test", cwd=folder)
    openssl("req", *curve, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=mail", cwd=folder)
    (folder / "names").write_text(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "cert.pem", cwd=folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
