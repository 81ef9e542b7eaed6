// SPDX-License-Identifier: Apache-2.0

extension Builder {
    // `nix-store` of every version writes a root where it is told; the daemon follows it from there.

    /// Runs Nix, and passes on of what it says what a person follows and what went wrong.
    ///
    /// Nix repeats every line of every build, and names every path that it fetches: megabytes that would
    /// pass through whoever deploys. They are counted; a failed build's last lines come with its error.
    ///
    /// Activities of its internal-json are 100 (a path is copied), 101 (a file is fetched), 105 (a
    /// derivation is built); results 101 are lines of builds, 105 tell how far an activity is.
    private static let saying = #"""
        prompt=
        case $(awk -W version 2>&1 </dev/null) in mawk*) prompt="-W interactive" ;; esac
        say() {
            {
                "$@" --log-format internal-json 2>&1 >/dev/null </dev/null
                echo "firn-status $?"
            } | awk $prompt '
                function number(key,    at, rest) {
                    at = index($0, "\"" key "\":")
                    rest = substr($0, at + length(key) + 3)
                    return at && match(rest, /^[0-9]+/) ? substr(rest, 1, RLENGTH) : ""
                }
                function field(wanted,    at, rest, part) {
                    at = index($0, "\"fields\":[")
                    if (!at) return ""
                    rest = substr($0, at + 10)
                    split(substr(rest, 1, index(rest, "],\"id\"") - 1), part, ",")
                    gsub(/"/, "", part[wanted])
                    return part[wanted]
                }
                function plain(text) {
                    gsub(/\\u001b\[[0-9;]*m/, "", text)
                    gsub(/\\n/, "\n", text)
                    gsub(/\\t/, " ", text)
                    gsub(/\\"/, "\"", text)
                    return text
                }
                # A person follows the first ones, and of the others how many there are: each time that
                # something is told costs whoever deploys more than what is told.
                function tell_build(path) {
                    built++
                    if (built > 20 && built % (built > 200 ? 100 : 10)) return
                    print "building \047" path "\047 (" built ")"
                    if (built < 3 || built % 5 == 0) fflush()
                }
                $1 == "firn-status" { status = $2; next }
                index($0, "@nix {\"action\":\"start\"") == 1 {
                    kind = number("type"); id = number("id")
                    if (kind == 105) tell_build(field(1))
                    else if (kind == 101) file[id] = field(1)
                    else if (kind == 100) {
                        url = field(2)
                        sub(/[?].*/, "", url); sub(/\/$/, "", url)
                        if (url ~ /^[a-z0-9+-]+:\/\//) { from[id] = url; paths[url]++ }
                    }
                    next
                }
                index($0, "@nix {\"action\":\"result\"") == 1 {
                    kind = number("type"); id = number("id")
                    if (kind == 101) {
                        text = substr($0, index($0, "\"fields\":[\"") + 11)
                        text = substr(text, 1, index(text, "\"],\"id\"") - 1)
                        tail[last++ % 40] = substr(plain(text), 1, 300)
                    } else if (kind == 105) {
                        if (id in from) nar[id] = field(1)
                        else if (id in file && field(1) + 0 > wire[id] + 0) wire[id] = field(1)
                    }
                    next
                }
                index($0, "@nix {\"action\":\"stop\"") == 1 { next }
                index($0, "@nix {\"action\":\"msg\"") == 1 {
                    level = number("level")
                    text = substr($0, index($0, "\"msg\":\"") + 7)
                    at = index(text, "\",\"raw_msg\":")
                    text = at ? substr(text, 1, at - 1) : text
                    sub(/"}$/, "", text)
                    text = plain(text)
                    if (level == 0) { if (errors < 20) error[errors++] = substr(text, 1, 4000) }
                    else if ((level == 1 || text ~ /will be (built|fetched)/) && said++ < 100)
                        print substr(text, 1, 500)
                    next
                }
                { tail[last++ % 40] = substr($0, 1, 300) }
                END {
                    for (id in from) bytes[from[id]] += nar[id]
                    for (id in file) for (url in paths)
                        if (index(file[id], url "/") == 1) came[url] += wire[id]
                    for (url in paths)
                        printf "firn-fetched %d %.0f %.0f %s\n", paths[url], bytes[url], came[url], url
                    print "firn-built " built + 0
                    for (i = last > 40 ? last - 40 : 0; status && i < last; i++) print tail[i % 40]
                    for (i = 0; i < errors; i++) print error[i]
                    exit status ? 1 : 0
                }' >&2
        }

        """#

    /// `GOAL OUTPUT HOST RUNNING WHO HOSTS SYSTEM…`: builds the goal, and says `ok` where the output is one
    /// of what came of it; then how much of its closure is not in the closure of what runs.
    ///
    /// With `HOSTS`, the output and the systems that are valid are the roots of the host from then on, and
    /// those that the same deployer kept for other hosts go. Somebody else's are not touched.
    static let realisation = TargetProgramme.compact([
        saying,
        #"""
        set -u
        roots=${XDG_STATE_HOME:-$HOME/.local/state}/firn/roots
        goal=$1 output=$2 host=$3 running=$4 who=$5 hosts=$6
        shift 6
        root() {
            [ -L "$roots/$host/${1##*/}" ] && nix-store --check-validity "$1" 2>/dev/null && return
            nix-store --realise "$1" --add-root "$roots/$host/${1##*/}" --indirect >/dev/null
        }
        main() {
            mkdir -p "$roots/$host" || return 1
            say nix-store --realise "$goal" || return 1
            root "$output" || return 1
            [ -x "$output/bin/switch-to-configuration" ] || { echo "no system"; return 0; }
            [ "$(readlink "$roots/$host/${output##*/}")" = "$output" ] && echo ok
            kind=
            { read -r kind <"$output/system"; } 2>/dev/null
            echo "kind $kind"
            missing
            [ -z "$hosts" ] || prune "$@"
        }
        missing() {
            known= new= bytes=0
            [ -z "$running" ] || known=$(nix-store -qR "$running" 2>/dev/null)
            for path in $(nix-store -qR "$output"); do
                case "$known" in *"$path"*) ;; *) new="$new $path" ;; esac
            done
            for size in $([ -z "$new" ] || echo $new | xargs nix-store -q --size); do
                bytes=$((bytes + size))
            done
            echo "missing $bytes"
            times
            # Of the shell that has waited for all of it, which is not the one that `$$` names.
            read -r own rest </proc/self/stat
            sed -n 's/^write_bytes: /written /p' "/proc/$own/io" 2>/dev/null
        }
        prune() {
            echo "$who" >"$roots/$host/.by"
            wanted=" ${output##*/} "
            for system; do
                wanted="$wanted${system##*/} "
                nix-store --check-validity "$system" 2>/dev/null && root "$system"
            done
            for link in "$roots/$host"/*; do
                case $wanted in *" ${link##*/} "*) ;; *) rm -f "$link" ;; esac
            done
            for folder in "$roots"/*; do
                case " $hosts " in *" ${folder##*/} "*) continue ;; esac
                [ "$(cat "$folder/.by" 2>/dev/null)" = "$who" ] && rm -rf "$folder"
            done
            return 0
        }
        told=$(main "$@" </dev/null)
        code=$?
        printf '%s\n' "$told"
        exit $code
        """#,
    ])
}
