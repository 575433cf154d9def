#!/usr/bin/python3
"""Writes the first inputs of each fuzz program into DIRECTORY/<program>/, named by their content:

    tests/fuzz/seeds.py DIRECTORY

They are what is meant to be sent: each method of each service with its fields filled in, each call of
a client, requests, frames, pictures. What fuzzing adds to them is in tests/fuzz/corpus; see run.sh.
"""

import hashlib
import json
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from google.protobuf.descriptor import FieldDescriptor  # noqa: E402
from support import images, raw  # noqa: E402
from support.process import REPOSITORY  # noqa: E402
from support.protobuf import message, methods  # noqa: E402

TEXT, BYTES, MESSAGE = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE
ACCOUNT = "65f0c100000000000000000a"
SECRET = "0123456789abcdef0123456789abcdef"
VALUES = {
    "account_id": ACCOUNT, "owner_id": ACCOUNT, "sender_id": ACCOUNT, "reader_id": ACCOUNT, "id": ACCOUNT,
    "after_id": ACCOUNT, "address": "192.0.2.1", "client_network": "2001:db8:0:1::/64", "code": SECRET,
    "invite": SECRET, "jti": SECRET, "jtis": SECRET, "session_id": SECRET, "kept_session": SECRET,
    "content_type": "image/png", "device": "Firefox", "email": "amy@example.com", "epoch": "0123456789abcdef",
    "first_name": "Zoë", "last_name": "O'Neill-Смит", "gateway_id": "0123456789abcdef", "img": "0a.png",
    "name": "@amy", "password": "correct horse", "old_password": "correct horse", "new_password": "battery staple",
    "query": "@am", "text": "hi 😀", "client_message_id": "c-1", "origin": "0123456789abcdef.7",
    "limit": 10, "start": 0, "end": 100, "expires_at": 2 ** 33, "issued_at": 1, "lifetime_s": 3600, "max_bytes": 20000,
}
OTHERS = {"Notification", "ChangeList", "UserUpdated", "UserRegistered", "UserLoggedOut", "PresenceChanged",
          "PresenceEntry", "GatewayAlive", "UserList", "DialogList", "SessionList", "PresenceUpdateRequest",
          "GetChangedRequest"}


def value_of(field):
    if field.type == BYTES:
        return images.png(2, 2)
    if field.type == TEXT:
        return VALUES.get(field.name, "@Amy" if "tag" in field.name or field.name in ("online", "offline") else "a")
    number = VALUES.get(field.name, 1)
    return number if isinstance(number, int) else 1


def fill(made, count=2):
    """Sets every field, lists to so many items."""
    for field in made.DESCRIPTOR.fields:
        is_list = field.label == FieldDescriptor.LABEL_REPEATED
        if field.type == MESSAGE:
            for inner in [getattr(made, field.name).add() for _ in range(count)] if is_list else [getattr(made, field.name)]:
                inner.SetInParent()
                fill(inner, count)
        elif is_list:
            getattr(made, field.name).extend([value_of(field)] * count)
        else:
            setattr(made, field.name, value_of(field))
    return made


def with_choices(method, payload):
    """The same call with doubles that do other things: see choices.h."""
    yield bytes([method, 0]) + payload
    for seed in range(12):
        choices = random.Random(seed * 256 + method).randbytes(8 + 12 * (seed % 4))
        yield bytes([method, len(choices)]) + payload + choices


def tables():
    """The methods of each service, in the order of its table."""
    found = {}
    for subject, kind in methods().items():
        found.setdefault(subject.split(".")[1], []).append(kind)
    return found


def rpc(service, base=0):
    for number, kind in enumerate(tables()[service]):
        filled = fill(message(kind))
        for made in filled, message(kind):
            yield from with_choices(base + number, made.SerializeToString())
        for field in filled.DESCRIPTOR.fields:  # each left out
            partial = message(kind)
            partial.CopyFrom(filled)
            partial.ClearField(field.name)
            yield bytes([base + number, 0]) + partial.SerializeToString()


def rpc_user():
    yield from rpc("user")
    yield from rpc("admin", base=128)


def rpc_message():
    yield from rpc("message")
    for number, kind in enumerate(["PresenceChanged", "PresenceChanged", "UserUpdated", "UserRegistered", "UserDeleted"]):
        yield from with_choices(128 + number, fill(message(kind)).SerializeToString())


def rpc_presence():
    yield from rpc("presence")
    yield from with_choices(128, fill(message("GatewayAlive")).SerializeToString())
    yield from with_choices(192, fill(message("PresenceEntry"), count=3).SerializeToString())


def wire():
    kinds = tables()
    number = 0
    for kind in kinds["user"] + kinds["admin"] + kinds["message"] + sorted(OTHERS):
        yield bytes([number]) + fill(message(kind)).SerializeToString()
        number += 1


# --- clients ----------------------------------------------------------------------------------------------


def api():
    table = (REPOSITORY / "gateway/api/methods.c").read_text()
    names = re.findall(r'^    \{ "(\w+)",', table, re.MULTILINE)
    params = {name: re.findall(r'(?:TEXT|INDEX)\("(\w+)"|\{ "(\w+)", JSONRPC', part)
              for name, part in zip(names, re.split(r'^    \{ "\w+",', table, flags=re.MULTILINE)[1:])}
    given = {"startIndex": 0, "endIndex": 30, "since": 3, "limit": 10, "upToSeq": 2, "online": "contacts",
             "readMarks": "nobody", "cursor": "7 @amy", "id": ACCOUNT, "oldPassword": "correct horse",
             "newPassword": "battery staple", "epoch": "0123456789abcdef", "text": "hi", "img": "0a.png"}
    calls = []
    for name in names:
        keys = [one or other for one, other in params[name]]
        calls.append({"jsonrpc": "2.0", "method": name, "params": {key: given.get(key, "@amy") for key in keys}, "id": 1})
        for call in calls[-1], {"jsonrpc": "2.0", "method": name, "params": list(calls[-1]["params"].values()), "id": "x"}:
            yield from with_choices(0, json.dumps(call).encode())
    yield from with_choices(0, b'{"jsonrpc":"2.0","method":"exportMyData","id":1}')
    yield from with_choices(0, json.dumps(calls[:6] + [{"jsonrpc": "2.0", "method": "hello"}, 1]).encode())
    for text in b"[]", b"{", b"null", b'{"jsonrpc":"2.0","method":"none","id":1e2}', b'{"jsonrpc":"2.0","id":[]}':
        yield b"\0\0" + text
    filled = message("Notification")
    for field in filled.DESCRIPTOR.fields:
        if field.containing_oneof is not None:
            one = message("Notification", {"user_seq": 7})
            if field.type == MESSAGE:
                getattr(one, field.name).SetInParent()
                fill(getattr(one, field.name))
            else:
                setattr(one, field.name, "@amy")
            yield b"\x80\0" + one.SerializeToString()


def request(method, path, headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: chat.example.com", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def form(**fields):
    return json.dumps({"user": fields}).encode()


def upload(data):
    return (b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
            + data + b"\r\n--b--\r\n")


def requests():
    as_json, cookie = "Content-Type: application/json", "Cookie: a=b; auth=%T; __Host-auth=\"%T\""
    account = {"tag": "@amy", "firstName": "Amy", "lastName": "Ray", "email": "amy@example.com",
               "password": "correct horse", "invite": SECRET, "code": SECRET, "device": "Phone"}
    table = (REPOSITORY / "gateway/http/http_routes.c").read_text()
    for methods_of, path in re.findall(r'^    \{ "([A-Z, ]+)", ("?[\w./-]+"?|[A-Z_]+),', table, re.MULTILINE):
        path = {"UPLOAD_PATH": "/upload-image", "HTTP_PAGES_ASSETS": "/assets/app.js"}.get(path, path.strip('"'))
        path = "/img/0a.png" if path == "/img/" else path
        for method in methods_of.split(", ") + ["HEAD", "OPTIONS"]:
            body = form(**account) if method == "POST" else b""
            headers = [as_json, cookie, "X-Forwarded-For: 203.0.113.9, 192.0.2.3", "X-Forwarded-Proto: https"]
            yield from with_choices(0, request(method, path, headers, body))
    page = ["Origin: http://localhost:3000", "Accept-Encoding: br;q=0.5, gzip", 'If-None-Match: W/"a", "b"']
    multipart = "Content-Type: multipart/form-data; boundary=b"
    for data in images.png(2, 2), b"no picture":
        yield from with_choices(0, request("POST", "/upload-image", [multipart, "Authorization: Bearer %T"], upload(data)))
    yield b"\0\0" + request("GET", "/assets/app.js", page)
    yield b"\0\0" + request("POST", "/exit", [cookie, "Origin: http://evil.example", "Sec-Fetch-Site: cross-site"])
    yield b"\0\0" + request("GET", "/api", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
    yield b"\0\0" + request("GET", "/") + request("GET", "/healthz") + b"POST /login HTTP/1.1\r\nHost: a\r\n" \
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n"


def http():
    for text in (
            b"aGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b?c HTTP/1.0\r\n\r\n",
            b"bPOST http://a:80/login HTTP/1.1\r\nHost: A\r\nContent-Length: 5\r\nConnection: x, close\r\n\r\nhello",
            b"cPOST /x HTTP/1.1\r\nHost: [::1]:8000\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\nGET",
            b"dOPTIONS * HTTP/1.1\r\nHost: a_b.c\r\nCookie: a=b; auth=\"c\"\r\n\r\n",
            b"e\r\nGET / HTTP/1.1\r\nHost: a\r\nA : b\r\n c\r\n\r\n",
            b"fx\r\n--b\r\nContent-Disposition: form-data; filename=\"a\\\"\"; name=\"image\"\r\n\r\ndata\r\n--b--y",
            b"gmultipart/form-data; charset=x; boundary=\"a b\"",
            b"hbr;q=0.5, gzip ; q=1.000,x-gzip;q=0, *;q=0.001,identity",
            b"iW/\"a\", \"b,c\" ,,\"a\""):
        yield text


def ws():
    for frames in ([raw.frame(b"hello"), raw.frame(b"", raw.PING), raw.frame(b"\x03\xe8", raw.CLOSE)],
                   [raw.frame(b"a\xe2", fin=False), raw.frame(b"\x82\xac", raw.CONTINUATION)],
                   [raw.frame(b"x" * 200)], [raw.frame(b"", claim=2 ** 16, length_bytes=8)],
                   [raw.frame(b"", claim=2 ** 62, length_bytes=8)], [raw.frame(b"b", opcode=2)],
                   [raw.frame(b"c", masked=False)], [raw.frame(b"d", rsv=4)]):
        yield b"\x03" + b"".join(frames)


def json_texts():
    yield from (
        b'{"jsonrpc":"2.0","method":"sendMessageToUser","params":["@bob","hi"],"id":1}',
        b'[{"a":[1,-2.5e3,0.1,true,false,null]},{},[],""]',
        rb'"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00 ' + "😀".encode() + b'"',
        b' { "user" : { "tag" : "@tag" , "n" : [ [ [ [ 0 ] ] ] ] } }\r\n', b"1e308", b"-0.0", rb'"\u0000"',
        b"[" * 32 + b"]" * 32, b"\xef\xbb\xbf{}")


def avatar():
    yield from (images.png(16, 9), images.jpeg(40, 21), images.gif(16, 9), images.webp(40, 21), images.avif(),
                images.png_with_metadata("secret"), images.jpeg_with_metadata("secret"), images.png_header_only(9, 9),
                images.webp_with_metadata("secret"), images.encode(images.picture(5, 4), "BMP"),
                images.encode(images.picture(8, 8).convert("P"), "PNG"), images.encode(images.picture(8, 8).convert("LA"), "PNG"),
                images.encode(images.picture(20, 20), "JPEG", progressive=True))


# --- texts ------------------------------------------------------------------------------------------------

FIELDS = [  # in the order of fuzz_fields.c
    ["HTTP://Example.com:80/path", "https://[::1]:8443", "null", "http://a_b.c:99999"],
    ["[2001:DB8::1]:80", "::ffff:192.0.2.3", "127.0.0.1:5", "192.0.2.300"],
    ["127.0.0.1, 10.0.0.0/8 fd00::/8,::ffff:10.0.0.0/104", "10.0.0.0/33"],
    ["192.0.2.3", "2001:db8:0:1::/64", "2001:db8::/48"],
    ["tls://user:password@[::1]:4222, nats://10.0.0.1", "mongodb://u:p@a:1,b:2/db?tls=true", "mongodb+srv://a/b"],
    ["amy@example.com", "zoë@bücher.example", "a..b@c", "Subject é\nBcc: x"],
    ["@Amy_1", "amy", "@Amy:65f0c100000000000000000a", "admin"],
    ["Zoë", "O'Neill-Смит", "Nguyễn", "李\U000e0100", "क्‍ष", "a." + "b" * 63],
    ["Amy@Example.COM", "ß@straße.example", "a b@c.d"],
    ["correct horse", "p\u00a0\u0041\u030a", "\x01"],
    ["72h", "2 days", "-12", "1 week", ACCOUNT.upper(), "\u1e9e\ufb03"],
    ["dGhlIHNhbXBsZSBub25jZQ=="],
    ["eyJhbGciOiJIUzI1NiJ9.e30.AA", "a.b", "eyJhbGciOiJub25lIn0.e30."],
    ['{"alg":"HS256","typ":"JWT"}\n' + json.dumps({"data": {"_id": ACCOUNT, "tag": "@Amy", "email": "a@b.c"}, "iat": 0,
                                                  "exp": 2 ** 40, "jti": SECRET, "sid": SECRET}),
     '{"alg":"none"}\n{}', '{"alg":"HS512"}\n{"exp":1e400}'],
    ["203.0.113.9, 10.0.0.1:80\n[fd00::1]:9, 198.51.100.7", "unknown\n10.0.0.2"],
    ["a\x1b[2J\u202e\u0085b"],
]


def fields():
    for kind, texts in enumerate(FIELDS):
        for text in texts:
            yield bytes([kind]) + text.encode()


def settings():
    table = re.findall(r'^    \{ "([\w.]+)", KIND_(\w+), AT\(\w+\),\s+"([^"]*)"',
                       (REPOSITORY / "services/common/process/settings.c").read_text(), re.MULTILINE)
    nested = {}
    for key, kind, initial in table:
        group, _, name = key.partition(".")
        value = {"INT": lambda: int(initial), "BOOL": lambda: initial == "true"}.get(kind, lambda: initial)()
        nested.setdefault(group, {})[name] = value
        yield json.dumps({group: {name: value}}).encode()
    yield json.dumps(nested).encode()
    yield (REPOSITORY / "config.example.json").read_bytes()
    yield b'{"JWT":{"expiresIn":"72h","privateKey":"secret_private_key"},"app":{"port":"x"},"none":1}'


PROGRAMS = {
    "fuzz_rpc_user": rpc_user, "fuzz_rpc_message": rpc_message, "fuzz_rpc_presence": rpc_presence, "fuzz_wire": wire,
    "fuzz_api": api, "fuzz_requests": requests, "fuzz_http": http, "fuzz_ws": ws, "fuzz_json": json_texts,
    "fuzz_avatar": avatar, "fuzz_fields": fields, "fuzz_settings": settings,
}


def main(directory):
    for program, inputs in PROGRAMS.items():
        folder = pathlib.Path(directory) / program
        folder.mkdir(parents=True, exist_ok=True)
        for data in inputs():
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
