"""Requests and tokens that are wrong: the answer the contract names, and nothing leaks."""

import base64
import hmac
import json
import time

import jwt
import pytest
import requests

from support.bad_json import DOCUMENTS, INJECTIONS, NOT_UTF8, VALUES, nested
from support.client import (
    NO_AUTH_REASON, Socket, auth_cookie, bearer, error_name, login, signup, unique, upload)
from support.images import png
from support.raw import Connection, http, request_bytes

pytestmark = pytest.mark.usefixtures("witness")

JSON = {"Content-Type": "application/json"}
BODY_LIMIT = 64 * 1024
MIB = 1 << 20


def post(stack, path, body, headers=JSON):
    """Posts these very bytes; the answer, whose body must have the shape of an error."""
    data = body.encode() if isinstance(body, str) else body
    return http(stack.ports[0], request_bytes("POST", path, data, headers))


def assert_error(answer, status, *names):
    assert answer is not None, "no answer"
    assert answer.status == status, answer.body
    error = json.loads(answer.body)["Error"]
    assert set(error) == {"name", "message"}
    assert not names or error["name"] in names, error


# Bodies that are not JSON

@pytest.mark.parametrize("path", ["/signup", "/login"])
@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_body_that_is_not_json(stack, path, text):
    assert_error(post(stack, path, text), 400, "ParseError")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_value_that_is_not_json(stack, value):
    body = '{"user":{"email":"a@b.c","password":"password"},"extra":%s}' % value
    assert_error(post(stack, "/login", body), 400, "ParseError")


@pytest.mark.parametrize("data", NOT_UTF8.values(), ids=NOT_UTF8.keys())
def test_body_that_is_not_utf8(stack, data):
    body = b'{"user":{"email":"a@b.c","password":"password%s"}}' % data
    assert_error(post(stack, "/login", body), 400, "ParseError")


def test_no_body(stack):
    for path in ("/signup", "/login"):
        assert_error(post(stack, path, b""), 400)


def test_thirty_two_levels_are_still_json(stack):
    assert_error(post(stack, "/login", '{"user":%s}' % nested(31)), 400, "NoAuthDataProvidedError")
    assert_error(post(stack, "/login", '{"user":%s}' % nested(32)), 400, "ParseError")


# JSON of the wrong shape

SHAPES = {"number": "1", "string": '"user"', "null": "null", "array": "[]", "array of a user": '[{"user":{}}]',
          "user is null": '{"user":null}', "user is a number": '{"user":1}', "user is a string": '{"user":"a"}',
          "user is an array": '{"user":[]}', "user is true": '{"user":true}'}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_json_without_a_user(stack, text):
    assert_error(post(stack, "/signup", text), 400, "NoSignUpDataProvidedError", "ParseError")
    assert_error(post(stack, "/login", text), 400, "NoAuthDataProvidedError", "ParseError")


WRONG = {"number": 1, "true": True, "null": None, "array": ["a"], "object": {"$gt": ""}}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("field", ["tag", "firstName", "lastName", "email", "password"])
def test_sign_up_with_a_field_of_the_wrong_type(stack, field, value):
    name = unique()
    user = {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password", field: value}
    response = signup(stack.url(), user)
    assert response.status_code == 400
    assert error_name(response) in ("IncorrectDataError", "NoSignUpDataProvidedError")


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("field", ["email", "password"])
def test_log_in_with_a_field_of_the_wrong_type(stack, alice, field, value):
    user = {"email": alice.email, "password": alice.password, field: value}
    response = login(stack.url(), user["email"], user["password"])
    assert response.status_code == 400
    assert error_name(response) == "NoAuthDataProvidedError"


@pytest.mark.parametrize("word", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_injections_are_just_text(stack, alice, word):
    for email, password in ((word, "password"), (alice.email, word), (word + alice.email, word)):
        assert login(stack.url(), email, password).status_code == 401
    name = unique()
    user = {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password"}
    for field in ("tag", "firstName", "lastName"):
        response = signup(stack.url(), {**user, field: word})
        assert response.status_code == 400 and error_name(response) == "IncorrectDataError"
    user["email"] = name + "".join(word.split()).replace("@", "") + "@example.com"
    user["password"] = "long enough " + "".join(character for character in word if character.isprintable())
    assert signup(stack.url(), user).status_code == 200
    assert login(stack.url(), user["email"], user["password"]).status_code == 200


# Sizes

def padded_login(size):
    return b'{"user":{"email":"nobody@example.com","password":"password"}}'.ljust(size)


def test_body_at_the_limit(stack):
    assert_error(post(stack, "/login", padded_login(BODY_LIMIT)), 401, "AuthError")


@pytest.mark.parametrize("body", [padded_login(BODY_LIMIT + 1), b"[" * MIB, b"[" * (20 * MIB)],
                         ids=["one byte more", "a megabyte of brackets", "20 megabytes of brackets"])
@pytest.mark.parametrize("path", ["/signup", "/login"])
def test_body_over_the_limit(stack, path, body):
    assert_error(post(stack, path, body), 413)


@pytest.mark.parametrize("path", ["/signup", "/login", "/upload-image"])
def test_a_huge_content_length(stack, alice, path):
    """Refused before it is sent."""
    kind = "multipart/form-data; boundary=border" if path == "/upload-image" else "application/json"
    headers = {"Content-Type": kind, "Content-Length": 1 << 30, **auth_cookie(alice.token)}
    assert_error(http(stack.ports[0], request_bytes("POST", path, b"{", headers), 10), 413)


# Methods, types, paths

METHODS = [("GET", "/signup"), ("GET", "/login"), ("PUT", "/login"), ("DELETE", "/signup"), ("PATCH", "/login"),
           ("GET", "/upload-image"), ("PUT", "/upload-image"), ("POST", "/img/default.jpg"),
           ("DELETE", "/img/default.jpg"), ("PUT", "/img/default.jpg"), ("POST", "/"), ("DELETE", "/"),
           ("POST", "/example"), ("POST", "/healthz"), ("POST", "/readyz"), ("PUT", "/exit"),
           ("PROPFIND", "/"), ("MKCOL", "/img/x")]


@pytest.mark.parametrize("method, path", METHODS, ids=[" ".join(pair) for pair in METHODS])
def test_wrong_method(stack, method, path):
    response = requests.request(method, stack.url(path=path))
    assert response.status_code in (404, 405)
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["/nope", "/signup/", "/login/x", "/index.php", "/.git/config", "/data/users.db",
                                  "/config.json", "/img", "/LOGIN"])
def test_unknown_path(stack, path):
    assert requests.get(stack.url(path=path), allow_redirects=False).status_code in (404, 405)


KINDS = {"none": {}, "text": {"Content-Type": "text/plain"}, "form": {
    "Content-Type": "application/x-www-form-urlencoded"}, "multipart": {
    "Content-Type": "multipart/form-data; boundary=border"}, "XML": {"Content-Type": "application/xml"},
    "nonsense": {"Content-Type": "x"}, "look-alike": {"Content-Type": "application/jsonx"}}


@pytest.mark.parametrize("path", ["/signup", "/login"])
@pytest.mark.parametrize("headers", KINDS.values(), ids=KINDS.keys())
def test_wrong_content_type(stack, path, headers):
    assert_error(post(stack, path, padded_login(100), headers), 415, "UnsupportedMediaTypeError")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON",
                                  "application/json;charset=UTF-8"])
def test_json_content_type_in_other_forms(stack, kind):
    assert_error(post(stack, "/login", padded_login(100), {"Content-Type": kind}), 401, "AuthError")


@pytest.mark.parametrize("kind", ["application/json", "image/png", "text/plain"])
def test_upload_of_the_wrong_content_type(stack, alice, kind):
    headers = {"Content-Type": kind, **auth_cookie(alice.token)}
    assert_error(post(stack, "/upload-image", png(8, 8), headers), 415, "UnsupportedMediaTypeError")


def multipart(field='name="image"; filename="a.png"', data=png(8, 8), end=b"\r\n--border--\r\n"):
    head = f"--border\r\nContent-Disposition: form-data; {field}\r\nContent-Type: image/png\r\n\r\n"
    return head.encode() + data + end


UPLOADS = {"another field": multipart('name="picture"; filename="a.png"'), "no name": multipart('filename="a"'),
           "no data": multipart(data=b""), "no parts": b"--border--\r\n", "nothing": b"", "no boundary": b"hello",
           "no end": multipart(end=b""), "cut in the header": multipart()[:30],
           "only a boundary": b"--border\r\n", "file name with a path": multipart(
               'name="image"; filename="../../etc/passwd"', data=b"root:x:0:0")}


@pytest.mark.parametrize("body", UPLOADS.values(), ids=UPLOADS.keys())
def test_broken_multipart(stack, alice, body):
    headers = {"Content-Type": "multipart/form-data; boundary=border", **auth_cookie(alice.token)}
    assert_error(post(stack, "/upload-image", body, headers), 400, "IncorrectDataError", "ParseError")


def test_the_same_multipart_unbroken(stack, alice):
    headers = {"Content-Type": "multipart/form-data; boundary=border", **auth_cookie(alice.token)}
    assert post(stack, "/upload-image", multipart(), headers).status == 200


PATHS = ["/img/../../../../etc/passwd", "/img/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/img/..%2f..%2f..%2fetc%2fpasswd",
         "/img/....//....//etc/passwd", "/img/..\\..\\etc\\passwd", "/img/%5c..%5c..%5cetc%5cpasswd",
         "/img//etc/passwd", "/img/%2fetc%2fpasswd", "/../etc/passwd", "/%2e%2e/etc/passwd",
         "/img/default.jpg%00.png",
         "/img/default.jpg/../../../etc/passwd", "/img/%c0%ae%c0%ae/etc/passwd", "/img/", "/img/.", "/img/..",
         "/img/%", "/img/%zz", "/img/" + "a" * 3000, "/img/users.db", "/img/" + "0" * 32 + ".png",
         "/img/" + "g" * 32 + ".png", "/img/default.jp", "/img/default.jpgx", "/img/%25s%25n", "/img/*"]


@pytest.mark.parametrize("path", PATHS, ids=[path[:40] for path in PATHS])
def test_paths_outside_are_not_found(stack, path):
    answer = http(stack.ports[0], request_bytes("GET", path))
    assert answer is not None and answer.status in (400, 404, 414), answer and answer.status
    assert b"root:" not in answer.body and b"SQLite" not in answer.body


# Bytes that are not HTTP

GARBAGE = {
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "zeros": bytes(1000),
    "only line ends": b"\r\n" * 500,
    "no version": b"GET /\r\n\r\n",
    "wrong version": b"GET / HTTP/9.9\r\n\r\n",
    "method that no server needs": b"TRACE / HTTP/1.1\r\nHost: a\r\nSecret: b\r\n\r\n",
    "unknown method": b"HELLO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "very long line": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    "very long header": b"GET / HTTP/1.1\r\nA: " + b"a" * 100000 + b"\r\n\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "header with NUL": b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "negative length": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       b"Content-Length: -1\r\n\r\n{}",
    "length of words": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       b"Content-Length: many\r\n\r\n{}",
    "huge length": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                   b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "bad chunk": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a memcached command": b"set a 0 0 5\r\nhello\r\n",
    "a NATS command": b'CONNECT {"verbose":true}\r\nPING\r\n',
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_bytes_that_are_not_http(stack, data):
    """Either rejected with an HTTP status, or disconnected."""
    with Connection(stack.ports[0]) as connection:
        connection.send(data)
        connection.finish_writing()
        assert connection.wait_end(), "neither answered nor closed"
        if connection.received:
            assert connection.received.startswith(b"HTTP/1."), bytes(connection.received[:100])
            assert b" 500 " not in connection.received[:20]
            assert b"Set-Cookie" not in connection.received


def test_a_body_that_never_arrives_ends_with_a_time_out(stack):
    head = request_bytes("POST", "/login", b"", {**JSON, "Content-Length": 100})
    with Connection(stack.ports[0]) as connection:
        connection.send(head + b'{"user"')
        connection.finish_writing()
        assert connection.wait_end()
        assert b" 200 " not in connection.received[:20]


# Tokens

def claims_of(stack, token):
    return jwt.decode(token, stack.jwt_key, algorithms=["HS256"])


def changed(stack, token, **changes):
    claims = {**claims_of(stack, token), **changes}
    return {key: value for key, value in claims.items() if value is not None}


def tampered(token):
    """Another tag in the payload, with the signature of the real one."""
    head, payload, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["data"]["tag"] = "@somebodyelse"
    return ".".join([head, jwt.encode(claims, "x" * 32).split(".")[1], signature])


def base64_of(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def resigned(stack, head, token):
    """The payload of the token under another head, with a right HMAC-SHA256 over both."""
    text = base64_of(head) + "." + token.split(".")[1]
    signature = hmac.digest(stack.jwt_key.encode(), text.encode(), "sha256")
    return text + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


TOKENS = {
    "other key": lambda s, t: jwt.encode(claims_of(s, t), "another key of at least 32 bytes !!"),
    "empty key": lambda s, t: jwt.encode(claims_of(s, t), ""),
    "alg none": lambda s, t: jwt.encode(claims_of(s, t), None, algorithm="none"),
    "alg NONE": lambda s, t: ".".join([base64_of({"alg": "NONE", "typ": "JWT"}), t.split(".")[1], ""]),
    "alg hs256": lambda s, t: resigned(s, {"alg": "hs256", "typ": "JWT"}, t),
    "no alg": lambda s, t: resigned(s, {"typ": "JWT"}, t),
    "alg none with a signature": lambda s, t: jwt.encode(claims_of(s, t), None, algorithm="none")
    + t.split(".")[2],
    "HS512 with the right key": lambda s, t: jwt.encode(claims_of(s, t), s.jwt_key, algorithm="HS512"),
    "HS384 with the right key": lambda s, t: jwt.encode(claims_of(s, t), s.jwt_key, algorithm="HS384"),
    "expired": lambda s, t: jwt.encode(changed(s, t, exp=int(time.time()) - 1), s.jwt_key),
    "expired long ago": lambda s, t: jwt.encode(changed(s, t, exp=1), s.jwt_key),
    "no expiry": lambda s, t: jwt.encode(changed(s, t, exp=None), s.jwt_key),
    "no data": lambda s, t: jwt.encode(changed(s, t, data=None), s.jwt_key),
    "data is a string": lambda s, t: jwt.encode(changed(s, t, data="x"), s.jwt_key),
    "data without a tag": lambda s, t: jwt.encode(changed(s, t, data={"_id": "0" * 24}), s.jwt_key),
    "tampered payload": lambda s, t: tampered(t),
    "no signature": lambda s, t: t.rsplit(".", 1)[0] + ".",
    "two parts": lambda s, t: t.rsplit(".", 1)[0],
    "cut short": lambda s, t: t[:-2],
    "one character more": lambda s, t: t + "A",
    "twice": lambda s, t: t + t,
    "only dots": lambda s, t: "..",
    "words": lambda s, t: "let.me.in",
    "not base64": lambda s, t: "!!!.***.###",
    "long": lambda s, t: "a" * 3000,
}


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS.keys())
def test_bad_token(stack, alice, make):
    token = make(stack, alice.token)
    assert Socket(stack.url(), token).wait_closed() == (1000, NO_AUTH_REASON)
    assert Socket(stack.url(), headers=bearer(token)).wait_closed() == (1000, NO_AUTH_REASON)
    response = upload(stack.url(), token, png(8, 8))
    assert response.status_code == 401 and error_name(response) == "NoAuthJWTError"


def test_the_same_claims_signed_with_the_right_key(stack, alice):
    """Shows that the tokens above are refused for what is wrong with them."""
    for token in (jwt.encode(claims_of(stack, alice.token), stack.jwt_key),
                  resigned(stack, {"alg": "HS256", "typ": "JWT"}, alice.token)):
        assert alice.socket(token=token).call("getSelfInfo")["tag"] == alice.tag


@pytest.mark.parametrize("value", ["", "Basic YTpi", "Bearer", "Bearer ", "bearer x y", "Token x"])
def test_bad_authorization_header(stack, value):
    socket = Socket(stack.url(), headers={"Authorization": value})
    assert socket.wait_closed() == (1000, NO_AUTH_REASON)


def test_errors_reveal_no_internals(stack, alice):
    texts = [login(stack.url(), "a@b.c", "password").text, signup(stack.url(), {}).text,
             requests.get(stack.url(path="/nope")).text, upload(stack.url(), "x", b"x").text]
    for text in texts:
        for word in ("sqlite", "argon", "nats", "rpc.", ".c:", "0x", str(stack.directory)):
            assert word not in text.lower(), text
    for name in ("Server", "X-Powered-By"):
        assert "civetweb" not in requests.get(stack.url(path="/")).headers.get(name, "").lower()
