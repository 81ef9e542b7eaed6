// SPDX-License-Identifier: Apache-2.0
import Fleet
import Testing

@Suite struct RemoteRequestTests {
    @Test func aRequestIsNotMadeAsRootUnlessItSaysSo() {
        #expect(!RemoteRequest(["true"], deadline: .seconds(1)).asRoot)
    }
}
