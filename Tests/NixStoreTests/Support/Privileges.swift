// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Runs `body` as a user who owns nothing, if we are root; in a process of its own, since all
/// threads change.
func asNobody<Result>(_ body: () throws -> Result) rethrows -> Result {
    let isRoot = geteuid() == 0
    if isRoot {
        setegid(65_534)
        seteuid(65_534)
    }
    defer {
        if isRoot {
            seteuid(0)
            setegid(0)
        }
    }
    return try body()
}

/// The same for work that waits.
func waitAsNobody<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    let isRoot = geteuid() == 0
    if isRoot {
        setegid(65_534)
        seteuid(65_534)
    }
    defer {
        if isRoot {
            seteuid(0)
            setegid(0)
        }
    }
    return try await body()
}

func directoryNames(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path)
}

/// Within ``asNobody(_:)``: back to what we were, for a while.
func asRoot<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard getuid() == 0, geteuid() != 0 else { return try body() }
    seteuid(0)
    setegid(0)
    defer {
        setegid(65_534)
        seteuid(65_534)
    }
    return try body()
}

/// The same for work that waits.
func waitAsRoot<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    guard getuid() == 0, geteuid() != 0 else { return try await body() }
    seteuid(0)
    setegid(0)
    defer {
        setegid(65_534)
        seteuid(65_534)
    }
    return try await body()
}
