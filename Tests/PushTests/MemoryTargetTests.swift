// SPDX-License-Identifier: Apache-2.0
import PushTestSupport
import Testing

@Suite struct MemoryTargetTests {
    @Test(arguments: PushTargetRule.all)
    func keepsTheTargetRules(_ rule: PushTargetRule) async throws {
        let target = MemoryTarget()
        try await rule.check(.init(target: target, file: { target.file(of: $0) }))
    }
}
