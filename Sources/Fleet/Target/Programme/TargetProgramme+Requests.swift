// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// The lease, what is looked at before, and what a deployer may say to a supervisor.
    static let requests = #"""
        verb_lease() {
            take_lease
            say end
        }
        # The lease, and with it what is looked at before.
        verb_prepare() {
            take_lease
            unlock
            # A copy that broke off leaves a part of it, which nobody judges.
            out=
            look_before
            say end
        }
        take_lease() {
            lock_or_refuse
            read_lease
            if [ "$l_state" = held ] && [ "$l_token" != "$token" ]; then
                refuse "$(lease_line leased)"
            fi
            # Once a supervisor has it, it is the supervisor's.
            if [ "$l_state" = held ] && [ "$l_pid" != 0 ]; then
                say granted
                return 0
            fi
            left=$(unsettled)
            if [ -n "$left" ]; then
                for name in $left; do say "unsettled $name"; done
                say end
                exit 0
            fi
            if [ "$l_state" = stale ] && [ "$l_token" != "$token" ]; then lease_line former; fi
            prune
            mkdir -p "$state/$token" && head -c 65536 /dev/zero >"$state/ballast" &&
                keep_lease "$token" "$who" "$(date +%s)" $((seconds_now + lasting)) 0 '' ||
                refuse state "$state cannot be written to; is its disk full?"
            if [ -n "$out" ]; then
                root "$token-new" "$out" || refuse roots "$roots cannot be written to"
            fi
            say granted
        }

        # Under the lock, and nobody is at work: what earlier deploys left is not needed.
        prune() {
            clock
            read_boot
            seconds_now=$seconds
            kept=0
            for outcome in $(ls -1t "$state"/*/outcome 2>/dev/null); do
                kept=$((kept + 1))
                if [ "$kept" -gt 20 ]; then rm -rf "${outcome%/outcome}"; fi
            done
            for folder in "$state"/*/; do
                folder=${folder%/}
                [ "${folder##*/}" != programmes ] && [ "${folder##*/}" != "$token" ] || continue
                if [ -d "$folder" ] && [ ! -f "$folder/intent" ]; then rm -rf "$folder"; fi
            done
            for link in "$roots"/*; do
                case $link in "$roots/$token"*) ;; *) rm -f "$link" ;; esac
            done
            for file in $(ls -1t "$state/programmes" | tail -n +4); do
                rm -f "$state/programmes/$file"
            done
        }

        verb_renew() {
            lock_or_refuse
            read_lease
            [ "$l_token" = "$token" ] && [ "$l_boot" = "$boot_now" ] || lost
            if [ "$l_pid" = 0 ]; then
                keep_lease "$token" "$l_who" "$l_since" $((seconds + lasting)) 0 '' ||
                    refuse state "$state cannot be written to; is its disk full?"
            fi
            say renewed
            say end
        }
        lost() {
            if [ "$l_state" = held ] && [ "$l_token" != "$token" ]; then
                refuse "$(lease_line lost)"
            fi
            refuse lost
        }

        verb_release() {
            lock_or_refuse
            read_lease
            if [ "$l_token" = "$token" ]; then
                # A supervisor gives it back itself.
                if [ "$l_pid" = 0 ] || [ "$l_state" = stale ]; then
                    if [ ! -f "$state/$token/intent" ]; then
                        rm -rf "$state/$token" "$state/ballast"
                        rm -f "$state/lease" "$roots/$token"*
                    elif [ -f "$state/$token/outcome" ]; then
                        rm -f "$state/lease" "$state/ballast" "$roots/$token"*
                    fi
                fi
            fi
            say end
        }

        verb_confirm() {
            take_confirmation
            say end
        }
        # Confirms, and follows what comes of it.
        verb_vouch() {
            take_confirmation
            unlock
            verb_follow
        }
        take_confirmation() {
            dir=$state/$token
            lock_or_refuse
            phase=
            { read -r phase <"$dir/phase"; } 2>/dev/null || true
            if [ ! -f "$dir/outcome" ]; then
                case $phase in
                awaiting)
                    keep "$dir/confirmed" "$(date +%s)" && say confirmed
                    ;;
                committing) say confirmed ;;
                esac
            fi
        }

        verb_abandon() {
            dir=$state/$token
            lock_or_refuse
            if [ -f "$dir/intent" ] && [ ! -f "$dir/confirmed" ]; then keep "$dir/abandoned" 1; fi
            say end
        }

        find_out() { say "finding $*"; }
        verb_preflight() {
            look_before
            say end
        }
        look_before() {
            has nix-env || find_out no-nix "there is no nix-env in $PATH"
            for tool in timeout flock setsid readlink stat df tail head cut; do
                has "$tool" || find_out no-tool "$tool"
            done
            for need in $needs; do
                case $need in
                unit) has_systemd || find_out no-tool "systemd, for the check of a unit" ;;
                tcp) has bash || has nc || find_out no-tool "bash or nc, for the check of a port" ;;
                http) has curl || has wget || find_out no-tool "curl or wget, for the check of a URL" ;;
                esac
            done
            if [ ! -w "$store" ]; then find_out store-read-only "$store cannot be written to"; fi
            # A tenth more: what Nix keeps beside the files, and what else is written meanwhile.
            need=$((${closure_kib:-0} * 11 / 10 + 65536))
            free=$(free_kib "$store")
            if [ -n "$free" ] && [ "$free" -lt "$need" ]; then
                find_out store-space "$((free / 1024)) MiB free in $store, $((need / 1024)) needed"
            fi
            free=$(free_kib "$state")
            if [ -n "$free" ] && [ "$free" -lt 1024 ]; then
                find_out state "$free KiB free in $state, 1024 needed"
            fi
            lacking=
            boot_space
            if [ -n "$lacking" ]; then find_out boot-space "$lacking"; fi
            if [ -e "$run/nixos/switch-to-configuration.lock" ] &&
                ! flock -n "$run/nixos/switch-to-configuration.lock" true; then
                find_out switch-running "$run/nixos/switch-to-configuration.lock is held"
            fi
            if [ -n "$out" ] && [ -d "$out" ]; then
                [ -x "$out/bin/switch-to-configuration" ] ||
                    find_out no-system "$out has no bin/switch-to-configuration"
                read_system
            fi
            foreign=
            other_system
            if [ -n "$foreign" ]; then find_out other-system "$foreign"; fi
        }
        # A boot loader copies a new kernel before it lets go of an old one. What the system needs is
        # known once it is there.
        boot_space() {
            case $mode in switch | boot) ;; *) return 0 ;; esac
            [ -d "$boot" ] || return 0
            need=64
            for part in kernel initrd; do
                [ -n "$out" ] && [ -e "$out/$part" ] || continue
                if [ "$(readlink -f "$out/$part")" = "$(readlink -f "$profile/$part")" ]; then
                    continue
                fi
                need=$((need + $(stat -L -c %s "$out/$part") / 1024 + 1))
            done
            free=$(free_kib "$boot")
            if [ -n "$free" ] && [ "$free" -lt "$need" ]; then
                lacking="$free KiB free in $boot, $need needed"
            fi
        }
        # What a system says of itself counts more than what was known of it before it was there.
        read_system() {
            said=
            { read -r said <"$out/system"; } 2>/dev/null || true
            system=${said:-$system}
        }
        # A machine takes what it booted and what its kernel and its Nix are for, unless the deployer was
        # told what it takes.
        other_system() {
            [ -n "$system" ] || return 0
            wanted=$system
            if [ -n "$takes" ]; then
                system=$takes
            else
                booted_system
                [ "$wanted" != "$(kernel_system)" ] || return 0
                for kind in $(nix_settings | sed -n 's/^extra-platforms = //p'); do
                    [ "$wanted" != "$kind" ] || return 0
                done
            fi
            [ "$wanted" != "$system" ] || return 0
            foreign="the system is for $wanted, and the host is $system"
        }
        """#
}
