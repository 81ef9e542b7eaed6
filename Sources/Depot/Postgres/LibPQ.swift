// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The client library of PostgreSQL, loaded when it is first needed.
///
/// Neither a build nor a start without PostgreSQL needs it. What is used here has been the same in
/// every `libpq.so.5` since PostgreSQL 9.0.
///
/// - Source: PostgreSQL 15, "libpq: C Library".
@safe struct LibPQ: Sendable {
    // SAFETY: Handles come from the library and go back to it; texts live as long as its manual says.
    typealias Text = UnsafePointer<CChar>
    typealias Texts = UnsafePointer<UnsafePointer<CChar>?>

    // A connection or a result is an `OpaquePointer`.
    let connect: @convention(c) (Texts, Texts, Int32) -> OpaquePointer?
    let finish: @convention(c) (OpaquePointer) -> Void
    let status: @convention(c) (OpaquePointer) -> Int32
    let transactionStatus: @convention(c) (OpaquePointer) -> Int32
    let serverVersion: @convention(c) (OpaquePointer) -> Int32
    let errorMessage: @convention(c) (OpaquePointer) -> Text?
    let socket: @convention(c) (OpaquePointer) -> Int32
    let setNonBlocking: @convention(c) (OpaquePointer, Int32) -> Int32
    let sendScript: @convention(c) (OpaquePointer, Text) -> Int32
    /// Types, lengths and formats of parameters are left to the library: `nil` for each.
    let sendStatement:
        @convention(c) (
            OpaquePointer, Text, Int32, OpaquePointer?, Texts, OpaquePointer?, OpaquePointer?, Int32
        ) -> Int32
    let flush: @convention(c) (OpaquePointer) -> Int32
    let consumeInput: @convention(c) (OpaquePointer) -> Int32
    let isBusy: @convention(c) (OpaquePointer) -> Int32
    let nextResult: @convention(c) (OpaquePointer) -> OpaquePointer?
    let resultStatus: @convention(c) (OpaquePointer) -> Int32
    let resultErrorField: @convention(c) (OpaquePointer, Int32) -> Text?
    let clear: @convention(c) (OpaquePointer) -> Void
    let rowCount: @convention(c) (OpaquePointer) -> Int32
    let columnCount: @convention(c) (OpaquePointer) -> Int32
    let isNull: @convention(c) (OpaquePointer, Int32, Int32) -> Int32
    let value: @convention(c) (OpaquePointer, Int32, Int32) -> UnsafePointer<UInt8>?
    let length: @convention(c) (OpaquePointer, Int32, Int32) -> Int32
    let changedCount: @convention(c) (OpaquePointer) -> Text?
    let commandTag: @convention(c) (OpaquePointer) -> Text?
    let setNoticeProcessor:
        @convention(c) (
            OpaquePointer, @convention(c) (OpaquePointer?, Text?) -> Void, OpaquePointer?
        ) -> OpaquePointer?

    /// - Throws: `PostgresProblem.noLibrary(_:)`.
    static func load() throws -> LibPQ { try loaded.get() }

    private static let loaded = Result { () throws(PostgresProblem) in try LibPQ() }

    private init() throws(PostgresProblem) {
        guard let library = unsafe dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL) else {
            throw .noLibrary(Self.reason)
        }
        // Never closed: what it gave is used until the process ends.
        unsafe connect = try Self.find("PQconnectdbParams", library)
        unsafe finish = try Self.find("PQfinish", library)
        unsafe status = try Self.find("PQstatus", library)
        unsafe transactionStatus = try Self.find("PQtransactionStatus", library)
        unsafe serverVersion = try Self.find("PQserverVersion", library)
        unsafe errorMessage = try Self.find("PQerrorMessage", library)
        unsafe socket = try Self.find("PQsocket", library)
        unsafe setNonBlocking = try Self.find("PQsetnonblocking", library)
        unsafe sendScript = try Self.find("PQsendQuery", library)
        unsafe sendStatement = try Self.find("PQsendQueryParams", library)
        unsafe flush = try Self.find("PQflush", library)
        unsafe consumeInput = try Self.find("PQconsumeInput", library)
        unsafe isBusy = try Self.find("PQisBusy", library)
        unsafe nextResult = try Self.find("PQgetResult", library)
        unsafe resultStatus = try Self.find("PQresultStatus", library)
        unsafe resultErrorField = try Self.find("PQresultErrorField", library)
        unsafe clear = try Self.find("PQclear", library)
        unsafe rowCount = try Self.find("PQntuples", library)
        unsafe columnCount = try Self.find("PQnfields", library)
        unsafe isNull = try Self.find("PQgetisnull", library)
        unsafe value = try Self.find("PQgetvalue", library)
        unsafe length = try Self.find("PQgetlength", library)
        unsafe changedCount = try Self.find("PQcmdTuples", library)
        unsafe commandTag = try Self.find("PQcmdStatus", library)
        unsafe setNoticeProcessor = try Self.find("PQsetNoticeProcessor", library)
    }

    /// A function of the library, by its name.
    private static func find<Function>(
        _ name: String,
        _ library: UnsafeMutableRawPointer
    ) throws(PostgresProblem) -> Function {
        guard let symbol = unsafe dlsym(library, name) else {
            throw .noLibrary("it has no \(name)")
        }
        // SAFETY: The types above are those of the library's header, which its soname stands for.
        return unsafe unsafeBitCast(symbol, to: Function.self)
    }

    private static var reason: String {
        guard let text = unsafe dlerror() else { return "it cannot be loaded" }
        return unsafe String(cString: text)
    }
}
