// SPDX-License-Identifier: Apache-2.0
import Push
import PushTestSupport
import Testing

@Suite struct MemoryTargetTests {
    @Test(arguments: PushTargetRule.all, [MemoryTarget.oneByOne, MemoryTarget.together])
    func keepsTheTargetRules(_ rule: PushTargetRule, _ limits: PushLimits) async throws {
        let target = MemoryTarget(limits)
        try await rule.check(.init(target: target, file: { target.file(of: $0) }))
    }
}
