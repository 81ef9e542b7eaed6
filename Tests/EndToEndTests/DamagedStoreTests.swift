// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation
import Testing

/// What a client sees when the store is not what its database says.
@Suite(.fewAtATime)
struct DamagedStoreTests {
    @Test func aFlippedByteBreaksTheTransferAndHidesThePath() async throws {
        try await withSmallServedStore { store, server, paths in
            let large = try paths.named("large")
            let target = try await server.narTarget(of: large)
            try flipByte(at: 100_000, in: "\(store.location(of: large))/random")

            let answer = try await server.get(target)
            #expect(!answer.isComplete)
            try await expectGone(large, target: target, from: server)
            let many = try paths.named("many")
            #expect(try await server.narInfoStatus(of: many) == 200)
        }
    }

    @Test func aFlippedByteAtTheVeryEndIsSeenInTime() async throws {
        try await withSmallServedStore { store, server, paths in
            let link = try paths.named("link-3")
            let target = try await server.narTarget(of: link)
            try flipByte(at: 0, in: "\(store.location(of: link))/share/references")
            let answer = try? await server.get(target)
            #expect(answer?.isComplete != true || answer?.status != 200)
            try await expectGone(link, target: target, from: server)
        }
    }

    @Test func aMendedPathIsServedAgain() async throws {
        try await withSmallServedStore { store, server, paths in
            let large = try paths.named("large")
            let dump = try await store.nar(of: large)
            let target = try await server.narTarget(of: large)
            let file = "\(store.location(of: large))/random"
            try flipByte(at: 7, in: file)
            _ = try? await server.get(target)
            try await expectGone(large, target: target, from: server)
            try flipByte(at: 7, in: file)
            try setMode(0o444, of: file)
            try touch(store.location(of: large))
            try await wait(for: "path to be served again") {
                try await server.narInfoStatus(of: large) == 200
            }
            #expect(try await Bytes(server.get(target).body) == Bytes(dump))
        }
    }

    @Test(arguments: ["shorter", "longer", "gone"])
    func aFileThatIsNotAsLongAsItWasBreaksTheTransfer(_ damage: String) async throws {
        try await withSmallServedStore { store, server, paths in
            let large = try paths.named("large")
            let target = try await server.narTarget(of: large)
            let file = "\(store.location(of: large))/text"
            try setMode(0o644, of: file)
            switch damage {
            case "shorter": try write(Array(try read(file).dropLast(5000)), to: file)
            case "longer": try write(try read(file) + [1, 2, 3], to: file)
            default: try FileManager.default.removeItem(atPath: file)
            }
            let answer = try? await server.get(target)
            #expect(answer?.isComplete != true || answer?.status != 200)
            try await expectGone(large, target: target, from: server)
        }
    }

    @Test func aPathDeletedAfterItsNarinfoIsNotFound() async throws {
        try await withSmallServedStore { store, server, paths in
            let top = try paths.named("top")
            let target = try await server.narTarget(of: top)
            try await store.delete(top)
            #expect(try await server.get(target).status == 404)
            try await wait(for: "narinfo to be gone") {
                try await server.narInfoStatus(of: top) == 404
            }
        }
    }

    @Test func aPathRemovedBehindNixsBackIsNeverServedAsComplete() async throws {
        try await withSmallServedStore { store, server, paths in
            let many = try paths.named("many")
            let target = try await server.narTarget(of: many)
            try FileManager.default.removeItem(atPath: store.location(of: many))
            let answer = try? await server.get(target)
            #expect(answer?.status != 200 || answer?.isComplete != true)
        }
    }

    @Test(.enabled(if: getuid() == 0, "takes away a right that only root has"))
    func anUnreadableSubtreeIsNoCompleteAnswer() async throws {
        try await withNixStore { store in
            let paths = try await store.buildSmall()
            var setup = ServerSetup(storeRoot: store.root)
            let rights = "-dac_override,-dac_read_search"
            setup.launcher = "exec setpriv --bounding-set=\(rights) --inh-caps=\(rights) \"$@\""
            try await withServer(setup) { server in
                let link = try paths.named("link-3")
                let target = try await server.narTarget(of: link)
                let folder = "\(store.location(of: link))/share"
                try setMode(0o000, of: folder)
                let answer = try? await server.get(target)
                #expect(answer?.status != 200 || answer?.isComplete != true)
                if let answer, answer.status != 200 {
                    #expect(!answer.text.contains(store.root))
                }
                let listing = try await server.get("/\(link.storeHash).ls")
                #expect(listing.status != 200)
                #expect(try await server.get("/healthz").status == 200)
                try setMode(0o555, of: folder)
            }
        }
    }

    @Test func damageIsCounted() async throws {
        try await withSmallServedStore { store, server, paths in
            let before = try await server.metric("firn_store_hash_mismatches_total")
            let many = try paths.named("many")
            let target = try await server.narTarget(of: many)
            try flipByte(at: 2, in: "\(store.location(of: many))/0/0")
            _ = try? await server.get(target)
            let after = try await server.metric("firn_store_hash_mismatches_total")
            #expect(before == 0)
            #expect(after == 1)
        }
    }

    private func expectGone(_ path: String, target: String, from server: FirnServer) async throws {
        #expect(try await server.narInfoStatus(of: path) == 404)
        #expect(try await server.get(target).status == 404)
    }

    private func touch(_ path: String) throws {
        try setMode(0o755, of: path)
        try setMode(0o555, of: path)
    }
}
