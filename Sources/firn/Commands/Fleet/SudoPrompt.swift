// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Asks for the password that sudo wants on hosts, without showing it.
struct SudoPrompt: Sendable {
    private static let question = "password for sudo on the hosts: "
    private static let pause = Duration.milliseconds(50)
    private static let mostBytes = 1_024

    /// - Throws: ``FleetError/noPassword`` where there is neither a terminal nor a line of input;
    ///   `CancellationError` after Ctrl-C.
    func requirePassword() async throws -> String {
        var word = await passwordFromTerminal()
        try Task.checkCancellation()
        if word == nil { word = readLine(strippingNewline: true) }
        guard let word, !word.isEmpty else { throw FleetError.noPassword }
        return word
    }

    /// `nil` without a terminal, and when the caller is cancelled; the terminal shows what is typed again
    /// in any case.
    func passwordFromTerminal() async -> String? {
        // It is not waited for in `read`: whoever presses Ctrl-C is to be heard.
        let flags = O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let terminal = unsafe open("/dev/tty", flags)
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
        defer { try? handle.write(contentsOf: Data("\n".utf8)) }
        return await line(from: terminal).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// `nil` when the caller is cancelled.
    private func line(from terminal: Int32) async -> String? {
        var bytes: [UInt8] = []
        while !Task.isCancelled, bytes.count < Self.mostBytes {
            var byte: UInt8 = 0
            switch unsafe read(terminal, &byte, 1) {
            case 1 where byte == UInt8(ascii: "\n"): return String(decoding: bytes, as: UTF8.self)
            case 1: bytes.append(byte)
            case -1 where errno == EAGAIN || errno == EINTR:
                try? await Task.sleep(for: Self.pause)
            default: return String(decoding: bytes, as: UTF8.self)
            }
        }
        return nil
    }
}
