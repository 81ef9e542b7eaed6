// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FirnAPI

/// `firn cache`.
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "Make and change the caches that can be pushed to.",
        discussion: """
            Asks the running daemon of this machine on its control socket, which only its owner and \
            root may use; with --server another one, with a token that allows admin.

            Example:
              firn cache create team --quota 5GB --retention 90d

            Exit codes:
              0  done
              1  failed: no such cache, or one of that name is there already
              2  wrong usage or configuration
              4  refused: the token does not allow it
              5  the daemon is not reached
            """,
        subcommands: [
            CacheCreate.self, CacheList.self, CacheInfoCommand.self, CacheConfigure.self,
            CacheDelete.self, CacheRemove.self,
        ]
    )

    /// For each of the subcommands.
    static let exitCodes = """
        Exit codes:
          0  done
          1  failed: no such cache, or one of that name is there already
          2  wrong usage or configuration
          4  refused: the token does not allow it
          5  the daemon is not reached
        """
}

/// Settings as `create` and `configure` take them.
struct CacheSettingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What its files may take, such as 5GB, or none.", valueName: "size"))
    var quota: String?

    @Option(
        help: ArgumentHelp(
            "How long a path stays that nobody uses, such as 90d, or none.",
            valueName: "time"
        )
    )
    var retention: String?

    @Option(
        help: ArgumentHelp(
            "The largest path that is taken, before compression, or none.",
            valueName: "size"
        )
    )
    var maxNarSize: String?

    @Option(help: ArgumentHelp("A client asks the lowest first.", valueName: "number"))
    var priority: Int?

    @Option(
        help: ArgumentHelp(
            "Tiers whose paths need not be in the cache, with commas between; all, or none.",
            valueName: "names"
        )
    )
    var upstreams: String?

    /// What was given, as the server takes it.
    func change(of name: String, isPublic: Bool?) throws -> CacheChange {
        var change = CacheChange(name: name)
        change.isPublic = isPublic
        change.priority = priority
        change.quotaBytes = try bound(quota, .quota, "--quota", &change) { try Self.size($0, $1) }
        change.maximumNARBytes = try bound(maxNarSize, .maximumNARSize, "--max-nar-size", &change) {
            try Self.size($0, $1)
        }
        change.retentionSeconds = try bound(retention, .retention, "--retention", &change) {
            try Self.time($0, $1)
        }
        switch upstreams {
        case nil: break
        case "all": change.without.append(.upstreams)
        case "none": change.upstreams = []
        case let names?: change.upstreams = names.split(separator: ",").map(String.init)
        }
        return change
    }

    private func bound<Value>(
        _ text: String?,
        _ bound: CacheChange.Bound,
        _ option: String,
        _ change: inout CacheChange,
        _ read: (String, String) throws -> Value
    ) throws -> Value? {
        guard let text else { return nil }
        guard text != "none" else {
            change.without.append(bound)
            return nil
        }
        return try read(text, option)
    }

    static func size(_ text: String, _ option: String) throws -> UInt64 {
        do throws(ByteSize.ParseError) {
            return try ByteSize(parsing: text).bytes
        } catch {
            throw ValidationError(
                "\(option) takes a size such as \"5GB\" or \"5GiB\", or none: \"\(text)\""
                    + " \(error.reason)"
            )
        }
    }

    static func time(_ text: String, _ option: String) throws -> Int64 {
        do throws(TimeSpan.ParseError) {
            return try TimeSpan(parsing: text).seconds
        } catch {
            throw ValidationError(
                "\(option) takes a time such as \"12h\" or \"90d\", or none: \"\(text)\""
                    + " \(error.reason)"
            )
        }
    }
}
