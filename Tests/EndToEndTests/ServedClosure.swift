// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Testing

/// One closure of several hundred paths and two Firns that serve it, for all tests that only read.
struct ServedClosure: Sendable {
    @TaskLocal static var current: ServedClosure?

    let store: TemporaryNixStore
    let key: TestKey
    /// The path that refers to all the others.
    let top: String
    /// All of them, ``top`` included.
    let paths: [String]
    /// Offers NARs as they are.
    let plain: FirnServer
    /// Offers `.nar.zst`.
    let compressed: FirnServer

    func server(_ form: WireForm) -> FirnServer {
        switch form {
        case .identity: plain
        case .zstd: compressed
        }
    }

    /// The path of the closure with this name.
    func path(_ name: String) throws -> String {
        try paths.named(name)
    }
}

/// The two forms of NARs on the wire.
enum WireForm: CaseIterable, Sendable {
    case identity
    case zstd

    /// As in a narinfo.
    var compression: String { self == .zstd ? "zstd" : "none" }
}

/// Builds and serves the closure once for a whole suite.
struct ServedClosureTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            try await withNixStore { store in
                let key = try await TestKey.make(name: "firn.test-1", in: directory)
                let top = try #require(try await store.build(SampleClosure().expression).first)
                let paths = try await store.closure(of: [top])
                var setup = ServerSetup(storeRoot: store.root)
                setup.keys = [key.secretPath]
                try await withServer(setup) { plain in
                    setup.compression = "zstd"
                    try await withServer(setup) { compressed in
                        try await compressed.compressAhead(paths, within: .seconds(120))
                        let served = ServedClosure(
                            store: store,
                            key: key,
                            top: top,
                            paths: paths,
                            plain: plain,
                            compressed: compressed
                        )
                        try await ServedClosure.$current.withValue(served) { try await function() }
                    }
                }
            }
        }
    }
}

/// Runs a few tests at a time: each starts programmes of its own, and the machine has few cores.
///
/// A test's time counts from its turn on, which the time limit of the library does not know.
struct TurnstileTrait: SuiteTrait, TestTrait, TestScoping {
    private static let turnstile = Turnstile(width: 4)
    private static let limit: Duration = .seconds(180)

    /// A test that did not end in its time.
    struct TookTooLong: Error {
        let limit: Duration
    }

    var isRecursive: Bool { true }

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await Self.turnstile.pass {
            try await withoutActuallyEscaping(function) { function in
                try await Self.run(function)
            }
        }
    }

    private static func run(
        _ function: @escaping @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await function()
                return true
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            let hasEnded = try await group.next()
            group.cancelAll()
            guard hasEnded == true else { throw TookTooLong(limit: limit) }
        }
    }
}

extension Trait where Self == ServedClosureTrait {
    /// The suite's tests find the closure in ``ServedClosure/current``.
    static var servedClosure: Self { Self() }
}

extension Trait where Self == TurnstileTrait {
    /// The suite's tests run a few at a time.
    static var fewAtATime: Self { Self() }
}

/// The suites that share one closure and two servers, and only read.
@Suite(.servedClosure, .fewAtATime)
struct ServedClosureTests {
    /// What the trait of this suite has prepared.
    static func served() throws -> ServedClosure { try #require(ServedClosure.current) }
}
