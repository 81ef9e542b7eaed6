// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import NixFormat
import Synchronization

/// Requests about one bucket: signed, repeated where that helps, and put into our words.
final class S3Client: Sendable {
    /// How often a request is made at most, the first time included.
    static let attempts = 6
    /// The longest wait between two of them, also where the store asks for a longer one.
    private static let longestWait = Duration.seconds(20)

    let location: S3Location
    private let credentials: S3CredentialSource
    private let exchange: any S3Exchange
    private let signer: S3Signer
    private let logger: Logger
    private let pause: @Sendable (Duration) -> Void
    /// By method: what a user pays for.
    private let counts = Mutex<[String: Int]>([:])

    init(
        _ location: S3Location,
        credentials: S3CredentialSource,
        exchange: any S3Exchange,
        logger: Logger,
        pause: @escaping @Sendable (Duration) -> Void = S3Client.sleep
    ) {
        self.location = location
        self.credentials = credentials
        self.exchange = exchange
        self.logger = logger
        self.pause = pause
        signer = S3Signer(region: location.region)
    }

    /// How many requests there were, by their methods.
    var requestCounts: [String: Int] { counts.withLock { $0 } }

    struct Request: Sendable {
        var method = "GET"
        /// Beneath the prefix; `nil` for the bucket itself.
        var name: String?
        var query: [(String, String)] = []
        var headers: [String: String] = [:]
        var body = S3Body.none
        /// What a user may have no right to.
        var operation = "read objects (s3:GetObject)"
        /// Statuses that are answers.
        var accepted: Set<Int> = [200, 204, 206]
        /// Whether the body of an answer may be a failure in spite of its status.
        var isCheckedForErrors = false
    }

    struct Reply: Sendable {
        let status: Int
        let body: [UInt8]
        let answer: any S3Answer

        func header(_ name: String) -> String? { answer.header(name) }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// Makes a request and waits for all of its answer.
    ///
    /// - Throws: ``S3Problem``, `DepotError.diskFull` where the store has no room.
    func perform(_ request: Request) throws -> Reply {
        try repeating {
            let answer = try send(request)
            let body = try answer.collect()
            try check(answer, body, request)
            return Reply(status: answer.status, body: body, answer: answer)
        }
    }

    /// Makes a request whose answer is read by whoever asks; nothing is repeated once it has begun.
    func stream(_ request: Request) throws -> any S3Answer {
        try repeating {
            let answer = try send(request)
            if !request.accepted.contains(answer.status) {
                try check(answer, answer.collect(), request)
            }
            return answer
        }
    }

    private func check(
        _ answer: any S3Answer,
        _ body: [UInt8],
        _ request: Request
    ) throws {
        if request.accepted.contains(answer.status) {
            guard request.isCheckedForErrors, answer.status == 200,
                String(decoding: body.prefix(1024), as: UTF8.self).contains("<Error>")
            else { return }
        }
        // HEAD has no body that could say more.
        if answer.status == 507 { throw DepotError.diskFull }
        let problem = S3Problem.read(
            status: request.accepted.contains(answer.status) ? 500 : answer.status,
            body: body,
            region: answer.header("x-amz-bucket-region"),
            operation: request.operation
        )
        if case .failed(_, let code) = problem, Self.fullCodes.contains(code) {
            throw DepotError.diskFull
        }
        throw S3Retry(problem: problem, after: answer.header("retry-after").flatMap { Int($0) })
    }

    private static let fullCodes: Set<String> = [
        "QuotaExceeded", "EntityTooLargeForQuota", "InsufficientStorage", "XMinioStorageFull",
    ]

    private func send(_ request: Request) throws -> any S3Answer {
        let lent = try credentials.current()
        let key = request.name.map { S3Location.encode(location.prefix + $0) } ?? ""
        var message = S3Message(
            method: request.method,
            url: location.url(ofEncodedKey: key),
            query: request.query
        )
        message.headers = request.headers
        message.body = request.body
        let hash = request.body.hash.digestText(.base16)
        signer.sign(&message, payloadHash: hash, with: lent, at: Date())
        counts.withLock { $0[request.method, default: 0] += 1 }
        let answer = try exchange.send(message)
        if answer.status == 401 || answer.status == 403 || answer.status == 400 {
            // Where others are lent in their place, the next attempt has them.
            credentials.forget(lent)
        }
        return answer
    }

    /// Repeats what fails for a moment, each time after a longer wait.
    private func repeating<Value>(_ body: () throws -> Value) throws -> Value {
        var attempt = 1
        var hasRenewed = false
        while true {
            let problem: S3Problem
            var asked: Int?
            do {
                return try body()
            } catch let retry as S3Retry {
                (problem, asked) = (retry.problem, retry.after)
            } catch let error as S3Problem {
                problem = error
            }
            if problem == .expired, !hasRenewed {
                hasRenewed = true
                continue
            }
            guard problem.isPassing, attempt < Self.attempts else { throw problem }
            let wait = Self.wait(beforeAttempt: attempt + 1, asked: asked)
            logger.debug(
                "the object store is asked again",
                metadata: ["cause": "\(problem)", "attempt": "\(attempt + 1)"]
            )
            pause(wait)
            attempt += 1
        }
    }

    /// Twice as long each time, from 0.1 s on, and by chance up to a half less.
    static func wait(beforeAttempt attempt: Int, asked seconds: Int?) -> Duration {
        let usual = Duration.milliseconds(100 << min(attempt - 2, 8))
        let jittered = usual * Double.random(in: 0.5...1)
        guard let seconds, seconds > 0 else { return min(jittered, longestWait) }
        return min(max(jittered, .seconds(seconds)), longestWait)
    }

    static func sleep(_ duration: Duration) {
        let (seconds, fraction) = duration.components
        Thread.sleep(forTimeInterval: Double(seconds) + Double(fraction) / 1e18)
    }
}

/// A problem that an answer told of, and after how many seconds to ask again.
private struct S3Retry: Error {
    let problem: S3Problem
    let after: Int?
}
