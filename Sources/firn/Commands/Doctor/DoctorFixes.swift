// SPDX-License-Identifier: Apache-2.0
import Glibc
import NixStore

/// Does what findings offer, and tells what came of it.
enum DoctorFixes {
    /// - Returns: What was done, or why not, for each finding that offers something.
    static func apply(_ findings: [Finding]) -> [Finding: Result<String, Failure>] {
        var outcomes: [Finding: Result<String, Failure>] = [:]
        for finding in findings {
            guard let fix = finding.fix else { continue }
            outcomes[finding] = Result { () throws(Failure) in try apply(fix) }
        }
        return outcomes
    }

    struct Failure: Error {
        let reason: String
    }

    private static func apply(_ fix: Fix) throws(Failure) -> String {
        switch fix {
        case .closeFile(let path):
            guard unsafe chmod(path, 0o600) == 0 else {
                throw Failure(reason: unsafe String(cString: strerror(errno)).lowercased())
            }
            return "chmod 600 \(path)"
        case .forgetMisses(let misses):
            do {
                let count = try Dictionary(grouping: misses, by: \.file).reduce(0) { count, entry in
                    let own = entry.value.map {
                        LookupMemory.Miss(cache: $0.cache, hashPart: $0.hashPart, since: $0.since)
                    }
                    return try count + LookupMemory(path: entry.key).forget(own)
                }
                return count == 1 ? "one miss forgotten" : "\(count) misses forgotten"
            } catch {
                throw Failure(reason: "\(error)")
            }
        }
    }
}
