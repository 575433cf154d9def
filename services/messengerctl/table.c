#include "services/messengerctl/table.h"

#include <assert.h>
#include <stdlib.h>

#include "services/common/base/array.h"
#include "services/common/base/buffer.h"
#include "services/common/base/memory.h"
#include "services/common/base/text.h"
#include "services/messengerctl/console.h"

enum { GAP = 2 };

static void widen(size_t *width, const char *text)
{
    size_t columns = text_columns(text);

    if (columns > *width)
        *width = columns;
}

void table_add(struct table *table, const char *text)
{
    char *cell = xstrdup(*text != '\0' ? text : "-");

    console_clean(cell); /* before it is measured */
    widen(&table->widths[table->cell_count % table->columns], cell);
    table->cells = array_reserve(table->cells, table->cell_count, &table->cell_capacity,
                                 sizeof(*table->cells));
    table->cells[table->cell_count++] = cell;
}

static void print_row(const struct table *table, const char *const *cells)
{
    struct buffer line = { 0 };

    for (size_t i = 0; i < table->columns; i++) {
        buffer_append_text(&line, cells[i]);
        size_t columns = text_columns(cells[i]);
        for (size_t n = columns; i + 1 < table->columns && n < table->widths[i] + GAP; n++)
            buffer_append_char(&line, ' ');
    }
    console_line("%s", buffer_text(&line));
    buffer_finish(&line);
}

static void print_titles(struct table *table)
{
    for (size_t i = 0; i < table->columns; i++)
        widen(&table->widths[i], table->titles[i]);
    print_row(table, table->titles);
    table->titles = NULL;
}

void table_print(struct table *table)
{
    assert(table->cell_count % table->columns == 0);
    if (table->titles != NULL)
        print_titles(table);
    for (size_t i = 0; i < table->cell_count; i += table->columns)
        print_row(table, (const char *const *)table->cells + i);
    table_finish(table);
}

void table_finish(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->cell_count = table->cell_capacity = 0;
}
