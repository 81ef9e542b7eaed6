// SPDX-License-Identifier: Apache-2.0

extension PullScript {
    /// What comes after the settings and the awk programmes: the order of things.
    ///
    /// Each address is probed before it is used, so that a dead one costs seconds once and not for
    /// each path, and each round leaves out those that broke in the one before: Nix up to 2.31 gives
    /// up where one cache answers with an error. Nothing that Nix remembers of caches is used.
    static let body = #"""
        firn_pull() {
            command -v nix-store >/dev/null || { echo "firn trouble Nix is not in $PATH"; return 1; }
            [ -n "$work" ] || { echo "firn trouble no temporary folder can be made"; return 1; }
            if nix-store --check-validity "$out" 2>/dev/null; then
                add_root && echo "firn there"
                return
            fi
            agent_status before
            : >"$work/records"; : >"$work/broken"
            round=0
            while [ $round -lt 8 ]; do
                round=$((round + 1))
                choose
                [ -s "$work/chosen" ] || break
                fetch
                nix-store --check-validity "$out" 2>/dev/null && break
                note_broken || break
            done
            # At once: each line by itself would travel by itself.
            said=$(report)
            printf '%s\n' "$said"
        }

        new_nix() { nix --extra-experimental-features nix-command "$@"; }

        # Nothing else tells whether the address answers Nix itself; a path that is absent is an answer.
        probe() {
            said=$(timeout 12 nix --extra-experimental-features nix-command path-info --store "$2" "$out" \
                --option connect-timeout 4 --option download-attempts 1 \
                --option stalled-download-timeout 8 2>&1 >/dev/null)
            code=$?
            case $said in
            *"is not valid"*) code=0 ;;
            esac
            [ $code = 0 ] || said=$(printf '%s' "$said" | tr '\n' ' ' | cut -c1-200)
            [ $code != 124 ] || said="no answer within 12 s"
            echo "$code $said" >"$work/probe.$1.part"
            mv "$work/probe.$1.part" "$work/probe.$1"
        }

        # The first address of each tier that answers, into `chosen`; as soon as one answers, the others
        # have 3 s more.
        choose() {
            : >"$work/chosen"
            if [ $round = 1 ]; then
                line=0
                printf '%s\n' "$tiers" | while read -r number address; do
                    line=$((line + 1)); probe $line "$address" >/dev/null 2>&1 &
                done
                lines=$(printf '%s\n' "$tiers" | wc -l)
                waited=0 since=0
                while [ $waited -lt 65 ] && [ $since -lt 15 ]; do
                    [ "$(ls "$work" | grep -c '^probe\.[0-9]*$')" -lt "$lines" ] || break
                    sleep 0.2; waited=$((waited + 1))
                    if grep -qs '^0' "$work"/probe.[0-9]*; then since=$((since + 1)); fi
                done
            fi
            line=0 chosen=-1
            printf '%s\n' "$tiers" | while read -r number address; do
                line=$((line + 1))
                [ "$number" != "$chosen" ] || continue
                grep -qxF "$address" "$work/broken" && continue
                code=1 said="no answer"
                [ ! -f "$work/probe.$line" ] || read -r code said <"$work/probe.$line"
                if [ "$code" = 0 ]; then
                    chosen=$number
                    address=${address%%\?*}
                    echo "$number ${address%/}" >>"$work/chosen"
                    echo "firn use $number $address"
                else
                    echo "firn down $number $said"
                fi
            done
        }

        fetch() {
            caches=
            while read -r number address; do
                caches="$caches $address?priority=$((number + 1))"
            done <"$work/chosen"
            trusted=trusted-public-keys
            [ $has_agent = 0 ] || trusted=extra-trusted-public-keys
            {
                nix-store --realise "$out" --keep-going --option max-jobs 0 --option builders '' \
                    --option substitute true --option substituters "$caches" \
                    --option "$trusted" "$keys" --option require-sigs true --option fallback false \
                    --option narinfo-cache-negative-ttl 0 --option narinfo-cache-positive-ttl 0 \
                    --option connect-timeout 5 --option download-attempts 3 \
                    --option stalled-download-timeout 30 --log-format internal-json \
                    --add-root "$roots/$root" --indirect 2>&1 >/dev/null &
                nix=$!
                # What nobody listens to any more is ended.
                (trap '' PIPE; while sleep 1; do echo tick || kill $nix; done) 2>/dev/null &
                ticker=$!
                wait $nix
                status=$?
                kill $ticker 2>/dev/null
                echo "ended $status"
            } | awk $prompt -v chosen="$work/chosen" -v records="$work/records" \
                -v problem="$work/problem" -v ending="$work/ending" -f "$work/watch.awk"
        }

        # Leaves out what failed in this round, also where Nix does not say which.
        note_broken() {
            before=$(wc -l <"$work/broken")
            awk '$1 == "failed" && $3 != "-" { print $2 }' "$work/records" | sort -u |
                while read -r number; do
                    printf '%s\n' "$tiers" | awk -v n="$number" '$1 == n { print $2 }' |
                        while read -r address; do
                            plain=${address%%\?*}
                            grep -qxF "$number ${plain%/}" "$work/chosen" || continue
                            grep -qxF "$address" "$work/broken" || echo "$address" >>"$work/broken"
                        done
                done
            [ "$(wc -l <"$work/broken")" -gt "$before" ]
        }

        # By which keys the first paths are signed that were refused.
        look_at_signatures() {
            sed -n 's/^untrusted //p' "$work/records" | sort -u | head -n 12 |
                while read -r number path; do
                    address=$(awk -v n="$number" '$1 == n { print $2; exit }' "$work/used")
                    [ -n "$address" ] || continue
                    new_nix path-info --sigs --store "$address" "/nix/store/$path" \
                        --option connect-timeout 4 --option download-attempts 1 \
                        --option stalled-download-timeout 8 2>/dev/null |
                        awk -v n="$number" -v p="$path" -v keys="$keys" '{
                            count = split(keys, key, " ")
                            for (i = 1; i <= count; i++) { sub(/:.*/, "", key[i]); trusted[key[i]] = 1 }
                            names = ""; fits = 0
                            for (i = 2; i <= NF; i++) {
                                if ($i !~ /:/) continue
                                name = $i; sub(/:.*/, "", name)
                                names = names (names == "" ? "" : ",") name
                                if (name in trusted) fits = 1
                            }
                            kind = names == "" ? "unsigned" : fits ? "bad-signature" : "wrong-key"
                            print "signed", n, p, kind, names; exit
                        }'
                done
        }

        report() {
            cp "$work/chosen" "$work/used"
            printf '%s\n' "$tiers" | sed 's/[?].*//; s,/$,,' >>"$work/used"
            awk '$1 == "got" || $1 == "ask" { print "/nix/store/" $3 }' "$work/records" | sort -u \
                >"$work/paths"
            xargs -n 200 nix-store --check-validity --print-invalid <"$work/paths" 2>/dev/null |
                sed 's,.*/,lacks ,' >"$work/lacking"
            look_at_signatures >"$work/signed"
            awk -v count="$(printf '%s\n' "$tiers" | awk 'END { print $1 + 1 }')" -v most="$most" \
                -f "$work/summary.awk" "$work/lacking" "$work/signed" "$work/records"
            if nix-store --check-validity "$out" 2>/dev/null; then
                agent_status after
                echo "firn done"
            else
                agent_explain
                [ ! -s "$work/problem" ] || echo "firn problem $(cat "$work/problem")"
                echo "firn undone"
            fi
        }

        add_root() { nix-store --realise "$out" --add-root "$roots/$root" --indirect >/dev/null; }

        # A line of JSON of some kilobytes; a Firn that cannot tell is no reason to fail.
        agent_status() {
            [ $has_agent = 1 ] || return 0
            said=$(timeout 10 firn status --json --url "$(printf '%s\n' "$tiers" | sed -n 's/^0 //p')" \
                2>/dev/null | head -c 16000) || return 0
            [ -z "$said" ] || printf 'firn status %s %s\n' "$1" "$said"
        }

        agent_explain() {
            [ $has_agent = 1 ] || return 0
            said=$(timeout 20 firn explain --json --url "$(printf '%s\n' "$tiers" | sed -n 's/^0 //p')" \
                "$out" 2>/dev/null | head -c 16000)
            [ -z "$said" ] || printf 'firn explain %s\n' "$said"
        }

        cost() {
            times >"$work/times"
            awk '{
                for (i = 1; i <= NF; i++) {
                    split($i, part, /[ms]/); seconds += part[1] * 60 + part[2]
                }
            } END { printf "firn cpu %.2f\n", seconds }' "$work/times"
            # Of everything waited for, as the kernel adds it up.
            awk '$1 == "write_bytes:" { print "firn written " $2 }' /proc/$$/io 2>/dev/null
        }

        firn_pull </dev/null
        code=$?
        cost </dev/null
        exit $code

        """#

    /// The head of it all: where things are, and a folder that vanishes.
    static let head = #"""
        LC_ALL=C PATH=$PATH:/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/bin:/bin
        umask 077
        work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
        trap 'exit 129' HUP INT TERM PIPE
        # One awk keeps what it reads and writes until it has 4 kB, unless it is told not to.
        prompt=
        case $(awk -W version 2>&1 </dev/null) in mawk*) prompt="-W interactive" ;; esac
        roots=${NIX_STATE_DIR:-/nix/var/nix}/gcroots
        # A memory of caches that is as old as this pull.
        XDG_CACHE_HOME=$work/cache NIX_CACHE_HOME=$work/cache
        # Root opens the store itself; everybody else has to ask the daemon.
        [ "$(id -u)" != 0 ] || NIX_REMOTE=local
        export LC_ALL PATH XDG_CACHE_HOME NIX_CACHE_HOME NIX_REMOTE

        """#
}
