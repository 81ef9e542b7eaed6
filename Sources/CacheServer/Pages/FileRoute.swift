// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes
import NixFormat

extension CacheResponder {
    /// `serve/HASH/…`: a file or directory inside a store path, and nothing outside of it.
    func file(
        _ hash: StorePathHash,
        _ components: [[UInt8]],
        _ facts: RequestFacts
    ) async throws -> Answer {
        switch try await tier.resolveFile(hash, components) {
        case nil:
            throw CacheError.notFound
        case .file(let file, let looksLikeText, let entityTag):
            return Representation(
                contentType: ContentType.of(components.last ?? [], looksLikeText: looksLikeText),
                entityTag: entityTag,
                lifetime: .short,
                content: .file(file),
                extraHeaders: Self.untrusted
            ).answer(to: facts)
        case .directory(let path, let entries, let entityTag):
            let page = DirectoryPage(path: path, components: components, entries: entries)
            return PageFrame.representation(of: page.html, entityTag: entityTag).answer(to: facts)
        case .elsewhere(let path, let components):
            return Self.redirect(to: DirectoryPage.address(of: path, components))
        }
    }

    /// A page out of the store was written by anybody: its scripts are not ours and do not run.
    private static var untrusted: HTTPFields {
        [
            .contentSecurityPolicy: "sandbox", .xContentTypeOptions: "nosniff",
            .firnTier: LocalTierName.store,
        ]
    }

    private static func redirect(to address: String) -> Answer {
        var headers: HTTPFields = [:]
        headers[.location] = address
        headers[.cacheControl] = Representation.Lifetime.short.rawValue
        headers[.contentLength] = "0"
        return Answer(status: .found, headers: headers)
    }
}
