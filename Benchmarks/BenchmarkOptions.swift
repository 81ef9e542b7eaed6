// SPDX-License-Identifier: Apache-2.0

/// The arguments of `make bench ARGS="…"`.
struct BenchmarkOptions {
    /// Its closure is measured; `nil` builds one from this machine's Debian packages.
    var storePath: String?
    /// The folder that has the store of `storePath`.
    var storeRoot = "/"
    /// How often each of the two servers is measured for a figure.
    var rounds = 5
    /// Only figures whose names contain one of these words; empty means all.
    var only: [String] = []
    /// Rows of the catalog that is made up.
    var paths = 10_000_000
    var asksForHelp = false

    static let help = """
        usage: FirnBenchmarks [STORE-PATH] [--store ROOT] [--rounds N] [--only WORD]…

        Serves a closure with Firn and with nginx, and with Firn in front of other caches, and
        prints how they compare.
          STORE-PATH     a path whose closure is served; by default one is made of the files
                         of Debian packages that are installed, and kept in the cache folder
          --store ROOT   the folder with the store that has STORE-PATH; "/" by default
          --rounds N     measurements of each server for a figure; 5 by default, 3 at most for copies
          --only WORD    only figures whose names contain WORD: narinfo, identity, zstd, byte,
                         range, copy, memory, named; of tiers: pull-through, warm, clients,
                         distant, hostile, unknown, restart; of sending: push,
                         "push tiny", "push large", "push memory", and "push firn"
                         with tiny, large, memory or uploads behind it; "delta",
                         "delta bytes" or "delta times" for updates as the difference
                         to older versions, which run alone; of deployments (as root):
                         fleet; alone, of a bucket and of PostgreSQL (with what
                         `make test` installs): scale narinfo, scale zstd, scale catalog
          --paths N      rows of the catalog of "scale catalog"; 10,000,000 by default
        """

    struct UsageError: Error, CustomStringConvertible {
        let description: String
    }

    init(parsing arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": asksForHelp = true
            case "--store": storeRoot = try Self.value(of: argument, &rest)
            case "--only": only.append(try Self.value(of: argument, &rest))
            case "--rounds":
                let text = try Self.value(of: argument, &rest)
                guard let count = Int(text), (1...1000).contains(count) else {
                    throw UsageError(description: "--rounds takes a number, not \(text)")
                }
                rounds = count
            case "--paths":
                let text = try Self.value(of: argument, &rest)
                guard let count = Int(text), (100_000...100_000_000).contains(count) else {
                    throw UsageError(description: "--paths takes 100000 to 100000000, not \(text)")
                }
                paths = count
            default:
                guard !argument.hasPrefix("-"), storePath == nil else {
                    throw UsageError(description: "unknown argument \(argument)\n\(Self.help)")
                }
                storePath = argument
            }
        }
    }

    func wants(_ figure: String) -> Bool {
        only.isEmpty || only.contains { figure.lowercased().contains($0.lowercased()) }
    }

    private static func value(
        of name: String,
        _ rest: inout ArraySlice<String>
    ) throws -> String {
        guard let value = rest.popFirst() else {
            throw UsageError(description: "\(name) takes a value")
        }
        return value
    }
}
