#include "services/common/store/sqlite_clean_file.h"

#include <string.h>

#include "services/common/store/sqlite_layer.h"

enum {
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    GROWTH_PAGES = 1 << 20, /* by which a file may grow in the checkpoint that writes the page */

    /* https://sqlite.org/fileformat2.html, "B-tree Pages" */
    INDEX_INTERIOR = 2,
    TABLE_INTERIOR = 5,
    INDEX_LEAF = 10,
    TABLE_LEAF = 13,
    LEAF_HEADER = 8,
    INTERIOR_HEADER = 12,
};

static size_t two_bytes(const unsigned char *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* 0: of no B-tree. */
static size_t header_size(unsigned char type)
{
    if (type == TABLE_LEAF || type == INDEX_LEAF)
        return LEAF_HEADER;
    return type == TABLE_INTERIOR || type == INDEX_INTERIOR ? INTERIOR_HEADER : 0;
}

/* Whether the page may begin with the number of another page. */
static bool is_ambiguous(unsigned char type, uint64_t pages)
{
    return (pages + GROWTH_PAGES) >> 24 >= type;
}

bool sqlite_clean_file_gap(const unsigned char *page, size_t size, uint64_t pages,
                           size_t *begin_out, size_t *end_out)
{
    size_t header = header_size(page[0]);

    if (header == 0 || size < PAGE_MIN || is_ambiguous(page[0], pages))
        return false;
    size_t cells = two_bytes(page + 3), content = two_bytes(page + 5);
    size_t begin = header + 2 * cells, end = content == 0 ? PAGE_MAX : content;
    if (begin > end || end > size)
        return false;
    for (size_t i = 0; i < cells; i++) {
        size_t cell = two_bytes(page + header + 2 * i);
        if (cell < end || cell >= size)
            return false;
    }
    *begin_out = begin;
    *end_out = end;
    return true;
}

static bool is_page(int size, sqlite3_int64 offset)
{
    return size >= PAGE_MIN && size <= PAGE_MAX && offset >= size && offset % size == 0;
}

int sqlite_clean_file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    const sqlite3_io_methods *plain = sqlite_layer_file_of(file)->plain;
    unsigned char page[PAGE_MAX];
    sqlite3_int64 file_size = 0;
    size_t begin, end;

    if (!is_page(size, offset) || plain->xFileSize(file, &file_size) != SQLITE_OK ||
        !sqlite_clean_file_gap(bytes, (size_t)size, (uint64_t)(file_size / size), &begin, &end))
        return plain->xWrite(file, bytes, size, offset);
    memcpy(page, bytes, (size_t)size);
    memset(page + begin, 0, end - begin);
    return plain->xWrite(file, page, size, offset);
}

static void open_clean(sqlite3_file *file, const char *name, int flags)
{
    (void)name;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        sqlite_layer_file_of(file)->methods.xWrite = sqlite_clean_file_write;
}

const char *sqlite_clean_file_layer(void)
{
    static struct sqlite_layer layer = {
        .name = "clean file",
        .file_size = sizeof(struct sqlite_layer_file),
        .opened = open_clean,
    };
    return sqlite_layer_use(&layer);
}
