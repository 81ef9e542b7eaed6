// SPDX-License-Identifier: Apache-2.0
import Depot
import NixFormat
import Testing

/// What of the depot gets into the log.
@Suite struct DepotErrorTests {
    @Test(arguments: [
        (DepotError.diskFull, "the disk is full"),
        (
            .full(neededBytes: 5, maximumSizeBytes: 9),
            "no room for 5 more bytes below 9, and nothing more can go"
        ),
        (.file(operation: "open", path: "/d/x", errno: 13), "open /d/x: Permission denied"),
        (.inUse(directory: "/d", processID: 7), "/d is in use by process 7"),
        (.inUse(directory: "/d", processID: nil), "/d is in use"),
        (
            .madeForAnotherStore(directory: "/d", found: nil, expected: .standard),
            "/d is for another store, not for /nix/store"
        ),
    ])
    func anErrorIsASentence(_ error: DepotError, _ text: String) {
        #expect("\(error)" == text)
    }
}
