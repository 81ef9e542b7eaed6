// SPDX-License-Identifier: Apache-2.0
import CacheClient
import FirnTestSupport
import Foundation
import NixFormat
import Push
import PushTestSupport
import Testing

extension PushSuites {
    /// What every cache keeps that is pushed to, by a real server.
    @Suite struct FirnTargetRuleTests {
        @Test(arguments: PushTargetRule.all)
        func keepsTheTargetRules(_ rule: PushTargetRule) async throws {
            try await withTeamCache { team in
                let session = WebSession(connections: 64, certificate: .authorities(file: nil))
                let configuration = FirnPushTarget.Configuration(
                    address: .unix(path: "\(team.server.state)/control.sock"),
                    cache: "team",
                    token: nil
                )
                let target = FirnPushTarget(
                    configuration,
                    storeDirectory: .standard,
                    session: session
                )
                let subject = PushTargetRule.Subject(target: target) { hash in
                    let answer = try await team.server.get("/team/\(hash).narinfo")
                    guard answer.status == 200 else { return nil }
                    let url = try #require(answer.text.firstMatch(of: /URL: (\S+)/)).1
                    return try await team.server.get("/team/\(url)").body
                }
                do {
                    try await rule.check(subject)
                    await session.shutDown()
                } catch {
                    await session.shutDown()
                    throw error
                }
            }
        }
    }
}
