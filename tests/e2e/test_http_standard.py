"""HTTP/1.1 by RFC 9112 and RFC 9110: what two readers could understand differently is refused with an error, and the
connection closed; what the standard allows works."""

import email.utils
import json
import re
import time

import pytest
import requests

from support.client import auth_cookie
from support.raw import Connection, HttpAnswer, http

pytestmark = pytest.mark.usefixtures("witness")

BODY = b'{"user":{"email":"nobody@example.com","password":"password"}}'
SECOND = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def get(*lines, target="/healthz", version="HTTP/1.1", host="Host: a", method="GET"):
    head = [f"{method} {target} {version}", *([host] if host else []), *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"


def post(*lines, body=BODY, target="/login"):
    head = [f"POST {target} HTTP/1.1", "Host: a", "Content-Type: application/json", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def chunks(*pieces, trailer=b"", extension=b""):
    return b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"


def answers(stack, data):
    """All answers on one connection, which the server must close."""
    with Connection(stack.ports[0]) as connection:
        connection.send(data)
        assert connection.wait_end(), "the connection stays open"
        rest, found = bytes(connection.received), []
    while rest:
        answer = HttpAnswer(rest)
        length = int(answer.headers.get("content-length", 0))
        found.append(answer)
        rest = answer.body[length:]
        answer.body = answer.body[:length]
    return found


def assert_refused(stack, data, *statuses):
    """One answer, an error, although a request follows; then the connection is closed."""
    found = answers(stack, data + SECOND)
    assert [answer.status for answer in found] in [[status] for status in statuses or (400,)], found[0].body
    assert found[0].headers["connection"] == "close"
    assert set(json.loads(found[0].body)["Error"]) == {"name", "message"}


# The length of the body

LENGTHS = {
    "two different": ("Content-Length: 61", "Content-Length: 5"), "two different, short first": (
        "Content-Length: 5", "Content-Length: 61"),
    "the same twice": ("Content-Length: 61", "Content-Length: 61"), "a list": ("Content-Length: 61, 61",),
    "a list of two": ("Content-Length: 5, 61",), "plus": ("Content-Length: +61",), "minus": ("Content-Length: -61",),
    "minus one": ("Content-Length: -1",), "hexadecimal": ("Content-Length: 0x3d",), "empty": ("Content-Length:",),
    "a point": ("Content-Length: 61.0",), "an exponent": ("Content-Length: 6e1",), "a space inside": ("Content-Length: 6 1",),
    "a word": ("Content-Length: many",), "a semicolon": ("Content-Length: 61;",), "quoted": ('Content-Length: "61"',),
    "2^63": ("Content-Length: 9223372036854775808",), "2^64 and some": ("Content-Length: 18446744073709551677",),
    "23 digits": ("Content-Length: 99999999999999999999999",), "with chunked": (
        "Content-Length: 61", "Transfer-Encoding: chunked"),
    "chunked and then it": ("Transfer-Encoding: chunked", "Content-Length: 61"),
    "chunked and zero": ("Transfer-Encoding: chunked", "Content-Length: 0"),
}


@pytest.mark.parametrize("lines", LENGTHS.values(), ids=LENGTHS.keys())
def test_a_length_in_doubt(stack, lines):
    """Whichever of the lengths, or the coding, would fit the body."""
    assert_refused(stack, post(*lines))
    assert_refused(stack, post(*lines, body=chunks(BODY)))


CODINGS = {"gzip": 501, "identity": 501, "gzip, chunked": 501, "deflate,chunked": 501, "xchunked": 501, "chunkedd": 501,
           "chunked, gzip": 400, "chunked, chunked": 400, "chunked,": 400, "chunked;q=1": 400, "": 400, "\"chunked\"": 400,
           "chunked, identity": 400, ",chunked": 400, "chunk ed": 501}


@pytest.mark.parametrize("coding, status", CODINGS.items(), ids=[coding or "empty" for coding in CODINGS])
def test_a_transfer_coding_that_is_not_chunked(stack, coding, status):
    assert_refused(stack, post("Transfer-Encoding: " + coding, body=chunks(BODY)), status)


def test_two_transfer_codings(stack):
    for pair in (("chunked", "chunked"), ("identity", "chunked"), ("chunked", "identity")):
        assert_refused(stack, post(*("Transfer-Encoding: " + one for one in pair), body=chunks(BODY)))


def test_a_transfer_coding_of_http_1_0(stack):
    assert_refused(stack, post("Transfer-Encoding: chunked", body=chunks(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0"))


# Lines

LINES = {
    "folded with a space": get("A: b", " c: d"), "folded with a tab": get("A: b", "\tc"),
    "folded at the first": b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n", "space before the colon": get("A : b"),
    "tab before the colon": get("A\t: b"), "space before the colon of a length": post("Content-Length : 61"),
    "no name": get(": b"), "no colon": get("Ab"), "space in a name": get("A b: c"), "parentheses in a name": get("A(): b"),
    "a name beyond ASCII": get("\xe4: b"), "bare LF in the header": b"GET /healthz HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
    "bare LF after the request line": b"GET /healthz HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF everywhere": b"GET /healthz HTTP/1.1\nHost: a\n\n", "bare LF at the end": b"GET /healthz HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR in a value": get("A: b\rc"), "bare CR before CR LF": b"GET /healthz HTTP/1.1\r\r\nHost: a\r\n\r\n",
    "bare CR as a line end": b"GET /healthz HTTP/1.1\rHost: a\r\n\r\n", "NUL in a value": get("A: b\0c"),
    "NUL in a name": get("A\0: b"), "NUL in the target": get(target="/healthz\0"), "escape in a value": get("A: \x1b[1m"),
    "DEL in a value": get("A: \x7f"), "bell in a value": get("A: \x07"), "vertical tab in a value": get("A: b\x0bc"),
    "space at the start": b" " + get(), "tab at the start": b"\t" + get(), "two empty lines at the start": b"\r\n\r\n" + get(),
    "LF at the start": b"\n" + get(), "two spaces": get().replace(b" /", b"  /"), "two spaces before the version": get().replace(
        b" HTTP", b"  HTTP"), "tab between": get().replace(b"GET ", b"GET\t"), "space behind the version": get(
        version="HTTP/1.1 "), "a fourth word": get(version="HTTP/1.1 x"), "only a method": b"GET\r\nHost: a\r\n\r\n",
    "no version": b"GET /healthz\r\nHost: a\r\n\r\n", "no target": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "method with a colon": get(method="GE:T"), "method with a slash": get(method="G/T"), "method beyond ASCII": get(method="G\xc4T"),
}


@pytest.mark.parametrize("data", LINES.values(), ids=LINES.keys())
def test_a_line_in_doubt(stack, data):
    assert_refused(stack, data)


VERSIONS = {"HTTP/2.0": 505, "HTTP/9.9": 505, "HTTP/0.9": 505, "HTTP/1.10": 400, "HTTP/11": 400, "HTTP/1.": 400, "HTTP/1": 400,
            "http/1.1": 400, "HTTP/1.x": 400, "HTTPS/1.1": 400, "HTTP /1.1": 400, "HTTP/ 1.1": 400, "HTTP/-1.1": 400, "HTCPCP/1.0": 400}


@pytest.mark.parametrize("version, status", VERSIONS.items(), ids=VERSIONS.keys())
def test_a_version_that_is_not_ours(stack, version, status):
    assert_refused(stack, get(version=version), status)


def test_too_long(stack):
    assert_refused(stack, get(target="/" + "a" * 9000), 414)
    assert_refused(stack, get("A: " + "b" * 9000), 431)
    assert_refused(stack, get(*["A: b"] * 100), 431)
    assert_refused(stack, get(*[f"A{number}: {'b' * 100}" for number in range(100)]), 431)


def test_bytes_above_ascii_in_a_value_are_data(stack):
    assert answers(stack, get("A: gr\xc3\xbc\xc3\x9f", "B:", "C: \t x \t", "Connection: close"))[0].status == 200


def test_one_empty_line_before_a_request_is_skipped(stack):
    assert [answer.status for answer in answers(stack, b"\r\n" + get() + b"\r\n" + SECOND)] == [200, 200]


# Host and target

HOSTS = {"none": None, "two": "Host: a\r\nHost: b", "the same twice": "Host: a\r\nHost: a", "two in other case": "Host: a\r\nhOST: b",
         "empty": "Host:", "a list": "Host: a, b", "a list without a space": "Host: a,b", "a space inside": "Host: a b",
         "a user": "Host: u@a", "a path": "Host: a/b", "a scheme": "Host: http://a", "a port of words": "Host: a:http",
         "a port too high": "Host: a:65536", "a negative port": "Host: a:-1", "two ports": "Host: a:1:2", "only a port": "Host: :80",
         "IPv6 without brackets": "Host: ::1", "half a bracket": "Host: [::1", "words in brackets": "Host: [a]", "empty brackets": "Host: []",
         "a query": "Host: a?b", "a fragment": "Host: a#b", "a backslash": "Host: a\\b", "beyond ASCII": "Host: \xe4"}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS.keys())
def test_a_host_in_doubt(stack, host):
    assert_refused(stack, get(host=host))


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "EXAMPLE.com.", "[::1]", "[2001:db8::1]:443", "a_b",
                                  "xn--bcher-kva.example", "a:"])
def test_a_host_as_it_may_be(stack, host):
    assert [answer.status for answer in answers(stack, get(host="Host: " + host) + SECOND)] == [200, 200]


def test_http_1_0_needs_no_host(stack):
    assert answers(stack, get(version="HTTP/1.0", host=None))[0].status == 200
    assert_refused(stack, get(version="HTTP/1.0", host="Host: a\r\nHost: b"))


TARGETS = ["healthz", "/a b", "/a#b", "/a%", "/a%2", "/a%zz", "/\xe4", '/"', "/<a>", "/{a}", "/a\\b", "/a|b", "/a^b", "/`", "*", "a:80",
           "http:/healthz", "http://", "http:///healthz", "http://a b/healthz", "http://u@a/healthz", "http://a#/healthz", "ftp://a/healthz",
           "http://b/healthz", "http://a:8000/healthz", "http://a.b/healthz", "http://[::1]/healthz", "https://a/healthz", "?a=b", ""]


@pytest.mark.parametrize("target", TARGETS, ids=[target or "empty" for target in TARGETS])
def test_a_target_in_doubt(stack, target):
    """Also an absolute one whose host is not that of Host."""
    assert_refused(stack, get(target=target))


@pytest.mark.parametrize("target", ["/healthz", "/healthz?", "/healthz?a=b&c=%20/?", "http://a/healthz", "HTTP://A:80/healthz", "http://a:/healthz?b"])
def test_a_target_as_it_may_be(stack, target):
    assert [answer.status for answer in answers(stack, get(target=target) + SECOND)] == [200, 200]


def test_an_absolute_target_without_a_path_is_the_root(stack):
    for target in ("http://a", "http://a?b=c"):
        answer = answers(stack, get("Connection: close", target=target))[0]
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_options_of_the_server_and_of_a_path(stack):
    for target, methods in (("*", {"OPTIONS", "GET", "HEAD", "POST"}), ("/login", {"OPTIONS", "POST"}), ("/exit", {"OPTIONS", "GET", "POST"})):
        first, second = answers(stack, get(target=target, method="OPTIONS") + SECOND)
        assert (first.status, second.status) == (204, 200)
        assert set(first.headers["allow"].replace(" ", "").split(",")) == methods
        assert "content-length" not in first.headers and first.body == b"", "RFC 9110 8.6"
    assert_refused(stack, get(target="*", method="GET"))


# Chunked bodies

def test_a_chunked_body(stack):
    pieces = [BODY[:1], BODY[1:20], BODY[20:]]
    bodies = [chunks(BODY), chunks(*pieces), chunks(*pieces, trailer=b"A: b\r\nC:\r\n"), chunks(*pieces, extension=b";a"),
              chunks(*pieces, extension=b" ; a=b;c=\"d;\\\"e\""), chunks(BODY).replace(b"3d\r\n", b"0003D\r\n", 1),
              chunks(*(bytes([byte]) for byte in BODY)), chunks(BODY, trailer=b"Content-Length: 3\r\nTransfer-Encoding: gzip\r\n"),
              chunks(BODY, trailer=b"Host: b\r\nCookie: auth=x\r\n")]
    for body in bodies:
        found = answers(stack, post("Transfer-Encoding: chunked", body=body) + SECOND)
        assert [answer.status for answer in found] == [401, 200], body


@pytest.mark.parametrize("target", ["/nope", "/healthz", "/exit"])
def test_a_request_behind_a_body_that_nobody_reads(stack, target):
    for method in ("GET", "POST", "DELETE"):
        for request in (post("Content-Length: 61", target=target),
                        post("Transfer-Encoding: CHUNKED", body=chunks(BODY, trailer=b"A: b\r\n"), target=target)):
            assert [answer.status for answer in answers(stack, request.replace(b"POST", method.encode()) + SECOND)][-1:] == [200]


def test_a_request_in_pieces_of_one_byte(stack):
    for data in (post("Content-Length: 61") + SECOND,
                 post("Transfer-Encoding: chunked", body=chunks(BODY[:7], BODY[7:], trailer=b"A: b\r\n", extension=b";x=y")) + SECOND):
        with Connection(stack.ports[0]) as connection:
            for byte in data:
                connection.send(bytes([byte]))
            assert connection.wait_end()
            assert re.findall(rb"HTTP/1\.1 (\d+) ", connection.received) == [b"401", b"200"]


CHUNKS = {
    "no digit": b"\r\n", "a letter": b"g\r\n", "minus": b"-1\r\n", "plus": b"+1\r\nx\r\n0\r\n\r\n", "0x": b"0x1\r\nx\r\n0\r\n\r\n",
    "a space before": b" 1\r\nx\r\n0\r\n\r\n", "a space behind": b"1 \r\nx\r\n0\r\n\r\n", "a tab behind": b"1\t\r\nx\r\n0\r\n\r\n",
    "bare LF behind the size": b"1\nx\r\n0\r\n\r\n", "bare LF behind the data": b"1\r\nx\n0\r\n\r\n", "bare LF behind the last": b"0\n\r\n",
    "bare LF at the end": b"0\r\n\n", "bare CR behind the size": b"1\rx\r\n0\r\n\r\n", "longer than said": b"1\r\nxy\r\n0\r\n\r\n",
    "bare CR in an extension": b"1;a\rb\r\nx\r\n0\r\n\r\n", "bare LF in an extension": b"1;a\nb\r\nx\r\n0\r\n\r\n", "NUL in an extension": b"1;\0\r\n",
    "CR in a quoted extension": b'1;a="\r\n"\r\nx\r\n0\r\n\r\n', "no line between": b"1\r\nx1\r\nx\r\n0\r\n\r\n",
    "2^64 and one": b"10000000000000001\r\nx\r\n0\r\n\r\n", "2^63": b"8000000000000000\r\n", "many digits": b"f" * 100 + b"\r\n",
    "trailer without a colon": b"0\r\nA\r\n\r\n", "folded trailer": b"0\r\nA: b\r\n c\r\n\r\n", "space in a trailer's name": b"0\r\nA : b\r\n\r\n",
    "NUL in a trailer": b"0\r\nA: \0\r\n\r\n", "bare LF in a trailer": b"0\r\nA: b\n\r\n", "an endless extension": b"1;" + b"a" * 100000,
    "an endless trailer": b"0\r\nA: " + b"b" * 100000,
}


@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_malformed_chunk(stack, body):
    found = answers(stack, post("Transfer-Encoding: chunked", body=body) + SECOND)
    assert [answer.status for answer in found] in ([400], [413]) and found[0].headers["connection"] == "close"


def test_a_chunked_body_over_the_limit(stack):
    for body in (chunks(b" " * 65537), chunks(*[b" " * 1000] * 66), b"100000\r\n", b"ffffffff\r\n"):
        assert_refused(stack, post("Transfer-Encoding: chunked", body=body), 413)
    assert answers(stack, post("Transfer-Encoding: chunked", body=chunks(BODY.ljust(65536))) + SECOND)[0].status == 401


# Answers

def test_a_client_that_waits_for_100_gets_it_or_the_refusal(stack):
    with Connection(stack.ports[0]) as connection:
        connection.send(post("Content-Length: 61", "Expect: 100-continue", body=b""))
        while b"\r\n\r\n" not in connection.received:
            assert connection.read_more(10)
        assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(BODY + SECOND)
        assert connection.wait_end() and b"HTTP/1.1 401 " in connection.received
    refused = post("Content-Length: 65537", "Expect: 100-continue", body=b"")
    assert http(stack.ports[0], refused).status == 413


def test_every_answer_has_a_date(stack, alice):
    requests_of_all_kinds = [get(), get(target="/nope"), get(method="OPTIONS"), get(target="*"), post(), post("Content-Length: 61"),
                             get(target="/readyz"), get(target="/img/default.jpg"), get(target="/"), get(method="PUT"), get(host=None)]
    for data in requests_of_all_kinds:
        for answer in answers(stack, data + SECOND):
            moment = email.utils.parsedate_to_datetime(answer.headers["date"])
            assert answer.headers["date"].endswith(" GMT") and abs(moment.timestamp() - time.time()) < 60


def test_head_is_like_get_without_a_body(stack):
    for target in ("/healthz", "/example", "/img/default.jpg", "/nope"):
        plain = {"Accept-Encoding": "identity"}  # or the length is not that of what requests has decoded
        whole = requests.get(stack.url(path=target), headers=plain)
        answer = requests.head(stack.url(path=target), headers=plain)
        assert (answer.status_code, answer.headers["Content-Length"]) == (whole.status_code, str(len(whole.content)))


def test_many_requests_in_one_packet_are_answered_in_order(stack, alice):
    cookie = "Cookie: auth=" + alice.token
    targets = ["/healthz", "/readyz", "/nope", "/img/default.jpg", "/example", "/"] * 20
    found = answers(stack, b"".join(get(cookie, target=target) for target in targets) + SECOND)
    expected = {"/healthz": 200, "/readyz": 200, "/nope": 404, "/img/default.jpg": 200, "/example": 200, "/": 200}
    assert [answer.status for answer in found] == [expected[target] for target in targets] + [200]


# Log out

def is_logged_in(stack, user):
    try:
        with user.socket() as socket:
            return socket.call("getSelfInfo")["tag"] == user.tag
    except AssertionError:
        return False


FOREIGN = {"a foreign page": {"Origin": "http://evil.test"}, "a foreign port": {"Origin": "http://client.test:3001"},
           "another scheme": {"Origin": "https://client.test:3000"}, "a sandboxed page": {"Origin": "null"},
           "a link or picture": {"Sec-Fetch-Site": "cross-site"}, "a link in other case": {"sec-fetch-site": "Cross-Site"},
           "a name that begins alike": {"Origin": "http://client.test:3000.evil.test"}}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_page_cannot_log_a_user_out(stack, alice, headers):
    for method in ("GET", "POST"):
        answer = requests.request(method, stack.url(path="/exit"), headers={**auth_cookie(alice.token), **headers})
        assert answer.status_code == 403 and "Set-Cookie" not in answer.headers
    assert is_logged_in(stack, alice)


def test_head_logs_nobody_out(stack, alice):
    answer = requests.head(stack.url(path="/exit"), headers=auth_cookie(alice.token))
    assert answer.status_code < 500 and "Set-Cookie" not in answer.headers
    requests.options(stack.url(path="/exit"), headers=auth_cookie(alice.token))
    assert is_logged_in(stack, alice)


OWN = {"no browser": {}, "the same origin": {"Sec-Fetch-Site": "same-origin"}, "the same site": {"Sec-Fetch-Site": "same-site"},
       "typed": {"Sec-Fetch-Site": "none"}, "the client's page": {"Origin": "http://client.test:3000"},
       "the client's page from afar": {"Origin": "http://client.test:3000", "Sec-Fetch-Site": "cross-site"}}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("headers", OWN.values(), ids=OWN.keys())
def test_one_logs_out_oneself(stack, crowd, method, headers):
    user = crowd.user(stack)
    answer = requests.request(method, stack.url(path="/exit"), headers={**auth_cookie(user.token), **headers})
    assert answer.status_code == 200 and "Max-Age=0" in answer.headers["Set-Cookie"]
    assert not is_logged_in(stack, user)
