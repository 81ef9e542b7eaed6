// SPDX-License-Identifier: Apache-2.0

/// Configurations as people write them, and as nobody would.
struct RandomConf {
    var random: SeededRandom

    private static let urls = [
        "http://a", "http://a/", "https://b/team", "http://c:5000?priority=10",
        "https://cache.nixos.org", "https://cache.nixos.org/",
    ]
    private static let keys = [
        "a-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "b-1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=",
    ]
    private static let others = [
        "max-jobs = 4", "netrc-file = /tmp/netrc", "connect-timeout = 7 # soon", "sandbox = false",
        "# substituters = http://no", "", "   ", "\t", "narinfo-cache-negative-ttl = 30",
    ]

    /// `included`: Names of files to include.
    mutating func text(including included: [String] = []) -> [UInt8] {
        var lines: [String] = []
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1: lines.append(list(Self.names, Self.urls))
            case 2, 3: lines.append(list(Self.keyNames, Self.keys))
            case 4 where !included.isEmpty: lines.append(include(included))
            default: lines.append(random.pick(Self.others))
            }
        }
        let end = random.pick(["\n", "\r\n"])
        let text = lines.joined(separator: end) + (random.onceIn(2) && !lines.isEmpty ? end : "")
        return Array(text.utf8)
    }

    private static let names = [
        "substituters", "extra-substituters", "binary-caches", "extra-binary-caches",
    ]
    private static let keyNames = [
        "trusted-public-keys", "extra-trusted-public-keys", "binary-cache-public-keys",
        "extra-binary-cache-public-keys",
    ]

    private mutating func list(_ names: [String], _ values: [String]) -> String {
        let count = Int.random(in: 0...3, using: &random)
        let words = (0..<count).map { _ in random.pick(values) }
        let space = random.pick([" ", "  ", "\t"])
        let comment = random.onceIn(4) ? " # why" : ""
        return "\(random.pick(names))\(space)=\(space)\(words.joined(separator: space))\(comment)"
    }

    private mutating func include(_ names: [String]) -> String {
        if random.onceIn(3) { return "!include not-there.conf" }
        return "\(random.pick(["include", "!include"])) \(random.pick(names))"
    }
}
