// SPDX-License-Identifier: Apache-2.0
import CacheServer

/// What the configuration calls an address and what the server binds are the same three things.
extension ListenAddress {
    init(_ address: ServeAddress) {
        self =
            switch address {
            case .tcp(let host, let port): .tcp(host: host, port: Int(port))
            case .unix(let path): .unix(path: path)
            case .inherited(let descriptor): .inherited(descriptor: descriptor)
            }
    }
}

extension ServeAddress {
    init(_ address: ListenAddress) {
        self =
            switch address {
            case .tcp(let host, let port): .tcp(host: host, port: UInt16(clamping: port))
            case .unix(let path): .unix(path: path)
            case .inherited(let descriptor): .inherited(descriptor: descriptor)
            }
    }
}

extension ServeError {
    init(_ error: ListenError) {
        self = .cannotListen(ServeAddress(error.address), reason: error.reason)
    }
}
