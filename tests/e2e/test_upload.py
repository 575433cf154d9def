"""Avatars: what is taken, what is refused, and what is served."""

import json

import pytest
import requests
from PIL import Image, ImageOps

from support import images
from support.client import RpcError, User, bearer, befriend, error_name, send, upload, uploaded_name
from support.shapes import IMAGE_NAME, numbered
from support.stack import Stack

LIMIT = 15 << 20
SIDE = 512
SECRET = "taken-at-52.3702N-4.8952E"


def fetch(stack, name, gateway=0):
    response = requests.get(stack.url(gateway, "/img/" + name))
    assert response.status_code == 200, response.text
    return response


def store(stack, user, data, **options):
    """Uploads and fetches; the bytes that are served."""
    return fetch(stack, uploaded_name(upload(stack.url(), user.token, data, **options))).content


def assert_refused(response):
    assert response.status_code == 400, response.text
    assert error_name(response) == "IncorrectDataError"


def close_colours(one, other, tolerance=24):
    return all(abs(a - b) <= tolerance for a, b in zip(one, other))


# Good pictures

@pytest.mark.parametrize("kind, make", images.KINDS.items(), ids=images.KINDS.keys())
def test_picture_is_kept(stack, alice, kind, make):
    served = images.decode(store(stack, alice, make(64, 48, (30, 160, 70))))
    assert served.size == (64, 48)
    assert close_colours(served.convert("RGB").getpixel((32, 24)), (30, 160, 70))


def test_answer_is_a_json_string_that_holds_json(stack, alice):
    response = upload(stack.url(), alice.token, images.png(8, 8))
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    outer = response.json()
    assert isinstance(outer, str)
    inner = json.loads(outer)
    assert set(inner) == {"fileName"} and IMAGE_NAME.fullmatch(inner["fileName"])


def test_the_format_is_read_from_the_content_not_the_name(stack, alice):
    data = images.jpeg(20, 10)
    served = store(stack, alice, data, filename="a.png", content_type="text/plain")
    assert images.decode(served).size == (20, 10)


def test_each_upload_has_a_name_of_its_own_even_of_the_same_picture(stack, alice, bob):
    data = images.png(33, 44)
    names = [uploaded_name(upload(stack.url(), user.token, data)) for user in (alice, alice, bob)]
    assert len(set(names)) == 3
    assert len({fetch(stack, name).content for name in names}) == 1


def test_the_same_picture_is_saved_as_often_as_it_is_uploaded(stack, alice, crowd):
    """As the original's client does it: upload, then the new name alone; the answer has it, and contacts are notified."""
    friend = crowd.user(stack)
    with alice.socket() as socket, friend.socket() as theirs:
        send(socket, friend, "hello")
        for data in (images.png(20, 20), images.jpeg(20, 20)):
            for _ in range(3):
                name = uploaded_name(upload(stack.url(), alice.token, data))
                assert socket.call("setSelfInfo", ["", "", name])["img"] == name
                theirs.wait_notification(3200, {"tag": alice.tag, "img": name})


MODES = {"grey": "L", "grey with alpha": "LA", "colours by palette": "P", "alpha": "RGBA", "one bit": "1"}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_png_of_every_mode(stack, alice, mode):
    data = images.encode(images.picture(40, 30).convert("RGBA").convert(mode), "PNG")
    assert images.decode(store(stack, alice, data)).size == (40, 30)


JPEGS = {"progressive": {"progressive": True}, "grey": {"mode": "L"}, "CMYK": {"mode": "CMYK"},
         "without subsampling": {"subsampling": 0}}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS.keys())
def test_jpeg_of_other_kinds(stack, alice, options):
    options = dict(options)
    image = images.picture(40, 30).convert(options.pop("mode", "RGB"))
    assert images.decode(store(stack, alice, images.encode(image, "JPEG", **options))).size == (40, 30)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (511, 512), (512, 512)],
                         ids=lambda size: f"{size[0]}x{size[1]}")
def test_small_picture_keeps_its_size(stack, alice, size):
    assert images.decode(store(stack, alice, images.png(*size))).size == size


SCALED = {(513, 513): (512, 512), (1024, 512): (512, 256), (512, 1024): (256, 512), (4000, 3000): (512, 384),
          (3000, 20): (512, 3), (600, 1): (512, 1)}


@pytest.mark.parametrize("size, expected", SCALED.items(), ids=lambda size: f"{size[0]}x{size[1]}")
def test_large_picture_is_scaled(stack, alice, size, expected):
    served = images.decode(store(stack, alice, images.jpeg(*size)))
    assert max(served.size) == SIDE
    assert all(abs(a - b) <= 1 for a, b in zip(served.size, expected))
    assert close_colours(served.convert("RGB").getpixel((served.width // 2, served.height // 2)),
                         (200, 40, 90))


def corners(image):
    """The colours in the four quarters."""
    image = image.convert("RGB")
    return [image.getpixel((image.width * x // 4, image.height * y // 4)) for y in (1, 3) for x in (1, 3)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(stack, alice, kind, orientation):
    quarters = images.quarters(64, 48)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = images.encode(quarters, kind, exif=exif.tobytes(), quality=95)
    served = images.decode(store(stack, alice, data))
    upright = ImageOps.exif_transpose(images.decode(data))
    assert served.size == upright.size
    assert all(close_colours(*pair, 40) for pair in zip(corners(served), corners(upright)))


ANIMATIONS = {"WebP": "WEBP", "GIF": "GIF"}


@pytest.mark.parametrize("kind", ANIMATIONS.values(), ids=ANIMATIONS.keys())
def test_of_an_animation_the_first_frame_is_kept(stack, alice, kind):
    first, second = images.picture(40, 30, (30, 160, 70)), images.picture(40, 30, (200, 40, 90))
    data = images.encode(first, kind, save_all=True, append_images=[second], duration=100)
    served = images.decode(store(stack, alice, data))
    assert served.size == (40, 30)
    assert close_colours(served.convert("RGB").getpixel((20, 15)), (30, 160, 70))


def test_an_avif_is_kept(stack, alice):
    served = images.decode(store(stack, alice, images.avif(), filename="a.avif", content_type="image/avif"))
    assert served.size == (64, 48)
    expected = corners(images.quarters(64, 48))
    assert all(close_colours(*pair, 40) for pair in zip(corners(served), expected))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA"])
def test_bmp_of_every_mode(stack, alice, mode):
    image = images.quarters(41, 30).quantize(16) if mode == "P" else images.quarters(41, 30).convert(mode)
    served = images.decode(store(stack, alice, images.encode(image, "BMP")))
    assert served.size == (41, 30)
    expected = corners(image)
    assert all(close_colours(*pair, 40) for pair in zip(corners(served), expected))


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS.keys())
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_mark_is_shown_and_one_that_breaks_off_is_not(stack, alice, options, missing):
    options = dict(options)
    whole = images.encode(images.noise(300, 200).convert(options.pop("mode", "RGB")), "JPEG", **options)
    assert store(stack, alice, whole[:-missing]) == store(stack, alice, whole)
    for part in (0.3, 0.6, 0.95):
        assert_refused(upload(stack.url(), alice.token, whole[:int(len(whole) * part)]))


# What must not survive

METADATA = {"JPEG": images.jpeg_with_metadata, "PNG": images.png_with_metadata,
            "WebP": images.webp_with_metadata, "GIF": images.gif_with_metadata}


@pytest.mark.parametrize("make", METADATA.values(), ids=METADATA.keys())
def test_metadata_is_gone(stack, alice, make):
    data = make(SECRET)
    assert SECRET.encode() in data
    served = store(stack, alice, data)
    assert SECRET.encode() not in served and b"Exif" not in served and b"xmp" not in served.lower()
    assert not images.decode(served).getexif()


@pytest.mark.parametrize("kind, make", images.KINDS.items(), ids=images.KINDS.keys())
def test_bytes_behind_the_picture_are_removed(stack, alice, kind, make):
    payload = b"<script>alert(1)</script><?php system($_GET['c']);?>PK\x03\x04"
    served = store(stack, alice, make(64, 48) + payload)
    assert b"<script" not in served and b"<?php" not in served and b"PK\x03\x04" not in served


# Refused

def cut(data, part):
    return data[:int(len(data) * part)]


def noisy(kind):
    return images.encode(images.noise(300, 300), kind)


REFUSED = {
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    "SVG with an XML head": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "HTML": b"<!doctype html><html><body><img src=x></body></html>",
    "text": b"hello",
    "nothing": b"",
    "one byte": b"\x89",
    "zeros": bytes(1000),
    "PDF": b"%PDF-1.4\n%%EOF",
    "BMP cut in half": cut(images.encode(images.noise(30, 30), "BMP"), 0.5),
    "AVIF cut in half": cut(images.avif(), 0.5),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500),
    "TIFF": images.encode(images.picture(8, 8), "TIFF"),
    "icon": images.encode(images.picture(16, 16), "ICO"),
    "only a PNG signature": images.SIGNATURE,
    "only a JPEG start": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "only a GIF signature": b"GIF89a",
    "only a WebP header": b"RIFF\x00\x00\x00\x00WEBP",
    "PNG signature and HTML": images.SIGNATURE + b"<html><script>alert(1)</script></html>",
    "GIF that is JavaScript": b"GIF89a=1;alert(1)//",
    "PNG without pixels": images.png_header_only(100, 100),
    "PNG of no width": images.png_header_only(0, 100),
    "PNG that claims 30000 x 30000": images.png_header_only(30000, 30000),
    "PNG that claims 2^31 - 1": images.png_header_only(2**31 - 1, 2**31 - 1),
    "PNG cut in half": cut(noisy("PNG"), 0.5),
    "PNG with a byte changed": noisy("PNG")[:20000] + b"\0\1\2\3" + noisy("PNG")[20004:],
    "JPEG cut in half": cut(noisy("JPEG"), 0.5),
    "GIF cut in half": cut(noisy("GIF"), 0.5),
    "WebP cut in half": cut(noisy("WEBP"), 0.5),
    "JPEG cut in its header": noisy("JPEG")[:100],
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_rejected(stack, alice, data):
    assert_refused(upload(stack.url(), alice.token, data))


def test_bomb_of_thirty_thousand_square_is_refused_before_it_unpacks(stack, alice):
    """A hundred kilobytes that unpack to 900 million pixels."""
    programs = stack.programs("gateway") + stack.programs("user")
    before = [program.resident_kib("VmHWM") for program in programs]
    assert_refused(upload(stack.url(), alice.token, images.png_bomb(30000)))
    after = [program.resident_kib("VmHWM") for program in programs]
    assert all(b - a < 100 * 1024 for a, b in zip(before, after)), (before, after)


# Sizes

def test_file_of_fifteen_mib(stack, alice):
    assert images.decode(store(stack, alice, images.padded_png(LIMIT))).size == (16, 16)


def test_file_over_fifteen_mib(stack, alice):
    response = upload(stack.url(), alice.token, images.padded_png(LIMIT + 1))
    assert response.status_code == 413
    assert error_name(response) == "FileTooLargeError"


def test_body_over_sixteen_mib(stack, alice):
    response = upload(stack.url(), alice.token, images.padded_png(17 << 20))
    assert response.status_code == 413


# Forms, by RFC 7578 and RFC 2046

def part(boundary, headers, data):
    return b"--" + boundary + b"\r\n" + b"".join(line.encode() + b"\r\n" for line in headers) + b"\r\n" + data + b"\r\n"


def form(boundary="border", before=b"", after=b"", end=b"--\r\n", preamble=b"", epilogue=b"", data=None,
         disposition='Content-Disposition: form-data; name="image"; filename="a.png"'):
    mark = boundary.encode()
    body = part(mark, [disposition, "Content-Type: image/png"], images.png(9, 7) if data is None else data)
    return preamble + before + body + after + b"--" + mark + end + epilogue


def post_form(stack, user, body, kind="multipart/form-data; boundary=border"):
    return requests.post(stack.url(path="/upload-image"), data=body,
                         headers={"Content-Type": kind, "Cookie": f"auth={user.token}"})


def other(name="title", data=b"hello", file=False):
    disposition = f'Content-Disposition: form-data; name="{name}"' + ('; filename="b.txt"' if file else "")
    return part(b"border", [disposition], data)


FORMS = {
    "plain": form(), "a preamble": form(preamble=b"This is a message in MIME format.\r\n"), "an empty line before": form(preamble=b"\r\n"),
    "a preamble with a boundary inside": form(preamble=b"see --border for more\r\n"),
    "an epilogue": form(epilogue=b"the end\r\n"), "an epilogue like a part": form(epilogue=other("image", b"no picture")),
    "no line end behind the last boundary": form(end=b"--"), "white space behind the last boundary": form(end=b"-- \t\r\n"),
    "a field before": form(before=other()), "a field behind": form(after=other()), "many fields": form(before=other("a") * 20, after=other("b") * 20),
    "another file before": form(before=other("file", images.png(3, 3), True)), "an empty field before": form(before=other(data=b"")),
    "an empty file before": form(before=other(data=b"", file=True)), "a field that holds line ends": form(before=other(data=b"\r\n\r\n--\r\n--borde")),
    "a second image": form(after=other("image", b"no picture", True)), "a part without a header": form(before=b"--border\r\n\r\nx\r\n"),
    "no file name": form(disposition='Content-Disposition: form-data; name="image"'), "no quotes": form(disposition="Content-Disposition: form-data; name=image"),
    "other case": form(disposition='CONTENT-DISPOSITION: Form-Data; NAME="image"'), "file name first": form(
        disposition='Content-Disposition: form-data; filename="x; name=\\"y\\""; name="image"'),
    "spaces": form(disposition='Content-Disposition:form-data ; name = "image" ; filename="a"'),
    "a file name in UTF-8": form(disposition='Content-Disposition: form-data; name="image"; filename="\u00fc\u044f.png"'),
    "an extended file name": form(disposition="Content-Disposition: form-data; name=image; filename*=UTF-8''%c3%bc.png"),
    "white space behind a boundary": form().replace(b"--border\r\n", b"--border \t\r\n"),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_a_form_as_it_may_be(stack, alice, body):
    assert fetch(stack, uploaded_name(post_form(stack, alice, body))).content
    pieces = [body[start:start + 1000] for start in range(0, len(body), 1000)]
    assert images.decode(fetch(stack, uploaded_name(post_form(stack, alice, iter(pieces)))).content).size == (9, 7), "chunked"


BOUNDARIES = {"1 character": ("x", "x"), "2 characters": ("xy", "xy"), "3 characters": ("a-b", "a-b"), "70 characters": ("b" * 70, "b" * 70),
              "quoted": ("border", '"border"'), "all that is legal": ("a'()+_,-./:=? z", '"a\'()+_,-./:=? z"'), "only hyphens": ("---", "---"),
              "of a browser": ("----WebKitFormBoundary7MA4YWxkTrZu0gW",) * 2}


@pytest.mark.parametrize("boundary, written", BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_any_legal_boundary(stack, alice, boundary, written):
    for kind in ("multipart/form-data; boundary=" + written, "Multipart/Form-Data;charset=utf-8;BOUNDARY=" + written + " ; x=y"):
        assert uploaded_name(post_form(stack, alice, form(boundary), kind))


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""', "multipart/form-data; x=border",
                                  "multipart/form-data; boundary=" + "b" * 71, 'multipart/form-data; boundary="border', 'multipart/form-data; boundary="border "'])
def test_no_legal_boundary(stack, alice, kind):
    assert_refused(post_form(stack, alice, form(), kind))


BROKEN = {"no end": form(end=b""), "half an end": form(end=b"-"), "another boundary": form("other"), "cut in the data": form()[:90],
          "the field in the epilogue": b"--border--\r\n" + form(), "the field in the preamble": form().replace(b"--border\r\n", b"--borde\r\n"),
          "the field in another's data": other("a", b'x\r\nContent-Disposition: form-data; name="image"\r\n\r\nGIF89a') + b"--border--",
          "another disposition": form(disposition='Content-Disposition: attachment; name="image"'), "a name that begins alike": form(
              disposition='Content-Disposition: form-data; name="images"'), "a bare LF": form().replace(b"\r\n", b"\n")}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_form_without_the_field(stack, alice, body):
    assert_refused(post_form(stack, alice, body))
    assert_refused(post_form(stack, alice, iter([body])))


def test_a_chunked_upload_of_any_size(stack, alice):
    def pieces(size):
        data = form(data=images.padded_png(size))
        return (data[start:start + 100000] for start in range(0, len(data), 100000))
    assert uploaded_name(post_form(stack, alice, pieces(LIMIT)))
    for size in (LIMIT + 1, 17 << 20):
        refused = post_form(stack, alice, pieces(size))
        assert refused.status_code == 413 and error_name(refused) == "FileTooLargeError"


# Serving

def test_headers_of_an_image(stack, alice):
    response = fetch(stack, uploaded_name(upload(stack.url(), alice.token, images.jpeg(20, 20))))
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    kind = images.decode(response.content).format
    assert response.headers["Content-Type"] == "image/" + kind.lower()
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_default_image(stack):
    response = fetch(stack, "default.jpg")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert images.decode(response.content).format == "JPEG"


def test_unknown_image(stack):
    assert requests.get(stack.url(path=f"/img/{'0' * 32}.png")).status_code == 404


# As an avatar

def test_an_avatar_is_set_and_notified(alice, bob):
    mine, his, mine_too = alice.socket(), bob.socket(), alice.socket()
    befriend(mine, bob)
    name = uploaded_name(alice.upload(images.png(50, 50)))
    assert mine.call("setSelfInfo", ["", "", name])["img"] == name
    assert mine.call("getSelfInfo")["img"] == name
    assert numbered(his.wait_notification(3200)) == {"tag": alice.tag, "img": name}
    assert numbered(mine_too.wait_notification(3201)) == {"tag": alice.tag, "img": name}
    assert his.call("getDialogsList")[0]["userInfo"]["img"] == name
    assert mine.call("setSelfInfo", {"img": "default.jpg"})["img"] == "default.jpg"


def test_unknown_image_as_an_avatar(alice):
    socket = alice.socket()
    with pytest.raises(RpcError) as raised:
        socket.call("setSelfInfo", ["", "", "0123456789abcdef" * 2 + ".png"])
    assert raised.value.code == -32602 and raised.value.reason
    assert socket.call("getSelfInfo")["img"] == "default.jpg"


def test_the_other_gateway_serves_the_image(pair, crowd):
    user = crowd.user(pair, gateway=0)
    name = uploaded_name(user.upload(images.png(70, 50), gateway=0))
    served = [fetch(pair, name, gateway).content for gateway in (1, 0)]
    assert served[0] == served[1] and images.decode(served[0]).size == (70, 50)
    assert user.socket(gateway=1).call("setSelfInfo", ["", "", name])["img"] == name


# Limit

def test_uploads_a_minute_are_limited_for_each_user():
    with Stack(settings={"limits.uploadsPerMinute": None}) as own:
        from_one, other = User(own), User(own)
        data = images.png(8, 8)
        statuses = [upload(own.url(), from_one.token, data).status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        refused = requests.post(own.url(path="/upload-image"), headers=bearer(from_one.token),
                                files={"image": ("a.png", data, "image/png")})
        assert refused.status_code == 429 and error_name(refused) == "FilesLimitExceedingError"
        assert upload(own.url(), other.token, data).status_code == 200
