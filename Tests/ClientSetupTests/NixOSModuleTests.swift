// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import FirnTestSupport
import Foundation
import Testing

@Suite struct NixOSModuleTests {
    private static let mark = SetupMark(label: "http://a")

    /// Evaluated by Nix, with just so much of a `lib` as the module needs.
    private func settings(of text: [UInt8]) async throws -> [String: Any] {
        try await withTemporaryDirectory { directory in
            let file = directory.path("module.nix")
            try Data(text).write(to: URL(filePath: file))
            let expression = "(import \(file) { lib.mkForce = x: x; }).nix.settings"
            let command = Command(
                "nix-instantiate",
                ["--eval", "--strict", "--json", "--expr", expression],
                environment: NixClient.isolatedEnvironment(home: directory.path)
                    .merging(["NIX_STATE_DIR": directory.path("var")]) { $1 }
            )
            let outcome = try await command.run(deadline: .seconds(60)).requireSuccess()
            let json = try JSONSerialization.jsonObject(with: Data(outcome.output))
            return try #require(json as? [String: Any])
        }
    }

    private func module(_ bytes: [UInt8]?) -> NixOSModule {
        NixOSModule(path: "/m.nix", bytes: bytes, isForced: false)
    }

    @Test func theModuleSaysWhatTheGoalSays() async throws {
        var goal = ClientGoal(url: "http://a/${x}\"\\", publicKeys: ["a-1:AA+/=", "b-1:BB="])
        goal.netrcFile = "/etc/nix/netrc"
        let text = try #require(try module(nil).adding(goal, Self.mark))
        let settings = try await settings(of: text)
        #expect(settings["extra-substituters"] as? [String] == ["http://a/${x}\"\\"])
        #expect(settings["extra-trusted-public-keys"] as? [String] == ["a-1:AA+/=", "b-1:BB="])
        #expect(settings["netrc-file"] as? String == "/etc/nix/netrc")
    }

    @Test func anAgentIsTheOnlyOne() async throws {
        let goal = ClientGoal.agent(
            url: "http://127.0.0.1:5000",
            publicKeys: ["a-1:AA="],
            version: nil,
            isUsers: false,
            isKnown: { _ in true }
        )
        let settings = try await settings(of: #require(try module(nil).adding(goal, Self.mark)))
        #expect(settings["substituters"] as? [String] == ["http://127.0.0.1:5000"])
        #expect(settings["narinfo-cache-negative-ttl"] as? Int == 0)
        #expect(settings["extra-substituters"] == nil)
    }

    @Test func aModuleIsWrittenOnceAndGoesWhole() throws {
        let goal = ClientGoal(url: "http://a", publicKeys: ["a-1:AA="])
        var mark = Self.mark
        mark.madeFile = true
        let text = try #require(try module(nil).adding(goal, mark))
        #expect(try module(text).adding(goal, mark) == nil)
        let removal = try #require(try module(text).removing("http://a"))
        #expect(removal.bytes == nil)
    }

    @Test(arguments: ["{ }\n", "\n"])
    func anotherFileIsNotTouched(_ text: String) {
        let goal = ClientGoal(url: "http://a", publicKeys: [])
        #expect(throws: NixOSModule.Failure.taken(path: "/m.nix")) {
            try module(Array(text.utf8)).adding(goal, Self.mark)
        }
    }
}
