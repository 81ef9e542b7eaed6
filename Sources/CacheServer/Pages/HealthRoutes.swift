// SPDX-License-Identifier: Apache-2.0
import CacheService
import HTTPTypes

extension CacheResponder {
    /// `/healthz`: the process answers; asks nobody.
    func alive(_ facts: RequestFacts) -> Answer {
        Representation(
            contentType: "text/plain; charset=utf-8",
            entityTag: nil,
            lifetime: .none,
            content: .bytes(Array("ok\n".utf8)),
            allowsRanges: false
        ).answer(to: facts)
    }

    /// `/readyz`: 200 when everything that answers depend on works, else 503; a line for each check.
    ///
    /// A full disk is said and no failure: what is there is served, and the rest passed on.
    func ready(_ facts: RequestFacts) async -> Answer {
        let checks = await tier.checkHealth()
        let text = checks.map { check in
            "\(check.name): \(check.isPassing ? check.trouble ?? "ok" : "failed")\n"
        }.joined()
        var answer = Representation(
            contentType: "text/plain; charset=utf-8",
            entityTag: nil,
            lifetime: .none,
            content: .bytes(Array(text.utf8)),
            allowsRanges: false
        ).answer(to: facts)
        if !checks.allSatisfy(\.isPassing) { answer.status = .serviceUnavailable }
        return answer
    }
}
