// SPDX-License-Identifier: Apache-2.0

/// The URL that an upstream's narinfo names leads to an http or https server without credentials, and
/// is written as one line that means the same; a plain file name stays beneath the cache.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNARURL(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    for base in ["https://cache.example/team/", "http://[::1]:5000/"] {
        guard let cache = try? HTTPURL(parsing: base) else {
            preconditionFailure("no URL: \(base)")
        }
        guard let url = try? cache.resolving(text) else { continue }
        let written = url.description
        precondition(written.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(written)")
        precondition(url.path.hasPrefix("/") && !url.path.contains("/../"), "\(written)")
        precondition((try? HTTPURL(parsing: written)) == url, "\(written)")
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D
        }
        if isPlain, !text.isEmpty {
            precondition(written == base + text)
        } else if !text.contains(":"), !text.hasPrefix("//"), !text.hasPrefix("\\") {
            precondition(url.origin == cache.origin, "\(written)")
        }
    }
    return 0
}
