// SPDX-License-Identifier: Apache-2.0

extension SettingReader where Value == String {
    /// A path; a relative one starts in the folder of whoever wrote it.
    static let path = SettingReader(
        form: .text,
        expected: "a path",
        read: { input, folder throws(SettingProblem) in
            try absolute(input.requireText(), in: folder)
        },
        write: { quoted($0) }
    )
}

extension SettingReader where Value == String? {
    static let optionalPath = SettingReader(
        form: .text,
        expected: "a path",
        read: { input, folder throws(SettingProblem) in
            try absolute(input.requireText(), in: folder)
        },
        write: { $0.map { quoted($0) } ?? "" }
    )
}

extension SettingReader where Value == [String] {
    static let paths = SettingReader(
        form: .list,
        expected: "an array of paths",
        read: { input, folder throws(SettingProblem) in
            var paths: [String] = []
            for text in try input.requireTexts() {
                let path = try absolute(text, in: folder)
                guard !paths.contains(path) else { throw .duplicate(text) }
                paths.append(path)
            }
            return paths
        },
        write: { "[" + $0.map { quoted($0) }.joined(separator: ", ") + "]" }
    )
}

extension SettingReader where Value == [ServeAddress] {
    static let addresses = SettingReader(
        form: .list,
        expected: "an array of addresses such as \"[::]:5000\" or \"unix:/run/firn/socket\"",
        read: { input, folder throws(SettingProblem) in
            var addresses: [ServeAddress] = []
            for text in try input.requireTexts() {
                let address = try parseAddress(text, in: folder)
                guard !addresses.contains(address) else { throw .duplicate(text) }
                addresses.append(address)
            }
            guard !addresses.isEmpty else {
                throw .malformed("[]", reason: "leaves nothing to listen on")
            }
            return addresses
        },
        write: { "[" + $0.map { quoted($0.description) }.joined(separator: ", ") + "]" }
    )

    private static func parseAddress(
        _ text: String,
        in folder: String
    ) throws(SettingProblem) -> ServeAddress {
        do {
            let address = try ServeAddress(parsing: text)
            guard case .unix(let path) = address else { return address }
            let checked = try ServeAddress.checkedSocketPath(joined(path, in: folder))
            return .unix(path: checked)
        } catch {
            throw .malformed(text, reason: error.reason)
        }
    }
}

private func absolute(_ path: String, in folder: String) throws(SettingProblem) -> String {
    guard !path.isEmpty else { throw .malformed(path, reason: "is empty") }
    guard !path.utf8.contains(0) else { throw .malformed(path, reason: "has a NUL in it") }
    guard !path.contains("://") else {
        throw .malformed(path, reason: "is a URL; this version keeps everything in folders")
    }
    return joined(path, in: folder)
}

private func joined(_ path: String, in folder: String) -> String {
    if path.hasPrefix("/") { return path }
    return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
}

extension ServeAddress.ParseError {
    fileprivate var reason: String {
        switch self {
        case .noPort: "has no port; write for example \"[::]:5000\""
        case .badPort(let port): "has the port \"\(port)\", which is not from 0 to 65535"
        case .badHost(let host): "has the host \"\(host)\", which is neither a name nor an address"
        case .bracketsMissing:
            "is an IPv6 address without brackets; write for example \"[::1]:5000\""
        case .pathTooLong(let limitBytes):
            "is longer than the \(limitBytes) bytes a socket may have"
        case .emptyPath: "has no path after \"unix:\""
        }
    }
}
