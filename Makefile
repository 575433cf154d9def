# Builds the five programs, runs them, tests them. Everything made lies under build/.
#
#   make            the programs, into build/release/bin
#   make run        install what is missing, build, start everything, until Ctrl-C
#   make test       install what is missing, build, all tests: less than 10 minutes
#   make check      a part of it, for use while working: build, units, structure, the main end to end
#                   tests on SQLite; less than 2 minutes
#   make test-compose   the containers, scaled, under load and faults
#   make test-hostile   hostile clients beside a healthy witness; less than 2 minutes
#   make test-sanitized the end-to-end tests under the sanitizers, address+undefined and thread (SAN for
#                   one of them, PART=1 for some of the tests)
#   make unit       the unit tests alone          (SAN=address,undefined or SAN=thread: sanitized)
#   make fuzz       each parser of foreign bytes and each RPC handler, by coverage (FUZZ_SECONDS each);
#                   then `make fuzz-corpus` keeps what was found
#   make bench      a release build, measured beside the floor: one table, build/bench.json (BENCH_ARGS)
#   make soak       very many messages, without growth of memory (MESSAGES)
#   make chaos      faults under load, then everything must be right (SEED, SECONDS, STORE=sqlite|mongodb)
#   make images     the containers' images, labelled with the version and the commit
#   make lint       clang-format, clang-tidy, cppcheck
#   make clean

SAN ?=
comma := ,
VARIANT := $(if $(SAN),$(subst $(comma),-,$(SAN)),release)
OUT := build/$(VARIANT)
GEN := build/gen

# `make V=1` shows whole commands.
V ?= 0
ifeq ($(V),0)
QUIET = @printf '  %-7s %s\n' $(1) $@;
endif

CC ?= cc
AR ?= ar
STD := -std=c11 -D_POSIX_C_SOURCE=200809L
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wconversion -Werror
ifeq ($(SAN),)
OPT := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LINK := -pie -Wl,-z,relro,-z,now
else
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
LINK := -fsanitize=$(SAN)
endif
# COVERAGE=1, with clang: which lines were run (llvm-cov).
ifneq ($(COVERAGE),)
OPT += -fprofile-instr-generate -fcoverage-mapping
LINK += -fprofile-instr-generate
endif
# Hidden, or a function of ours would stand in for a library's of the same name inside another
# library (libjwt calls json_string of libjansson).
OPT += -fvisibility=hidden
# Not by pkg-config: the only library whose headers lie in a folder of their own.
MONGO := -isystem /usr/include/libmongoc-1.0 -isystem /usr/include/libbson-1.0
CPPFLAGS += -I. -isystem $(GEN) $(MONGO)
CFLAGS += $(STD) $(WARN) $(OPT)
LDFLAGS += $(LINK) -Wl,--as-needed -pthread
LIBS := -lcurl -lcivetweb -lnats -lprotobuf-c -lcjson -ljwt -largon2 -lsqlite3 -lutf8proc -lgd -lavif -lssl -lcrypto -lmongoc-1.0 -lbson-1.0 -lm

# --- what there is ---------------------------------------------------------------------------------

PROGRAMS := gateway user message presence messengerctl
PROTOS := $(wildcard proto/*.proto)
GEN_C := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)

gateway_DIR := gateway
user_DIR := services/user
message_DIR := services/message
presence_DIR := services/presence
messengerctl_DIR := services/messengerctl
messengerctl_HOLDS := user message # the archives it links: their stores

objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
sources = $(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*/*.c) # no deeper: test_house.py checks
parts = $(filter-out %/main.c,$(call sources,$(1)))

COMMON_A := $(OUT)/lib/common.a
COMMON_O := $(call objects,$(call sources,services/common)) $(GEN_C:$(GEN)/%.c=$(OUT)/obj/gen/%.o)
PART_A := $(PROGRAMS:%=$(OUT)/lib/%.a)
BINS := $(PROGRAMS:%=$(OUT)/bin/%)
UNIT_C := $(foreach c,$(call sources,tests/unit),$(if $(filter test_%.c,$(notdir $c)),$c))
UNITS := $(patsubst %.c,$(OUT)/unit/%,$(notdir $(UNIT_C)))
BENCH_A := $(OUT)/lib/bench.a
BENCH := $(OUT)/bench

.PHONY: FORCE images all run test check test-compose test-hostile test-sanitized unit units lint format clean install-deps fuzz fuzz-corpus chaos soak bench
.DELETE_ON_ERROR:
.SECONDARY:
all: $(BINS)

# --- generated code --------------------------------------------------------------------------------

# One run for all of them: a stamp, because make 4.3 has no other way to say "these together".
$(GEN)/stamp: $(PROTOS)
	@mkdir -p $(GEN)
	$(call QUIET,PROTOC)protoc-c -Iproto --c_out=$(GEN) $(PROTOS) 2>$(GEN)/protoc.log || { cat $(GEN)/protoc.log; exit 1; }
	@touch $@
$(GEN_C) $(GEN_H): $(GEN)/stamp ;

# The version and the commit; rewritten only when they change, so that nothing is linked again for it.
VERSION_H := services/common/base/version.h
VERSION = $(shell sed -n 's/^\#define MESSENGER_VERSION "\(.*\)"/\1/p' $(VERSION_H))
COMMIT ?= $(shell [ -e .git ] && git describe --tags --always --dirty 2>/dev/null)
$(GEN)/build.c: FORCE $(VERSION_H)
	@mkdir -p $(GEN)
	@echo 'const char messenger_build[] = "$(VERSION)$(if $(COMMIT), ($(COMMIT)))";' >$@.new
	@cmp -s $@.new $@ || cp $@.new $@; rm $@.new
FORCE:

# The table of what lies below gateway/www. Folders, too: they change when a file is added or removed.
ASSETS := $(GEN)/assets
WWW := $(shell find gateway/www -name '*[!A-Za-z0-9._-]*' -prune -o -print)
$(ASSETS)/stamp: gateway/http/make_assets.sh $(WWW)
	$(call QUIET,ASSETS)gateway/http/make_assets.sh gateway/www $(ASSETS)
	@touch $@
$(ASSETS)/assets_table.c $(ASSETS)/assets_data.S: $(ASSETS)/stamp ;
ASSETS_O := $(OUT)/obj/gen/assets/assets_table.o $(OUT)/obj/gen/assets/assets_data.o

# --- objects, archives, programs -------------------------------------------------------------------

$(OUT)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CPPFLAGS) $(STD) $(OPT) -c $< -o $@
$(OUT)/obj/%.o: %.c $(GEN)/stamp
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(OUT)/obj/gen/%.o: $(GEN)/%.S
	@mkdir -p $(@D)
	$(call QUIET,AS)$(CC) $(CPPFLAGS) -c $< -o $@
$(ASSETS_O): $(ASSETS)/stamp gateway/http/assets.h gateway/http/accept_encoding.h

# q appends: with r, files of one name (store.c of each engine) would replace each other.
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call QUIET,AR)$(AR) qcs $@ $^
$(COMMON_A): $(COMMON_O)
define program
$(OUT)/lib/$(1).a: $$(call objects,$$(call parts,$$($(1)_DIR)))
$(OUT)/bin/$(1): $(OUT)/obj/$$($(1)_DIR)/main.o $(OUT)/obj/gen/build.o $(OUT)/lib/$(1).a $$($(1)_HOLDS:%=$(OUT)/lib/%.a) $(COMMON_A)
	@mkdir -p $$(@D)
	$$(call QUIET,LINK)$(CC) $$(LDFLAGS) $$^ $$(LIBS) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))
$(OUT)/lib/gateway.a: $(ASSETS_O)

# --- tests -----------------------------------------------------------------------------------------

# One program each, all in one folder.
define unit
$(OUT)/unit/$(basename $(notdir $(1))): $(call objects,$(1)) $(PART_A) $(BENCH_A) $(COMMON_A)
	@mkdir -p $$(@D)
	$$(call QUIET,LINK)$(CC) $$(LDFLAGS) $$< -Wl,--start-group $$(PART_A) $$(BENCH_A) $$(COMMON_A) -Wl,--end-group $$(LIBS) -lcmocka -o $$@
endef
$(foreach c,$(UNIT_C),$(eval $(call unit,$(c))))
# Of tests that were removed or renamed, no program is left to be run.
STALE_UNITS := $(filter-out $(UNITS),$(wildcard $(OUT)/unit/test_*))
units: $(UNITS)
	@$(if $(STALE_UNITS),rm -f $(STALE_UNITS),:)
unit: units
	@tests/run-units.sh $(UNITS)

fuzz:
	@LIBS="$(LIBS)" tests/fuzz/run.sh
fuzz-corpus:
	@LIBS="$(LIBS)" tests/fuzz/run.sh --merge

# Without a -j of the caller: one job for each core.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
test: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all units $(SHIM) $(BENCH)
	@tests/run-all.sh
check: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all units
	@tests/run-all.sh --check

# Hostile clients beside a healthy witness: alone, for it measures.
test-hostile: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all
	@/usr/bin/python3 -m pytest -c tests/pytest.ini -q -s tests/hostile $(PYTEST_ARGS)

# The end-to-end tests on programs with sanitizers: both kinds, or SAN=address,undefined or SAN=thread.
test-sanitized: install-test-deps
	@tests/run-sanitized.sh $(if $(PART),--part) $(SAN) $(if $(PYTEST_ARGS),-- $(PYTEST_ARGS))

# In containers; skips, with the reason, where it cannot run.
test-compose:
	@tests/compose/run.sh

# Preloaded into the programs: a full, slow or broken disk, a wrong clock, and what a loss of power takes.
SHIM := build/chaos/fault_shim.so
$(SHIM): tests/chaos/fault_shim.c
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) -std=c11 $(WARN) -O2 -g -fPIC -shared $< -o $@

SECONDS ?= 180
STORE ?= sqlite
chaos: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all $(SHIM)
	@tests/chaos/run.py --seconds $(SECONDS) --store $(STORE) $(if $(SEED),--seed $(SEED))

MESSAGES ?= 1000000
soak: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all
	@tests/soak/run.py --messages $(MESSAGES)

# Its generator is linked with the stores of user and message, to fill them.
$(BENCH_A): $(call objects,$(call parts,tests/bench))
$(BENCH): $(OUT)/obj/tests/bench/main.o $(BENCH_A) $(OUT)/lib/user.a $(OUT)/lib/message.a $(COMMON_A)
	@mkdir -p $(@D)
	$(call QUIET,LINK)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

bench: install-test-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all $(BENCH)
	@tests/bench/run.py $(BENCH_ARGS)

install-test-deps:
	@deploy/install-deps.sh build run test
install-deps:
	@deploy/install-deps.sh build run

# --- running ---------------------------------------------------------------------------------------

run: install-deps
	@$(MAKE) -s --no-print-directory $(JOBS) all
	@exec deploy/run-local.sh

# Compose of either kind passes VERSION and REVISION on to deploy/Dockerfile.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
images:
	VERSION=$(VERSION) REVISION=$(or $(COMMIT),unknown) $(COMPOSE) build

# --- checks ----------------------------------------------------------------------------------------

lint: $(GEN)/stamp
	@tests/lint.sh
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build

-include $(shell find build/$(VARIANT)/obj -name '*.d' 2>/dev/null)
