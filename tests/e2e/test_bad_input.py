"""Bad JSON and bad calls on a socket: each gets the answer the contract names, and the socket,
the other sockets and the programs go on."""

import json

import pytest

from support.bad_json import DEEPEST, DOCUMENTS, INJECTIONS, NOT_UTF8, VALUES, nested
from support.client import RpcError, Socket, send, unique
from support.raw import RawWebSocket

pytestmark = pytest.mark.usefixtures("witness")

ERRORS = {-32700: "Parse error", -32600: "Invalid Request", -32601: "Method not found",
          -32602: "Invalid params"}


@pytest.fixture
def socket(alice):
    return alice.socket()


def assert_error(answer, code, id):
    assert set(answer) == {"jsonrpc", "error", "id"}, answer
    assert answer["jsonrpc"] == "2.0" and answer["id"] == id, answer
    assert set(answer["error"]) <= {"code", "message", "data"}, answer
    assert (answer["error"]["code"], answer["error"]["message"]) == (code, ERRORS[code]), answer
    if code == -32602:
        assert answer["error"]["data"]["reason"], answer


def still_serves(socket, user):
    assert socket.call("getSelfInfo")["tag"] == user.tag


# Not JSON

@pytest.mark.parametrize("text", ["", *DOCUMENTS.values()], ids=["nothing", *DOCUMENTS])
def test_document_that_is_not_json(socket, alice, text):
    assert_error(socket.exchange(text), -32700, None)
    still_serves(socket, alice)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_value_that_is_not_json(socket, alice, value):
    text = '{"jsonrpc":"2.0","id":5,"method":"getSelfInfo","extra":%s}' % value
    assert_error(socket.exchange(text), -32700, None)
    still_serves(socket, alice)


@pytest.mark.parametrize("value", [r'"\u0000"', r'"\ud800"', '"\n"'],
                         ids=["NUL escape", "lone surrogate", "raw newline"])
def test_bad_string_as_a_text_to_send(socket, bob, value):
    text = '{"jsonrpc":"2.0","id":5,"method":"sendMessageToUser","params":["%s",%s]}'
    assert_error(socket.exchange(text % (bob.tag, value)), -32700, None)
    assert socket.call("getDialogsList") == []


def test_thirty_two_levels_are_still_json(socket, alice):
    """The object and its params are two of them."""
    text = '{"jsonrpc":"2.0","id":5,"method":"getSelfInfo","params":%s}'
    assert_error(socket.exchange(text % nested(DEEPEST - 1), id=5), -32602, 5)
    assert_error(socket.exchange(text % nested(DEEPEST)), -32700, None)
    still_serves(socket, alice)


def test_white_space_around_and_within_is_fine(socket, alice):
    answer = socket.exchange(' \t\r\n{ "jsonrpc" :\n"2.0" , "method":"getSelfInfo","id":5 } \n', id=5)
    assert answer["result"]["tag"] == alice.tag


def test_escaped_names_and_methods_are_the_same(socket, alice):
    answer = socket.exchange(r'{"jsonrpc":"2.0","\u006dethod":"get\u0053elfInfo","id":5}', id=5)
    assert answer["result"]["tag"] == alice.tag


@pytest.mark.parametrize("data", NOT_UTF8.values(), ids=NOT_UTF8.keys())
def test_bytes_that_are_not_utf8(stack, alice, data):
    with RawWebSocket(stack.ports[0], alice.token) as raw:
        raw.send_frame(b'{"jsonrpc":"2.0","id":1,"method":"findUsersByTag","params":["%s"]}' % data)
        assert raw.wait_close()[0] == 1007


# Not a request

NOT_REQUESTS = {
    "number": "1", "negative number": "-0.5e-3", "string": '"getSelfInfo"', "true": "true",
    "null": "null", "empty object": "{}", "empty array": "[]",
    "no method": '{"jsonrpc":"2.0","id":9}',
    "no method and no id": '{"jsonrpc":"2.0"}',
    "no version": '{"method":"getSelfInfo","id":9}',
    "version 1.0": '{"jsonrpc":"1.0","method":"getSelfInfo","id":9}',
    "version is an object": '{"jsonrpc":{},"method":"getSelfInfo","id":9}',
    "method is a number": '{"jsonrpc":"2.0","method":1,"id":9}',
    "method is null": '{"jsonrpc":"2.0","method":null,"id":9}',
    "method is an array": '{"jsonrpc":"2.0","method":["getSelfInfo"],"id":9}',
    "params are a string": '{"jsonrpc":"2.0","method":"getSelfInfo","params":"x","id":9}',
    "params are a number": '{"jsonrpc":"2.0","method":"getSelfInfo","params":1,"id":9}',
    "params are true": '{"jsonrpc":"2.0","method":"getSelfInfo","params":true,"id":9}',
    "id is an object": '{"jsonrpc":"2.0","method":"getSelfInfo","id":{}}',
    "id is an array": '{"jsonrpc":"2.0","method":"getSelfInfo","id":[1]}',
    "id is true": '{"jsonrpc":"2.0","method":"getSelfInfo","id":true}',
}


@pytest.mark.parametrize("text", NOT_REQUESTS.values(), ids=NOT_REQUESTS.keys())
def test_json_that_is_not_a_request(socket, text):
    """The id of the answer is null, or the request's where it has a good one."""
    socket.send_text(text)
    socket.call("getSelfInfo", id="fence")
    (answer,) = [frame for frame in socket.frames if frame["id"] != "fence"]
    assert answer["id"] is None or (answer["id"] == 9 and '"id":9' in text)
    assert_error(answer, -32600, answer["id"])


UNKNOWN_METHODS = ["", "getselfinfo", "getSelfInfo ", "get_self_info", "rpc.discover", "__proto__",
                   "toString", "getSelfInfo/../x", "x" * 5000, "мой", "sync\n", "%s%n", "1"]


@pytest.mark.parametrize("method", UNKNOWN_METHODS, ids=[repr(m[:20]) for m in UNKNOWN_METHODS])
def test_unknown_method(socket, alice, method):
    answer = socket.wait_answer(socket.start_call(method, [], id="u"))
    assert_error(answer, -32601, "u")
    still_serves(socket, alice)


# Bad params

def wrong_strings():
    """For every string that a method needs, values that are not strings."""
    needed = {"sendMessageToUser": ["@someone", "text"], "getMessagesWithUser": ["@someone"],
              "markMessagesWithUserAsRead": ["@someone"], "findUsersByTag": ["someone"],
              "setSelfInfo": ["Name", "Name", "default.jpg"]}
    wrong = {"number": 1, "true": True, "array": [], "array of a string": ["a"], "object": {}}
    for method, params in needed.items():
        for place in range(len(params)):
            for kind, value in wrong.items():
                yield f"{method} {place} {kind}", method, [*params[:place], value, *params[place + 1:]]


def wrong_counts():
    yield "getSelfInfo one", "getSelfInfo", [1]
    yield "getSelfInfo null", "getSelfInfo", [None]
    yield "setSelfInfo four", "setSelfInfo", ["A", "B", "", ""]
    yield "sendMessageToUser absent", "sendMessageToUser", None
    yield "sendMessageToUser none", "sendMessageToUser", []
    yield "sendMessageToUser one", "sendMessageToUser", ["@someone"]
    yield "sendMessageToUser four", "sendMessageToUser", ["@someone", "a", "b", "c"]
    yield "getDialogsList three", "getDialogsList", [0, 1, 2]
    yield "getMessagesWithUser absent", "getMessagesWithUser", None
    yield "getMessagesWithUser none", "getMessagesWithUser", []
    yield "getMessagesWithUser four", "getMessagesWithUser", ["@someone", 0, 1, 2]
    yield "markMessagesWithUserAsRead none", "markMessagesWithUserAsRead", []
    yield "markMessagesWithUserAsRead two", "markMessagesWithUserAsRead", ["@someone", "x"]
    yield "findUsersByTag none", "findUsersByTag", []
    yield "findUsersByTag two", "findUsersByTag", ["a", "b"]
    yield "findUsersByTag a thousand", "findUsersByTag", ["a"] * 1000


def wrong_names():
    yield "getSelfInfo unknown name", "getSelfInfo", {"foo": 1}
    yield "sendMessageToUser name missing", "sendMessageToUser", {"receiverTag": "@someone"}
    yield "sendMessageToUser other case", "sendMessageToUser", {"receivertag": "@someone", "text": "a"}
    yield "sendMessageToUser one too many", "sendMessageToUser", {
        "receiverTag": "@someone", "text": "a", "foo": 1}
    yield "findUsersByTag unknown name", "findUsersByTag", {"query": "a"}
    yield "getDialogsList unknown name", "getDialogsList", {"start": 0}
    yield "findUsersByTag null", "findUsersByTag", {"tag": None}
    yield "sendMessageToUser null text", "sendMessageToUser", {"receiverTag": "@someone", "text": None}


def wrong_indexes():
    values = {"fraction": 0.5, "negative": -1, "string": "0", "true": True, "array": [0], "object": {},
              "2^31": 2**31, "2^32": 2**32, "2^63": 2**63, "2^64": 2**64, "1e308": 1e308,
              "minus 2^63": -2**63}
    for method, before in (("getDialogsList", []), ("getMessagesWithUser", ["@someone"])):
        for kind, value in values.items():
            yield f"{method} start {kind}", method, [*before, value, 30]
            yield f"{method} end {kind}", method, [*before, 0, value]


def wrong_profiles():
    for kind, name in {"digits": "123", "65 letters": "A" * 65, "space first": " A", "emoji": "😍",
                       "newline": "A\nB", "long": "A" * 5000}.items():
        yield f"first name {kind}", "setSelfInfo", [name]
        yield f"last name {kind}", "setSelfInfo", ["", name]
    for kind, image in {"unknown": "0" * 32 + ".png", "path": "../../etc/passwd", "no hex": "a.png",
                        "long": "a" * 5000, "url": "http://example.com/a.png",
                        "case": "DEFAULT.JPG"}.items():
        yield f"image {kind}", "setSelfInfo", ["", "", image]


BAD_PARAMS = [*wrong_strings(), *wrong_counts(), *wrong_names(), *wrong_indexes(), *wrong_profiles()]


@pytest.mark.parametrize("method, params", [case[1:] for case in BAD_PARAMS],
                         ids=[case[0] for case in BAD_PARAMS])
def test_bad_params(socket, alice, method, params):
    answer = socket.wait_answer(socket.start_call(method, params, id="p"))
    assert_error(answer, -32602, "p")
    still_serves(socket, alice)


LONG_TAGS = {"34 characters": "@" + "a" * 33, "five thousand": "@" + "a" * 5000,
             "sixty thousand": "@" + "a" * 60000}


@pytest.mark.parametrize("tag", LONG_TAGS.values(), ids=LONG_TAGS.keys())
def test_tags_that_are_too_long_are_unknown(socket, tag):
    for method, params in (("sendMessageToUser", [tag, "hi"]), ("markMessagesWithUserAsRead", [tag])):
        assert_error(socket.wait_answer(socket.start_call(method, params, id=1)), -32602, 1)
    assert socket.call("getMessagesWithUser", [tag]) == []
    try:
        assert socket.call("findUsersByTag", [tag]) == []
    except RpcError as error:
        assert error.code == -32602


def test_extra_members_of_a_request_are_ignored(socket, alice):
    answer = socket.exchange('{"jsonrpc":"2.0","method":"getSelfInfo","id":1,"auth":"x","a":[{}]}', id=1)
    assert answer["result"]["tag"] == alice.tag


# Words of other languages in every field

@pytest.mark.parametrize("word", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_injections_are_just_text(socket, alice, bob, word):
    for method, params in (("sendMessageToUser", [word, "hi"]), ("markMessagesWithUserAsRead", [word]),
                           ("setSelfInfo", [word]), ("setSelfInfo", ["", word]),
                           ("setSelfInfo", ["", "", word])):
        assert_error(socket.wait_answer(socket.start_call(method, params, id=1)), -32602, 1)
    assert socket.call("getMessagesWithUser", [word]) == []
    for user in socket.call("findUsersByTag", [word]):
        assert word.lower() in user["tag"].lower(), "a pattern character has matched"
    message = send(socket, bob, word, word)
    assert (message["text"], message["clientMessageId"]) == (word, word)
    assert send(socket, bob, word, word) == message
    (stored,) = bob.socket().call("getMessagesWithUser", [alice.tag])
    assert stored["text"] == word


# Afterwards

def test_the_stack_still_serves(stack, crowd, witness):
    newcomer = crowd.user(stack, tag="@" + unique("after"))
    socket = newcomer.socket()
    send(socket, witness.user, "still there?")
    witness.socket.wait_notification(3001, {"senderTag": newcomer.tag})
    send(witness.socket, newcomer, "yes")
    assert socket.wait_notification(3001)["text"] == "yes"


def test_json_errors_do_not_add_up(stack, alice):
    """A thousand mistakes on one socket cost it nothing but their answers."""
    with Socket(stack.url(), alice.token) as socket:
        for number in range(1000):
            socket.send_text("{" if number % 2 else json.dumps({"jsonrpc": "2.0", "method": 1}))
        still_serves(socket, alice)
        assert len(socket.frames) == 1001
