/*
 * Runs a fuzz program without libFuzzer: on files, or on those of a directory and on -n mutations
 * of them that follow from -s alone. An input that fails is written to ./crash-<seed>-<round>.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 256 * 1024, SEEDS_MAX = 4096, CHANGES_MAX = 6, PATH_SIZE = 1024 };

static struct input {
    uint8_t *data; /* of the exact size, so that a sanitiser sees a read beyond */
    size_t size;
} current;
static unsigned long seed = 1, rounds = 20000, round_number;
static uint64_t random_state;

#if defined(__SANITIZE_ADDRESS__)
/* So that what the sanitiser finds comes to save_input, too. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1:allocator_may_return_null=1";
}
#endif

static void save_input(int signal_number)
{
    char name[64];

    snprintf(name, sizeof(name), "crash-%lu-%lu", seed, round_number);
    FILE *file = fopen(name, "wb");
    if (file != NULL) {
        fwrite(current.data, 1, current.size, file);
        fclose(file);
        fprintf(stderr, "the input is in ./%s\n", name);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_on(const uint8_t *data, size_t size)
{
    current = (struct input){ malloc(size > 0 ? size : 1), size };
    if (current.data == NULL)
        abort();
    memcpy(current.data, data, size);
    LLVMFuzzerTestOneInput(current.data, size);
    free(current.data);
}

static size_t below(size_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return bound > 0 ? (size_t)((random_state >> 33) % bound) : 0;
}

/* Copies a part of one seed over, into or out of the input. */
static size_t splice(uint8_t *data, size_t size, const struct input *other)
{
    size_t at = below(size + 1), from = below(other->size), length = below(other->size - from) % 64;

    if (below(2) == 0) { /* cut out */
        length = length < size - at ? length : size - at;
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    }
    if (other->size == 0 || size + length > INPUT_MAX)
        return size;
    memmove(data + at + length, data + at, size - at);
    memcpy(data + at, other->data + from, length);
    return size + length;
}

static size_t mutate(uint8_t *data, size_t size, const struct input *other)
{
    static const uint8_t edges[] = { 0, 1, 0x7F, 0x80, 0xFF, '"', '\\', '{', '[', 0xC3, 0xED };

    for (size_t changes = 1 + below(CHANGES_MAX); changes > 0; changes--) {
        size_t at = below(size);
        switch (below(4)) {
        case 0:
            size = splice(data, size, other);
            break;
        case 1:
            if (size > 0)
                data[at] = edges[below(sizeof(edges))];
            break;
        case 2:
            if (size > 0)
                data[at] ^= (uint8_t)(1u << below(8));
            break;
        default:
            if (size > 0)
                data[at] = (uint8_t)below(256);
        }
    }
    return size;
}

static size_t read_file(const char *path, uint8_t *out)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    size_t size = fread(out, 1, INPUT_MAX, file);
    fclose(file);
    return size;
}

static size_t read_seeds(const char *directory, struct input *seeds, uint8_t *scratch)
{
    DIR *entries = opendir(directory);
    char path[PATH_SIZE];
    size_t count = 0;

    if (entries == NULL) {
        fprintf(stderr, "%s: %s\n", directory, strerror(errno));
        exit(EXIT_FAILURE);
    }
    for (struct dirent *entry; count < SEEDS_MAX && (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        size_t size = read_file(path, scratch);
        seeds[count] = (struct input){ malloc(size > 0 ? size : 1), size };
        if (seeds[count].data == NULL)
            abort();
        memcpy(seeds[count++].data, scratch, size);
    }
    closedir(entries);
    return count;
}

static void run_mutations(const char *directory, uint8_t *scratch)
{
    static struct input seeds[SEEDS_MAX];
    size_t count = read_seeds(directory, seeds, scratch);

    for (size_t i = 0; i < count; i++)
        run_on(seeds[i].data, seeds[i].size);
    run_on(scratch, 0);
    for (round_number = 1; count > 0 && round_number <= rounds; round_number++) {
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + round_number; /* each by itself */
        const struct input *from = &seeds[below(count)];
        memcpy(scratch, from->data, from->size);
        run_on(scratch, mutate(scratch, from->size, &seeds[below(count)]));
    }
    for (size_t i = 0; i < count; i++)
        free(seeds[i].data);
    printf("%zu inputs and %lu mutations of them: all properties hold\n", count, rounds);
}

static int is_directory(const char *path)
{
    DIR *entries = opendir(path);

    if (entries == NULL)
        return 0;
    closedir(entries);
    return 1;
}

int main(int argc, char **argv)
{
    uint8_t *scratch = malloc(INPUT_MAX);
    int option;

    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n')
            rounds = strtoul(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoul(optarg, NULL, 10);
        else
            return EXIT_FAILURE;
    }
    if (scratch == NULL)
        return EXIT_FAILURE;
    signal(SIGABRT, save_input);
    for (int i = optind; i < argc; i++)
        if (is_directory(argv[i]))
            run_mutations(argv[i], scratch);
        else
            run_on(scratch, read_file(argv[i], scratch));
    free(scratch);
    return EXIT_SUCCESS;
}
