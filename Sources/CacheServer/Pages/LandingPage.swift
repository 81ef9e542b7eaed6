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
            priority: priority,
            isStatusForAll: statusReaders == .all
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
    /// Whether everybody may see the page that the last line leads to.
    let isStatusForAll: Bool

    package init(
        origin: String,
        storeDirectory: String,
        publicKeys: [String],
        priority: Int,
        isStatusForAll: Bool = false
    ) {
        self.isStatusForAll = isStatusForAll
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
            <pre tabindex="0"><code>nix --extra-experimental-features nix-command copy \
            --from \(origin) \(keyOption)\(storeDirectory)/…</code></pre>
            <h2>Use it always: nix.conf</h2>
            <p>By <code>firn use \(origin)</code>, or by hand:</p>
            <pre tabindex="0"><code>extra-substituters = \(origin)
            \(configuredKeys)</code></pre>
            <h2>Use it always: NixOS</h2>
            <pre tabindex="0"><code>nix.settings = {
              substituters = [ \("\"\(origin)\"") ];
            \(moduleKeys)};</code></pre>
            <h2>Use it for one flake</h2>
            <pre tabindex="0"><code>nixConfig = {
              extra-substituters = [ \("\"\(origin)\"") ];
            \(flakeKeys)};</code></pre>
            <p><a href="/nix-cache-info">nix-cache-info</a> · <a href="/readyz">health</a> · \
            <a href="/status">status</a>\(statusNote) · <a href="/metrics">metrics</a></p>

            """
        )
    }

    private var statusNote: String { isStatusForAll ? "" : " (in a browser of this machine)" }

    private var signing: HTML {
        if publicKeys.isEmpty {
            return """
                <p>It has no key of its own, so it passes on only the signatures that are in \
                the store.</p>
                """
        }
        return """
            <p>What it serves is signed by:</p>
            <pre tabindex="0"><code>\(publicKeys.joined(separator: "\n"))</code></pre>
            """
    }

    private var keyOption: String {
        publicKeys.isEmpty
            ? "" : "--option extra-trusted-public-keys '\(publicKeys.joined(separator: " "))' "
    }

    private var configuredKeys: String {
        publicKeys.isEmpty
            ? "" : "extra-trusted-public-keys = \(publicKeys.joined(separator: " "))"
    }

    private var moduleKeys: String { publicKeys.isEmpty ? "" : "  trusted-\(quotedKeys)" }

    private var flakeKeys: String { publicKeys.isEmpty ? "" : "  extra-trusted-\(quotedKeys)" }

    private var quotedKeys: String {
        "public-keys = [ \(publicKeys.map { "\"\($0)\"" }.joined(separator: " ")) ];\n"
    }
}
