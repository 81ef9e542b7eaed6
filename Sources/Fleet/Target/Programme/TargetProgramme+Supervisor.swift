// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// The process that owns a switch from its start to its outcome.
    static let supervisor = #"""
        event() {
            clock
            printf '%s %s\n' "$up" "$*" >>"$dir/events" && return 0
            # A full disk may have taken a part of the line.
            rm -f "$state/ballast"
            printf '\n%s %s\n' "$up" "$*" >>"$dir/events"
        }
        step() {
            phase=$1
            keep "$dir/phase" "$1"
        }
        warn() { event "warning text=$*"; }

        supervise() {
            exec </dev/null >>"$dir/log" 2>&1
            trap '' HUP
            cd "$dir" || exit 1
            . "$dir/intent"
            reason=asked code= detail= units= resumed=0 activated= kept= held=
            undo=$profile.firn-$token
            system_of "$out"
            target=$aim
            lock || exit 1
            read_lease
            if [ "$l_token" != "$token" ]; then
                unlock
                supersede
            fi
            # A request that was repeated after its connection broke may have begun one already.
            if [ "$l_state" = held ] && [ "$l_pid" != 0 ]; then
                keep "$dir/pid" "$l_pid"
                exit 0
            fi
            started $$
            keep_lease "$token" "$l_who" "$l_since" "$l_until" $$ "$start"
            keep "$dir/pid" $$
            unlock
            if [ -f "$dir/phase" ]; then resume; fi
            remember
            event "started old=$old new=$out"
            carry_out
        }
        # The lease ran out before the supervisor began. Nothing was touched.
        supersede() {
            event "outcome ending=refused reason=lease-lost new=$out"
            keep "$dir/outcome" "ending=refused reason=lease-lost new=$out"
            exit 0
        }

        # What a roll-back needs is written down before anything is touched.
        remember() {
            old=$(readlink -f "$run/current-system")
            profile_link=$(readlink "$profile")
            profile_old=$(readlink -f "$profile")
            failed_units >"$dir/failed-before"
            root "$token-old" "$old"
            if ! keep "$dir/before" "$old
        $profile_link
        $profile_old
        $boot_now" || ! step starting; then
                conclude refused state "$state cannot be written to"
            fi
            flush "$dir/before" "$dir/phase" "$dir/intent"
            use_old
        }
        # The tools of what ran, since those of what runs next may be what is broken.
        use_old() {
            if [ -d "$old/sw/bin" ]; then PATH=$old/sw/bin:$PATH; fi
        }
        # Until nobody's switch runs: one whose supervisor was killed goes on to its end.
        await_switch() {
            if [ -e "$run/nixos/switch-to-configuration.lock" ]; then
                flock -w $((activation_timeout + 20)) "$run/nixos/switch-to-configuration.lock" true
            fi
        }
        is_running() { running=$(readlink -f "$run/current-system"); [ "$running" = "$1" ]; }

        # switch_to SYSTEM ACTION
        switch_to() {
            timeout -k 15 "$activation_timeout" "$1/bin/switch-to-configuration" "$2"
            code=$?
        }

        carry_out() {
            case $mode in
            dry-activate)
                switch_to "$out" dry-activate
                activated=$code
                case $code in
                0) conclude previewed asked ;;
                *) conclude refused exit "dry-activate ended with $code" ;;
                esac
                ;;
            boot)
                if commit; then conclude staged asked; fi
                conclude refused "$reason" "$detail"
                ;;
            esac
            if [ -f "$dir/abandoned" ]; then conclude refused abandoned; fi
            step activating
            event activating
            switch_to "$out" test
            activated=$code
            is_running "$target"
            event "activated code=$code running=$running"
            judge
        }

        # What the codes of switch-to-configuration lead to.
        judge() {
            case $code in
            0) ;;
            1)
                if is_running "$old"; then
                    if is_inhibited; then stage inhibited; fi
                    conclude refused refused "switch-to-configuration ended with 1; see the log"
                fi
                restore exit "switch-to-configuration ended with 1"
                ;;
            2) reason=activation-script detail="the activation script failed; see the log" ;;
            4) ;;
            100) if is_running "$old"; then stage restart; else restore exit "ended with 100"; fi ;;
            101) reason=crashed detail="switch-to-configuration crashed; see the log" ;;
            124 | 137) reason=timed-out detail="not done within $activation_timeout s" ;;
            *) reason=exit detail="switch-to-configuration ended with $code" ;;
            esac
            if ! is_running "$target"; then
                if [ "$reason" = asked ]; then reason=not-activated; fi
                restore "$reason" "${detail:-$running runs after the activation}"
            fi
            held=1
            if [ -n "$emergency" ]; then finish; fi
            if [ "$reason" != asked ]; then restore "$reason" "$detail"; fi
            step checking
            event checking
            if ! run_checks; then restore "$reason" "$detail"; fi
            event healthy
            if ! await_confirmation; then restore "$reason" "$detail"; fi
            finish
        }
        is_inhibited() {
            [ -f "$out/switch-inhibitors" ] || return 1
            new=$(cat "$out/switch-inhibitors")
            booted=$(cat "$run/booted-system/switch-inhibitors" 2>/dev/null)
            [ "$new" != "$booted" ]
        }
        # It cannot be activated now, so it boots next time.
        stage() {
            if [ "$mode" = test ]; then conclude refused "$1" "it needs a restart"; fi
            why=$1
            if commit; then conclude staged "$why"; fi
            conclude refused "$reason" "$detail"
        }
        finish() {
            await_switch
            is_running "$target" || give_way
            if [ "$mode" = test ]; then conclude tested asked; fi
            if commit; then conclude done asked; fi
            restore "$reason" "$detail"
        }

        await_confirmation() {
            clock
            end=$((seconds + confirm_timeout))
            step awaiting
            event "awaiting seconds=$confirm_timeout"
            while :; do
                clock
                if [ -f "$dir/confirmed" ] || [ -f "$dir/abandoned" ] || [ "$seconds" -ge "$end" ]
                then
                    # Under the lock, so that nobody is told that a confirmation came in time which
                    # did not. Whoever keeps the lock from us does not keep us from going back.
                    lock
                    if [ -f "$dir/confirmed" ]; then
                        step committing
                        unlock
                        event confirmed
                        return 0
                    fi
                    reason=unconfirmed
                    detail="nobody confirmed over a new connection within $confirm_timeout s"
                    if [ -f "$dir/abandoned" ]; then reason=abandoned detail=; fi
                    step restoring
                    unlock
                    return 1
                fi
                sleep 0.2
            done
        }

        # conclude ENDING REASON TEXT: what is found is what is told.
        conclude() {
            running=$(readlink -f "$run/current-system")
            now=$(readlink -f "$profile")
            cost
            words="ending=$1 reason=$2 code=$activated old=$old new=$out running=$running"
            words="$words profile=$now cpu=$cpu written=$written settled=$resumed units=$units"
            words="$words text=${3:-}"
            case $1 in done | staged | tested) keep_lineage ;; esac
            rm -f "$undo"
            event "outcome $words"
            keep "$dir/outcome" "$words"
            flush "$dir/outcome"
            lock
            read_lease
            if [ "$l_token" = "$token" ]; then rm -f "$state/lease" "$state/ballast"; fi
            rm -f "$roots/$token-old" "$roots/$token-new"
            unlock
            exit 0
        }
        # Milliseconds of processors, and bytes, of this process and of what it waited for.
        cost() {
            cpu= written=
            { read -r line <"/proc/$$/stat"; } 2>/dev/null && {
                set -- ${line##*) }
                cpu=$(((${12} + ${13} + ${14} + ${15}) * 10))
            }
            while read -r key value; do
                if [ "$key" = write_bytes: ]; then written=$value; fi
            done <"/proc/$$/io"
        }
        keep_lineage() {
            read -r line <"$dir/lineage" || true
            [ -n "$line" ] || return 0
            { tail -n 19 "$state/lineage" 2>/dev/null; say "$out $line"; } >"$state/lineage.new" &&
                chmod 0644 "$state/lineage.new" && mv -f "$state/lineage.new" "$state/lineage"
        }
        """#
}
