// SPDX-License-Identifier: Apache-2.0

/// Whatever stands in a netrc file is read to its end, and no password is in its description.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetrc(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let netrc = Netrc(parsing: text)
    precondition(netrc == Netrc(parsing: text))
    for host in ["", "cache.example", "CACHE.example"] {
        guard let login = netrc.login(for: host) else { continue }
        precondition(login == netrc.login(for: host.lowercased()))
    }
    // An entry in front counts, whatever follows; one at the end must not be swallowed by a macro.
    let secret = "pa55-\(count)"
    let entry = "machine first.example login me password \(secret)\n"
    let extended = Netrc(parsing: entry + text)
    precondition(extended.login(for: "First.Example")?.name != nil)
    if !text.contains(secret) { precondition(!"\(extended)".contains(secret)) }
    return 0
}
