#!/bin/bash
# Builds the fuzz programs with clang, libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, runs
# each from its corpus (tests/fuzz/corpus/<program>) for FUZZ_SECONDS, as many at a time as there are
# cores, and prints a line for each: inputs, inputs a second, edges, inputs in the corpus, and the lines
# that were run of the files that it is for.
#
#   tests/fuzz/run.sh [program...]        e.g. FUZZ_SECONDS=600 tests/fuzz/run.sh fuzz_json
#   tests/fuzz/run.sh --merge [program...]  afterwards: adds what was found to the corpus, and makes it
#                                         as small as its coverage allows
#
# An input that fails stays in build/fuzz/<program>/: give it to build/fuzz/bin/<program> as an argument,
# and add it to the corpus when the fault is mended. Without clang's libFuzzer, the programs are built
# with gcc and run on mutations of the corpus (standalone.c), which find far less.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${FUZZ_SECONDS:-30} corpus=tests/fuzz/corpus
merge=
[ "${1:-}" = --merge ] && merge=1 && shift

bus=tests/fuzz/double_bus.c choices=tests/fuzz/choices.c drive=tests/fuzz/rpc_drive.c
pool=tests/fuzz/double_workpool.c threads=tests/fuzz/double_threads.c made=tests/fuzz/wire_make.c
declare -A parts=( # what is linked to each program, besides what it is for
    [fuzz_rpc_user]="$bus $choices $drive $pool $threads tests/fuzz/double_user_store.c"
    [fuzz_rpc_message]="$bus $choices $drive $pool $threads tests/fuzz/double_message_store.c"
    [fuzz_rpc_presence]="$bus $choices $drive $pool tests/fuzz/double_kv.c"
    [fuzz_api]="$bus $choices $made"
    [fuzz_requests]="$bus $choices $made"
    [fuzz_wire]="$bus $choices $drive"
    [fuzz_http]="" [fuzz_ws]="" [fuzz_json]="" [fuzz_avatar]="" [fuzz_fields]="" [fuzz_settings]=""
)
declare -A files=( # whose lines are counted
    [fuzz_rpc_user]="services/user/{handlers*,caller,views,access/*,audit/*,login/login_*,mail/mails,mail/mail_message}.c"
    [fuzz_rpc_message]="services/message/{handlers*,eraser,fanout,message_rules,usage,user_directory,views}.c services/common/rpc/rpc_server.c"
    [fuzz_rpc_presence]="services/presence/{handlers,presence,presence_changer,presence_entry,presence_table,presence_bucket,gateway_watch}.c"
    [fuzz_api]="gateway/api/{jsonrpc,methods*,dialog_json,profiles,service_call,answer_budget}.c gateway/push/notification.c gateway/json/*.c"
    [fuzz_requests]="gateway/http/http_{accounts,answers,client,conditional,forms,handshake,identity,images,origin,pages,probes,request,resets,routes,tokens}.c"
    [fuzz_wire]="services/common/rpc/{wire,request_bounds}.c"
    [fuzz_http]="gateway/edge/{chunked,edge_connection,http_head,http_target,multipart}.c gateway/http/{accept_encoding,entity_tag}.c"
    [fuzz_ws]="gateway/socket/ws_{assemble,frame_in,reader}.c"
    [fuzz_json]="services/common/base/json.c services/common/base/json_writer.c"
    [fuzz_avatar]="gateway/image/{avatar,avif_file,bmp_file,exif,image_probe,webp_file}.c"
    [fuzz_fields]="services/common/base/{mail_address,networks,tag,text,token}.c gateway/limits/client_address.c gateway/edge/ws_accept.c services/user/{login/client_network,rules/*}.c services/messengerctl/doctor/doctor_{hosts,store_url}.c"
    [fuzz_settings]="services/common/process/settings*.c services/common/process/mail_settings.c"
)
all=(fuzz_rpc_user fuzz_rpc_message fuzz_rpc_presence fuzz_api fuzz_requests fuzz_wire fuzz_http fuzz_ws fuzz_json
    fuzz_avatar fuzz_fields fuzz_settings)
declare -A sizes=([fuzz_avatar]=16384 [fuzz_requests]=8192 [fuzz_http]=8192)

# --- building -----------------------------------------------------------------------------------------

# A clang that has libFuzzer with it, or nothing.
find_libfuzzer() {
    local candidate
    for candidate in clang $(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -ru); do
        echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
            "$candidate" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null &&
            echo "$candidate" && return
    done
    return 0
}

clang=$(find_libfuzzer)
if [ -n "$clang" ]; then
    cc=$clang san=fuzzer-no-link,address,undefined link=fuzzer,address,undefined driver='' coverage=1
    coverage_flags="-fprofile-instr-generate -fcoverage-mapping"
    tools=$(dirname "$(readlink -f "$(command -v "$clang")")") # of the same version as the compiler
else
    echo "no clang with libFuzzer here (deploy/install-deps.sh fuzz): mutations of the corpus only"
    cc=gcc san=address,undefined link=address,undefined driver=tests/fuzz/standalone.c coverage='' coverage_flags=''
fi
variant=build/${san//,/-}
archives=("$variant"/lib/{gateway,message,user,presence,messengerctl,common}.a)
libs=${LIBS:-$(sed -n 's/^LIBS := //p' Makefile)}
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all $coverage_flags
    -Wall -Wextra -Wshadow -Wconversion -Werror -I. -isystem build/gen -isystem /usr/include/libmongoc-1.0 -isystem /usr/include/libbson-1.0"
out=build/fuzz
mkdir -p $out/bin

build_program() { # program
    local wrap=
    [[ ${parts[$1]} == *double_threads* ]] && wrap=-Wl,--wrap=pthread_join
    # shellcheck disable=SC2086 # flags, parts and libs are lists
    "$cc" $flags -fsanitize=$link "tests/fuzz/$1.c" ${parts[$1]} $driver $wrap \
        -Wl,--start-group "${archives[@]}" -Wl,--end-group $libs -o "$out/bin/$1"
}

# --- one program --------------------------------------------------------------------------------------

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1}

# Its log is in build/fuzz/<program>/log; the exit status in status.
run_program() { # program
    local work=$out/$1 status=0
    local args=("$PWD/$work/found" "$PWD/$corpus/$1")
    mkdir -p "$work/found" "$corpus/$1"
    if [ -n "$clang" ]; then
        args=(-max_total_time="$seconds" -max_len="${sizes[$1]:-4096}" -timeout=20 -rss_limit_mb=3072
            -print_final_stats=1 "${args[@]}")
        [ -f "tests/fuzz/$1.dict" ] && args=(-dict="$PWD/tests/fuzz/$1.dict" "${args[@]}")
    else
        args=(-n $((seconds * 1000)) "$PWD/$corpus/$1")
    fi
    (cd "$work" && LLVM_PROFILE_FILE=profile.raw "$PWD/../bin/$1" "${args[@]}" >log 2>&1) || status=$?
    echo $status >"$work/status"
}

lines_of() { # program: "81 % of 1234 lines"
    local work=$out/$1
    [ -n "$coverage" ] && [ -f "$work/profile.raw" ] || return 0
    "$tools/llvm-profdata" merge -o "$work/profile" "$work/profile.raw"
    # shellcheck disable=SC2046 # a list of files
    "$tools/llvm-cov" report "$out/bin/$1" -instr-profile="$work/profile" $(eval "ls ${files[$1]}") 2>/dev/null |
        tee "$work/coverage" | awk '/^TOTAL/ {print $10 " of " $8 " lines"}'
}

report_program() { # program
    local log=$out/$1/log
    # libpng has its own opinion of damaged files, line by line.
    if [ "$(cat "$out/$1/status")" != 0 ]; then
        grep -av '^libpng warning' "$log" | tail -n 60
        echo "$1: FAILED"
        return 1
    fi
    if [ -z "$clang" ]; then
        printf '%-18s %s\n' "$1" "$(tail -n 1 "$log")"
        return
    fi
    value() { awk -v name="stat::$1:" '$1 == name {print $2}' "$log"; }
    printf '%-18s %10d inputs %7d/s %6d edges %5d in the corpus  %s\n' "$1" "$(value number_of_executed_units)" \
        "$(value average_exec_per_sec)" "$(grep -ao ' cov: [0-9]*' "$log" | tail -n 1 | grep -o '[0-9]*')" \
        "$(grep -ao ' corp: [0-9]*' "$log" | tail -n 1 | grep -o '[0-9]*')" "$(lines_of "$1")"
}

# What was found, and the corpus, made as small as the coverage allows. The seeds are always tried.
merge_program() { # program
    local work=$out/$1 fresh=$out/$1/merged
    rm -rf "$fresh"
    mkdir -p "$fresh" "$corpus/$1" "$work/found"
    (cd "$work" && "$PWD/../bin/$1" -merge=1 -max_len="${sizes[$1]:-4096}" "$PWD/merged" "$PWD/../seeds/$1" \
        "$PWD/found" "../../../$corpus/$1" >merge.log 2>&1) || { tail -n 40 "$work/merge.log"; return 1; }
    rm -rf "${corpus:?}/$1"
    mkdir "$corpus/$1"
    local input
    for input in "$fresh"/*; do # named by content, as libFuzzer does
        cp "$input" "$corpus/$1/$(sha1sum "$input" | cut -c-16)"
    done
    echo "$1: $(find "$corpus/$1" -type f | wc -l) inputs, $(du -bs "$corpus/$1" | cut -f1) bytes"
}

# --- all ----------------------------------------------------------------------------------------------

[ $# -gt 0 ] || set -- "${all[@]}"
make --no-print-directory -s "${MAKE_JOBS:--j$(nproc)}" CC="$cc" COVERAGE=$coverage SAN=$san "${archives[@]}"
for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    build_program "$name" &
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done
if [ -n "$merge" ]; then
    tests/fuzz/seeds.py $out/seeds
    for name in "$@"; do
        merge_program "$name"
    done
    exit
fi
for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    run_program "$name" &
done
wait
failed=0
for name in "$@"; do
    report_program "$name" || failed=1
done
exit $failed
