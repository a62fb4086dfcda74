#!/usr/bin/env bash
# Instructions a request takes, counted by callgrind: the same on a busy machine as on an idle one. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(cargo bench --no-run --bench instructions --features test-util --message-format=json 2>/dev/null |
    grep -o '"executable":"[^"]*instructions-[^"]*"' | cut -d'"' -f4)
turns=1000
per_turn() {
    valgrind --tool=callgrind --toggle-collect='*measured*' --callgrind-out-file="${CALLGRIND_OUT:-/dev/null}" "$binary" "$1" "$turns" 2>&1 |
        awk -v turns="$turns" '/Collected/ { print int($4 / turns) }'
}
raw=$(per_turn raw)
bare=$(per_turn bare)
fresh=$(per_turn fresh)
uncached=$(per_turn uncached)
repeated=$(per_turn repeated)
listed=$(per_turn listed)
awk -v raw="$raw" -v bare="$bare" -v fresh="$fresh" -v uncached="$uncached" -v repeated="$repeated" -v listed="$listed" 'BEGIN {
    printf "raw signature check           %9d\n", raw
    printf "bare service                  %9d\n", bare
    printf "layer, token never seen       %9d  %.3f x raw (less the bare service)\n", fresh, (fresh - bare) / raw
    printf "layer, the same without cache %9d  %.3f x raw (less the bare service)\n", uncached, (uncached - bare) / raw
    printf "layer, token seen before      %9d  %d over the bare service\n", repeated, repeated - bare
    printf "the same with a deny list     %9d  %d more\n", listed, listed - repeated
}'
