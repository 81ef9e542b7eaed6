// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// What `firn serve` prints once it listens: how a client uses this cache.
package struct ClientInstructions: Sendable {
    /// Where clients reach this machine, the best first; empty when it only listens on sockets
    /// that no URL leads to.
    package let urls: [String]
    /// Where else it listens: `unix:PATH` and the like.
    package let sockets: [String]
    package let publicKeys: [PublicKey]
    /// A path of the store to try it with; `nil` when the store is empty.
    package let samplePath: String?

    package init(
        urls: [String],
        sockets: [String],
        publicKeys: [PublicKey],
        samplePath: String?
    ) {
        self.urls = urls
        self.sockets = sockets
        self.publicKeys = publicKeys
        self.samplePath = samplePath
    }

    package var text: String {
        let parts = [addressPart] + (urls.isEmpty ? [] : [settingsPart, trialPart])
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var keys: String { publicKeys.map(\.description).joined(separator: " ") }

    private var addressPart: String {
        let addresses = (urls + sockets).joined(separator: ", ")
        return "Firn \(Firn.version) listens on \(addresses)\nPublic key: \(keys)"
    }

    private var settingsPart: String {
        """
        On a machine that shall use it, add to /etc/nix/nix.conf:
          extra-substituters = \(urls[0])
          extra-trusted-public-keys = \(keys)
        """
    }

    /// A line to paste, in two forms.
    ///
    /// `--refresh`: a client may remember another key of this address, or that a path was not there.
    /// `--option` works with every Nix from 2.8 on and for whoever may write the store; `--to` makes
    /// the second form work for everybody, and on this machine too, which has the path.
    private var trialPart: String {
        guard let samplePath else {
            return "The store has no paths yet, so there is nothing to fetch."
        }
        let copy =
            "nix --extra-experimental-features nix-command copy --refresh --from \(urls[0])"
            + " --option trusted-public-keys '\(keys)'"
        return """
            To try it:
              \(copy) \(samplePath)
            or, without touching the machine's own store:
              \(copy) --to /tmp/firn-trial \(samplePath)
            """
    }
}
