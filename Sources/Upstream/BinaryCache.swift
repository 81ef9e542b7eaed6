// SPDX-License-Identifier: Apache-2.0
package import FirnAPI
package import NixFormat

/// Another binary cache, as the rules above it see it: what it has, and how it is doing.
///
/// Every call may be made by any number of tasks at once, ends when its task is cancelled, and ends by
/// itself within the limits of the cache's configuration. Nothing is remembered from call to call but
/// health: whoever asks twice is answered by the cache twice.
package protocol BinaryCache: Sendable {
    /// The name in the configuration, unique among the tiers.
    var name: String { get }
    /// Health, latency and counts at this moment; from memory.
    var report: TierReport { get }
    /// Parts of the report that each lookup looks at, without the making of the whole.
    var condition: TierReport.State { get }
    var latency: Duration? { get }
    var slowLatency: Duration? { get }
    var isFirn: Bool { get }
    /// Whether it makes deltas of NARs.
    var servesDeltas: Bool { get }
    /// How fast NARs come from it; `nil` when nobody has measured lately.
    var linkBytesPerSecond: Double? { get }

    /// Asks for the narinfo of one path, and checks its signatures against this cache's keys.
    func lookUp(_ hash: StorePathHash) async -> LookUp

    /// The same for a person who wants to know: also while it is down, though not while it wants to be
    /// left alone.
    func lookUpAnyway(_ hash: StorePathHash) async -> LookUp

    /// Asks for the narinfos of a path's whole closure in one request, dependencies first.
    ///
    /// - Returns: `nil` when the cache cannot do that or did not; the paths can still be asked for
    ///   one by one. Narinfos whose signatures do not hold are left out.
    func lookUpClosure(_ hash: StorePathHash) async -> [NARInfo]?

    /// Fetches a small file: a listing, a build log, a realisation, debug information.
    func fetch(_ file: CacheFile) async -> FileLookUp

    /// Counts a NAR of this cache that was not what its narinfo says, which only shows at its end.
    func note(badNAR path: StorePath, _ failure: UpstreamFailure)

    /// Starts to read the NAR that a narinfo of this cache names.
    ///
    /// - Parameters:
    ///   - narInfo: As ``lookUp(_:)`` gave it.
    ///   - offset: Bytes of the file to skip. A cache without ranges sends them all the same; the
    ///     stream drops them.
    ///   - onAsk: Called when the question goes out: until then nobody but us was slow.
    /// - Returns: The file from `offset` on; its head has come, its bytes have not.
    /// - Throws: ``UpstreamFailure/narMissing`` where it is not there; any other when nobody knows.
    func openNAR(
        _ narInfo: NARInfo,
        from offset: UInt64,
        onAsk: @escaping @Sendable () -> Void
    ) async throws(UpstreamFailure) -> any NARByteStream

    /// Starts to read a NAR, or what makes it out of another one that is here.
    ///
    /// - Parameters:
    ///   - narInfo: As ``lookUp(_:)`` gave it.
    ///   - bases: What is offered, the best first.
    ///   - pace: Bytes of NARs in a second that are enough; `nil` for as fast as can be.
    /// - Returns: A delta against one of them, or the NAR in the form that the cache would rather
    ///   send; the head has come, the bytes have not.
    /// - Throws: ``UpstreamFailure/narMissing`` where it is not there; any other when nobody knows.
    func openNAR(
        _ narInfo: NARInfo,
        madeOf bases: [NARBase],
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> CodedNARStream

    /// Finds out how fast NARs come from it, by the beginning of one: a tenth of a second of the link
    /// and the time of a question. What comes of it is ``linkBytesPerSecond``.
    ///
    /// - Returns: False when nothing came of it.
    func measureLink(by narInfo: NARInfo) async -> Bool

    /// Asks for the deltas of many small NARs at once.
    ///
    /// - Parameters:
    ///   - order: What is wanted, and what each may be made of.
    ///   - pace: As for one of them.
    /// - Returns: The answer as `FirnAPI` has it; its head has come.
    /// - Throws: Whatever keeps it back: each can still be asked for alone.
    func openDeltas(
        _ order: DeltaOrder,
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> any NARByteStream
}

extension BinaryCache {
    package var condition: TierReport.State { report.state }
    package var latency: Duration? { report.latency }
    package var slowLatency: Duration? { report.slowLatency }
    package var isFirn: Bool { report.isFirn }
    package var servesDeltas: Bool { false }
    package var linkBytesPerSecond: Double? { nil }

    /// For caches whose link does not matter.
    package func measureLink(by narInfo: NARInfo) async -> Bool { false }

    /// For caches that make no deltas.
    package func openNAR(
        _ narInfo: NARInfo,
        madeOf bases: [NARBase],
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> CodedNARStream { throw .unavailable }

    /// For caches that make no deltas.
    package func openDeltas(
        _ order: DeltaOrder,
        at pace: UInt64?
    ) async throws(UpstreamFailure) -> any NARByteStream { throw .unavailable }

    package func lookUpAnyway(_ hash: StorePathHash) async -> LookUp { await lookUp(hash) }

    package func note(badNAR path: StorePath, _ failure: UpstreamFailure) {}

    /// For those who do not mind how long their question waits for its turn.
    package func openNAR(
        _ narInfo: NARInfo,
        from offset: UInt64
    ) async throws(UpstreamFailure) -> any NARByteStream {
        try await openNAR(narInfo, from: offset, onAsk: {})
    }
}

/// What a cache said to the question for one path.
package enum LookUp: Sendable {
    case found(NARInfo)
    /// The cache answered that it has no such path (404, 410, and 403 as Nix takes it).
    case absent
    /// There was no answer that can be used.
    case failed(UpstreamFailure)
}

/// What a cache said to the question for a small file.
package enum FileLookUp: Sendable {
    case found([UInt8])
    case absent
    case failed(UpstreamFailure)
}

/// Small files of a binary cache beside narinfos and NARs.
package enum CacheFile: Hashable, Sendable {
    /// `HASH.ls`.
    case listing(StorePathHash)
    /// `log/NAME`: a derivation's base name.
    case log(StorePath)
    /// `realisations/ID.doi`.
    case realisation(DerivationOutputID)
    /// `build-trace-v2/DRV/OUTPUT.doi`.
    case buildTrace(StorePath, output: String)
    /// `debuginfo/BUILDID`: hexadecimal digits.
    case debugInfo(buildID: String)
}

/// Why a cache was of no use.
package enum UpstreamFailure: Error, Hashable, Sendable {
    /// Its circuit is open: it was not asked.
    case unavailable
    /// It asked to be left alone for a while (429 or 503 with Retry-After).
    case resting
    /// No connection: refused, no route, no such name, TLS.
    case unreachable(String)
    /// Connected, and then silence, or too slow.
    case timedOut
    /// A status that says nothing about the path.
    case status(Int)
    /// Not a narinfo, too large, or not about what was asked.
    case malformed(String)
    /// None of its signatures is by one of the tier's keys.
    case untrusted
    /// The connection ended before the body did.
    case brokenOff(String)
    /// The NAR that the narinfo names is not there.
    case narMissing
    /// A request of ours came back to us: it is this very server.
    case loop
    /// It asks us in turn for what others ask us for: nothing is wrong with what it has itself.
    case asksBack
}

/// The bytes of a NAR's file as they arrive.
package protocol NARByteStream: Sendable {
    /// Of the whole file, whatever the offset; `nil` when the cache did not say.
    var sizeBytes: UInt64? { get }

    /// The next bytes, never none; `nil` at the end, and only when the whole file has come.
    ///
    /// Called by one task at a time. Cancelling that task, or letting go of the stream, ends the
    /// transfer.
    func next() async throws(UpstreamFailure) -> [UInt8]?

    /// Waits until ``next()`` has something to say, be it that the tier was silent for too long.
    ///
    /// - Returns: False when the moment came first, or the task was cancelled; neither ends anything.
    func isReady(until moment: ContinuousClock.Instant) async -> Bool
}

/// How a cache is doing.
package struct TierReport: Sendable {
    package enum State: String, Sendable, CaseIterable {
        /// It is asked.
        case up
        /// It is not asked; a probe goes out now and then.
        case down
        /// It asked to be left alone.
        case resting
        /// Nothing is known yet.
        case unknown
    }

    /// One address of the cache.
    package struct Address: Sendable {
        package var url: String
        package var isChosen: Bool
        package var state: State
        package var latency: Duration?
        package var lastFailure: UpstreamFailure?

        package init(
            url: String,
            isChosen: Bool,
            state: State,
            latency: Duration?,
            lastFailure: UpstreamFailure?
        ) {
            self.url = url
            self.isChosen = isChosen
            self.state = state
            self.latency = latency
            self.lastFailure = lastFailure
        }
    }

    package var state: State
    /// Smoothed time from question to answer of lookups, on the chosen address.
    package var latency: Duration?
    /// The slowest of the usual answers: smoothed latency and four times its deviation.
    package var slowLatency: Duration?
    package var addresses: [Address]
    /// Whether it is a Firn, which answers `HASH.closure`.
    package var isFirn: Bool
    /// Whether it has us as a tier, too.
    package var asksBack: Bool
    package var lastFailure: UpstreamFailure?
    /// Requests, failures and bytes of NARs since the start.
    package var requests: UInt64
    package var failures: UInt64
    package var narBytes: UInt64

    package init(
        state: State = .unknown,
        latency: Duration? = nil,
        slowLatency: Duration? = nil,
        addresses: [Address] = [],
        isFirn: Bool = false,
        asksBack: Bool = false,
        lastFailure: UpstreamFailure? = nil,
        requests: UInt64 = 0,
        failures: UInt64 = 0,
        narBytes: UInt64 = 0
    ) {
        self.state = state
        self.latency = latency
        self.slowLatency = slowLatency
        self.addresses = addresses
        self.isFirn = isFirn
        self.asksBack = asksBack
        self.lastFailure = lastFailure
        self.requests = requests
        self.failures = failures
        self.narBytes = narBytes
    }
}
