// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import NIOCore

/// The head of an answer as HTTP/1.1 bytes.
enum ResponseHead {
    /// The status line and all fields but `Date`, which differs from second to second.
    ///
    /// `isChunked` says that the size of the body is not known.
    static func write(_ answer: Answer, isChunked: Bool, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString("\(answer.status.code) \(answer.status.reasonPhrase)\r\n")
        for field in answer.headers {
            buffer.writeString(field.name.rawName)
            buffer.writeStaticString(": ")
            buffer.writeString(field.value)
            buffer.writeStaticString("\r\n")
        }
        if isChunked { buffer.writeStaticString("transfer-encoding: chunked\r\n") }
    }

    /// The `Date` field, the end of the head, and what follows it.
    static func finish(_ buffer: inout ByteBuffer, date: String) {
        buffer.writeStaticString("date: ")
        buffer.writeString(date)
        buffer.writeStaticString("\r\n\r\n")
    }
}
