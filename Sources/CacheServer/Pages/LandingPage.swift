// SPDX-License-Identifier: Apache-2.0
import CacheService
import NixFormat

extension CacheResponder {
    /// `/`: what this is and what to paste to use it.
    func landing(_ facts: RequestFacts) -> Answer {
        let html = LandingPage(
            origin: LandingPage.origin(facts),
            storeDirectory: "\(tier.storeDirectory)",
            publicKeys: tier.keys.publicKeys.map { "\($0)" },
            priority: priority
        ).html
        var hasher = SHA256Hasher()
        hasher.update(html.bytes)
        let tag = hasher.finalize().digestText(.nix32)
        return PageFrame.representation(of: html, entityTag: tag).answer(to: facts)
    }
}

/// The page for people who open the cache's address in a browser.
package struct LandingPage: Sendable {
    /// - Shape: `http://host:port`, without a trailing slash.
    let origin: String
    let storeDirectory: String
    /// - Shape: `name:base64`; none when this cache does not sign.
    let publicKeys: [String]
    let priority: Int

    package init(origin: String, storeDirectory: String, publicKeys: [String], priority: Int) {
        self.origin = origin
        self.storeDirectory = storeDirectory
        self.publicKeys = publicKeys
        self.priority = priority
    }

    /// The address under which the client reached us, or a stand-in when it did not say it properly.
    package static func origin(_ facts: RequestFacts) -> String {
        let scheme = facts.isSecure ? "https" : "http"
        let host = facts.host.flatMap { RequestHost(parsing: $0) }?.description
        return "\(scheme)://\(host ?? "ADDRESS-OF-THIS-CACHE")"
    }

    package var html: HTML {
        PageFrame.page(
            title: "Nix binary cache",
            """
            <h1>Nix binary cache</h1>
            <p>This is <strong>Firn</strong>. It serves the Nix builds in \
            <code>\(storeDirectory)</code> of this machine, with priority \(priority).</p>
            \(signing)
            <h2>Use it once</h2>
            <pre>nix copy --from \(origin) \(keyOption)\(storeDirectory)/…</pre>
            <h2>Use it always: nix.conf</h2>
            <pre>extra-substituters = \(origin)
            \(configuredKeys)</pre>
            <h2>Use it always: NixOS</h2>
            <pre>nix.settings = {
              substituters = [ \("\"\(origin)\"") ];
            \(moduleKeys)};</pre>
            <p><a href="/nix-cache-info">nix-cache-info</a> · <a href="/readyz">health</a> · \
            <a href="/metrics">metrics</a></p>

            """
        )
    }

    private var signing: HTML {
        if publicKeys.isEmpty {
            return """
                <p>It has no key of its own, so it passes on only the signatures that are in \
                the store.</p>
                """
        }
        return "<p>What it serves is signed by:</p><pre>\(publicKeys.joined(separator: "\n"))</pre>"
    }

    private var keyOption: String {
        publicKeys.isEmpty
            ? "" : "--option extra-trusted-public-keys '\(publicKeys.joined(separator: " "))' "
    }

    private var configuredKeys: String {
        publicKeys.isEmpty
            ? "" : "extra-trusted-public-keys = \(publicKeys.joined(separator: " "))"
    }

    private var moduleKeys: String {
        let quoted = publicKeys.map { "\"\($0)\"" }.joined(separator: " ")
        return publicKeys.isEmpty ? "" : "  trusted-public-keys = [ \(quoted) ];\n"
    }
}
