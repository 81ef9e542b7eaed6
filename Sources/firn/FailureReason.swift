// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

extension Error {
    /// The system's own words where there are some, which are shorter than Foundation's.
    var localizedReason: String {
        var error = self as NSError
        while let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = cause }
        guard error.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
        return unsafe String(cString: strerror(Int32(error.code))).lowercased()
    }
}
