// SPDX-License-Identifier: Apache-2.0

/// Whatever a netrc is, a token that is added is the one that is told, it goes again without a trace,
/// nothing that is shown has a password in it, and the reader of the tiers reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetrcText(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let text = NetrcText(parsing: bytes)
    let isPlain = bytes.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) }
    if isPlain {
        let reader = Netrc(parsing: String(decoding: bytes, as: UTF8.self))
        for host in ["a", "b", "localhost"] {
            let (one, other) = (text.entry(for: host), reader.login(for: host))
            precondition(one?.password == other?.password && one?.login == other?.name)
        }
    }
    let masked = NetrcText(parsing: text.masked(comparedWith: nil))
    for entry in masked.entries {
        precondition(entry.password.isEmpty || entry.password.hasPrefix("****"))
    }
    guard let marked = try? MarkedText(parsing: bytes), marked.blocks.isEmpty else { return 0 }
    let login = NetrcChange.Login(host: "a", name: "firn", password: "firn_token")
    let mark = SetupMark(label: "http://a/team")
    let before = NetrcChange(path: "/netrc", bytes: bytes, isForced: true)
    let used: [UInt8]
    do {
        guard let text = try before.adding(login, mark) else { return 0 }
        used = text
    } catch {
        precondition(text.hasStrayWords, "refused, and nothing is wrong with it")
        return 0
    }
    precondition(NetrcText(parsing: used).entry(for: "a")?.password == "firn_token")
    let after = NetrcChange(path: "/netrc", bytes: used, isForced: false)
    guard let removal = try? after.removing("http://a/team", for: nil) else {
        preconditionFailure("it stays")
    }
    precondition(removal.bytes == bytes, "not as it was")
    return 0
}
