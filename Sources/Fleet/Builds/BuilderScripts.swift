// SPDX-License-Identifier: Apache-2.0

extension Builder {
    /// `nix-store` of every version writes a root where it is told; the daemon follows it from there.
    private static let roots = #"roots=${XDG_STATE_HOME:-$HOME/.local/state}/firn/roots"#

    /// `GOAL OUTPUT HOST RUNNING`: builds the goal, and says `ok` where the output is one of what came
    /// of it; then how much of its closure is not in the closure of what runs.
    static let realisation = """
        set -u
        \(roots)
        goal=$1 output=$2 host=$3
        mkdir -p "$roots/$host" || exit 1
        link=$roots/$host/${output##*/}
        nix-store --realise "$goal" >/dev/null </dev/null || exit 1
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
