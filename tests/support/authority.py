"""A certificate authority of the tests' own, made with openssl."""

import os
import subprocess

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*arguments, cwd=None):
    return subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, check=True, capture_output=True, text=True).stdout


class Certificate:
    """`cert` and `key` are files; `both` is one with the certificate, then the key."""

    def __init__(self, folder, name):
        self.cert, self.key, self.both = (folder / f"{name}.{part}" for part in ("crt", "key", "pem"))

    def write_both(self):
        self.both.write_text(self.cert.read_text() + self.key.read_text())

    @property
    def serial(self):
        """As ssl.SSLSocket.getpeercert() has it."""
        return openssl("x509", "-in", self.cert, "-noout", "-serial").strip().removeprefix("serial=")


class Authority:
    """`ca` is the file of its certificate. Each certificate that it issues has a number of its own."""

    def __init__(self, folder, name="Test authority"):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.ca = folder / "ca.pem"
        openssl("req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.pem", "-days", 2, "-subj", f"/CN={name}", cwd=folder)

    def issue(self, *names, file="server"):
        """For DNS names and, with "IP:" before them, addresses."""
        made = Certificate(self.folder, file)
        listed = ",".join(name if name.startswith("IP:") else f"DNS:{name}" for name in names)
        (self.folder / f"{file}.names").write_text(f"subjectAltName={listed}\n")
        openssl("req", *CURVE, "-keyout", made.key, "-out", self.folder / f"{file}.csr", "-subj", f"/CN={names[0]}")
        openssl("x509", "-req", "-in", self.folder / f"{file}.csr", "-CA", self.ca, "-CAkey", self.folder / "ca.key",
                "-set_serial", "0x" + os.urandom(8).hex(), "-days", 2, "-extfile", self.folder / f"{file}.names",
                "-out", made.cert)
        made.write_both()
        return made
