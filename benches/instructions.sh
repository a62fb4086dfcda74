#!/usr/bin/env bash
# Instructions a request takes, counted by callgrind: the same on a busy machine as on an idle one. Needs valgrind.
# `benches/instructions.sh --check` fails if a path takes more than 3 % over its budget in benches/instructions.txt: the rest
# is what another processor's memcpy and another malloc history change.
set -euo pipefail
cd "$(dirname "$0")/.."
# The layer alone is built with no other feature; the auth backend is a binary of its own.
built() {
    cargo bench --locked --no-run --bench "$1" --features "$2" --message-format=json 2>/dev/null |
        grep -o "\"executable\":\"[^\"]*/$1-[^\"]*\"" | cut -d'"' -f4
}
layer=$(built instructions test-util)
service=$(built service_instructions backstage,test-util)
turns=1000
small=105
large=1230
# per_turn PATH [BINARY [PADDING]]
per_turn() {
    valgrind --tool=callgrind --toggle-collect='*measured*' --callgrind-out-file="${CALLGRIND_OUT:-/dev/null}" "${2:-$layer}" "$1" "$turns" ${3:+"$3"} 2>&1 |
        awk -v turns="$turns" '/Collected/ { print int($4 / turns) }'
}
raw=$(per_turn raw)
bare=$(per_turn bare)
repeated=$(per_turn repeated)
signatures=$(per_turn signatures "$service")
# Tokens of 0.9 and 2.4 KB.
small_raw=$(per_turn raw "$layer" "$small")
large_raw=$(per_turn raw "$layer" "$large")
counted=$(mktemp)
trap 'rm -f "$counted"' EXIT
cat >"$counted" <<END
fresh $(($(per_turn fresh) - raw - bare)) token never seen, in a second that had one: over the raw signature check and the bare service
small $(($(per_turn fresh "$layer" "$small") - small_raw - bare)) the same with a token of $("$layer" length 0 "$small") bytes
large $(($(per_turn fresh "$layer" "$large") - large_raw - bare)) the same with a token of $("$layer" length 0 "$large") bytes
second $(($(per_turn second) - raw - bare)) token never seen, the first one of its second: the same
unique $(($(per_turn unique) - raw - bare)) token never seen, after 1,100 of which none was seen before: the same
uncached $(($(per_turn uncached) - raw - bare)) token never seen, without a cache: the same
repeated $((repeated - bare)) token seen before: over the bare service
listed $(($(per_turn listed) - repeated)) a deny list of 999 users: over a token seen before
foreign $(per_turn foreign) refused: signed by a load balancer that is not trusted
expired $(per_turn expired) refused: expired
malformed $(per_turn malformed) refused: not base64url
refresh $(($(per_turn refresh "$service") - signatures)) a session of the auth backend, token never seen: over its three signatures
userinfo $(per_turn userinfo "$service") /v1/userinfo of the auth backend, token seen before: all of it
END
echo "raw signature check $raw, bare service $bare; one check and two signatures $signatures"
awk -v raw="$raw" -v small_raw="$small_raw" -v large_raw="$large_raw" -v signatures="$signatures" -v check="${1:-}" '
    /^#/ { next }
    FNR == NR { budget[$1] = $2; next }
    {
        name = $1; count = $2; text = $0; sub(/^[^ ]* [^ ]* /, "", text)
        ratio = name ~ /^(fresh|second|unique|uncached)$/ ? sprintf(" (%.3f x raw)", 1 + count / raw) : ""
        if (name == "small") ratio = sprintf(" (%.3f x raw)", 1 + count / small_raw)
        if (name == "large") ratio = sprintf(" (%.3f x raw)", 1 + count / large_raw)
        if (name == "refresh") ratio = sprintf(" (%.3f x signatures)", 1 + count / signatures)
        over = count > budget[name] * 1.03
        printf "%-9s %6d of %6d%s  %s%s\n", name, count, budget[name], ratio, text, over ? "  OVER" : ""
        failed += over
    }
    END { exit check == "--check" && failed > 0 }' benches/instructions.txt "$counted"
