// SPDX-License-Identifier: Apache-2.0

extension Builder {
    /// `nix-store` of every version writes a root where it is told; the daemon follows it from there.
    private static let roots = #"roots=${XDG_STATE_HOME:-$HOME/.local/state}/firn/roots"#

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

    /// `GOAL OUTPUT HOST RUNNING`: builds the goal, and says `ok` where the output is one of what came
    /// of it; then how much of its closure is not in the closure of what runs.
    static let realisation = """
        set -u
        \(roots)
        \(saying)
        goal=$1 output=$2 host=$3
        mkdir -p "$roots/$host" || exit 1
        link=$roots/$host/${output##*/}
        say nix-store --realise "$goal" || exit 1
        nix-store --realise "$output" --add-root "$link" --indirect </dev/null >/dev/null || exit 1
        [ -x "$output/bin/switch-to-configuration" ] || { echo "no system"; exit 0; }
        [ "$(readlink "$link")" = "$output" ] && echo ok
        known=
        [ -n "$4" ] && known=$(nix-store -qR "$4" 2>/dev/null </dev/null)
        bytes=0
        for path in $(nix-store -qR "$output" </dev/null); do
            case "$known" in *"$path"*) ;; *) new="${new-} $path" ;; esac
        done
        for size in $([ -z "${new-}" ] || echo $new | xargs nix-store -q --size); do
            bytes=$((bytes + size))
        done
        echo "missing $bytes"
        times
        sed -n 's/^write_bytes: /written /p' /proc/$$/io 2>/dev/null
        """

    /// `HOST HOSTS OUTPUT…`: roots for these outputs of the host, where they are valid, and no others;
    /// none for hosts that are not among `HOSTS`.
    static let keeping = """
        set -u
        \(roots)
        host=$1 hosts=" $2 "; shift 2
        mkdir -p "$roots/$host" || exit 1
        wanted=" "
        for output; do
            wanted="$wanted${output##*/} "
            [ -L "$roots/$host/${output##*/}" ] && continue
            nix-store --check-validity "$output" 2>/dev/null </dev/null || continue
            nix-store --realise "$output" --add-root "$roots/$host/${output##*/}" --indirect \
            </dev/null >/dev/null || exit 1
        done
        for link in "$roots/$host"/*; do
            [ -L "$link" ] || continue
            case $wanted in *" ${link##*/} "*) ;; *) rm -f "$link" ;; esac
        done
        for folder in "$roots"/*; do
            [ -d "$folder" ] && [ ! -L "$folder" ] || continue
            case $hosts in *" ${folder##*/} "*) ;; *) rm -f "$folder"/* && rmdir "$folder" ;; esac
        done
        exit 0
        """
}
