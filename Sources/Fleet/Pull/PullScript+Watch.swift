// SPDX-License-Identifier: Apache-2.0

extension PullScript {
    /// Reads Nix's internal-json while it fetches: progress goes to standard output now and then, and
    /// what each tier gave and refused to a file of records.
    ///
    /// Activities are 100 (a path is copied), 101 (a file is fetched), 109 (a path is asked for); results
    /// 105 tell how far an activity is, 106 how much is expected. Nix sorts the keys, and writes each
    /// event on one line, from 2.4 on.
    static let watch = #"""
        cat >"$work/watch.awk" <<'END'
        function number(key,    at, rest) {
            at = index($0, "\"" key "\":")
            if (!at) return ""
            rest = substr($0, at + length(key) + 3)
            return match(rest, /^[0-9]+/) ? substr(rest, 1, RLENGTH) : ""
        }
        function fields(into,    at, rest) {
            at = index($0, "\"fields\":[")
            if (!at) return 0
            rest = substr($0, at + 10)
            at = index(rest, "],\"id\"")
            rest = substr(rest, 1, at - 1)
            gsub(/"/, "", rest)
            return split(rest, into, ",")
        }
        function tier(url,    i, best) {
            best = ""
            sub(/[?].*/, "", url)
            for (i in address)
                if ((url == address[i] || index(url, address[i] "/") == 1) \
                    && (best == "" || length(address[i]) > length(address[best]))) best = i
            return best
        }
        function base(path) { sub(/.*\//, "", path); return path }
        # Also where nothing is new: who has nobody to tell it to any more comes to its end by that.
        function say() {
            said = paths; said_total = total
            print "firn progress " paths + 0 " " wanted + 0 " " total + 0 " " expected + 0
            fflush()
        }
        BEGIN {
            while ((getline line < chosen) > 0) { split(line, word, " "); address[word[1]] = word[2] }
            due = 2
        }
        $1 == "tick" {
            seconds++
            if (seconds >= due) { say(); due = seconds + int(seconds / 4) + 3 }
            next
        }
        $1 == "ended" { status = $2; exit }
        index($0, "@nix {\"action\":\"result\"") == 1 {
            kind = number("type")
            if (kind == 105) {
                id = number("id"); fields(f)
                if (id in path) { total += f[1] - nar[id]; nar[id] = f[1] }
                else if (id in url && f[1] > wire[id]) wire[id] = f[1]
            } else if (kind == 106) {
                fields(f)
                if (f[1] == 100 && f[2] > expected) expected = f[2]
            }
            next
        }
        index($0, "@nix {\"action\":\"start\"") == 1 {
            kind = number("type"); id = number("id"); fields(f)
            if (kind == 100) { path[id] = base(f[1]); from[path[id]] = tier(f[2]); copy[path[id]] = id
                if (paths >= wanted) wanted = paths + 1 }
            else if (kind == 101) url[id] = tier(f[1])
            else if (kind == 109 && tier(f[2]) != "") print "ask", tier(f[2]), base(f[1]) >>records
            next
        }
        index($0, "@nix {\"action\":\"stop\"") == 1 {
            id = number("id")
            if (id in path) paths++
            next
        }
        index($0, "@nix {\"action\":\"msg\"") == 1 {
            level = number("level")
            if (level == 3) {
                if (match($0, /"msg":"  \/nix\/store\/[^" ]+/)) {
                    if (is_list) print "has", base(substr($0, RSTART, RLENGTH)) >>records
                } else is_list = ($0 ~ /paths? will be fetched/)
                if (is_list && match($0, /these [0-9]+ paths/)) {
                    split(substr($0, RSTART, RLENGTH), word, " ")
                    if (word[2] > wanted) wanted = word[2]
                }
            }
            if (level > 1) next
            text = substr($0, index($0, "\"msg\":\"") + 7)
            at = index(text, "\",\"raw_msg\":"); if (at) text = substr(text, 1, at - 1)
            sub(/"}$/, "", text)
            gsub(/\\u001b\[[0-9;]*m/, "", text); gsub(/\\n/, " ", text); gsub(/[\\\t]/, "", text)
            sub(/^(warning: |error: )+/, "", text)
            place = text; at = match(place, /(https?|file):\/\/[^\047, ]+/)
            if (at) {
                place = substr(place, at, RLENGTH); i = tier(place)
                if (i != "" && text ~ /sign/ && match(text, /\/nix\/store\/[^\047 ]+/))
                    print "untrusted", i, base(substr(text, RSTART, RLENGTH)) >>records
                else if (i != "" && text !~ /retrying in/) {
                    file = base(place)
                    print "failed", i, (file ~ /narinfo$/ ? file : "-"), substr(text, 1, 200) >>records
                }
            }
            if (level == 0) last = text
        }
        END {
            if (paths != said || total != said_total) say()
            for (p in from) if (from[p] != "") print "got", from[p], p, nar[copy[p]] + 0 >>records
            for (id in url) if (url[id] != "") bytes[url[id]] += wire[id]
            for (i in bytes) print "wire", i, bytes[i] >>records
            if (last != "") print substr(last, 1, 300) >problem
            print status + 0 >ending
        }
        END

        """#

    /// Turns the records of all rounds into shares of tiers, and reasons.
    ///
    /// `absent` has, a line each, the paths that the store still lacks; `signed` the names of the keys
    /// by which refused paths are signed.
    static let summary = #"""
        cat >"$work/summary.awk" <<'END'
        # A path that some tier has, and that was not even tried, waits for another.
        function is_lacking(p,    i) {
            if (!(p in has)) return 1
            for (i = 0; i < count; i++) if ((i, p) in untrusted || (i, p) in gave) return 1
            return 0
        }
        function reason(i, p,    hash) {
            hash = substr(p, 1, 32)
            if ((i, p) in signed) return signed[i, p]
            if ((i, p) in untrusted) return "untrusted"
            if ((i, hash ".narinfo") in failed) return "failed " failed[i, hash ".narinfo"]
            if ((i, p) in gave && (i, "-") in failed) return "failed " failed[i, "-"]
            if ((i, p) in gave) return "failed the transfer broke off"
            if ((i, p) in asked) return "absent"
            return ""
        }
        $1 == "ask" { asked[$2, $3] = 1; known[$3] = 1 }
        $1 == "untrusted" { untrusted[$2, $3] = 1 }
        $1 == "failed" { i = $2; file = $3; $1 = $2 = $3 = ""; sub(/^ +/, ""); failed[i, file] = $0 }
        $1 == "got" { gave[$2, $3] = 1; if (!($3 in absent)) { from[$3] = $2; size[$3] = $4 } }
        $1 == "has" { has[$2] = 1 }
        $1 == "wire" { wire[$2] += $3 }
        $1 == "lacks" { absent[$2] = 1 }
        $1 == "signed" { i = $2; p = $3; $1 = $2 = $3 = ""; sub(/^ +/, ""); signed[i, p] = $0 }
        END {
            for (p in from) { paths[from[p]]++; bytes[from[p]] += size[p] }
            for (i = 0; i < count; i++)
                if (paths[i] || wire[i])
                    printf "firn share %d %d %.0f %.0f\n", i, paths[i], bytes[i], wire[i]
            lacking = 0
            for (p in known) {
                if (p in from) stop = from[p]
                else if (p in absent && is_lacking(p)) { stop = count; lacking++ }
                else continue
                shown = 0
                for (i = 0; i < stop; i++) {
                    why = reason(i, p)
                    if (why == "") continue
                    split(why, word, " "); counts[i " " word[1]]++
                    if (detailed >= most) continue
                    shown = 1
                    print "firn miss " (p in from ? from[p] : "-") " " p " " i " " why
                }
                detailed += shown
            }
            for (key in counts) print "firn why " key " " counts[key]
            print "firn lacking " lacking
        }
        END

        """#
}
