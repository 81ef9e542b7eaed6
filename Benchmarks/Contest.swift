// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport
import Foundation

/// Firn and nginx with the same closure, measured in turns.
struct Contest {
    let files: ClosureFiles
    /// The Firn that offers NARs as they are.
    let plain: FirnServer
    /// The Firn that offers `.nar.zst`.
    let compressed: FirnServer
    let nginx: NginxSite.Address
    let publicKey: String
    let options: BenchmarkOptions

    /// One of the two.
    enum Side: CaseIterable {
        case firn
        case nginx
    }

    /// Runs all figures that are wanted and prints a row for each as it comes.
    func run(firstPass: ColdStart) async throws {
        report(Figure.header("nginx"))
        for figure in figures where options.wants(figure.name) {
            try await figure.run(rounds: options.rounds)
        }
        report("")
        report(firstPass.description)
        if options.wants("memory") { report(try await SlowStreams.measure(files, compressed)) }
    }

    /// Where Firn has the bytes of the NARs that it is asked for.
    private enum Origin: String, CaseIterable {
        /// The files of the store, walked and hashed at every request.
        case store = "identity from the store"
        /// One file of the depot, as the first request has left it.
        case kept = "identity once kept"
        case compressed = "zstd"

        var form: ClosureFiles.Form { self == .compressed ? .zstd : .identity }
    }

    private var figures: [Figure] {
        var figures = [narInfoRate]
        for origin in Origin.allCases {
            for connections in [1, 4, 16] { figures.append(download(origin, connections)) }
        }
        figures += Origin.allCases.map(firstByte)
        figures += [middleRange(.store), middleRange(.kept)]
        return figures + ClosureFiles.Form.allCases.map(copy)
    }

    private var narInfoRate: Figure {
        Figure(name: "narinfo, 32 connections", unit: .perSecond, bar: 1.0) { side in
            let targets = files.paths.map {
                prefix(.identity, side) + "/\($0.storePath.storeHash).narinfo"
            }
            return try await WRK.requestsPerSecond(targets, port: port(.kept, side))
        }
    }

    /// A closure that is smaller is got several times in a row, or the time would be mostly chance.
    private static let measuredBytes = 1_200_000_000

    private func download(_ origin: Origin, _ connections: Int) -> Figure {
        let bar: Double? = connections == 16 ? (origin.form == .identity ? 1.5 : 1.2) : nil
        let plural = connections == 1 ? "" : "s"
        let name = "closure \(origin.rawValue), \(connections) connection\(plural)"
        return Figure(name: name, unit: .seconds, bar: bar) { side in
            let passes = max(1, Self.measuredBytes / files.sizeBytes(origin.form))
            let requests = narTargets(origin.form, side).map { HTTPRequest($0).bytes }
            let result = try await Downloader.getAll(
                (0..<passes).flatMap { _ in requests },
                port: port(origin, side),
                connections: connections
            )
            if origin.form == .identity, result.bytes != passes * files.sizeBytes(.identity) {
                throw Downloader.UselessAnswer(description: "\(side) sent \(result.bytes) bytes")
            }
            return result.time.seconds / Double(passes)
        }
    }

    private func firstByte(_ origin: Origin) -> Figure {
        Figure(name: "first byte \(origin.rawValue)", unit: .milliseconds, bar: nil) { side in
            let requests = narTargets(origin.form, side).prefix(100).map { HTTPRequest($0).bytes }
            let port = port(origin, side)
            return try await onOwnThread {
                let downloader = try Downloader(port: port)
                let times = try requests.map { try downloader.get($0).untilFirstByte.seconds }
                return Figure.median(times)
            }
        }
    }

    private func middleRange(_ origin: Origin) -> Figure {
        let name = "range of 1 MiB in the middle, \(origin.rawValue)"
        return Figure(name: name, unit: .milliseconds, bar: nil) { side in
            guard let largest = files.largest else { return 0 }
            let middle = largest.narSizeBytes / 2
            let range = [(name: "Range", value: "bytes=\(middle)-\(middle + (1 << 20) - 1)")]
            let target = prefix(.identity, side) + "/nar/\(largest.fileName(.identity))"
            let request = HTTPRequest(target, fields: range).bytes
            let port = port(origin, side)
            return try await onOwnThread {
                let downloader = try Downloader(port: port)
                let clock = ContinuousClock()
                let times = try (0..<50).map { _ in
                    try clock.measure { _ = try downloader.get(request) }.seconds
                }
                return Figure.median(times)
            }
        }
    }

    private func copy(_ form: ClosureFiles.Form) -> Figure {
        let name = "nix copy, \(form.rawValue)"
        return Figure(name: name, unit: .seconds, bar: 1.05, maximumRounds: 3) { side in
            let url = side == .firn ? firn(form).url : nginx.url(form)
            return try await withClient(.installed) { home in
                home.use(cache: "", trusting: publicKey)
                home.settings.append(("fsync-metadata", "false"))
                let arguments = ["copy", "--from", url, files.source.top]
                let start = ContinuousClock.now
                try await home.run("nix", arguments, deadline: .seconds(600)).requireSuccess()
                return (ContinuousClock.now - start).seconds
            }
        }
    }

    private func firn(_ form: ClosureFiles.Form) -> FirnServer {
        form == .identity ? plain : compressed
    }

    private func port(_ origin: Origin, _ side: Side) -> UInt16 {
        guard side == .firn else { return nginx.port }
        return origin == .kept ? plain.port : compressed.port
    }

    private func prefix(_ form: ClosureFiles.Form, _ side: Side) -> String {
        side == .firn ? "" : "/\(form.rawValue)"
    }

    /// In the order of the closure, where what is needed stands before what needs it.
    private func narTargets(_ form: ClosureFiles.Form, _ side: Side) -> [String] {
        files.paths.map { "\(prefix(form, side))/nar/\($0.fileName(form))" }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
