// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Fleet
import Synchronization
import Testing

@Suite struct MagicPacketTests {
    @Test func isSixBytesOfOnesAndSixteenTimesTheAddress() throws {
        let address: [UInt8] = [0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF]
        let packet = MagicPacket(to: try MACAddress(parsing: "aa:bb:cc:dd:ee:ff"))
        #expect(packet.bytes.count == 102)
        #expect(packet.bytes.prefix(6).allSatisfy { $0 == 0xFF })
        for copy in 0..<16 {
            #expect(Array(packet.bytes[(6 + copy * 6)..<(12 + copy * 6)]) == address)
        }
    }
}

@Suite struct WakerTests {
    private struct NotNow: Error {}

    @Test func sendsUntilTheHostAnswers() async throws {
        let sent = Mutex(0)
        let asked = Mutex(0)
        let waker = Waker { _ in sent.withLock { $0 += 1 } }
        let address = try MACAddress(parsing: "aa:bb:cc:dd:ee:ff")
        try await waker.wake(address, within: .seconds(60)) {
            asked.withLock { count in
                count += 1
                return count == 3
            }
        }
        #expect(sent.withLock { $0 } >= 1)
        #expect(asked.withLock { $0 } == 3)
    }

    @Test func aHostThatStaysAsleepIsGivenUpAtTheDeadline() async throws {
        let waker = Waker { _ in }
        let address = try MACAddress(parsing: "aa:bb:cc:dd:ee:ff")
        await #expect(throws: Waker.Failure.stillAsleep(after: .milliseconds(700))) {
            try await waker.wake(address, within: .milliseconds(700)) { false }
        }
    }

    @Test func whatCannotBeSentIsSaidAtOnce() async throws {
        let waker = Waker { _ in throw NotNow() }
        let address = try MACAddress(parsing: "aa:bb:cc:dd:ee:ff")
        await #expect(throws: NotNow.self) {
            try await waker.wake(address, within: .seconds(60)) { true }
        }
    }
}
