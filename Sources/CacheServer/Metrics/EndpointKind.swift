// SPDX-License-Identifier: Apache-2.0
import CacheService

/// An `Endpoint` without what it names: the label under which requests are counted.
///
/// A fixed set, so that nothing a client sends can make the metrics page grow.
package enum EndpointKind: Int, CaseIterable, Sendable {
    case landing
    case statusPage
    case statusEvents
    case cacheInfo
    case narInfo
    case listing
    case closure
    case nar
    case log
    case realisation
    case buildTrace
    case debugInfo
    case file
    case alive
    case ready
    case metrics
    case firn
    /// What is in a named cache counts with its like, whoever asks how.
    case cachix
    /// A target that names nothing here, or is malformed.
    case unrecognised

    package init(_ endpoint: Endpoint) {
        self =
            switch endpoint {
            case .landing: .landing
            case .statusPage: .statusPage
            case .statusEvents: .statusEvents
            case .cacheInfo: .cacheInfo
            case .narInfo: .narInfo
            case .listing: .listing
            case .closure: .closure
            case .nar: .nar
            case .log: .log
            case .realisation: .realisation
            case .buildTrace: .buildTrace
            case .debugInfo: .debugInfo
            case .file: .file
            case .alive: .alive
            case .ready: .ready
            case .metrics: .metrics
            case .firn: .firn
            case .named(_, let item), .cachix(_, .item(let item)): Self(item)
            case .cachix: .cachix
            }
    }

    /// What is in a named cache counts with its like.
    private init(_ item: CacheItem) {
        self =
            switch item {
            case .cacheInfo: .cacheInfo
            case .narInfo: .narInfo
            case .closure: .closure
            case .nar, .sentNAR: .nar
            case .listing: .listing
            case .log: .log
            case .realisation: .realisation
            case .buildTrace: .buildTrace
            case .deltas: .firn
            }
    }

    /// The value of the `endpoint` label on the metrics page.
    package var label: String {
        switch self {
        case .landing: "landing"
        case .statusPage: "status"
        case .statusEvents: "status_events"
        case .cacheInfo: "cache_info"
        case .narInfo: "narinfo"
        case .listing: "listing"
        case .closure: "closure"
        case .nar: "nar"
        case .log: "log"
        case .realisation: "realisation"
        case .buildTrace: "build_trace"
        case .debugInfo: "debuginfo"
        case .file: "file"
        case .alive: "healthz"
        case .ready: "readyz"
        case .metrics: "metrics"
        case .firn: "firn"
        case .cachix: "cachix"
        case .unrecognised: "unrecognised"
        }
    }
}
