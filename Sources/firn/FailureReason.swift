// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

extension Error {
    /// The system's own words where there are some, which are shorter than Foundation's.
    var localizedReason: String {
        var error = self as NSError
        while let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = cause }
        guard let number = error.systemNumber else { return error.localizedDescription }
        return unsafe String(cString: strerror(number)).lowercased()
    }
}

extension NSError {
    /// The `errno` behind the error, as far as it can be told.
    fileprivate var systemNumber: Int32? {
        if domain == NSPOSIXErrorDomain { return Int32(exactly: code) }
        guard domain == NSCocoaErrorDomain else { return nil }
        return switch CocoaError.Code(rawValue: code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: ENOENT
        case .fileReadNoPermission, .fileWriteNoPermission: EACCES
        case .fileWriteFileExists: EEXIST
        case .fileWriteOutOfSpace: ENOSPC
        case .fileWriteVolumeReadOnly: EROFS
        default: nil
        }
    }
}
