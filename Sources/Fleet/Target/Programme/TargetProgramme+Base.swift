// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// Time, processes, the lease as it is read, systemd.
    static let base = #"""
        set -u
        umask 077
        LC_ALL=C
        PATH=$PATH:$run/current-system/sw/bin:/nix/var/nix/profiles/default/bin
        PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
        export LC_ALL PATH

        line_break=$(printf '\nx')
        line_break=${line_break%x}
        quote="'"

        say() { printf '%s\n' "$*"; }
        has() { command -v "$1" >/dev/null 2>&1; }

        # Seconds since the machine was started, suspension included.
        clock() {
            read -r up idle </proc/uptime
            seconds=${up%.*}
        }

        read_boot() {
            boot_now=
            { read -r boot_now <"$boot_identifier"; } 2>/dev/null || true
        }

        # When a process that lives was started, which tells it from a later one of its number.
        started() {
            start=
            line=
            { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
            set -- ${line##*) }
            [ "$1" = Z ] || start=${20}
        }

        # l_state: none; held; stale, when whoever took it is not at work any more.
        read_lease() {
            l_state=none l_token= l_who= l_since=0 l_boot= l_until=0 l_pid=0 l_start=
            [ -f "$state/lease" ] || return 0
            while read -r key value; do
                case $key in
                token) l_token=$value ;;
                who) l_who=$value ;;
                since) l_since=$value ;;
                boot) l_boot=$value ;;
                until) l_until=$value ;;
                pid) l_pid=$value ;;
                start) l_start=$value ;;
                esac
            done <"$state/lease"
            [ -n "$l_token" ] || return 0
            clock
            read_boot
            l_state=stale
            [ "$l_boot" = "$boot_now" ] || return 0
            if [ "$l_pid" != 0 ]; then
                started "$l_pid"
                if [ -n "$start" ] && [ "$start" = "$l_start" ]; then l_state=held; fi
            elif [ "$seconds" -lt "$l_until" ]; then
                l_state=held
            fi
        }
        # Its step is for root alone to read.
        lease_line() {
            l_step=
            { read -r l_step <"$state/$l_token/phase"; } 2>/dev/null || true
            say "$1 $l_state $l_token $l_since $l_pid ${l_step:--} $l_who"
        }

        has_systemd() { [ -d "$run/systemd/system" ] && has systemctl; }
        failed_units() {
            has_systemd || return 0
            systemctl list-units --failed --plain --no-legend --no-pager --full </dev/null |
                while read -r unit rest; do say "$unit"; done
        }

        # The deploys without an outcome; the lease must have been read.
        unsettled() {
            for intent in "$state"/*/intent; do
                folder=${intent%/intent}
                [ -f "$intent" ] && [ ! -f "$folder/outcome" ] || continue
                name=${folder##*/}
                [ "$l_state" = held ] && [ "$l_token" = "$name" ] && continue
                say "$name"
            done
        }
        # The system that a path activates: itself, or the one that it wraps.
        system_of() {
            aim=$(readlink -f "$1/bin/switch-to-configuration")
            aim=${aim%/bin/switch-to-configuration}
            if [ ! -e "$aim/activate" ]; then aim=$(readlink -f "$1"); fi
        }
        free_kib() {
            df -P -k "$1" 2>/dev/null | {
                read -r heading
                read -r device size used free rest && say "$free"
            }
        }
        kernel_system() {
            case $(uname -s)-$(uname -m) in
            Linux-arm64) say aarch64-linux ;;
            Linux-i?86) say i686-linux ;;
            Linux-*) say "$(uname -m)-linux" ;;
            *) say "$(uname -m)-$(uname -s)" ;;
            esac
        }
        # What was booted runs here, whatever runs now.
        booted_system() {
            system=
            { read -r system <"$run/booted-system/system"; } 2>/dev/null || [ -n "$system" ] ||
                system=$(kernel_system)
        }
        nix_settings() {
            {
                nix --extra-experimental-features nix-command config show ||
                    nix --extra-experimental-features nix-command show-config
            } 2>/dev/null
        }
        """#
}
