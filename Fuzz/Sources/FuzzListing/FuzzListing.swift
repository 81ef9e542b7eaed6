// SPDX-License-Identifier: Apache-2.0

import NixFormat

/// A listing that is read is written, in every form, as one that reads the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzListing(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let listings = [try? NARListing(parsing: bytes), try? NARListing(parsingRoot: bytes)]
    for case let listing? in listings {
        for form in NARListing.JSONForm.allCases {
            precondition((try? NARListing(parsing: listing.documentJSON(form))) == listing)
        }
    }
    return 0
}
