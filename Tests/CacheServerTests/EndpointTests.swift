// SPDX-License-Identifier: Apache-2.0
import CacheServer
import CacheService
import NixFormat
import Testing

@Suite struct EndpointTests {
    static let hashText = "6ybamns7d5nmxvmb9a1vxqrfaxsrz3vl"
    static let narHashText = "1impfw8zdgisxkghq9a3q7cn7jb9zyzgxdydiamp8z2nlyyl0h5h"
    static let buildID = "0123456789abcdef0123456789abcdef01234567"

    private let hash: StorePathHash
    private let narHash: NixHash

    init() throws {
        hash = try StorePathHash(parsing: Self.hashText)
        narHash = try NixHash(parsing: "sha256:\(Self.narHashText)")
    }

    @Test(arguments: [
        ("/", Endpoint.landing), ("/?x=y", .landing), ("/nix-cache-info", .cacheInfo),
        ("/%6eix-cache-info", .cacheInfo), ("/healthz", .alive), ("/readyz", .ready),
        ("/metrics", .metrics), ("/metrics?a=/..", .metrics),
        ("/debuginfo/\(buildID)", .debugInfo(buildID: buildID)),
        ("/debuginfo/\(buildID).debug", .debugInfo(buildID: buildID)),
    ])
    func fixedNamesAreFound(_ target: String, _ endpoint: Endpoint) throws {
        #expect(try Endpoint(parsing: target) == endpoint)
    }

    @Test func namesOfPathsAreFound() throws {
        let path = try StorePath(parsing: "\(Self.hashText)-hello-2.12")
        let drv = try StorePath(parsing: "\(Self.hashText)-hello.drv")
        #expect(try Endpoint(parsing: "/\(hash).narinfo") == .narInfo(hash))
        #expect(try Endpoint(parsing: "/\(hash).narinfo?x") == .narInfo(hash))
        #expect(try Endpoint(parsing: "/\(hash).ls") == .listing(hash))
        #expect(try Endpoint(parsing: "/log/\(drv)") == .log(drv))
        #expect(try Endpoint(parsing: "/log/\(path)") == .log(path))
        #expect(
            try Endpoint(parsing: "/build-trace-v2/\(drv)/out.doi")
                == .buildTrace(derivation: drv, output: "out")
        )
    }

    @Test(arguments: ["!", "%21"])
    func realisationsAreFound(_ separator: String) throws {
        let hex = String(repeating: "ab", count: 32)
        let id = try DerivationOutputID(parsing: "sha256:\(hex)!out")
        let target = "/realisations/sha256:\(hex)\(separator)out.doi"
        #expect(try Endpoint(parsing: target) == .realisation(id))
        let encoded = "/realisations/sha256%3A\(hex)\(separator)out.doi"
        #expect(try Endpoint(parsing: encoded) == .realisation(id))
    }

    @Test func everyShapeOfNARURLIsFound() throws {
        let named = NARRequest(storeHash: hash, narHash: narHash, form: .identity)
        let zstd = NARRequest(storeHash: hash, narHash: narHash, form: .zstd)
        let old = NARRequest(storeHash: hash, narHash: nil, form: .identity)
        #expect(try Endpoint(parsing: "/nar/\(hash)-\(Self.narHashText).nar") == .nar(named))
        #expect(try Endpoint(parsing: "/nar/\(hash)-\(Self.narHashText).nar.zst") == .nar(zstd))
        #expect(try Endpoint(parsing: "/nar/\(hash).nar") == .nar(old))
        #expect(try Endpoint(parsing: "/nar/\(Self.narHashText).nar?hash=\(hash)") == .nar(named))
        #expect(
            try Endpoint(parsing: "/nar/\(Self.narHashText).nar?a=b&hash=\(hash)&c") == .nar(named)
        )
    }

    @Test func filesKeepTheBytesOfTheirNames() throws {
        #expect(try Endpoint(parsing: "/serve/\(hash)") == .file(hash, components: []))
        #expect(try Endpoint(parsing: "/serve/\(hash)/") == .file(hash, components: []))
        #expect(try Endpoint(parsing: "/serve/\(hash)-name/a") == .file(hash, components: [[97]]))
        #expect(
            try Endpoint(parsing: "/serve/\(hash)/a%80/%F0%9F%98%80/b?x")
                == .file(hash, components: [[97, 0x80], Array("😀".utf8), [98]])
        )
        #expect(
            try Endpoint(parsing: "/serve/\(hash)/.../..a/.b/%25")
                == .file(hash, components: ["...", "..a", ".b", "%"].map { Array($0.utf8) })
        )
    }

    @Test(arguments: [
        "/x", "/favicon.ico", "/nar", "/nar/", "/nar/x", "/nar/a.nar.xz", "/nar/a/b.nar",
        "/log", "/log/a/b", "/serve", "/realisations", "/realisations/x", "/build-trace-v2/a",
        "/build-trace-v2/a/b", "/build-trace-v2/a/b/c.doi", "/narinfo", "//nix-cache-info",
        "/nix-cache-info/", "/Metrics", "/..", "/%2e%2e", "/../etc/passwd", "/%2e%2e%2fetc",
    ])
    func whatNamesNothingIsNotFound(_ target: String) {
        #expect(error(target) == .notFound)
    }

    @Test(arguments: [
        "", "nix-cache-info", "http://host/", "*", "\\", "/%", "/%2", "/%zz", "/%%", "/a%",
        "/\(hashText)x.narinfo", "/short.narinfo", "/.narinfo", "/eeee.ls", "/.ls", "/%00.narinfo",
        "/%2e%2e%2f..passwd.ls", "/%ff.narinfo", "/%ff",
        "/eybamns7d5nmxvmb9a1vxqrfaxsrz3vl.narinfo", "/6YBAMNS7D5NMXVMB9A1VXQRFAXSRZ3VL.narinfo",
        "/log/x", "/log/..", "/log/..%2f..", "/log/\(hashText)-a%2fb", "/log/\(hashText)-",
        "/log/\(hashText)-..", "/log/\(hashText)-a%00",
        "/nar/.nar", "/nar/a.nar", "/nar/\(hashText).nar.zst", "/nar/\(narHashText).nar",
        "/nar/\(narHashText).nar?hash=../../etc/passwd", "/nar/\(narHashText).nar?hash=",
        "/nar/\(narHashText).nar?Hash=\(hashText)", "/nar/\(narHashText).nar.zst?hash=\(hashText)",
        "/nar/\(hashText)_\(narHashText).nar", "/nar/\(hashText)-\(narHashText)x.nar",
        "/nar/..%2f\(hashText).nar", "/nar/€\(hashText)-\(narHashText).nar",
        "/realisations/x.doi", "/realisations/..%2f.doi", "/realisations/sha256:ab!out.doi",
        "/build-trace-v2/\(hashText)-a.drv/.doi", "/build-trace-v2/\(hashText)-a/out.doi",
        "/build-trace-v2/\(hashText)-a.drv/..%2f.doi", "/build-trace-v2/x/out.doi",
        "/debuginfo/", "/debuginfo/x", "/debuginfo/..%2fx", "/debuginfo/\(buildID)0",
        "/debuginfo/0123456789ABCDEF0123456789abcdef01234567",
    ])
    func aMalformedNameIsABadRequest(_ target: String) {
        #expect(error(target) == .malformed)
    }

    @Test(arguments: [
        "..", ".", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%2e", "..%2f..", "%2e%2e%2f", "a%2fb",
        "a%2Fb", "%2f", "%2fetc", "%00", "a%00b", "a//b", "a/../b", "a/./b", "a/..", "a/%2e%2e/",
        "/", "//", "/a", "a%", "a%2",
    ])
    func noSpellingOfDotsLeavesThePath(_ rest: String) {
        #expect(error("/serve/\(Self.hashText)/\(rest)") == .malformed)
    }

    @Test(arguments: ["", "..", "%2e%2e", "x", "%80", "\(hashText)x", "../\(hashText)"])
    func aFileNeedsAStorePath(_ first: String) {
        #expect(error("/serve/\(first)") == .malformed)
    }

    @Test func doublyEncodedDotsAreAName() throws {
        #expect(
            try Endpoint(parsing: "/serve/\(hash)/%252e%252e")
                == .file(hash, components: [Array("%2e%2e".utf8)])
        )
    }

    @Test func anyBytesAreEitherParsedOrRefused() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("/%.2eEfF?&=-!: \u{0}\u{80}serve".unicodeScalars)
        for _ in 0..<5000 {
            var target = "/"
            for _ in 0..<Int.random(in: 0..<24, using: &generator) {
                target.unicodeScalars.append(
                    alphabet[Int.random(in: alphabet.indices, using: &generator)]
                )
            }
            guard case .file(_, let components) = try? Endpoint(parsing: target) else { continue }
            #expect(!components.contains { $0.isEmpty || $0.contains(47) || $0.contains(0) })
        }
    }

    private enum Refusal { case notFound, malformed, otherwise }

    private func error(_ target: String) -> Refusal? {
        do throws(CacheError) {
            _ = try Endpoint(parsing: target)
            return nil
        } catch {
            switch error {
            case .notFound: return .notFound
            case .malformed: return .malformed
            case .notAllowed, .conflict, .refused, .tooLarge, .tooMany, .noRoom,
                .storageUnavailable:
                return .otherwise
            }
        }
    }
}
