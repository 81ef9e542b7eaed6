// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// A cache of Firn whose pins are meant, and where it is asked.
struct PinPlace {
    let cache: String
    let administration: AdministrationOptions

    /// Takes the server out of `http://HOST:PORT/NAME`.
    init(_ cache: PushCacheReference, _ administration: AdministrationOptions) throws {
        self.cache =
            switch cache {
            case .cachix:
                throw ValidationError("Cachix lists and removes pins on its web page only")
            case .firn(let name, _): "\(name)"
            }
        var administration = administration
        if case .firn(_, let server?) = cache {
            guard administration.server == nil else {
                throw ValidationError("\(cache) names its server already: leave --server out")
            }
            administration.server = server.description
        }
        self.administration = administration
    }
}
