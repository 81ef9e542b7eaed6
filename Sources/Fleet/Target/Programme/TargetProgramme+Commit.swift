// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// The profile and the boot loader, the way back, and what another supervisor left.
    static let commit = #"""
        # The profile moves last. Its way back is prepared first: a rename needs no space.
        commit() {
            step committing
            event profile
            kept=" $(echo "$profile"-*-link) "
            if [ "$(readlink -f "$profile")" != "$out" ] || [ "$generation" != 0 ]; then
                if [ -n "$profile_link" ] && ! ln -sfn "$profile_link" "$undo"; then
                    reason=profile detail="$undo could not be made; is the disk full?"
                    return 1
                fi
                if [ "$generation" != 0 ]; then
                    set -- --switch-generation "$generation"
                else
                    set -- --set "$out"
                fi
                nix-env -p "$profile" "$@" || detail="nix-env $1 ended with $?; see the log"
                if [ "$(readlink -f "$profile")" != "$out" ]; then
                    reason=profile
                    undo_profile
                    return 1
                fi
            fi
            flush "${profile%/*}"
            event bootloader
            switch_to "$out" boot
            if [ "$code" = 0 ]; then return 0; fi
            reason=bootloader
            detail="switch-to-configuration boot ended with $code; is $boot full?"
            undo_profile
            if [ -x "$profile_old/bin/switch-to-configuration" ]; then
                switch_to "$profile_old" boot
                [ "$code" = 0 ] || warn "the boot loader of the old system ended with $code"
            fi
            return 1
        }
        # Makes the profile name what it did, and removes the generation that is not wanted; one that
        # somebody else has set since is theirs.
        undo_profile() {
            if [ "$(readlink -f "$profile")" != "$out" ]; then return 0; fi
            made=$(readlink "$profile")
            if [ -L "$undo" ]; then
                mv -fT "$undo" "$profile" || warn "$profile could not be set back"
            elif [ -z "$profile_link" ] && [ -n "$kept" ]; then
                rm -f "$profile"
            else
                return 0
            fi
            made=${profile%/*}/${made##*/}
            # Set may have taken up a generation that was there; it stays.
            case $kept in '' | *" $made "*) ;; *) rm -f "$made" ;; esac
        }

        # restore REASON TEXT: what ran before the switch runs again.
        restore() {
            why=$1 text=${2:-}
            step restoring
            event "restoring reason=$why"
            tries=0
            while :; do
                await_switch
                if [ -n "$held" ] && ! is_running "$target" && ! is_running "$old"; then give_way; fi
                switch_to "$old" test
                is_running "$old"
                event "restored code=$code running=$running"
                if [ "$running" = "$old" ]; then
                    case $code in 0 | 4) break ;; esac
                fi
                tries=$((tries + 1))
                [ "$tries" -lt 5 ] || break
                sleep 3
            done
            undo_profile
            if [ "$running" != "$old" ]; then
                conclude stuck "$why" "$text; $old ended with $code and does not run"
            fi
            case $code in 0 | 4) ;; *) warn "the old system's activation ended with $code" ;; esac
            conclude rolled-back "$why" "$text"
        }

        # Somebody else has switched since: theirs stays, and of the profile goes what is ours.
        give_way() {
            undo_profile
            conclude refused superseded "$running runs, and is left alone"
        }

        # Goes on where a supervisor ended, by what is found and not by what it meant to do.
        resume() {
            resumed=1
            event resumed
            read -r phase <"$dir/phase"
            old= profile_link= profile_old= deploy_boot=
            { read -r old; read -r profile_link; read -r profile_old; read -r deploy_boot; } <"$dir/before"
            use_old
            await_switch
            is_running "$target"
            case $mode in boot | dry-activate) resume_still ;; esac
            if [ "$deploy_boot" != "$boot_now" ]; then resume_restarted; fi
            held=1
            if [ "$running" != "$target" ] && ! is_running "$old"; then give_way; fi
            # Activated, and confirmed or past it.
            if [ "$running" = "$target" ]; then
                if [ -f "$dir/confirmed" ] || [ "$phase" = committing ]; then finish; fi
            fi
            if [ "$phase" = starting ] && [ "$running" = "$old" ]; then
                conclude refused died "the supervisor ended before it touched anything"
            fi
            restore died "the supervisor ended at its step \"$phase\""
        }
        # Nothing that runs was to be touched.
        resume_still() {
            if [ "$phase" = committing ]; then
                if commit; then conclude staged asked; fi
                conclude refused "$reason" "$detail"
            fi
            conclude refused died "the supervisor ended before it touched anything"
        }
        # What runs is what was booted; the profile is made to agree with it.
        resume_restarted() {
            if [ "$running" = "$target" ] && [ "$mode" = switch ]; then finish; fi
            undo_profile
            system_of "$profile_old"
            if [ "$phase" = committing ] && is_running "$aim"; then
                switch_to "$profile_old" boot
                [ "$code" = 0 ] || warn "the boot loader of the old system ended with $code"
            fi
            conclude rolled-back restarted "the machine was started anew at step \"$phase\""
        }
        """#
}
