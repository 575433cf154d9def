"""The files of gateway/www as the gateway serves them: addresses, caching, compression; and what their pages may do."""

import gzip
import html.parser
import posixpath
import re
import subprocess

import pytest
import requests

from support import images
from support.client import upload, uploaded_name
from support.process import REPOSITORY
from support.raw import Connection, http, request_bytes

pytestmark = pytest.mark.usefixtures("witness")

WWW = REPOSITORY / "gateway/www"
NAMES = sorted(path.relative_to(WWW).as_posix() for path in WWW.rglob("*")
               if path.is_file() and not any(part.startswith(".") for part in path.relative_to(WWW).parts))
FOR_EVER = "public, max-age=31536000, immutable"
ANOTHER_HASH = "0123456789abcdef"
TYPES = {".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".html": "text/html; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".json": "application/json; charset=utf-8",
         ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
         ".ico": "image/x-icon", ".woff2": "font/woff2"}
OWN_ADDRESSES = {"/": "client/index.html", "/sw.js": "client/service_worker.js", "/favicon.ico": "favicon.svg",
                 "/manifest.webmanifest": "client/manifest.webmanifest", "/example": "example.html"}
CLIENT_BYTES_MAX = 150_000


def suffix(name):
    return posixpath.splitext(name)[1]


def ask(stack, target, method="GET", **headers):
    """Keywords are headers: accept_encoding="br"."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return http(stack.ports[0], request_bytes(method, target, headers=fields))


def decoded(answer):
    coding = answer.headers.get("content-encoding", "identity")
    if coding == "gzip":
        return gzip.decompress(answer.body)
    if coding == "br":
        return subprocess.run(["brotli", "-dc"], input=answer.body, capture_output=True, check=True).stdout
    assert coding == "identity"
    return answer.body


@pytest.fixture
def hash_of_all(stack):
    """As the client's page names it."""
    found = set(re.findall(r"/assets/(\w+)/", ask(stack, "/").body.decode()))
    assert len(found) == 1 and re.fullmatch("[0-9a-f]{16}", *found)
    return found.pop()


def expected(name, hash_of_all):
    content = (WWW / name).read_bytes()
    return content.replace(b"/assets/", b"/assets/%s/" % hash_of_all.encode()) if suffix(name) in (".html", ".webmanifest") else content


# Files

@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_the_same_in_each_coding(stack, hash_of_all, name):
    target, etags = f"/assets/{hash_of_all}/{name}", {}
    plain = ask(stack, target)
    for coding in ("identity", "gzip", "br"):
        answer = ask(stack, target, accept_encoding=coding)
        assert (answer.status, decoded(answer)) == (200, expected(name, hash_of_all))
        used = answer.headers.get("content-encoding", "identity")
        assert used in ("identity", coding)
        assert used == "identity" or len(answer.body) < len(plain.body)
        assert answer.headers["content-type"] == TYPES[suffix(name)]
        assert answer.headers["cache-control"] == FOR_EVER
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.fullmatch('"[0-9a-f]{16}"', answer.headers["etag"])
        etags[used] = answer.headers["etag"]
        head = ask(stack, target, "HEAD", accept_encoding=coding)
        assert head.body == b""
        assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}
        vary = answer.headers["vary"].split(", ")
        assert vary in (["Origin", "Accept-Encoding"], ["Origin"])
    assert len(set(etags.values())) == len(etags), "each representation has its own"
    assert (len(etags) > 1) == (vary != ["Origin"])
    if suffix(name) in (".png", ".jpg", ".woff2"):
        assert list(etags) == ["identity"]
    elif len(plain.body) > 1000:
        assert len(etags) == 3


def test_every_address_without_the_hash_of_this_program_is_revalidated(stack, hash_of_all):
    """A stable address, and that of another version, whose page asks this gateway during an upgrade."""
    for name in NAMES:
        fixed = ask(stack, f"/assets/{hash_of_all}/{name}", accept_encoding="br")
        for target in (f"/assets/{name}", f"/assets/{ANOTHER_HASH}/{name}"):
            answer = ask(stack, target, accept_encoding="br")
            assert (answer.status, answer.body, answer.headers["etag"]) == (200, fixed.body, fixed.headers["etag"])
            assert answer.headers["cache-control"] == "no-cache"


def test_the_client_comes_compressed_in_few_bytes(stack, capsys):
    """With the modules that it shares with others, without pictures."""
    names = [name for name in NAMES if suffix(name) not in (".png", ".jpg", ".ico")
             and name.startswith(("client/", "messenger-", "favicon"))]
    size = sum(len(ask(stack, f"/assets/{name}", accept_encoding="br").body) for name in names)
    with capsys.disabled():
        print(f"\nthe web client: {len(names)} files, {size} bytes in brotli")
    assert size <= CLIENT_BYTES_MAX


TRICKS = ["/assets", "/assets/", "/assets/nothing.js", "/assets//client/main.js", "//assets/client/main.js", "/assets/client",
          "/assets/client/", "/assets/client//index.html", "/assets/../gateway/www/example.js", "/assets/../../../etc/passwd",
          "/assets/%2e%2e/assets/example.js", "/assets/%65xample.js", "/assets/./example.js", "/assets/client/../example.js",
          "/assets/example.js/", "/assets/example.js%00", "/assets/Example.js", "/assets/example.js.br", "/assets/example.js.gz",
          "/assets/client%2findex.html", "/assets/{hash}", "/assets/{hash}/", "/assets/{hash}//example.js", "/assets/{hash}/{hash}/example.js",
          "/assets/{hash}/" + ANOTHER_HASH + "/example.js", "/assets/{hash}/../example.js", "/assets/{hash}0/example.js",
          "/assets/0123456789ABCDEF/example.js", "/assets/0123456789abcde/example.js", "/assets/" + 7000 * "a", "/assets/{hash}/" + 7000 * "a/",
          "/sw.js/", "/sw.js/a", "/manifest.webmanifest/", "/index.html", "/client/index.html"]


@pytest.mark.parametrize("target", TRICKS, ids=[target[:60] for target in TRICKS])
def test_what_is_no_file_is_not_found(stack, hash_of_all, target):
    answer = ask(stack, target.replace("{hash}", hash_of_all)[:8000], if_none_match="*", accept_encoding="br")
    assert answer.status == 404
    assert "etag" not in answer.headers and "cache-control" not in answer.headers and "content-encoding" not in answer.headers


def test_a_query_does_not_change_the_file(stack):
    assert ask(stack, "/sw.js?version=1").body == ask(stack, "/sw.js").body


# Codings; the unit test of accept_encoding has the rest

@pytest.mark.parametrize("accepted, coding", {
    None: None, "": None, "br": "br", "gzip": "gzip", "gzip, deflate, br, zstd": "br", "gzip;q=1, br;q=0.5": "gzip", "*": "br",
    "br;q=0, *": "gzip", "identity;q=1, gzip;q=0.5": None, "identity;q=0": None, "*;q=0": None, "zstd": None, "GZIP": "gzip",
    "gzip\r\nAccept-Encoding: br": "br", "br\r\naccept-encoding: gzip;q=0": "br"}.items())
def test_the_coding_is_what_the_client_prefers(stack, accepted, coding):
    answer = ask(stack, "/example", **({} if accepted is None else {"accept_encoding": accepted}))
    assert (answer.status, answer.headers.get("content-encoding")) == (200, coding)


def test_on_what_an_answer_depends_is_in_one_field(stack):
    with Connection(stack.ports[0]) as connection:
        connection.send(request_bytes("GET", "/example"))
        assert connection.wait_end()
    received = bytes(connection.received)
    assert received.count(b"\r\nVary: Origin, Accept-Encoding\r\n") == received.lower().count(b"\r\nvary:") == 1


# Conditions

def conditions(etag):
    """If-None-Match -> whether it matches."""
    return {etag: True, f"W/{etag}": True, f'"a", {etag}': True, f'"a,b",{etag},': True, "*": True, f'"a"\r\nIf-None-Match: {etag}': True,
            '"a"': False, 'W/"a"': False, etag.strip('"'): False, f"w/{etag}": False, "": False, f'a, {etag}': False}


@pytest.mark.parametrize("target", ["/", "/example", "/sw.js", "/manifest.webmanifest", "/favicon.ico", "/assets/example.js",
                                    f"/assets/{ANOTHER_HASH}/example.css", "/assets/default.jpg", "/img/default.jpg", "fixed", "uploaded"])
def test_what_the_client_has_is_not_sent_again(stack, alice, hash_of_all, target):
    if target == "fixed":
        target = f"/assets/{hash_of_all}/example.js"
    elif target == "uploaded":
        target = "/img/" + uploaded_name(upload(stack.url(), alice.token, images.png(8, 8)))
    whole = ask(stack, target, accept_encoding="br")
    same = {name: whole.headers[name] for name in whole.headers if name not in ("content-length", "content-type", "content-encoding", "date")}
    for method in ("GET", "HEAD"):
        for condition, matches in conditions(whole.headers["etag"]).items():
            answer = ask(stack, target, method, accept_encoding="br", if_none_match=condition)
            assert answer.status == (304 if matches else 200), condition
            if matches:
                assert answer.body == b"" and {**answer.headers, "date": ""} == {**same, "date": ""}
    modified = ask(stack, target, if_modified_since="Sat, 01 Jan 2033 00:00:00 GMT")
    assert modified.status == 200, "there are no dates"


def test_the_tag_of_another_coding_is_another_one(stack):
    of = {coding: ask(stack, "/example", accept_encoding=coding).headers["etag"] for coding in ("br", "gzip", "identity")}
    for has in of:
        for wants in of:
            answer = ask(stack, "/example", accept_encoding=wants, if_none_match=of[has])
            assert answer.status == (304 if has == wants else 200)


def test_if_match_is_answered_when_it_names_what_is_there(stack):
    etag = ask(stack, "/sw.js").headers["etag"]
    for condition, status in {etag: 200, "*": 200, f'"a", {etag}': 200, '"a"': 412, f"W/{etag}": 412, "": 412}.items():
        answer = ask(stack, "/sw.js", if_match=condition)
        assert answer.status == status, condition
        if status == 412:
            assert b'"PreconditionFailedError"' in answer.body and "cache-control" not in answer.headers
    assert ask(stack, "/sw.js", if_match='"a"', if_none_match=etag).status == 412, "RFC 9110 13.2.2"


def test_the_connection_goes_on_after_what_was_not_sent(stack):
    etag = ask(stack, "/").headers["etag"]
    ahead = f"GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: {etag}\r\n\r\n".encode()
    with Connection(stack.ports[0]) as connection:
        connection.send(2 * ahead + request_bytes("GET", "/healthz"))
        assert connection.wait_end()
    assert re.findall(rb"HTTP/1\.1 (\d+) ([^\r]+)\r\n", connection.received) == 2 * [(b"304", b"Not Modified")] + [(b"200", b"OK")]


# Pages

@pytest.mark.parametrize("target, name", OWN_ADDRESSES.items())
def test_what_has_an_address_of_its_own(stack, hash_of_all, target, name):
    answer = ask(stack, target)
    assert (answer.status, answer.body) == (200, expected(name, hash_of_all))
    assert answer.headers["content-type"] == TYPES[suffix(name)]
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["etag"] == ask(stack, f"/assets/{name}").headers["etag"]
    assert ask(stack, target, "POST").status == 405


EVERY_POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "form-action": "'none'",
                "frame-ancestors": "'none'", "base-uri": "'none'", "require-trusted-types-for": "'script'"}
CLIENT_POLICY = {**EVERY_POLICY, "img-src": "'self' data: blob:", "connect-src": "'self'", "manifest-src": "'self'",
                 "worker-src": "'self'", "trusted-types": "messenger-worker"}
EXAMPLE_POLICY = {**EVERY_POLICY, "img-src": "'self' blob:", "connect-src": "'self' ws: wss:", "trusted-types": "'none'"}


@pytest.mark.parametrize("target, policy", {
    "/": CLIENT_POLICY, "/assets/client/index.html": CLIENT_POLICY, "/example": EXAMPLE_POLICY,
    "/assets/example.html": EXAMPLE_POLICY, f"/assets/{ANOTHER_HASH}/example.html": EXAMPLE_POLICY}.items())
def test_a_page_comes_with_its_policy_wherever_it_is(stack, target, policy):
    """In the answer without a body, too: a cache replaces the headers that it has by those."""
    whole = ask(stack, target)
    for answer in (whole, ask(stack, target, if_none_match=whole.headers["etag"])):
        assert dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")) == policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"


class Page(html.parser.HTMLParser):
    """What a page refers to, and what its policy would refuse."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.refused = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes and not attributes[name].startswith("#")]
        self.refused += [(tag, name) for name in attributes if name in ("style", "srcdoc", "action") or name.startswith("on")]
        if tag in ("style", "base") or tag == "script" and "src" not in attributes:
            self.refused.append((tag, ""))


@pytest.mark.parametrize("target", ["/", "/example"])
def test_a_page_names_only_what_is_served_and_below_the_hash(stack, hash_of_all, target):
    page = Page(ask(stack, target).body.decode())
    assert len(page.addresses) > 3 and page.refused == []
    for address in page.addresses:
        answer = ask(stack, address)
        assert answer.status == 200, address
        if address not in ("/manifest.webmanifest", "/img/default.jpg"):
            assert address.startswith(f"/assets/{hash_of_all}/") and answer.headers["cache-control"] == FOR_EVER


def test_the_manifest_names_only_what_is_served(stack):
    manifest = requests.get(stack.url(path="/manifest.webmanifest"), timeout=10).json()
    addresses = [manifest["start_url"], *(icon["src"] for icon in manifest["icons"])]
    for address in addresses:
        assert ask(stack, address).status == 200, address


def references(name):
    """What a module imports or a style sheet shows, as names below gateway/www."""
    text = (WWW / name).read_text()
    if suffix(name) == ".css":
        found = re.findall(r"url\(['\"]?([^'\")]+)", text)
    else:
        found = re.findall(r"""(?:^|\s)(?:from|import)\s*\(?\s*["'](\.[^"']*)["']""", text)
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), address)) for address in found if not address.startswith("data:")]


@pytest.mark.parametrize("name", [name for name in NAMES if suffix(name) in (".js", ".mjs", ".css")])
def test_what_a_file_refers_to_is_there(name):
    """Relatively, so that it stays below the hash."""
    assert [other for other in references(name) if other not in NAMES] == []
    text = (WWW / name).read_text()
    assert not re.search(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](?:/|https?:)""", text)


SINKS = (r"\.(innerHTML|outerHTML|srcdoc)\s*\+?=|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|"
         r"new Function\b|set(Timeout|Interval)\(\s*[\"'`]|setAttribute\(\s*[\"'](style|on\w+)[\"']|javascript:")


@pytest.mark.parametrize("name", [name for name in NAMES if suffix(name) in (".js", ".mjs")])
def test_a_script_makes_no_markup_and_no_code_from_text(name):
    assert re.search(SINKS, (WWW / name).read_text()) is None
