// SPDX-License-Identifier: Apache-2.0
package import Foundation
package import NixFormat

/// Asks any binary cache what Nix asks it, to see whether Nix could use it.
///
/// Every question ends within ``limit`` and may be asked again.
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
    /// From a question to the last byte of its answer.
    package let limit: Duration

    private static let largestTextBytes = 1 << 20

    package init(
        url: String,
        login: CacheLogin?,
        certificate: CertificateCheck,
        limit: Duration = .seconds(10)
    ) {
        self.url = url
        self.login = login
        self.certificate = certificate
        self.limit = limit
    }

    /// What a cache says of itself, and what its clock said meanwhile.
    package struct Opening: Sendable {
        package let info: CacheInfo
        /// `nil` where it does not tell the time.
        package let date: Date?
    }

    /// What the cache says of itself.
    ///
    /// A Firn answers 404 for a cache that one may not read, others 401 or 403.
    package func cacheInfo() async throws(Failure) -> CacheInfo { try await open().info }

    /// The same, with the time that the cache has.
    package func open() async throws(Failure) -> Opening {
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
            return Opening(info: info, date: answer.date.flatMap(Self.parse))
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

    /// The bytes of a NAR as they are kept, of at most 16 MiB.
    ///
    /// - Returns: `nil` where they are elsewhere, or are not given.
    package func nar(_ info: NARInfo) async throws(Failure) -> [UInt8]? {
        guard !info.url.contains("://"), !info.url.hasPrefix("/") else { return nil }
        let answer = try await get("/\(info.url)")
        return answer.status == 200 ? answer.body : nil
    }

    /// - Source: RFC 9110, section 5.6.7, the form that is sent.
    private static func parse(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.date(from: text)
    }

    private func get(_ path: String) async throws(Failure) -> HTTPExchange.Answer {
        let exchange = HTTPExchange(
            address: .web(url: url, certificate: certificate),
            limit: limit
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
