// SPDX-License-Identifier: Apache-2.0
import CacheClient
import Testing
import firn

@Suite struct DaemonPlaceTests {
    private static func place(_ listen: String..., isTLS: Bool = false) throws -> DaemonPlace {
        var configuration = FirnConfiguration(state: "/s")
        configuration.server.listen = try listen.map { try ServeAddress(parsing: $0) }
        if isTLS {
            configuration.server.tls.certificate = "/c"
            configuration.server.tls.key = "/k"
        }
        return DaemonPlace(configuration)
    }

    @Test(arguments: [
        ("[::]:5000", "http://127.0.0.1:5000"), ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("localhost:5000", "http://localhost:5000"), ("[::1]:5000", "http://[::1]:5000"),
        ("192.0.2.1:5000", "http://192.0.2.1:5000"), ("unix:/run/s", "unix:/run/s"),
    ])
    func theFirstAddressIsAskedAsThisMachineReachesIt(_ listen: String, _ url: String) throws {
        #expect(try Self.place(listen, "other:1").address().description == url)
    }

    /// Its certificate is made for another name than 127.0.0.1.
    @Test func aCertificateIsCheckedWhereItCanBeRight() throws {
        #expect(
            try Self.place("[::]:443", isTLS: true).address()
                == .web(url: "https://127.0.0.1:443", certificate: .none)
        )
        #expect(
            try Self.place("p620.lan:443", isTLS: true).address()
                == .web(url: "https://p620.lan:443", certificate: .trustedHere)
        )
        #expect(try Self.place("unix:/s", isTLS: true).address() == .unix(path: "/s"))
    }

    @Test func whatOnlyTheKernelKnowsIsNotGuessed() throws {
        let place = try Self.place("127.0.0.1:0")
        #expect(throws: DaemonPlace.Failure.unknowable(.tcp(host: "127.0.0.1", port: 0))) {
            try place.address()
        }
    }
}
