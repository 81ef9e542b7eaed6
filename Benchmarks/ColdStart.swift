// SPDX-License-Identifier: Apache-2.0
import FirnTestSupport

/// What the first client of a Firn that has just started gets, against the second one.
struct ColdStart: CustomStringConvertible {
    private let first: Pass
    private let second: Pass

    /// Every narinfo and then every identity NAR, over four connections.
    private struct Pass {
        let narInfoSeconds: Double
        let narSeconds: Double

        static func run(_ files: ClosureFiles, _ server: FirnServer) async throws -> Pass {
            let narInfos = files.paths.map {
                HTTPRequest("/\($0.storePath.storeHash).narinfo").bytes
            }
            let nars = files.paths.map { HTTPRequest("/nar/\($0.fileName(.identity))").bytes }
            return Pass(
                narInfoSeconds: try await time(narInfos, server),
                narSeconds: try await time(nars, server)
            )
        }

        private static func time(
            _ requests: [[UInt8]],
            _ server: FirnServer
        ) async throws -> Double {
            try await Downloader.getAll(requests, port: server.port, connections: 4).time.seconds
        }
    }

    static func measure(_ files: ClosureFiles, _ server: FirnServer) async throws -> ColdStart {
        let first = try await Pass.run(files, server)
        return ColdStart(first: first, second: try await Pass.run(files, server))
    }

    var description: String {
        let narInfos = first.narInfoSeconds / second.narInfoSeconds
        let nars = first.narSeconds / second.narSeconds
        return """
            a Firn just started, first pass over the closure / second pass, 4 connections: \
            narinfos \(narInfos.rounded(to: 2)), identity NARs \(nars.rounded(to: 2))
            """
    }
}

extension Double {
    fileprivate func rounded(to digits: Int) -> Double {
        let factor = (0..<digits).reduce(1.0) { product, _ in product * 10 }
        return (self * factor).rounded() / factor
    }
}
