// SPDX-License-Identifier: Apache-2.0

/// A tier's URL is written as what reads the same, has no credentials, and is one that can be asked.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTierURL(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let url = try? TierURL(parsing: text) {
        precondition((try? TierURL(parsing: url.description)) == url)
        precondition(!url.authority.contains("@") && !url.host.isEmpty && url.port > 0)
        precondition(url.path.isEmpty || (url.path.first == "/" && url.path.last != "/"))
        // What the configuration lets pass, the client takes, as the same place.
        guard let asked = try? HTTPURL(parsing: url.description) else {
            preconditionFailure("\(url) cannot be asked")
        }
        precondition(asked.origin.host == url.host && asked.origin.port == Int(url.port))
        precondition(asked.path == (url.path.isEmpty ? "/" : url.path))
    }
    if let address = try? ServeAddress(parsing: text) {
        precondition((try? ServeAddress(parsing: address.description)) == address)
    }
    return 0
}
