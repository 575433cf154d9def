"""Pictures for uploads: good ones through PIL, bad ones by hand."""

import base64
import io
import struct
import zlib

from PIL import Image, PngImagePlugin

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(width, height, colour=(200, 40, 90)):
    return Image.new("RGB", (width, height), colour)


def encode(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png(width, height, colour=(200, 40, 90), **options):
    return encode(picture(width, height, colour), "PNG", **options)


def jpeg(width, height, colour=(200, 40, 90), **options):
    return encode(picture(width, height, colour), "JPEG", quality=90, **options)


def gif(width, height, colour=(200, 40, 90)):
    return encode(picture(width, height, colour), "GIF")


def webp(width, height, colour=(200, 40, 90), **options):
    return encode(picture(width, height, colour), "WEBP", quality=90, **options)


KINDS = {"PNG": png, "JPEG": jpeg, "GIF": gif, "WebP": webp}


# Red, green / blue, yellow; as libgd encodes them. PIL of Debian 12 knows no AVIF.
AVIF_QUARTERS = (
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADybWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAA"
    "AGxpYmF2aWYAAAAADnBpdG0AAAAAAAEAAAAeaWxvYwAAAABEAAABAAEAAAABAAABGgAAADEAAAAoaWluZgAAAAAAAQAAABppbmZl"
    "AgAAAAABAABhdjAxQ29sb3IAAAAAamlwcnAAAABLaXBjbwAAABRpc3BlAAAAAAAAAEAAAAAwAAAAEHBpeGkAAAAAAwgICAAAAAxh"
    "djFDgQAMAAAAABNjb2xybmNseAABAA0AAYAAAAAXaXBtYQAAAAAAAAABAAEEAQKDBAAAADltZGF0EgAKCRgVf72SAhoDCDIiRTAA"
    "ABAA1Qguif3RtBya6ncuLobBhXtvQ9irwS2nceqasA=="
)
QUARTERS = ((224, 32, 32), (32, 192, 32), (32, 32, 224), (224, 224, 32))


def quarters(width, height):
    image = Image.new("RGB", (width, height))
    for i, colour in enumerate(QUARTERS):
        left, top = i % 2 * (width // 2), i // 2 * (height // 2)
        image.paste(colour, (left, top, left + width - width // 2, top + height - height // 2))
    return image


def avif():
    """64 x 48, four quarters."""
    return base64.b64decode(AVIF_QUARTERS)


def noise(width, height):
    """Something that does not compress, so that cutting it always cuts pixels."""
    return Image.effect_noise((width, height), 80).convert("RGB")


def jpeg_with_metadata(secret):
    exif = Image.Exif()
    exif[0x010E] = secret           # ImageDescription
    exif[0x9286] = secret           # UserComment
    return jpeg(64, 48, exif=exif.tobytes(), comment=secret.encode())


def png_with_metadata(secret):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", secret)
    info.add_itxt("XML:com.adobe.xmp", secret)
    return png(64, 48, pnginfo=info)


def webp_with_metadata(secret):
    exif = Image.Exif()
    exif[0x010E] = secret
    return webp(64, 48, exif=exif.tobytes(), xmp=secret.encode())


def gif_with_metadata(secret):
    return encode(picture(64, 48), "GIF", comment=secret.encode())


def chunk(kind, data):
    body = kind + data
    return struct.pack("!I", len(data)) + body + struct.pack("!I", zlib.crc32(body))


def padded_png(size):
    """A valid PNG of exactly this many bytes, most of them in chunks that say nothing."""
    small = png(16, 16)
    end = chunk(b"IEND", b"")
    body, padding = small[:-len(end)], []
    left = size - len(small)
    while left:
        part = min(left, 1 << 20)
        if 0 < left - part < 12:
            part -= 12
        padding.append(chunk(b"npAd", bytes(part - 12)))
        left -= part
    return body + b"".join(padding) + end


def png_bomb(side):
    """A small file that unpacks to side x side pixels; every byte of it is there and valid."""
    row = bytes(1 + (side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack("!IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_header_only(width, height):
    """Claims its dimensions and holds no pixels."""
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def decode(data):
    """PIL's reading of an image, fully decoded; raises when it is damaged."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image
