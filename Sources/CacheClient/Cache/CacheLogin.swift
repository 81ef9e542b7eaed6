// SPDX-License-Identifier: Apache-2.0
import NixFormat

/// A name and a password as Nix tells them to a cache.
///
/// Its description has the name only, so that no log gets the password.
package struct CacheLogin: Hashable, Sendable {
    package let name: String
    package let password: String

    package init(name: String, password: String) {
        self.name = name
        self.password = password
    }

    var authorization: String { "Basic " + Base64.encode(Array("\(name):\(password)".utf8)) }
}

extension CacheLogin: CustomStringConvertible, CustomReflectable {
    package var description: String { "CacheLogin(\(name))" }
    package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}
