// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Asks for the password that sudo wants on hosts, without showing it.
struct SudoPrompt: Sendable {
    private static let question = "password for sudo on the hosts: "

    /// - Throws: ``FleetError/noPassword`` where there is neither a terminal nor a line of input.
    func requirePassword() throws -> String {
        let word = passwordFromTerminal() ?? readLine(strippingNewline: true)
        guard let word, !word.isEmpty else { throw FleetError.noPassword }
        return word
    }

    /// `nil` without a terminal.
    func passwordFromTerminal() -> String? {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var before = termios()
        guard unsafe tcgetattr(terminal, &before) == 0 else { return nil }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(terminal, TCSAFLUSH, &silent)
        defer { unsafe tcsetattr(terminal, TCSAFLUSH, &before) }
        let handle = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
        try? handle.write(contentsOf: Data(Self.question.utf8))
        var bytes: [UInt8] = []
        while bytes.count < 1_024, let byte = try? handle.read(upToCount: 1)?.first {
            guard byte != UInt8(ascii: "\n") else { break }
            bytes.append(byte)
        }
        try? handle.write(contentsOf: Data("\n".utf8))
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
