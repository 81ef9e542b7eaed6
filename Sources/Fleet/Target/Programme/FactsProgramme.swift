// SPDX-License-Identifier: Apache-2.0

/// What gathers the facts, changes nothing, and runs for any user.
enum FactsProgramme {
    static let text = TargetProgramme.compact([TargetProgramme.base, gathering])

    private static let gathering = #"""
        facts() {
            say "uid $(id -u)"
            say "user $(id -un)"
            say "node $(uname -n)"
            say "nix $(nix --version 2>/dev/null)"
            read_boot
            say "boot $boot_now"
            if [ -d "$run/systemd/system" ]; then say "systemd 1"; fi
            systems
            generations
            read_lease
            [ "$l_state" = none ] || lease_line lease
            deploys
            say "store-free $(free_kib "$store")"
            say "boot-free $(free_kib "$boot")"
            failed_units | while read -r unit; do say "failed $unit"; done
            settings
            if [ "$(id -u)" = 0 ] && [ ! -d "$state/programmes" ]; then say "programme 0"; fi
            battery
            for meter in /sys/class/powercap/intel-rapl:* "$power"/*/status; do
                if [ -e "$meter" ]; then say "meters 1"; break; fi
            done
            say end
        }
        # The cache on this machine that Nix is told to ask, and what else than its own kind it takes.
        settings() {
            say "kinds $(kernel_system)"
            told=
            nix_settings | while read -r key sign words; do
                case $key in
                extra-platforms) say "kinds $words" ;;
                substituters | extra-substituters) ;;
                *) continue ;;
                esac
                for word in $words; do
                    [ -z "$told" ] || break
                    case $word in
                    http*://127.* | http*://localhost[:/]* | http*://\[::1\]*)
                        say "agent $word"
                        told=1
                        ;;
                    esac
                done
            done
        }
        systems() {
            now=$(readlink -f "$run/current-system")
            booted=$(readlink -f "$run/booted-system")
            say "running $now"
            say "booted $booted"
            system_of "$profile"
            say "profile $aim"
            booted_system
            say "system $system"
            for part in kernel initrd kernel-modules; do
                if [ "$(readlink -f "$now/$part")" != "$(readlink -f "$booted/$part")" ]; then
                    say "restart 1"
                    break
                fi
            done
        }
        generations() {
            link=$(readlink "$profile")
            link=${link##*/}
            number=${link#"${profile##*/}-"}
            say "generation ${number%-link}"
            for link in "$profile"-*-link; do
                [ -L "$link" ] || continue
                number=${link#"$profile-"}
                made=$(stat -c %Y "$link" 2>/dev/null) || made=0
                say "kept ${number%-link} $made $(readlink "$link")"
            done
        }
        deploys() {
            for name in $(unsettled); do
                phase=
                { read -r phase <"$state/$name/phase"; } 2>/dev/null || true
                say "unsettled $name $phase"
            done
            { while read -r line; do say "lineage $line"; done <"$state/lineage"; } 2>/dev/null
            newest=$(ls -1t "$state"/*/outcome 2>/dev/null | head -n 1)
            if [ -n "$newest" ] && read -r line <"$newest"; then
                folder=${newest%/outcome}
                say "outcome ${folder##*/} $line"
            fi
        }
        battery() {
            found=
            for supply in "$power"/*; do
                type= online=
                { read -r type <"$supply/type"; } 2>/dev/null || continue
                case $type in
                Battery)
                    scope=
                    { read -r scope <"$supply/scope"; } 2>/dev/null || true
                    # The battery of a mouse says nothing of the machine.
                    if [ "$scope" != Device ]; then found=${found:-1}; fi
                    ;;
                Mains | USB)
                    { read -r online <"$supply/online"; } 2>/dev/null || true
                    if [ "$online" = 1 ]; then mains=1; fi
                    ;;
                esac
            done
            if [ -z "$found" ]; then return 0; fi
            if [ "${mains:-0}" = 1 ]; then say "battery 0"; else say "battery 1"; fi
        }
        """#
}
