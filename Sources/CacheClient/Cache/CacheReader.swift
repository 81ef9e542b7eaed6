// SPDX-License-Identifier: Apache-2.0
package import NixFormat

/// Asks any binary cache the two questions that Nix begins with, to see whether Nix could use it.
///
/// Every question ends within ten seconds and may be asked again.
package struct CacheReader: Sendable {
    package enum Failure: Error, Hashable, CustomStringConvertible {
        case unreachable(url: String, reason: String)
        /// It wants to know who asks, or does not let this one in.
        case refused(url: String)
        /// What answers there is no binary cache; `reason` is what it answered.
        case noCache(url: String, reason: String)

        package var description: String {
            switch self {
            case .unreachable(let url, let reason): "\(url): not reached: \(reason)"
            case .refused(let url): "\(url): the cache does not let this token, or nobody, read it"
            case .noCache(let url, let reason): "\(url): there is no binary cache: \(reason)"
            }
        }
    }

    /// Without a slash at its end, a query or credentials.
    package let url: String
    package let login: CacheLogin?
    package let certificate: CertificateCheck

    private static let limit = Duration.seconds(10)
    private static let largestTextBytes = 1 << 20

    package init(url: String, login: CacheLogin?, certificate: CertificateCheck) {
        self.url = url
        self.login = login
        self.certificate = certificate
    }

    /// What the cache says of itself.
    ///
    /// A Firn answers 404 for a cache that one may not read, others 401 or 403.
    package func cacheInfo() async throws(Failure) -> CacheInfo {
        let answer = try await get("/nix-cache-info")
        switch answer.status {
        case 200: break
        case 401, 403: throw .refused(url: url)
        default: throw .noCache(url: url, reason: "nix-cache-info is answered \(answer.status)")
        }
        let text = String(decoding: answer.body.prefix(Self.largestTextBytes), as: UTF8.self)
        do {
            let info = try CacheInfo(parsing: text)
            guard info.storeDirectory != nil else {
                throw Failure.noCache(url: url, reason: "its nix-cache-info names no StoreDir")
            }
            return info
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .noCache(url: url, reason: "its nix-cache-info is \(error)")
        }
    }

    /// What the cache has of a path; `nil` where it has nothing, or nothing that can be read.
    package func narInfo(
        _ hash: StorePathHash,
        in directory: StoreDirectory
    ) async throws(Failure) -> NARInfo? {
        let answer = try await get("/\(hash).narinfo")
        guard answer.status == 200, answer.body.count <= Self.largestTextBytes else { return nil }
        return try? NARInfo(parsing: answer.body, storeDirectory: directory)
    }

    private func get(_ path: String) async throws(Failure) -> HTTPExchange.Answer {
        let exchange = HTTPExchange(
            address: .web(url: url, certificate: certificate),
            limit: Self.limit
        )
        do throws(HTTPExchange.Failure) {
            return try await exchange.send(HTTPExchange.Request(path: path, login: login))
        } catch {
            switch error {
            case .noConnection(let reason): throw .unreachable(url: url, reason: reason)
            case .timedOut: throw .unreachable(url: url, reason: "no answer in time")
            case .brokenOff(let reason), .untrusted(let reason):
                throw .unreachable(url: url, reason: reason)
            }
        }
    }
}
