"""Protobuf messages by hand, for tests that stand in for a service: numbers, texts and messages; fields() reads fields below 16."""


def varint(number):
    return (bytes([number & 0x7f | 0x80]) + varint(number >> 7)) if number > 0x7f else bytes([number])


def bytes_field(field, data):
    """Also of a message, or of packed numbers."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def text_field(field, text):
    return bytes_field(field, text.encode())


def number_field(field, number):
    return varint(field << 3) + varint(number)


def _read_varint(data, i):
    """The number at `i`, and where it ends."""
    number = shift = 0
    while data[i] & 0x80:
        number, shift, i = number | (data[i] & 0x7f) << shift, shift + 7, i + 1
    return number | data[i] << shift, i + 1


def fields(data):
    """What a message holds, by the number of the field."""
    found, i = {}, 0
    while i < len(data):
        field, wire = data[i] >> 3, data[i] & 7
        number, i = _read_varint(data, i + 1)
        found[field] = number
        if wire != 0:
            found[field], i = data[i:i + number], i + number
    return found
