// SPDX-License-Identifier: Apache-2.0

extension TargetProgramme {
    /// Shows a journal as it grows, from where the reader stands.
    static let follow = #"""
        # Ends with the deploy, when a confirmation is awaited, or after a while.
        verb_follow() {
            dir=$state/$token
            if [ ! -f "$dir/intent" ]; then follow_ends none; fi
            clock
            turn_ends=$((seconds + patience))
            while :; do
                ended=
                if [ -f "$dir/outcome" ]; then ended=1; fi
                phase=
                { read -r phase <"$dir/phase"; } 2>/dev/null || true
                show_lines L "$dir/log" "$seen_log"
                seen_log=$lines
                show_lines E "$dir/events" "$seen_events"
                seen_events=$lines
                if [ -n "$ended" ]; then follow_ends ended; fi
                if [ "$phase" = awaiting ] && [ ! -f "$dir/confirmed" ] &&
                    [ ! -f "$dir/abandoned" ]; then
                    supervised && follow_ends awaiting
                fi
                supervised || [ -f "$dir/outcome" ] || follow_ends died
                clock
                if [ "$seconds" -ge "$turn_ends" ]; then follow_ends more; fi
                sleep 0.2
            done
        }
        follow_ends() {
            say "follow $1"
            say end
            exit 0
        }
        supervised() {
            read_lease
            [ "$l_token" = "$token" ] && [ "$l_state" = held ]
        }

        # show_lines MARK FILE SEEN: at most 500 whole lines, of 4000 characters.
        show_lines() {
            lines=$(wc -l <"$2")
            lines=$((lines))
            if [ "$lines" -gt $(($3 + 500)) ]; then
                lines=$(($3 + 500))
                ended=
            fi
            if [ "$lines" -gt "$3" ]; then
                shown=$(tail -n "+$(($3 + 1))" "$2" | head -n $((lines - $3)) |
                    cut -b 1-4000 | while IFS= read -r line; do say "$1 $line"; done)
                say "$shown"
            fi
        }
        """#
}
