// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Where credentials are looked for, in this order: a file that the configuration names, the
/// environment, the profile file, a web identity token, a container's agent, the machine's own service.
///
/// - Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
final class S3CredentialSource: Sendable {
    /// Those that are about to expire are got anew so long before.
    private static let marginSeconds: TimeInterval = 300
    /// How long those from a file count before it is read again.
    private static let fileSeconds: TimeInterval = 60

    private let environment: [String: String]
    private let file: String?
    private let profile: String?
    private let region: String
    private let exchange: any S3Exchange
    private let known = Mutex<(credentials: S3Credentials, until: Date)?>(nil)
    // One thread gets new ones; the others wait for it.
    private let turn = Mutex(())

    init(
        environment: [String: String],
        file: String?,
        profile: String?,
        region: String,
        exchange: any S3Exchange
    ) {
        self.environment = environment
        self.file = file
        self.profile = profile
        self.region = region
        self.exchange = exchange
    }

    /// Credentials that are good for the next minutes.
    ///
    /// - Throws: ``S3Problem/noCredentials(_:)`` and what getting them throws.
    func current(now: Date = Date()) throws -> S3Credentials {
        if let credentials = remembered(now) { return credentials }
        return try turn.withLock { _ in
            if let credentials = remembered(now) { return credentials }
            let credentials = try find()
            let until =
                credentials.expiresAt.map { $0.addingTimeInterval(-Self.marginSeconds) }
                ?? now.addingTimeInterval(Self.fileSeconds)
            known.withLock { $0 = (credentials, until) }
            return credentials
        }
    }

    /// They were refused: the next ones are looked for anew.
    func forget(_ credentials: S3Credentials) {
        known.withLock { if $0?.credentials == credentials { $0 = nil } }
    }

    private func remembered(_ now: Date) -> S3Credentials? {
        known.withLock { known in
            guard let known, known.until > now else { return nil }
            return known.credentials
        }
    }

    private func find() throws -> S3Credentials {
        if let file { return try read(file, section: profile ?? "default", isRequired: true) }
        if profile == nil, let credentials = ofEnvironment() { return credentials }
        if let path = profileFile,
            let credentials = try? read(path, section: profileName, isRequired: profile != nil)
        {
            return credentials
        }
        if profile != nil, let path = profileFile {
            return try read(path, section: profileName, isRequired: true)
        }
        if let credentials = try ofWebIdentity() { return credentials }
        if let credentials = try ofContainer() { return credentials }
        if let credentials = try ofMachine() { return credentials }
        throw S3Problem.noCredentials(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or depot.credentials-file"
        )
    }

    /// As far as it can be told without asking anybody: whether a file that is named can be used.
    ///
    /// - Throws: ``S3Problem/noCredentials(_:)``
    func look() throws {
        if let file {
            _ = try read(file, section: profile ?? "default", isRequired: true)
        } else if profile != nil, let path = profileFile {
            _ = try read(path, section: profileName, isRequired: true)
        }
    }

    private func value(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    // MARK: Environment and files

    private func ofEnvironment() -> S3Credentials? {
        guard let id = value("AWS_ACCESS_KEY_ID"), let key = value("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        return S3Credentials(
            accessKeyID: id,
            secretKey: key,
            sessionToken: value("AWS_SESSION_TOKEN")
        )
    }

    private var profileName: String { profile ?? value("AWS_PROFILE") ?? "default" }

    private var profileFile: String? {
        value("AWS_SHARED_CREDENTIALS_FILE") ?? value("HOME").map { "\($0)/.aws/credentials" }
    }

    private func read(_ path: String, section: String, isRequired: Bool) throws -> S3Credentials {
        let text = try Self.text(of: path)
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                let name = line.dropFirst().dropLast().trimmingCharacters(in: .whitespaces)
                isInside = name == section || name == "profile \(section)"
            } else if isInside, let equals = line.firstIndex(of: "=") {
                let name = line[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
                values[name] = line[line.index(after: equals)...]
                    .trimmingCharacters(in: .whitespaces)
            }
        }
        guard let id = values["aws_access_key_id"], let key = values["aws_secret_access_key"],
            !id.isEmpty, !key.isEmpty
        else {
            throw S3Problem.noCredentials(
                "\(path) has no aws_access_key_id and aws_secret_access_key in [\(section)]"
            )
        }
        return S3Credentials(
            accessKeyID: id,
            secretKey: key,
            sessionToken: values["aws_session_token"]
        )
    }

    private static func text(of path: String) throws -> String {
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= 1 << 20 else {
                throw S3Problem.noCredentials("\(path) is too large for a file of credentials")
            }
            return String(decoding: data, as: UTF8.self)
        } catch let problem as S3Problem {
            throw problem
        } catch {
            throw S3Problem.noCredentials("\(path) cannot be read")
        }
    }

    // MARK: Lent by others

    /// - Source: AWS Security Token Service API Reference, "AssumeRoleWithWebIdentity".
    private func ofWebIdentity() throws -> S3Credentials? {
        guard let file = value("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = value("AWS_ROLE_ARN")
        else { return nil }
        let token = try Self.text(of: file).trimmingCharacters(in: .whitespacesAndNewlines)
        let endpoint = value("AWS_ENDPOINT_URL_STS") ?? "https://sts.\(region).amazonaws.com"
        var message = S3Message(method: "POST", url: endpoint)
        let form: [(String, String)] = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"),
            ("RoleArn", role), ("RoleSessionName", value("AWS_ROLE_SESSION_NAME") ?? "firn"),
            ("WebIdentityToken", token),
        ]
        let text = form.map { "\($0)=\(S3Location.encode($1, keepingSlashes: false))" }
        message.headers["content-type"] = "application/x-www-form-urlencoded"
        message.body = .bytes(Array(text.joined(separator: "&").utf8))
        let answer = try String(decoding: ask(message, "the web identity"), as: UTF8.self)
        guard let id = S3Text.first("AccessKeyId", in: answer),
            let key = S3Text.first("SecretAccessKey", in: answer)
        else { throw S3Problem.noCredentials("\(endpoint) lends none for the web identity") }
        return S3Credentials(
            accessKeyID: id,
            secretKey: key,
            sessionToken: S3Text.first("SessionToken", in: answer),
            expiresAt: S3Text.first("Expiration", in: answer).flatMap(Self.date)
        )
    }

    private struct Lent: Decodable {
        let accessKeyID: String
        let secretKey: String
        let token: String?
        let expiration: String?

        private enum CodingKeys: String, CodingKey {
            case accessKeyID = "AccessKeyId"
            case secretKey = "SecretAccessKey"
            case token = "Token"
            case expiration = "Expiration"
        }

        var credentials: S3Credentials {
            S3Credentials(
                accessKeyID: accessKeyID,
                secretKey: secretKey,
                sessionToken: token,
                expiresAt: expiration.flatMap(S3CredentialSource.date)
            )
        }
    }

    private func ofContainer() throws -> S3Credentials? {
        var url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if let path = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            url = "http://169.254.170.2\(path)"
        }
        guard let url else { return nil }
        var message = S3Message(url: url)
        if let file = value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            message.headers["authorization"] = try Self.text(of: file)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        } else {
            message.headers["authorization"] = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        }
        return try Self.parse(ask(message, "the container's agent"), "the container's agent")
    }

    /// - Source: Amazon EC2 User Guide, "Retrieve security credentials from instance metadata",
    ///   version 2 of it alone.
    private func ofMachine() throws -> S3Credentials? {
        guard value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        let service = value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        var session = S3Message(method: "PUT", url: "\(service)/latest/api/token")
        session.headers["x-aws-ec2-metadata-token-ttl-seconds"] = "21600"
        let token: String
        do {
            token = String(decoding: try ask(session, "the machine's metadata"), as: UTF8.self)
        } catch S3Problem.unreachable, S3Problem.noCredentials {
            // Most machines have no such service.
            return nil
        }
        let roles = "\(service)/latest/meta-data/iam/security-credentials/"
        var message = S3Message(url: roles)
        message.headers["x-aws-ec2-metadata-token"] = token
        let names = String(decoding: try ask(message, "the machine's metadata"), as: UTF8.self)
        guard let role = names.split(whereSeparator: \.isNewline).first else { return nil }
        var question = S3Message(url: roles + S3Location.encode(String(role)))
        question.headers["x-aws-ec2-metadata-token"] = token
        return try Self.parse(ask(question, "the machine's metadata"), "the machine's metadata")
    }

    private func ask(_ message: S3Message, _ whom: String) throws -> [UInt8] {
        let answer = try exchange.send(message)
        let body = try answer.collect(upTo: 1 << 20)
        guard answer.status == 200 else {
            throw S3Problem.noCredentials("\(whom) answers \(answer.status)")
        }
        return body
    }

    private static func parse(_ body: [UInt8], _ whom: String) throws -> S3Credentials {
        guard let lent = try? JSONDecoder().decode(Lent.self, from: Data(body)) else {
            throw S3Problem.noCredentials("\(whom) answers something else than credentials")
        }
        return lent.credentials
    }

    /// With or without fractions of a second.
    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: Date.ISO8601FormatStyle()))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
}
