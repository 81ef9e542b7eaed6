// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// How a supervisor comes to be, for a switch or to settle one.
    static let start = #"""
        # Begins a switch, once, and follows it.
        verb_switch() {
            begin_switch
            verb_follow
        }
        begin_switch() {
            dir=$state/$token
            lock_or_refuse
            read_lease
            if [ -f "$dir/intent" ] && [ -f "$dir/pid" ]; then
                unlock
                say begun
                return 0
            fi
            [ "$l_token" = "$token" ] && [ "$l_state" = held ] || lost
            [ -x "$out/bin/switch-to-configuration" ] ||
                refuse no-system "$out has no bin/switch-to-configuration"
            system= foreign=
            read_system
            other_system
            if [ -n "$foreign" ]; then
                refuse other-system "$foreign; build the configuration for this kind of machine"
            fi
            lacking=
            boot_space
            if [ -n "$lacking" ]; then
                refuse boot-space "$lacking; delete old generations on the host"
            fi
            old=$(readlink -f "$run/current-system")
            if [ -n "$expected" ] && [ "$old" != "$expected" ]; then refuse "changed $old"; fi
            if ! { root "$token-new" "$out" && write_deploy; }; then
                rm -f "$dir/intent"
                refuse state "$state cannot be written to; is its disk full?"
            fi
            unlock
            begin ||
                { rm -f "$dir/intent" && refuse no-supervisor "none could be started: $said"; }
            say begun
        }
        quoted() {
            rest=$1
            printf "'"
            while :; do
                case $rest in *$quote*) ;; *) break ;; esac
                printf "%s'\\\\''" "${rest%%$quote*}"
                rest=${rest#*$quote}
            done
            printf "%s'\n" "$rest"
        }
        # The intent comes last, since by it a deploy is known.
        write_deploy() {
            mkdir -p "$dir" && : >>"$dir/events" && : >>"$dir/log" &&
                cp "$programme" "$dir/programme" && keep "$dir/checks" "$checks" &&
                keep "$dir/lineage" "$lineage" &&
                for name in profile run state boot roots store boot_identifier token out mode \
                    generation settle health_deadline activation_timeout confirm_timeout \
                    emergency; do
                    eval "value=\$$name"
                    printf '%s=' "$name" && quoted "$value" || return 1
                done >"$dir/intent.new" && mv -f "$dir/intent.new" "$dir/intent"
        }

        # Starts a supervisor that outlives this connection, and waits until it is at work.
        begin() {
            said=
            rm -f "$dir/pid"
            if [ -d "$run/systemd/system" ] && has systemd-run; then
                clock
                said=$(systemd-run --quiet --collect --no-ask-password --service-type=exec \
                    --unit="firn-deploy-$token-$seconds" --setenv=PATH="$PATH" \
                    -- /bin/sh "$dir/programme" supervise "$dir" 2>&1) || return 1
            else
                setsid /bin/sh "$dir/programme" supervise "$dir" \
                    </dev/null >>"$dir/log" 2>&1 9>&- &
            fi
            tries=0
            until [ -f "$dir/pid" ] || [ -f "$dir/outcome" ]; do
                tries=$((tries + 1))
                if [ "$tries" -gt 300 ]; then
                    said="it did not come up within 30 seconds"
                    return 1
                fi
                sleep 0.1
            done
        }

        # Begins to settle one deploy; the next request does the next.
        verb_settle() {
            if [ ! -d "$state" ]; then
                say end
                exit 0
            fi
            lock_or_refuse
            read_lease
            if [ "$l_state" = held ] &&
                { [ "$l_pid" != 0 ] || [ -f "$state/$l_token/intent" ]; }; then
                refuse "$(lease_line leased)"
            fi
            for token in $(unsettled); do
                dir=$state/$token
                clock
                read_boot
                keep_lease "$token" "$who" "$(date +%s)" $((seconds + 60)) 0 '' ||
                    refuse state "$state cannot be written to; is its disk full?"
                say "settling $token"
                say "seen $(wc -l <"$dir/events") $(wc -l <"$dir/log")"
                unlock
                begin || refuse no-supervisor "none could be started: $said"
                break
            done
            say end
        }
        """#
}
