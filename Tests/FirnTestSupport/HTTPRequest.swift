// SPDX-License-Identifier: Apache-2.0

/// A request without a body, in whatever spelling the test wants.
package struct HTTPRequest: Sendable {
    package var method: String
    /// What stands between method and version, unchecked.
    package var target: String
    package var fields: [(name: String, value: String)]

    package init(
        _ target: String,
        method: String = "GET",
        fields: [(name: String, value: String)] = []
    ) {
        self.method = method
        self.target = target
        self.fields = fields
    }

    /// As sent; a `Host` is added unless the test gave one.
    package var bytes: [UInt8] {
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if !fields.contains(where: { $0.name.lowercased() == "host" }) {
            text += "Host: firn.test\r\n"
        }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return Array("\(text)\r\n".utf8)
    }
}
