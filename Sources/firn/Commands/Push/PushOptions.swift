// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CacheClient
import Foundation
import NixFormat
import NixStore
import Push

/// What all commands that send to a cache take.
struct PushOptions: ParsableArguments {
    @OptionGroup var access: CacheAccessOptions

    @Option(
        help: ArgumentHelp(
            "For cachix:NAME, sign with the key in this file, else with CACHIX_SIGNING_KEY.",
            valueName: "file"
        )
    )
    var signingKeyFile: String?

    @Option(
        help: ArgumentHelp("How many paths are sent at a time, 1 to 512.", valueName: "number")
    )
    var jobs = 64

    @Option(
        help: ArgumentHelp(
            "Do not send paths in which this regular expression is found.",
            valueName: "regex"
        )
    )
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp("Do not send NARs larger than this, such as 2GB.", valueName: "size")
    )
    var maxNarSize: String?

    @Option(
        help: ArgumentHelp(
            "How long a request that fails is tried again, such as 90s.",
            valueName: "time"
        )
    )
    var retryFor = "90s"

    func validate() throws {
        guard (1...512).contains(jobs) else {
            throw ValidationError("--jobs takes a number from 1 to 512, not \(jobs)")
        }
        _ = try maximumNARBytes()
        _ = try patience()
    }

    func filter() throws -> PushFilter {
        try PushFilter(excluding: exclude, maximumNARBytes: maximumNARBytes())
    }

    func pusherConfiguration() throws -> Pusher.Configuration {
        var result = Pusher.Configuration()
        result.jobs = jobs
        result.retry.patience = try patience().duration
        return result
    }

    /// Reads the name of a cache, and sees whether the options are for it.
    func cache(parsing text: String) throws -> PushCacheReference {
        let cache = try access.cache(parsing: text)
        if case .firn = cache, signingKeyFile != nil {
            throw ValidationError(
                "--signing-key-file is for cachix:NAME: a cache of Firn signs with its own key"
            )
        }
        return cache
    }

    /// The way to the cache, open for the time of the body.
    func withTarget<Value>(
        _ cache: PushCacheReference,
        _ store: NixLocalStore,
        _ body: (any PushTarget) async throws -> Value
    ) async throws -> Value {
        // As many may be committed as are being sent.
        try await access.withTarget(
            cache,
            store,
            signingKeyFile: signingKeyFile,
            connections: jobs * 2,
            body
        )
    }

    private func patience() throws -> TimeSpan {
        do throws(TimeSpan.ParseError) {
            return try TimeSpan(parsing: retryFor)
        } catch {
            throw ValidationError(
                "--retry-for takes a time such as \"90s\" or \"10m\", not \"\(retryFor)\""
            )
        }
    }

    private func maximumNARBytes() throws -> UInt64? {
        guard let maxNarSize else { return nil }
        do throws(ByteSize.ParseError) {
            return try ByteSize(parsing: maxNarSize).bytes
        } catch {
            throw ValidationError(
                "--max-nar-size takes a size such as \"2GB\": \"\(maxNarSize)\" \(error.reason)"
            )
        }
    }
}
