#ifndef MESSENGERCTL_TABLE_H
#define MESSENGERCTL_TABLE_H

#include <stddef.h>

/*
 * A table on standard output, in as many parts as there are pages: the titles are above the first,
 * and no column becomes narrower. Zeroed but for titles and columns it is ready.
 */
enum { TABLE_COLUMNS_MAX = 9 };

struct table {
    const char *const *titles;
    size_t columns; /* 1 to TABLE_COLUMNS_MAX */
    size_t widths[TABLE_COLUMNS_MAX];
    char **cells; /* row by row, not yet printed */
    size_t cell_count, cell_capacity;
};

/* The next cell; after the last one of a row, the first one of the next row. "" is shown as "-". */
void table_add(struct table *table, const char *text);

/* Prints the rows that are whole (asserted), the titles before the first call's, and forgets them.
 */
void table_print(struct table *table);

/* Frees what has not been printed. */
void table_finish(struct table *table);

#endif
