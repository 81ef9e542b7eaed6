// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation

/// Checksums that stores of buckets want besides SHA-256.
enum S3Checksum {
    /// - Shape: Base 64; older stores want it where many objects are removed at once.
    static func md5(_ bytes: [UInt8]) -> String {
        Data(Insecure.MD5.hash(data: Data(bytes))).base64EncodedString()
    }
}
