// SPDX-License-Identifier: Apache-2.0

/// Whatever a nix.conf is, a cache that is used is in effect afterwards, a second time changes
/// nothing, and what is left behind is the file as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNixConf(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var goal = ClientGoal(url: "http://a/team", publicKeys: ["a-1:AAAA", "b-1:BBBB"])
    // The first byte says what is asked for.
    goal.isSole = (bytes.first ?? 0) & 1 == 1
    if (bytes.first ?? 0) & 2 == 2 { goal.netrcFile = "/netrc" }
    let mark = SetupMark(label: "http://a/team", alias: "team")
    let before = change(bytes)
    guard let settings = try? before.settings() else { return 0 }
    guard let used = try? before.adding(goal, mark) else {
        let known = try? MarkedText(parsing: bytes)
        let isThere = goal.missing(from: settings, standardNetrc: "/etc/nix/netrc").isEmpty
        precondition(known == nil || isThere || !(known?.blocks.isEmpty ?? true))
        return 0
    }
    let after = change(used)
    guard let effective = try? after.settings() else { preconditionFailure("no longer readable") }
    precondition(goal.missing(from: effective, standardNetrc: "/etc/nix/netrc").isEmpty)
    let again = try? after.adding(goal, mark)
    precondition(again == nil, "used twice is not used once")
    guard (try? MarkedText(parsing: bytes))?.blocks.isEmpty == true else { return 0 }
    guard let removal = try? after.removing("team") else { preconditionFailure("it stays") }
    precondition(removal.bytes == bytes, "not as it was")
    return 0
}

/// The file includes itself by its name, and nothing else is there.
private func change(_ bytes: [UInt8]) -> ConfChange {
    ConfChange(
        files: ["/etc/nix/nix.conf"],
        path: "/etc/nix/nix.conf",
        bytes: bytes,
        standardNetrc: "/etc/nix/netrc",
        content: { $0 == "/etc/nix/nix.conf" ? .bytes(bytes) : .missing }
    )
}
