// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// The folder: its lock, files that are there whole or not at all, the lease as it is written.
    static let state = #"""
        # What was asked for has not been done, and why.
        refuse() {
            say "refused $*"
            say end
            exit 0
        }

        # Every change of the lease and every decision is made under this lock, and none takes long.
        lock() {
            tries=0
            exec 9>>"$state/lock"
            until flock -n 9; do
                tries=$((tries + 1))
                if [ "$tries" -ge 100 ]; then return 1; fi
                sleep 0.1
            done
        }
        unlock() { exec 9>&-; }
        lock_or_refuse() {
            lock || refuse busy "another request has held $state/lock for 10 seconds"
        }

        # keep FILE TEXT: the ballast is what a full disk still has for the last words.
        keep() {
            { printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; } 2>/dev/null && return 0
            rm -f "$state/ballast"
            printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"
        }
        # Onto the disk, and not only on its way there.
        flush() { sync "$@" 2>/dev/null || sync; }

        # keep_lease TOKEN WHO SINCE UNTIL PID START
        keep_lease() {
            keep "$state/lease" "token $1
        who $2
        since $3
        boot $boot_now
        until $4
        pid $5
        start $6" && chmod 0644 "$state/lease"
        }

        # A root names a path also before it is there, and protects it as soon as it is.
        root() {
            mkdir -p "$roots" && ln -sfn "$2" "$roots/$1"
        }
        """#
}
