// SPDX-License-Identifier: Apache-2.0
import CacheService
import Caches
import FirnAPI
import NixFormat

extension CacheResponder {
    /// `api/v1/pins/…`: what `firn pin` asks for.
    func pins(_ order: PinOrder, _ facts: RequestFacts) async throws -> Answer {
        let named = try requireNamedCaches()
        let visitor = try await visitor(facts, of: named)
        let pins: [Pin]
        switch order {
        case .create:
            let request = try body(facts, as: PinRequest.self)
            guard let hash = try? StorePathHash(parsing: request.hash) else {
                throw CacheError.malformed("a store path hash has 32 characters of Nix base-32")
            }
            pins = try await named.pin(
                hash,
                as: request.name,
                keep: try Self.keep(request),
                in: Self.cacheName(request.cache),
                by: visitor
            )
        case .list:
            let request = try body(facts, as: CacheReference.self)
            pins = try await named.pins(of: Self.cacheName(request.name), for: visitor)
        case .remove:
            let request = try body(facts, as: PinReference.self)
            pins = try await named.unpin(
                request.name,
                in: Self.cacheName(request.cache),
                by: visitor
            )
        }
        let directory = tier.storeDirectory
        let report = PinListReport(pins: pins.map { PinListReport.Pin($0, in: directory) })
        return try json(report, facts)
    }

    private static func keep(_ request: PinRequest) throws -> Pin.Keep {
        switch (request.revisions, request.days) {
        case (nil, nil): return .revisions(1)
        case (let count?, nil) where (1...Pin.mostRevisions).contains(count):
            return .revisions(count)
        case (nil, let days?) where (1...36_500).contains(days): return .days(days)
        default:
            throw CacheError.malformed(
                "a pin keeps 1 to \(Pin.mostRevisions) revisions, or those of 1 to 36500 days"
            )
        }
    }
}

extension PinListReport.Pin {
    fileprivate init(_ pin: Pin, in directory: StoreDirectory) {
        let revisions = pin.revisions.map { revision in
            PinListReport.Revision(
                path: directory.path(of: revision.path),
                pinnedAt: Timestamp(unixSeconds: revision.pinnedAt)
            )
        }
        switch pin.keep {
        case .revisions(let count):
            self.init(name: pin.name, revisions: revisions, keepRevisions: count, keepDays: nil)
        case .days(let days):
            self.init(name: pin.name, revisions: revisions, keepRevisions: nil, keepDays: days)
        }
    }
}
