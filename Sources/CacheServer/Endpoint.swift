// SPDX-License-Identifier: Apache-2.0
package import CacheService
package import Caches
package import FirnAPI
package import NixFormat

/// Everything that can be asked of this server, parsed from a request's target.
///
/// The one place where text from the network becomes values: nothing after it joins strings into
/// paths. Both the framework's routes and the fast lane dispatch on it.
package enum Endpoint: Equatable, Sendable {
    case landing
    /// `status`: the page for people that changes.
    case statusPage
    /// `status/events`: what has changed of it, as server-sent events.
    case statusEvents
    case cacheInfo
    case narInfo(StorePathHash)
    case listing(StorePathHash)
    /// `HASH.closure`: Firn's own, the narinfos of all that a path needs.
    case closure(StorePathHash)
    case nar(NARRequest)
    /// `log/DRV`, or by output path as `nix log` asks when it only knows that.
    case log(StorePath)
    case realisation(DerivationOutputID)
    case buildTrace(derivation: StorePath, output: String)
    /// - Shape: 40 lower-case hexadecimal digits.
    case debugInfo(buildID: String)
    /// - Shape: components relative to the store path; none is empty, `.`, `..`, or has `/` or NUL.
    case file(StorePathHash, components: [[UInt8]])
    case alive
    case ready
    case metrics
    /// Firn's own, for its commands.
    case firn(FirnRoute)
    /// `NAME/…`: what is in a named cache, whether or not there is one of that name.
    case named(CacheName, CacheItem)
    /// `api/v1/cache/NAME/…`: the same as the command `cachix` asks for it, and how it pushes.
    case cachix(CacheName, CachixItem)

    /// Whether it is an order, which has a body.
    var isOrder: Bool { if case .firn(let route) = self { route.isOrder } else { false } }

    /// Whether a POST to it has a body that is decided on by its head, as that of every PUT is.
    var takesBodies: Bool {
        switch self {
        case .firn(let route): route.takesBodies
        case .cachix(_, let item): item.takesPOST
        case .named(_, .deltas): true
        default: false
        }
    }

    /// - Parameter target: The request target in origin form, as it came: percent-encoded, with query.
    /// - Throws: ``CacheError/notFound`` for a path that names nothing here, and
    ///   ``CacheError/malformed(_:)`` for a known route with a malformed name in it.
    package init(parsing target: some StringProtocol) throws(CacheError) {
        guard target.first == "/" else { throw .malformed("the target must start with /") }
        let pathEnd = target.firstIndex(of: "?") ?? target.endIndex
        let query = target[pathEnd...].dropFirst()
        let segments = try target[..<pathEnd].dropFirst()
            .split(separator: "/", omittingEmptySubsequences: false)
            .map { segment throws(CacheError) in try Self.percentDecoded(segment.utf8) }
        self = try Self.named(segments, query: query)
    }

    private static func named(
        _ segments: [[UInt8]],
        query: some StringProtocol
    ) throws(CacheError) -> Endpoint {
        if segments[0] == Array("serve".utf8), segments.count > 1 {
            return try file(segments.dropFirst())
        }
        if segments.count > 3, segments.prefix(3).elementsEqual(cachixPrefix) {
            return try cachix(segments.dropFirst(3), query: query)
        }
        var names: [String] = []
        for segment in segments {
            guard let name = String(validating: segment, as: UTF8.self) else {
                throw .malformed("the path is not UTF-8")
            }
            names.append(name)
        }
        switch (names.count, names[0]) {
        case (1, ""): return .landing
        case (1, "status"): return .statusPage
        case (2, "status") where names[1] == "events": return .statusEvents
        case (1, "nix-cache-info"): return .cacheInfo
        case (1, "healthz"): return .alive
        case (1, "readyz"): return .ready
        case (1, "metrics"): return .metrics
        case (1, _): return try pathAddressed(names[0])
        case (2, "nar"): return .nar(try NARRequest(parsing: names[1], query: query))
        case (2, "log"): return .log(try storePath(names[1]))
        case (2, "realisations"): return try realisation(names[1])
        case (2, "debuginfo"): return try debugInfo(names[1])
        case (3..., "api"):
            guard let route = FirnRoute(parsing: "/" + names.joined(separator: "/")) else {
                throw .notFound
            }
            return .firn(route)
        case (3, "build-trace-v2"): return try buildTrace(names[1], names[2])
        default:
            guard names.count > 1, let name = try? CacheName(parsing: names[0]) else {
                throw .notFound
            }
            return .named(name, try item(Array(names.dropFirst()), query: query))
        }
    }

    /// What follows the name of a cache: as in the merged view, but for what only that has.
    static func item(
        _ names: [String],
        query: some StringProtocol
    ) throws(CacheError) -> CacheItem {
        if names.count == 2, names[0] == "nar", let sent = SentNARName(parsing: names[1]),
            query.isEmpty
        {
            return .sentNAR(sent)
        }
        switch try named(names.map { Array($0.utf8) }, query: query) {
        case .cacheInfo: return .cacheInfo
        case .narInfo(let hash): return .narInfo(hash)
        case .listing(let hash): return .listing(hash)
        case .closure(let hash): return .closure(hash)
        case .nar(let request): return .nar(request)
        case .log(let path): return .log(path)
        case .realisation(let id): return .realisation(id)
        case .buildTrace(let derivation, let output):
            return .buildTrace(derivation: derivation, output: output)
        case .firn(.deltas): return .deltas
        case .landing, .statusPage, .statusEvents, .debugInfo, .file, .alive, .ready, .metrics,
            .firn, .named, .cachix:
            throw .notFound
        }
    }

    private static func pathAddressed(_ name: String) throws(CacheError) -> Endpoint {
        if name.hasSuffix(".narinfo") { return .narInfo(try hash(name.dropLast(8))) }
        if name.hasSuffix(".ls") { return .listing(try hash(name.dropLast(3))) }
        if name.hasSuffix(".closure") { return .closure(try hash(name.dropLast(8))) }
        throw .notFound
    }

    private static func realisation(_ name: String) throws(CacheError) -> Endpoint {
        guard name.hasSuffix(".doi") else { throw .notFound }
        guard let id = try? DerivationOutputID(parsing: name.dropLast(4)) else {
            throw .malformed("not a derivation output id: expected sha256:HEX!OUTPUT.doi")
        }
        return .realisation(id)
    }

    private static func buildTrace(
        _ derivation: String,
        _ output: String
    ) throws(CacheError) -> Endpoint {
        guard output.hasSuffix(".doi") else { throw .notFound }
        let path = try storePath(derivation)
        let name = String(output.dropLast(4))
        // An output's name becomes part of its path's name.
        guard path.isDerivation, (try? StorePath(hash: path.hash, name: name)) != nil else {
            throw .malformed("expected build-trace-v2/NAME.drv/OUTPUT.doi")
        }
        return .buildTrace(derivation: path, output: name)
    }

    private static func debugInfo(_ name: String) throws(CacheError) -> Endpoint {
        let id = name.hasSuffix(".debug") ? name.dropLast(6) : name[...]
        let digits = id.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        guard digits, id.utf8.count == 40 else {
            throw .malformed("a build id has 40 lower-case hexadecimal digits")
        }
        return .debugInfo(buildID: String(id))
    }

    /// The first segment is the store path's hash, with or without its name.
    private static func file(_ segments: ArraySlice<[UInt8]>) throws(CacheError) -> Endpoint {
        guard let first = segments.first,
            let text = String(validating: first, as: UTF8.self)
        else { throw .malformed("not a store path hash") }
        let pathHash = text.utf8.count == 32 ? try hash(text) : try storePath(text).hash
        var components = Array(segments.dropFirst())
        // One trailing slash is how a directory is written.
        if components.last?.isEmpty == true { components.removeLast() }
        for component in components where !isComponent(component) {
            throw .malformed("the path leaves the store path")
        }
        return .file(pathHash, components: components)
    }

    private static func isComponent(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && bytes != Array(".".utf8) && bytes != Array("..".utf8)
            && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(0)
    }

    static func hash(_ text: some StringProtocol) throws(CacheError) -> StorePathHash {
        guard let hash = try? StorePathHash(parsing: text) else {
            throw .malformed("a store path hash has 32 characters of Nix base-32")
        }
        return hash
    }

    private static func storePath(_ text: String) throws(CacheError) -> StorePath {
        guard let path = try? StorePath(parsing: text) else {
            throw .malformed("not the base name of a store path")
        }
        return path
    }

    static func percentDecoded(
        _ segment: some Collection<UInt8>
    ) throws(CacheError) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(segment.count)
        var bytes = segment.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(hexDigit),
                let low = bytes.next().flatMap(hexDigit)
            else { throw .malformed("a % must be followed by two hexadecimal digits") }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
