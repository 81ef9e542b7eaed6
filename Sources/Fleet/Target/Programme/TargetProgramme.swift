// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// The target's own side of a deploy, in POSIX `sh`.
///
/// It needs sh, coreutils, `flock` and `setsid` of util-linux, and Nix; on a machine with systemd,
/// `systemctl` and `systemd-run` besides. It is sent on standard input, kept on the target under the
/// hash of its text, and from then on only named, which keeps a deploy's bytes few.
enum TargetProgramme {
    static let text = compact([
        """
        case ${1-} in supervise) . "$2/intent" ;; esac
        """,
        base, state, requests, start, follow, supervisor, commit, checks,
        """
        case ${1-} in supervise) dir=$2 && supervise ;; esac
        """,
    ])

    /// Reads the programme that the target has, or says that it has none.
    static let opening = """
        \(path)
        programme=$state/programmes/\(name)
        if [ -O "$state" ] && [ ! -L "$state" ] && [ -f "$programme" ]; then
        . "$programme"
        else
        printf 'missing\\nend\\n'
        exit 0
        fi

        """

    /// Writes the programme, then reads it.
    static let installation = """
        \(path)
        umask 077
        mkdir -p "$state/programmes"
        if [ ! -O "$state" ] || [ -L "$state" ]; then
        printf 'refused state %s\\nend\\n' "$state does not belong to the user alone"
        exit 0
        fi
        chmod 0711 "$state"
        programme=$state/programmes/\(name)
        if cat >"$programme.$$" <<'\(name)'
        \(text)\(name)
        then
        mv -f "$programme.$$" "$programme"
        else
        rm -f "$programme.$$"
        printf 'refused state %s\\nend\\n' "$state cannot be written to; is its disk full?"
        exit 0
        fi
        . "$programme"

        """

    /// What a login without a profile may lack.
    private static let path =
        "PATH=$PATH:/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin"
        + ":/usr/sbin:/usr/bin:/sbin:/bin"

    private static let name = SHA256Hasher.hash(Array(text.utf8)).digestText(.nix32)

    /// Without comments and indentation, which the target does not read.
    static func compact(_ parts: [String]) -> String {
        parts.joined(separator: "\n").split(separator: "\n")
            .map { $0.drop { $0 == " " } }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
            .joined(separator: "\n") + "\n"
    }
}
