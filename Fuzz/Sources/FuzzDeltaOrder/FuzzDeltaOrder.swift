// SPDX-License-Identifier: Apache-2.0

/// An order of deltas that is read is written as the same bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeltaOrder(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let order = DeltaOrder(parsing: bytes) else { return 0 }
    precondition(!order.wishes.isEmpty && order.wishes.count <= DeltaOrder.maximumWishes)
    precondition(order.write() == bytes, "what was read is not what was written")
    return 0
}
