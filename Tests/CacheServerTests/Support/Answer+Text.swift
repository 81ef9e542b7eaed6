// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import NIOCore
import StoreTestSupport

extension Answer {
    /// The body, when it is in memory.
    var text: String? {
        var text = ""
        for part in body {
            guard case .bytes(let buffer) = part else { return nil }
            text += String(buffer: buffer)
        }
        return text
    }

    /// The body, read to its end as a writer would.
    func readBody() throws -> [UInt8] {
        var bytes: [UInt8] = []
        for part in body {
            switch part {
            case .bytes(let buffer):
                bytes += Array(buffer: buffer)
            case .file(let file, let range):
                bytes += try file.read(range)
            case .source(let open, let range, sizeBytes: _):
                bytes += try open(range).readToEnd(bufferBytes: 1000)
            }
        }
        return bytes
    }
}
