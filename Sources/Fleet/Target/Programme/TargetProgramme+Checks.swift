// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// What has to hold after an activation.
    static let checks = #"""
        # Holds when everything has held for `settle` seconds at a stretch.
        run_checks() {
            clock
            began=$seconds
            good_since= said=
            while :; do
                failing=
                new_units
                if [ -n "$units" ]; then
                    clock
                    failing="newly failed: $units"
                    if [ $((seconds - began)) -ge "$settle" ]; then
                        reason=units detail="newly failed: $units"
                        return 1
                    fi
                fi
                . "$dir/checks"
                clock
                if [ "$failing" != "$said" ]; then event "failing text=$failing"; fi
                said=$failing
                if [ -z "$failing" ]; then
                    good_since=${good_since:-$seconds}
                    if [ $((seconds - good_since)) -ge "$settle" ]; then return 0; fi
                else
                    good_since=
                    if [ $((seconds - began)) -ge "$health_deadline" ]; then
                        reason=unhealthy detail=$failing
                        return 1
                    fi
                fi
                if [ -f "$dir/abandoned" ]; then
                    reason=abandoned detail=
                    return 1
                fi
                sleep 0.3
            done
        }
        # Units that failed before the switch are no fault of it.
        new_units() {
            last=$units
            units= before=
            for unit in $(failed_units); do
                if grep_line "$unit" "$dir/failed-before"; then
                    before=$before${before:+,}$unit
                else
                    units=$units${units:+,}$unit
                fi
            done
            if [ "$units" != "$last" ]; then event "units new=$units before=$before"; fi
        }
        grep_line() {
            while read -r line; do
                if [ "$line" = "$1" ]; then return 0; fi
            done <"$2"
            return 1
        }
        flunk() { failing="$failing${failing:+; }$*"; }

        check_unit() {
            word=$(systemctl is-active "$1" 2>/dev/null)
            [ "$word" = active ] || flunk "unit $1 is ${word:-unknown}"
        }
        check_tcp() {
            if has bash; then
                timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
            else
                timeout 5 nc -z -w 5 "$1" "$2" </dev/null >/dev/null 2>&1
            fi || flunk "no connection to $1 port $2"
        }
        # check_http URL FIRST LAST
        check_http() {
            if has curl; then
                word=$(curl -s -k -o /dev/null -w '%{http_code}' --max-time 10 "$1")
            elif timeout 10 wget -q -O /dev/null "$1"; then
                word=200
            else
                word=000
            fi
            if [ "$word" -lt "$2" ] || [ "$word" -gt "$3" ]; then
                flunk "$1 answers $word"
            fi
        }
        check_command() {
            timeout 30 sh -c "$1" </dev/null || flunk "it ended with $?: ${1%%"$line_break"*}"
        }
        """#
}
