// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import NixFormat
import Testing

/// A store that tests push from; none of them changes it.
struct PushSource: Sendable {
    @TaskLocal static var current: PushSource?

    let store: TemporaryNixStore
    /// The path that refers to all the others.
    let top: String
    let paths: [String]
    /// Refers to nothing.
    let lone: String
    /// Nine megabytes that do not compress, in several frames.
    let large: String

    static func prepared() throws -> PushSource { try #require(current) }

    func path(_ name: String) throws -> String { try paths.named(name) }

    /// A cache that signs by itself.
    static func settings() throws -> CachixStandIn.Settings {
        var settings = CachixStandIn.Settings()
        settings.serverKey = try SecretKey.generate(name: "test.cachix.org-1")
        return settings
    }

    /// Runs `firn push cachix:test` on this store.
    func push(
        to server: CachixStandIn,
        _ arguments: [String],
        environment: [String: String] = [:],
        inputPath: String? = nil
    ) async throws -> CommandOutcome {
        try await pushCommand(to: server, arguments, environment: environment, inputPath: inputPath)
            .run(deadline: .seconds(120))
    }

    /// Runs the binary away from any configuration of the machine.
    static func firn(_ arguments: [String]) async throws -> CommandOutcome {
        var command = Command(FirnServer.programme, arguments)
        command.environment["HOME"] = "/nonexistent"
        return try await command.run(deadline: .seconds(60))
    }

    func pushCommand(
        to server: CachixStandIn,
        _ arguments: [String],
        environment: [String: String] = [:],
        inputPath: String? = nil
    ) -> Command {
        let fixed = ["push", "cachix:test", "--host", server.url, "--store", store.root]
        var command = Command(FirnServer.programme, fixed + arguments)
        command.environment["HOME"] = "/nonexistent"
        command.environment["CACHIX_AUTH_TOKEN"] = server.settings.token
        command.environment.merge(environment) { $1 }
        command.inputPath = inputPath
        return command
    }

    fileprivate static let expression = """
        let
          build = name: script: derivation {
            inherit name;
            system = builtins.currentSystem;
            builder = "/bin/sh";
            args = [ "-euc" script ];
            PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
          };
        in [
          (build "lone" "echo lone > $out")
          (build "large-lone" "head -c 9000000 /dev/urandom > $out")
        ]
        """
}

/// Makes the store once for all suites beneath ``PushSuites``.
struct PushSourceTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            let others = try await store.build(PushSource.expression)
            let source = PushSource(
                store: store,
                top: try paths.named("top"),
                paths: paths,
                lone: others[0],
                large: others[1]
            )
            try await PushSource.$current.withValue(source) { try await function() }
        }
    }
}

extension Trait where Self == PushSourceTrait {
    /// The suite's tests find the store in ``PushSource/current``.
    static var pushSource: Self { Self() }
}

/// The suites of sending to a cache.
@Suite(.pushSource, .fewAtATime)
struct PushSuites {}
