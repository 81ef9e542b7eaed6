// SPDX-License-Identifier: Apache-2.0

/// What leads to this server, as far as that shows before it is asked.
///
/// Names are not looked up: that takes time, and may be different later. A tier that turns out to be
/// this server all the same is found by the mark on its requests.
struct OwnAddresses {
    let listening: [ServeAddress]
    let hostName: String?
    /// Of this machine's interfaces.
    let addresses: Set<IPAddress>

    /// The listener that a URL certainly leads to: the address has to be this machine's and the port
    /// one that we listen on, since any other port is somebody else's.
    func listener(reachedBy url: TierURL) -> ServeAddress? {
        listening.first { listener in
            guard case .tcp(let host, let port) = listener, port == url.port else { return false }
            return isReached(host.lowercased(), by: url.host)
        }
    }

    private func isReached(_ listener: String, by host: String) -> Bool {
        if listener == host { return true }
        let place = IPAddress(parsing: listener)
        guard let target = IPAddress(parsing: host) else {
            // A name: ours, or that of the loopback interface.
            let isLoopbackOnly = listener == "localhost" || place?.isLoopback == true
            if host == "localhost" { return isLoopbackOnly || place?.isWildcard == true }
            guard isLoopbackOnly || place?.isWildcard == true else { return false }
            guard let name = hostName?.lowercased(), !name.isEmpty else { return false }
            return host == name || host == name.prefix { $0 != "." }
        }
        if let place, place == target { return true }
        // To connect to the wildcard is to connect to oneself.
        if target.isWildcard { return place?.isWildcard == true || isLoopback(listener, place) }
        guard place?.isWildcard == true else {
            return listener == "localhost" && target.isLoopback
        }
        // `::` takes IPv4 too; `0.0.0.0` takes nothing else.
        guard place?.isIPv4 == false || target.isIPv4 else { return false }
        return target.isLoopback || addresses.contains(target)
    }

    private func isLoopback(_ listener: String, _ place: IPAddress?) -> Bool {
        listener == "localhost" || place?.isLoopback == true
    }
}
