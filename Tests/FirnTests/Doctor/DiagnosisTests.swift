// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import NixFormat
import Testing
import firn

/// The rules by which `firn doctor` judges what it saw.
@Suite struct DiagnosisTests {
    private static let url = "http://p620:5000"

    /// A machine that uses one cache, where all is well but what a test changes.
    private func evidence(_ change: (inout Evidence) throws -> Void) rethrows -> Evidence {
        var evidence = Evidence(version: "1.0.0")
        evidence.nix.versionText = "nix (Nix) 2.34.1"
        evidence.nix.version = NixVersion(major: 2, minor: 34)
        evidence.nix.settings = ["substituters": [Self.url], "trusted-public-keys": []]
        var cache = CacheFacts(
            url: Self.url,
            role: .wanted(reason: "it was named"),
            reach: .answers
        )
        cache.latency = .milliseconds(2)
        cache.priority = 30
        evidence.caches = [cache]
        try change(&evidence)
        return evidence
    }

    private func verdicts(_ check: Check, _ evidence: Evidence) -> [Finding.Verdict] {
        evidence.findings.filter { $0.check == check }.map(\.verdict)
    }

    @Test func everyFailureAndWarningSaysWhatMendsItOrWhoseItIs() throws {
        for reach in Self.reaches {
            let evidence = evidence { $0.caches[0].reach = reach }
            for finding in evidence.findings where finding.verdict == .fail {
                #expect(finding.remedy?.isEmpty == false, "\(finding)")
            }
        }
    }

    private static let reaches: [CacheFacts.Reach] = [
        .noSuchName, .resolverSilent(reason: "r"), .noRoute(reason: "r"), .refused, .blackHole,
        .silent, .broken(reason: "r"), .notAllowed, .notACache(reason: "r"),
    ]

    @Test(arguments: reaches)
    func aCacheThatIsNotReachedFailsAndStalls(_ reach: CacheFacts.Reach) {
        let evidence = evidence { $0.caches[0].reach = reach }
        #expect(verdicts(.address, evidence) == [.fail])
        #expect(verdicts(.stall, evidence) == [.fail])
    }

    @Test func namesThatNobodyKnowsAreNoSignOfAResolverThatWorks() {
        let unknown = evidence { $0.caches[0].reach = .noSuchName }
        #expect(verdicts(.dns, unknown) == [.warn])
        #expect(verdicts(.dns, evidence { _ in }) == [.pass])
    }

    @Test func theFindingsComeInTheOrderOfTheChecks() {
        let order = evidence { _ in }.findings.compactMap {
            Check.allCases.firstIndex(of: $0.check)
        }
        #expect(order == order.sorted())
    }

    /// A tier may have another way, and the daemon goes on without it.
    @Test func aTierThatIsAsleepIsNoFailureAndAWrongOneIs() {
        func tier(_ reach: CacheFacts.Reach) -> Evidence {
            evidence {
                $0.caches.append(CacheFacts(url: "http://a", role: .tier("a"), reach: reach))
            }
        }
        #expect(verdicts(.address, tier(.blackHole)) == [.pass, .warn])
        #expect(verdicts(.address, tier(.noSuchName)) == [.pass, .fail])
        let other = evidence {
            $0.caches.append(CacheFacts(url: "http://a", role: .tier("a"), reach: .noSuchName))
            $0.caches.append(CacheFacts(url: "http://b", role: .tier("a"), reach: .answers))
        }
        #expect(verdicts(.address, other) == [.pass, .warn, .pass])
    }

    /// Where nothing answers at all, the builder may just be asleep; where something does, it is not.
    @Test(arguments: [(CacheFacts.Reach.blackHole, true), (.refused, false), (.noSuchName, false)])
    func aBuilderThatMayBeAsleepIsOfferedToBeWoken(_ reach: CacheFacts.Reach, _ isOffered: Bool) {
        let evidence = evidence {
            $0.caches.append(CacheFacts(url: "http://p620", role: .tier("p620"), reach: reach))
            $0.wakeable = ["p620": "big"]
        }
        let finding = evidence.findings.first { $0.subject == "http://p620" }
        #expect((finding?.remedy?.hasPrefix("firn wake big") == true) == isOffered)
    }

    @Test(arguments: [
        (["connect-timeout": ["0"]], "25 min"), (["connect-timeout": ["15"]], "75 s"),
        (["connect-timeout": ["5"], "download-attempts": ["1"]], "5.0 s"),
    ])
    func theStallIsThatOfTheRunningSettings(_ settings: [String: [String]], _ text: String) {
        let evidence = evidence {
            $0.nix.settings.merge(settings) { $1 }
            $0.caches[0].reach = .blackHole
        }
        let finding = evidence.findings.first { $0.check == .stall }
        #expect(finding?.evidence.contains("waits \(text) for it") == true, "\(finding as Any)")
    }

    @Test(arguments: [
        ([5, 3], Finding.Verdict.pass), ([-3_600], .fail), ([3_600, 3_599], .fail),
        ([3_600, 0], .warn), ([], .skip),
    ])
    func aClockIsComparedWithAllThatTellTheTime(_ offsets: [Int], _ verdict: Finding.Verdict) {
        let evidence = evidence {
            $0.caches = offsets.enumerated().map { place, offset in
                var cache = CacheFacts(url: "http://c\(place)", role: .listed, reach: .answers)
                cache.clockOffsetSeconds = offset
                return cache
            }
        }
        #expect(verdicts(.clock, evidence) == [verdict])
    }

    @Test func theOwnDaemonsClockIsNotAskedFor() {
        let evidence = evidence {
            $0.caches[0].clockOffsetSeconds = 9_999
            $0.caches[0].url = "http://127.0.0.1:5000"
        }
        #expect(verdicts(.clock, evidence) == [.skip])
    }

    @Test(arguments: [
        (UInt64(0), Finding.Verdict.fail), (100_000_000, .fail), (2_000_000_000, .warn),
        (50_000_000_000, .pass),
    ])
    func aDiskIsFullBeforeNothingIsLeft(_ free: UInt64, _ verdict: Finding.Verdict) {
        let evidence = evidence {
            $0.disks = [
                DiskFacts(
                    .store,
                    path: "/nix/store",
                    freeBytes: free,
                    sizeBytes: 100_000_000_000,
                    freeInodes: 1_000_000,
                    inodes: 6_000_000
                )
            ]
        }
        #expect(verdicts(.disk, evidence) == [verdict])
    }

    @Test func aDiskWithoutInodesIsFullToo() {
        let evidence = evidence {
            $0.disks = [
                DiskFacts(
                    .state,
                    path: "/var",
                    freeBytes: 50_000_000_000,
                    sizeBytes: 100_000_000_000,
                    freeInodes: 12,
                    inodes: 6_000_000
                )
            ]
        }
        #expect(verdicts(.disk, evidence) == [.fail])
    }

    @Test func theSlowOneMayBeLast() {
        func order(_ slow: Int?, _ fast: Int?) -> [Finding.Verdict] {
            let evidence = evidence {
                var one = CacheFacts(url: "http://slow", role: .listed, reach: .answers)
                (one.latency, one.priority) = (.milliseconds(400), slow)
                var other = CacheFacts(url: "http://fast", role: .listed, reach: .answers)
                (other.latency, other.priority) = (.milliseconds(4), fast)
                $0.caches = [one, other]
                $0.nix.settings["substituters"] = ["http://slow", "http://fast"]
            }
            return verdicts(.priority, evidence)
        }
        #expect(order(30, 40) == [.warn])
        #expect(order(nil, 10) == [.warn])
        #expect(order(40, 40) == [.warn])
        #expect(order(41, 40) == [.pass])
    }

    @Test func aSignatureIsHeldAgainstTheKeysThatAreKnown() throws {
        let key = try SecretKey.generate(name: "p620-1")
        let other = try SecretKey.generate(name: "p620-1")
        func verdict(
            signedBy signers: [SecretKey],
            _ bytes: CacheFacts.Sample.Bytes = .match
        ) throws -> [Finding.Verdict] {
            let evidence = try evidence {
                let path = try StorePath(parsing: String(repeating: "0", count: 32) + "-sample")
                var info = NARInfo(
                    storePath: path,
                    url: "nar/x",
                    compression: .none,
                    narHash: SHA256Hasher.hash([1]),
                    narSizeBytes: 1
                )
                let fingerprint = info.fingerprint(in: .standard)
                info.signatures = signers.map { $0.sign(fingerprint) }
                $0.caches[0].advertisedKeys = ["\(key.publicKey)"]
                $0.caches[0].sample = CacheFacts.Sample(
                    info: info,
                    storeDirectory: .standard,
                    bytes: bytes
                )
            }
            return verdicts(.signature, evidence)
        }
        #expect(try verdict(signedBy: [key]) == [.pass])
        #expect(try verdict(signedBy: [other]) == [.fail])
        #expect(try verdict(signedBy: [other, key]) == [.pass])
        #expect(try verdict(signedBy: []) == [.warn])
        #expect(try verdict(signedBy: [SecretKey.generate(name: "stranger-1")]) == [.skip])
        #expect(try verdict(signedBy: [key], .differ) == [.fail])
    }

    @Test func anOldNixThatAbortsIsFound() {
        func verdict(_ minor: Int, _ fallback: String) -> [Finding.Verdict] {
            verdicts(
                .versions,
                evidence {
                    $0.nix.version = NixVersion(major: 2, minor: minor)
                    $0.nix.settings["fallback"] = [fallback]
                }
            )
        }
        #expect(verdict(8, "true") == [.fail])
        #expect(verdict(8, "false") == [.pass])
        #expect(verdict(13, "true") == [.pass])
    }

    @Test(arguments: [
        (UInt64(50), Finding.Verdict.pass), (89, .pass), (90, .warn), (100, .warn),
    ])
    func aCacheIsNearlyFullFromNineTenthsOn(_ percent: UInt64, _ verdict: Finding.Verdict) {
        let evidence = evidence {
            $0.quotas = [
                QuotaFacts(name: "team", sizeBytes: percent * 1_000, quotaBytes: 100_000),
                QuotaFacts(name: "free", sizeBytes: 9_999_999, quotaBytes: nil),
            ]
        }
        #expect(verdicts(.quota, evidence) == [verdict])
    }

    @Test func whatNobodyHasSetUpIsNotMissed() {
        let evidence = evidence {
            $0.daemon = DaemonFacts(
                address: "http://127.0.0.1:5000",
                answer: .notRunning(reason: "connection refused"),
                expectation: nil,
                hasUnit: false
            )
        }
        #expect(verdicts(.daemon, evidence) == [.skip])
    }

    @Test func aNixThatAsksNobodyIsFound() {
        #expect(
            verdicts(.nix, evidence { $0.nix.settings["substitute"] = ["false"] }) == [.fail]
        )
        #expect(
            verdicts(.nix, evidence { $0.nix.daemonIsOlderThan = "/etc/nix/nix.conf" }) == [.warn]
        )
    }
}
