"""deploy/certbot-hook.sh as certbot runs it, and that the scripts around the balancer are for the shells that run them."""

import os
import shutil
import stat
import subprocess

import pytest

from support.authority import Authority
from support.balancer import HAPROXY, HOST, Balancer
from support.process import REPOSITORY
from support.stack import Stack
from support.wait import wait_until

HOOK = REPOSITORY / "deploy" / "certbot-hook.sh"
OWNER = f"{os.getuid()}:{os.getgid()}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Lineage:
    """A folder as certbot keeps it: links to the newest files of an archive."""

    def __init__(self, authority, folder):
        self.folder, self._authority, self._count = folder / "live" / "messenger", authority, 0
        self._archive = folder / "archive"
        self.folder.mkdir(parents=True)
        self._archive.mkdir()

    def renew(self):
        self._count += 1
        made = self._authority.issue(HOST, file=f"lineage{self._count}")
        for name, text in (("fullchain", made.cert.read_text() + self._authority.ca.read_text()), ("privkey", made.key.read_text())):
            self.write(name, text)
        return made.serial

    def write(self, name, text):
        target, link = self._archive / f"{name}{self._count}.pem", self.folder / f"{name}.pem"
        target.write_text(text)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


@pytest.fixture
def lineage(authority, tmp_path):
    made = Lineage(authority, tmp_path / "letsencrypt")
    made.renew()
    return made


@pytest.fixture
def certificate(tmp_path):
    return tmp_path / "certificates" / "messenger.pem"


def run_hook(lineage, certificate, shell="sh", **environment):
    folder = {"RENEWED_LINEAGE": str(lineage.folder)} if lineage else {}
    return subprocess.run([shell, str(HOOK)], capture_output=True, text=True, timeout=60, env={
        **os.environ, **folder, "CERTIFICATE": str(certificate), "CERTIFICATE_OWNER": OWNER, **environment})


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def leftovers(certificate):
    return [path for path in certificate.parent.iterdir() if path != certificate] if certificate.parent.exists() else []


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "busybox sh"])
def test_the_chain_and_the_key_become_one_file_for_its_owner_only(lineage, certificate, shell):
    program, *_ = shell.split()
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([*shell.split(), str(HOOK)], capture_output=True, text=True, timeout=60, env={
        **os.environ, "RENEWED_LINEAGE": str(lineage.folder), "CERTIFICATE": str(certificate), "CERTIFICATE_OWNER": OWNER})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"certbot-hook: made {certificate}\n"
    text = certificate.read_text()
    assert text.count("BEGIN CERTIFICATE") == 2 and text.count("PRIVATE KEY") == 2
    assert text.index("PRIVATE KEY") > text.rindex("END CERTIFICATE")
    assert (mode(certificate), mode(certificate.parent)) == (0o400, 0o711)
    assert leftovers(certificate) == []


def test_a_chain_without_an_end_of_line_does_not_run_into_the_key(lineage, certificate):
    lineage.write("fullchain", (lineage.folder / "fullchain.pem").read_text().rstrip())
    assert run_hook(lineage, certificate).returncode == 0
    assert not [line for line in certificate.read_text().splitlines() if "END" in line and "BEGIN" in line]


def test_a_renewal_replaces_the_file_at_once(lineage, certificate):
    assert run_hook(lineage, certificate).returncode == 0
    before = certificate.stat().st_ino
    held = certificate.open()
    lineage.renew()
    assert run_hook(lineage, certificate).returncode == 0
    assert certificate.stat().st_ino != before, "moved there, not written over"
    assert held.read().count("BEGIN CERTIFICATE") == 2, "a reader of the old file reads it whole"
    held.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_the_file_is_for_the_user_of_the_balancer(lineage, certificate):
    assert run_hook(lineage, certificate, CERTIFICATE_OWNER="").returncode == 0
    assert (certificate.stat().st_uid, certificate.stat().st_gid) == (10002, 10002)
    assert "USER 10002:10002" in (REPOSITORY / "deploy" / "Dockerfile").read_text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can do without one of its rights")
def test_a_user_who_cannot_give_files_away_is_told_so(lineage, certificate):
    done = subprocess.run(["setpriv", "--bounding-set=-chown", "sh", str(HOOK)], capture_output=True, text=True, timeout=60, env={
        **os.environ, "RENEWED_LINEAGE": str(lineage.folder), "CERTIFICATE": str(certificate), "CERTIFICATE_OWNER": "10002:10002"})
    assert done.returncode == 1 and "run certbot as root, or set CERTIFICATE_OWNER" in done.stderr, done.stderr
    assert leftovers(certificate) == [] and not certificate.exists()


def spoil(lineage, how):
    key = lineage.folder / "privkey.pem"
    if how == "no folder":
        shutil.rmtree(lineage.folder)
    elif how == "no key":
        key.unlink()
    elif how == "empty chain":
        lineage.write("fullchain", "")
    elif how == "exchanged":
        chain = (lineage.folder / "fullchain.pem").read_text()
        lineage.write("fullchain", key.read_text())
        lineage.write("privkey", chain)
    elif how == "key of another":
        old = key.read_text()
        lineage.renew()
        lineage.write("privkey", old)
    elif how == "broken chain":
        lineage.write("fullchain", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


@pytest.mark.parametrize("how, says", [
    ("no folder", "fullchain.pem is missing or empty"), ("no key", "privkey.pem is missing or empty"),
    ("empty chain", "fullchain.pem is missing or empty"), ("exchanged", "is not a certificate"),
    ("key of another", "the key is not that of the certificate"), ("broken chain", "cannot be read"),
])
def test_with_anything_wrong_the_file_stays_as_it_was(lineage, certificate, how, says):
    assert run_hook(lineage, certificate).returncode == 0
    before = certificate.read_text()
    spoil(lineage, how)
    done = run_hook(lineage, certificate)
    assert done.returncode == 1 and says in done.stderr, done.stderr
    assert certificate.read_text() == before and leftovers(certificate) == []


def test_without_certbot_it_says_what_is_missing(certificate):
    done = run_hook(None, certificate)
    assert done.returncode == 1 and "RENEWED_LINEAGE is not set" in done.stderr


def test_what_is_to_be_reloaded_is_reloaded_after_the_file_is_there(lineage, certificate, tmp_path):
    done = run_hook(lineage, certificate, RELOAD=f"cat {certificate} > {tmp_path}/reloaded")
    assert done.returncode == 0 and (tmp_path / "reloaded").read_text() == certificate.read_text()
    failed = run_hook(lineage, certificate, RELOAD="false")
    assert failed.returncode == 1 and '"false" failed' in failed.stderr and certificate.exists()


@pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")
def test_the_balancer_uses_what_the_hook_makes(lineage, certificate, authority):
    assert run_hook(lineage, certificate).returncode == 0
    with Stack() as stack, Balancer(stack, certificate) as balancer:
        serial = lineage.renew()
        assert run_hook(lineage, certificate).returncode == 0

        def served():
            with balancer.connect(authority.ca) as connection:
                return connection.getpeercert()["serialNumber"]
        wait_until(lambda: served() == serial, balancer.log)


@pytest.mark.parametrize("name", ["balancer.sh", "certbot-hook.sh", "acme.sh"])
def test_the_scripts_have_no_faults_that_shellcheck_finds(name):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", str(REPOSITORY / "deploy" / name)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
