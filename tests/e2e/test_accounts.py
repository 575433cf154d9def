"""Sign-up, log-in and exit: every row of the contract, and the rules of the fields at their limits."""

import concurrent.futures
import re
import unicodedata

import jwt
import pytest
import requests

from support.client import (
    NO_AUTH_REASON, Socket, bearer, error_name, leave, login, signup, token_of, unique, upload)
from support.images import png
from support.shapes import is_id
from support.stack import CLIENT_URL, Stack


def fields(**changed):
    """A valid sign-up; None as a value leaves the field out."""
    name = unique()
    user = {"tag": "@" + name, "firstName": "Test", "lastName": "User",
            "email": name + "@example.com", "password": "password", **changed}
    return {key: value for key, value in user.items() if value is not None}


def assert_refused_socket(base, token=None, **options):
    socket = Socket(base, token, **options)
    assert socket.wait_closed() == (1000, NO_AUTH_REASON)


# Sign-up

def test_sign_up_sets_the_cookie(stack):
    response = signup(stack.url(), fields())
    assert (response.status_code, response.text) == (200, "Sign up successful")
    cookie = response.headers["Set-Cookie"]
    attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
    assert cookie.startswith("auth=")
    assert sorted(attributes) == ["httponly", "max-age=259200", "path=/", "samesite=lax"]


def test_log_in_sets_the_cookie(stack, alice):
    response = login(stack.url(), alice.email, alice.password)
    assert (response.status_code, response.text) == (200, "Login successful")
    attributes = [part.strip().lower() for part in response.headers["Set-Cookie"].split(";")[1:]]
    assert sorted(attributes) == ["httponly", "max-age=259200", "path=/", "samesite=lax"]


def test_token_claims(stack, alice):
    assert jwt.get_unverified_header(alice.token)["alg"] == "HS256"
    claims = jwt.decode(alice.token, stack.jwt_key, algorithms=["HS256"])
    assert set(claims) == {"data", "iat", "exp", "jti", "sid"}
    assert set(claims["data"]) == {"_id", "tag", "email"}
    assert is_id(claims["data"]["_id"])
    assert (claims["data"]["tag"], claims["data"]["email"]) == (alice.tag, alice.email)
    assert claims["exp"] - claims["iat"] == 72 * 3600
    other = jwt.decode(alice.login(), stack.jwt_key, algorithms=["HS256"])
    assert other["jti"] != claims["jti"] and other["data"] == claims["data"]
    assert other["sid"] != claims["sid"] and re.fullmatch("[0-9a-f]{32}", claims["sid"])


@pytest.mark.parametrize("field", ["tag", "firstName", "lastName", "email", "password"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_sign_up_without_a_field(stack, field, value):
    response = signup(stack.url(), fields(**{field: value}))
    assert response.status_code == 400
    assert error_name(response) == "NoSignUpDataProvidedError"


@pytest.mark.parametrize("body", [{}, {"user": {}}, {"other": 1}],
                         ids=["empty object", "empty user", "no user"])
def test_sign_up_without_a_user(stack, body):
    response = requests.post(stack.url(path="/signup"), json=body)
    assert response.status_code == 400
    assert error_name(response) == "NoSignUpDataProvidedError"


def of_length(length, tail):
    """An e-mail of this many bytes."""
    return unique("", 16).ljust(length - len(tail), "m") + tail


VALID = {
    "tag of 33 characters": {"tag": "@" + unique("t", 10).ljust(32, "a")},
    "tag with digits and underscores": {"tag": "@" + unique("a_1_", 10) + "_"},
    "tag in capitals": {"tag": "@" + unique("T").upper()},
    "name of one character": {"firstName": "A", "lastName": "Я"},
    "name of 64 characters": {"firstName": "A" + "b" * 63, "lastName": "Ж" + "ж" * 63},
    "name in small letters": {"firstName": "anna", "lastName": "de"},
    "Cyrillic name": {"firstName": "Сергей", "lastName": "Ёлкин"},
    "accents": {"firstName": "José", "lastName": "Škvorecký"},
    "apostrophe": {"lastName": "O'Neil"},
    "hyphen": {"firstName": "Jean-Luc"},
    "inner space": {"lastName": "van Dijk"},
    "inner full stop": {"firstName": "J.R"},
    "Chinese name": {"firstName": "小明", "lastName": "王"},
    "Hindi name with combining marks": {"firstName": "प्रिया", "lastName": "सिंह"},
    "short e-mail": {"email": unique() + "@b.c"},
    "e-mail of 254 bytes": {"email": of_length(254, "@example.com")},
    "e-mail with signs": {"email": unique() + "+tag_a.b-c'd@sub.example.co.uk"},
    "password of 8 bytes": {"password": "12345678"},
    "password of 8 bytes in 4 characters": {"password": "пять"},
    "password of 1024 bytes": {"password": "p" * 1024},
    "password of spaces and signs": {"password": "  %s'\";\\ \u2028 "},
}

INVALID = {
    "tag without @": {"tag": "name"},
    "tag of one character": {"tag": "@"},
    "tag of 34 characters": {"tag": "@" + "a" * 33},
    "tag that starts with a digit": {"tag": "@1abc"},
    "tag that starts with an underscore": {"tag": "@_abc"},
    "tag with a hyphen": {"tag": "@a-b"},
    "tag with a space": {"tag": "@a b"},
    "tag with a full stop": {"tag": "@a.b"},
    "tag with a wildcard of the bus": {"tag": "@a*"},
    "tag with a newline at its end": {"tag": "@abc\n"},
    "tag in Cyrillic": {"tag": "@имя"},
    "tag with two @": {"tag": "@@abc"},
    "first name of digits": {"firstName": "123"},
    "last name of digits": {"lastName": "123"},
    "name with a digit": {"firstName": "Bob1"},
    "name of 65 characters": {"firstName": "A" + "b" * 64},
    "Cyrillic name of 65 characters": {"lastName": "Ж" + "ж" * 64},
    "name that starts with a space": {"firstName": " Bob"},
    "name that ends with a space": {"firstName": "Bob "},
    "name that starts with a hyphen": {"firstName": "-Bob"},
    "name that starts with an apostrophe": {"firstName": "'Bob"},
    "name that starts with a combining mark": {"firstName": "\u0301Bob"},
    "name with two spaces": {"firstName": "Bob  Lee"},
    "name with two hyphens": {"firstName": "Jean--Luc"},
    "name with an underscore": {"firstName": "Bob_Lee"},
    "name with a newline": {"firstName": "Bob\nLee"},
    "name with a tag of HTML": {"firstName": "<b>Bob</b>"},
    "name of one emoji": {"firstName": "😍"},
    "name with a right-to-left override": {"firstName": "Bob\u202eeel"},
    "name of one space": {"firstName": " "},
    "e-mail without @": {"email": "example.com"},
    "e-mail without a full stop": {"email": "a@example"},
    "e-mail without a name": {"email": "@example.com"},
    "e-mail without an end": {"email": "a@example."},
    "e-mail with a space": {"email": "a b@example.com"},
    "e-mail with a tab": {"email": "a@exam\tple.com"},
    "e-mail with a newline at its end": {"email": "a@example.com\n"},
    "e-mail of 255 bytes": {"email": of_length(255, "@example.com")},
    "password of 7 bytes": {"password": "1234567"},
    "password of 1025 bytes": {"password": "p" * 1025},
    "password of 513 two-byte characters": {"password": "я" * 513},
}


@pytest.mark.parametrize("changed", VALID.values(), ids=VALID.keys())
def test_valid_field(stack, crowd, changed):
    user = crowd.user(stack, **changed)
    info = user.socket().call("getSelfInfo")
    for field in ("tag", "firstName", "lastName"):
        assert info[field] == user.fields[field]
    token_of(login(stack.url(), user.email, user.password))


@pytest.mark.parametrize("changed", INVALID.values(), ids=INVALID.keys())
def test_invalid_field(stack, changed):
    response = signup(stack.url(), fields(**changed))
    assert response.status_code == 400
    assert error_name(response) == "IncorrectDataError"
    (field,) = changed
    assert field.lower() in response.json()["Error"]["message"].lower()


def test_shortest_tag(crowd):
    """On a stack of its own, since there are only 26 such tags."""
    with Stack() as own:
        user = crowd.user(own, tag="@a")
        assert user.socket().call("getSelfInfo")["tag"] == "@a"
        user.close()


def test_names_are_stored_in_nfc(stack, crowd):
    decomposed = unicodedata.normalize("NFD", "Žofie-Éva"), unicodedata.normalize("NFD", "Ёлкин")
    user = crowd.user(stack, firstName=decomposed[0], lastName=decomposed[1])
    socket = user.socket()
    info = socket.call("getSelfInfo")
    assert (info["firstName"], info["lastName"]) == ("Žofie-Éva", "Ёлкин")
    changed = socket.call("setSelfInfo", [unicodedata.normalize("NFD", "Zoë")])
    assert changed["firstName"] == "Zoë"


@pytest.mark.parametrize("field", ["tag", "email"])
@pytest.mark.parametrize("change", [str, str.upper, str.swapcase], ids=["same", "upper", "swapped"])
def test_names_in_use_are_compared_without_case(stack, crowd, field, change):
    user = crowd.user(stack, tag="@" + unique("Mixed"), email=unique("Mixed") + "@Example.com")
    response = signup(stack.url(), fields(**{field: change(user.fields[field])}))
    assert response.status_code == 409
    assert error_name(response) == "UserAlreadyExistError"
    info = user.socket().call("getSelfInfo")
    assert info["tag"] == user.tag


def test_a_refused_sign_up_sets_no_cookie(stack, alice):
    response = signup(stack.url(), fields(tag=alice.tag))
    assert response.status_code == 409
    assert "auth" not in response.cookies


@pytest.mark.parametrize("same", ["tag", "email"])
def test_sign_ups_at_the_same_time_give_one_account(pair, same):
    name = unique()
    value = {"tag": "@" + name, "email": name + "@example.com"}[same]

    def attempt(number):
        return signup(pair.url(number % 2), fields(**{same: value}))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        responses = list(pool.map(attempt, range(10)))
    assert sorted(r.status_code for r in responses) == [200] + [409] * 9
    for response in responses:
        if response.status_code == 409:
            assert error_name(response) == "UserAlreadyExistError"


# Log-in

@pytest.mark.parametrize("user", [
    None, {}, {"email": "a@b.c"}, {"password": "password"}, {"email": "", "password": "password"},
    {"email": "a@b.c", "password": ""}],
    ids=["no user", "empty user", "no password", "no e-mail", "empty e-mail", "empty password"])
def test_log_in_without_data(stack, user):
    response = requests.post(stack.url(path="/login"), json={} if user is None else {"user": user})
    assert response.status_code == 400
    assert error_name(response) == "NoAuthDataProvidedError"


def test_wrong_password_and_unknown_email_get_the_same_answer(stack, alice):
    wrong = login(stack.url(), alice.email, "wrong-password")
    unknown = login(stack.url(), unique() + "@example.com", alice.password)
    for response in (wrong, unknown):
        assert response.status_code == 401
        assert response.json() == {
            "Error": {"name": "AuthError", "message": "Incorrect authorization data."}}
        assert "Set-Cookie" not in response.headers
    assert wrong.content == unknown.content
    assert set(wrong.headers) == set(unknown.headers)


@pytest.mark.parametrize("password", ["Password-x", "password-", " password-x", "password-x "],
                         ids=["case", "prefix", "leading space", "trailing space"])
def test_the_password_must_be_identical(stack, crowd, password):
    user = crowd.user(stack, password="password-x")
    assert login(stack.url(), user.email, password).status_code == 401
    assert login(stack.url(), user.email, "password-x").status_code == 200


def test_passwords_that_differ_only_at_the_end_of_a_long_text(stack, crowd):
    user = crowd.user(stack, password="p" * 1023 + "x")
    assert login(stack.url(), user.email, "p" * 1023 + "y").status_code == 401


def test_log_in_regardless_of_the_case_of_the_email(stack, alice):
    assert login(stack.url(), alice.email.upper(), alice.password).status_code == 200


def test_every_log_in_gives_a_token_that_works(stack, alice):
    for token in [alice.token, alice.login(), alice.login()]:
        assert alice.socket(token=token).call("getSelfInfo")["tag"] == alice.tag


def test_unknown_fields_are_ignored(stack):
    user = fields()
    body = {"user": {**user, "age": 7}, "more": [1]}
    assert requests.post(stack.url(path="/signup"), json=body).status_code == 200


# Token

def test_bearer_token_on_the_upgrade(stack, alice):
    socket = Socket(stack.url(), headers=bearer(alice.token))
    assert socket.call("getSelfInfo")["tag"] == alice.tag
    socket.close()


def test_bearer_token_on_http(stack, alice):
    response = requests.post(stack.url(path="/upload-image"), headers=bearer(alice.token),
                             files={"image": ("a.png", png(8, 8), "image/png")})
    assert response.status_code == 200


def test_cookie_among_other_cookies(stack, alice):
    for header in (f"a=b; auth={alice.token}; c=d", f"xauth=no; auth={alice.token}"):
        socket = Socket(stack.url(), headers={"Cookie": header})
        assert socket.call("getSelfInfo")["tag"] == alice.tag
        socket.close()


def test_cookie_of_a_similar_name_is_not_the_token(stack, alice):
    assert_refused_socket(stack.url(), headers={"Cookie": f"xauth={alice.token}"})


def test_upload_without_a_token(stack):
    response = upload(stack.url(), None, png(8, 8))
    assert response.status_code == 401
    assert error_name(response) == "NoAuthJWTError"


# Exit

def test_exit_clears_the_cookie(stack, alice):
    response = leave(stack.url(), alice.token)
    assert response.status_code == 200
    cookie = response.headers["Set-Cookie"].lower()
    assert cookie.startswith("auth=;") or cookie.startswith('auth="";'), cookie
    assert "max-age=0" in cookie or "expires=thu, 01 jan 1970" in cookie
    assert "path=/" in cookie


def test_exit_revokes_the_token_everywhere(stack, alice):
    leave(stack.url(), alice.token)
    assert_refused_socket(stack.url(), alice.token)
    assert_refused_socket(stack.url(), headers=bearer(alice.token))
    response = upload(stack.url(), alice.token, png(8, 8))
    assert response.status_code == 401 and error_name(response) == "NoAuthJWTError"


def test_exit_with_a_bearer_token(stack, alice):
    assert requests.get(stack.url(path="/exit"), headers=bearer(alice.token)).status_code == 200
    assert_refused_socket(stack.url(), alice.token)


def test_exit_closes_the_sockets_of_the_token_and_no_others(stack, alice):
    other_token = alice.login()
    mine, mine_too = alice.socket(), alice.socket()
    other = alice.socket(token=other_token)
    leave(stack.url(), alice.token)
    mine.wait_closed()
    mine_too.wait_closed()
    assert other.call("getSelfInfo")["tag"] == alice.tag
    assert alice.socket(token=other_token).call("getSelfInfo")["tag"] == alice.tag


def test_exit_twice_and_without_a_token(stack, alice):
    assert leave(stack.url(), alice.token).status_code == 200
    assert leave(stack.url(), alice.token).status_code == 200
    assert requests.get(stack.url(path="/exit")).status_code == 200


def test_log_in_again_after_exit(stack, alice):
    leave(stack.url(), alice.token)
    assert alice.socket(token=alice.login()).call("getSelfInfo")["tag"] == alice.tag


# Other sites

def test_cors_for_the_client_url(stack):
    response = signup(stack.url(), fields(), headers={"Origin": CLIENT_URL})
    assert response.headers["Access-Control-Allow-Origin"] == CLIENT_URL
    assert response.headers["Access-Control-Allow-Credentials"] == "true"


def test_cors_on_an_error(stack):
    response = login(stack.url(), "a@b.c", "password", headers={"Origin": CLIENT_URL})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == CLIENT_URL
    assert response.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize("path", ["/signup", "/login", "/upload-image"])
def test_preflight(stack, path):
    response = requests.options(stack.url(path=path), headers={
        "Origin": CLIENT_URL, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] == CLIENT_URL
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "content-type" in response.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", CLIENT_URL + ".evil.example"])
def test_cors_for_nobody_else(stack, origin):
    for response in (login(stack.url(), "a@b.c", "password", headers={"Origin": origin}),
                     requests.options(stack.url(path="/login"), headers={
                         "Origin": origin, "Access-Control-Request-Method": "POST"})):
        assert response.headers.get("Access-Control-Allow-Origin") not in ("*", origin)


# Settings

def test_cookie_settings(crowd):
    with Stack(settings={"cookie.secure": True, "cookie.maxAge": "1h", "JWT.expiresIn": "30m"}) as own:
        response = signup(own.url(), fields())
        cookie = [part.strip().lower() for part in response.headers["Set-Cookie"].split(";")]
        assert "secure" in cookie and "httponly" in cookie and "max-age=3600" in cookie
        token = response.headers["Set-Cookie"].split(";")[0].removeprefix("auth=")
        claims = jwt.decode(token, own.jwt_key, algorithms=["HS256"])
        assert claims["exp"] - claims["iat"] == 1800


def test_shortest_password_is_configurable():
    with Stack(settings={"password.minLength": 5}) as own:
        assert signup(own.url(), fields(password="12345")).status_code == 200
        response = signup(own.url(), fields(password="1234"))
        assert response.status_code == 400 and error_name(response) == "IncorrectDataError"
