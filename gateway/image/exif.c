#include "gateway/image/exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12, PREFIX_BYTES = 6 };

unsigned exif_orientation(struct byte_reader data)
{
    if (data.left >= PREFIX_BYTES && memcmp(data.at, "Exif\0\0", PREFIX_BYTES) == 0)
        (void)byte_reader_take(&data, PREFIX_BYTES);
    struct byte_reader tiff = data;
    const unsigned char *head = byte_reader_take(&data, 8);
    if (head == NULL || (memcmp(head, "II*\0", 4) != 0 && memcmp(head, "MM\0*", 4) != 0))
        return 0;
    uint32_t (*number)(const unsigned char *, size_t) =
        head[0] == 'I' ? byte_reader_little_endian : byte_reader_big_endian;
    const unsigned char *count = NULL;
    if (byte_reader_take(&tiff, number(head + 4, 4)) == NULL ||
        (count = byte_reader_take(&tiff, 2)) == NULL)
        return 0;
    for (uint32_t entries = number(count, 2); entries > 0; entries--) {
        const unsigned char *entry = byte_reader_take(&tiff, ENTRY_BYTES);
        if (entry == NULL)
            return 0;
        if (number(entry, 2) == TAG_ORIENTATION)
            return number(entry + 2, 2) == TYPE_SHORT ? number(entry + 8, 2) : 0;
    }
    return 0;
}
