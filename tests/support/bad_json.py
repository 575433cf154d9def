"""Texts that are not JSON for the messenger, by what is wrong with them."""

DEEPEST = 32


def nested(depth, inner=""):
    """Arrays in arrays, `depth` of them."""
    return "[" * depth + inner + "]" * depth


# Whole documents
DOCUMENTS = {
    "one space": " ",
    "open brace": "{",
    "closing brace": "}",
    "open bracket": "[",
    "brace closed by bracket": "{]",
    "comma at the end of an array": "[1,]",
    "comma at the end of an object": '{"a":1,}',
    "comma at the start": "[,1]",
    "no comma": "[1 2]",
    "no colon": '{"a" 1}',
    "no value": '{"a":}',
    "name without quotes": "{a:1}",
    "single quotes": "{'a':1}",
    "number as a name": '{1:"a"}',
    "cut word": "nul",
    "word in capitals": "True",
    "undefined": "undefined",
    "two values": '{"a":1}{"b":2}',
    "text after the value": '{"a":1} x',
    "NUL after the value": '{"a":1}\0',
    "string without an end": '{"a":"b',
    "line comment": '{"a":1} // b',
    "block comment": '{/* a */"a":1}',
    "plain words": "hello there",
    "XML": "<user><tag>@a</tag></user>",
    "form": "user=a&password=b",
    "opened a thousand times": "[" * 1000,
}

# Values within a document that is otherwise well-formed
VALUES = {
    "escape that does not exist": r'"\x41"',
    "escape cut short": r'"\u12"',
    "escape that is not hex": r'"\u00zz"',
    "high surrogate alone": r'"\ud800"',
    "low surrogate alone": r'"\udc00"',
    "surrogates the wrong way round": r'"\udc00\ud800"',
    "high surrogate before a letter": r'"\ud83dA"',
    "NUL escape": r'"\u0000"',
    "NUL escape within a string": r'"a\u0000b"',
    "raw newline": '"a\nb"',
    "raw tab": '"a\tb"',
    "raw control character": '"a\x01b"',
    "raw NUL": '"a\0b"',
    "leading zero": "01",
    "negative leading zero": "-01",
    "plus sign": "+1",
    "nothing after the point": "1.",
    "nothing before the point": ".5",
    "only a minus": "-",
    "no exponent": "1e",
    "hexadecimal": "0x10",
    "underscore in a number": "1_000",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "33 levels deep": nested(DEEPEST),  # within the object, which is a level itself
    "a thousand levels deep": nested(1000),
}

# Bytes that are not UTF-8, within a JSON string
NOT_UTF8 = {
    "stray byte": b"\xff",
    "continuation alone": b"\x80",
    "character cut short": b"\xd0",
    "overlong slash": b"\xc0\xaf",
    "overlong NUL": b"\xc0\x80",
    "overlong in three bytes": b"\xe0\x80\xaf",
    "encoded surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "Latin-1": "é".encode("latin-1"),
}

INJECTIONS = {
    "SQL or": "' OR '1'='1",
    "SQL drop": "\"; DROP TABLE users; --",
    "SQL comment": "admin'--",
    "percent": "%",
    "percents around": "%a%",
    "underscore": "_",
    "star": "*",
    "question mark": "?",
    "greater-than": ">",
    "bus wildcard": "@a.>",
    "Mongo operator": "$where",
    "Mongo object": '{"$gt":""}',
    "regular expression": ".*",
    "backslash": "\\",
    "path": "../../../../etc/passwd",
    "shell": "`id`$(id);id|id",
    "template": "${7*7}{{7*7}}",
    "HTML": "<script>alert(1)</script>",
    "format": "%s%n%x",
    "newlines of the bus": "x\r\nPUB notify.a 1\r\nx\r\n",
}
