// SPDX-License-Identifier: Apache-2.0
import Foundation
import Push

/// The hook as a shell script: a shell starts in a millisecond, which Firn does not.
///
/// It starts no other programme, and ends well whatever happens. The module for NixOS has the same
/// text, which a test compares.
struct HookScript {
    let queue: PushQueue

    var text: String {
        """
        #!/bin/sh
        # Nix's post-build-hook: queues what was built.
        # One empty file for each path; firn watch-store sends them.
        set -f
        queue=\(quoted(queue.entriesDirectory))
        # Nix 2.8 tells the derivation only, which stands for its outputs.
        for path in ${OUT_PATHS:-$DRV_PATH}; do
            entry="$queue/${path##*/}"
            # Nothing that is there is written to: the folder may be another user's, and this is root.
            [ -e "$entry" ] || (set -C; : > "$entry") || echo "firn: $path is not queued" >&2
        done
        exit 0

        """
    }

    func install(at path: String) throws {
        let url = URL(filePath: path)
        try Data(text.utf8).write(to: url, options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    private func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
}
