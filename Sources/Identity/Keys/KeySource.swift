// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A document of an issuer.
package struct IdentityDocument: Sendable {
    package let bytes: [UInt8]
    /// For how long its server lets it be kept; `nil` when that is not told.
    package let lifetime: Duration?

    package init(bytes: [UInt8], lifetime: Duration? = nil) {
        self.bytes = bytes
        self.lifetime = lifetime
    }
}

/// Fetches a document of an issuer, over whatever wire.
///
/// It ends by itself after ten seconds, takes no more than ``KeySource/maximumBytes``, and follows no
/// redirect: who is asked is what the configuration and the issuer say. It may be called again after
/// a failure, and concurrently.
package typealias IdentityFetch = @Sendable (SecureURL) async throws -> IdentityDocument

/// Where an issuer's keys are, and how they are got.
///
/// - Source: OpenID Connect Discovery 1.0, sections 3 and 4.
package struct KeySource: Sendable {
    package static let maximumBytes = 1 << 20
    package static let limit = Duration.seconds(10)

    private struct Metadata: Decodable {
        let issuer: String
        let keysURL: String

        enum CodingKeys: String, CodingKey {
            case issuer
            case keysURL = "jwks_uri"
        }
    }

    let issuer: SecureURL
    /// `nil` asks the issuer.
    let keysURL: SecureURL?
    let fetch: IdentityFetch

    /// The keys as they are now, and how long their server lets them be kept.
    func load() async throws(KeyFailure) -> (keys: KeySet, lifetime: Duration?) {
        let url: SecureURL
        if let keysURL { url = keysURL } else { url = try await discover() }
        let document = try await document(at: url)
        return (try await KeySet(json: document.bytes), document.lifetime)
    }

    private func discover() async throws(KeyFailure) -> SecureURL {
        let place: SecureURL
        do throws(SecureURL.ParseError) {
            place = try issuer.adding("/.well-known/openid-configuration")
        } catch {
            throw .malformed("the issuer's URL \(error)")
        }
        let bytes = try await document(at: place).bytes
        guard let metadata = try? JSONDecoder().decode(Metadata.self, from: Data(bytes)) else {
            throw .malformed("\(place) does not tell an issuer and its jwks_uri")
        }
        guard metadata.issuer.utf8.elementsEqual(issuer.description.utf8) else {
            throw .malformed("\(place) is about another issuer")
        }
        let url: SecureURL
        do throws(SecureURL.ParseError) {
            url = try SecureURL(parsing: metadata.keysURL)
        } catch {
            throw .malformed("the jwks_uri in \(place) \(error)")
        }
        // Nobody elsewhere has a say in what we ask on this machine.
        guard !url.isPlain || issuer.isPlain else {
            throw .malformed("the jwks_uri in \(place) is not https")
        }
        return url
    }

    private func document(at url: SecureURL) async throws(KeyFailure) -> IdentityDocument {
        let document: IdentityDocument
        do {
            document = try await fetch(url)
        } catch {
            throw .unreachable("\(url): \(error)")
        }
        guard document.bytes.count <= Self.maximumBytes else {
            throw .malformed("\(url) is larger than \(Self.maximumBytes) bytes")
        }
        return document
    }
}

/// Why an issuer's keys cannot be had.
enum KeyFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case unreachable(String)
    case malformed(String)

    var description: String {
        switch self {
        case .unreachable(let reason): "its issuer's keys cannot be fetched: \(reason)"
        case .malformed(let reason): "its issuer's keys cannot be used: \(reason)"
        }
    }
}
