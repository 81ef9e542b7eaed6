// SPDX-License-Identifier: Apache-2.0

extension Builder {
    // `nix-store` of every version writes a root where it is told; the daemon follows it from there.

    /// Runs Nix, and passes on of what it says what a person follows and what went wrong.
    ///
    /// Nix repeats every line of every build, and names every path that it fetches: megabytes that would
    /// pass through whoever deploys. They are counted; a failed build's last lines come with its error.
    private static let saying = #"""
        prompt=
        case $(awk -W version 2>&1 </dev/null) in mawk*) prompt="-W interactive" ;; esac
        say() {
            { "$@" 2>&1 >/dev/null </dev/null; echo "firn-status $?"; } | awk $prompt '
                $1 == "firn-status" { status = $2; next }
                /^copying path \047/ { n = split($0, part, "\047"); from[part[n - 1]]++; next }
                /^  \/nix\/store\// { next }
                /^building \047/ { built++; if (built <= 200) { print; fflush() }; next }
                /^error/ { failed = 1 }
                failed { if (errors < 100) error[errors++] = substr($0, 1, 500); next }
                /^warning/ || /will be (built|fetched)/ {
                    if (said++ < 100) { print substr($0, 1, 500); fflush() }
                    next
                }
                { tail[last++ % 40] = substr($0, 1, 300) }
                END {
                    for (url in from) print "firn-fetched " from[url] " " url
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
    static let realisation =
        saying + "\n" + #"""
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
                sed -n 's/^write_bytes: /written /p' /proc/$$/io 2>/dev/null
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
            main "$@" </dev/null
            exit
            """#
}
