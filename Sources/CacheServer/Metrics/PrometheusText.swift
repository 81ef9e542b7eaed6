// SPDX-License-Identifier: Apache-2.0

/// Writes numbers in the text form that Prometheus collects.
///
/// - Source: "Exposition formats", version 0.0.4.
package struct PrometheusText: Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init() {}

    /// Starts a family: every sample of it has to follow.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// One number; names and values of labels are ours, so nothing in them needs escaping.
    package mutating func sample(
        _ name: String,
        labels: [(name: String, value: String)] = [],
        _ value: some CustomStringConvertible
    ) {
        let inner = labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
        text += inner.isEmpty ? "\(name) \(value)\n" : "\(name){\(inner)} \(value)\n"
    }

    /// A family with one sample.
    package mutating func single(
        _ name: String,
        _ kind: Kind,
        _ help: String,
        _ value: some CustomStringConvertible
    ) {
        family(name, kind, help)
        sample(name, value)
    }

    mutating func histogram(
        _ name: String,
        _ labels: [(name: String, value: String)],
        _ histogram: DurationHistogram
    ) {
        let snapshot = histogram.snapshot()
        let bounds = histogram.boundsNanoseconds.map { Self.seconds($0) } + ["+Inf"]
        for (bound, count) in zip(bounds, snapshot.cumulativeCounts) {
            sample("\(name)_bucket", labels: labels + [("le", bound)], count)
        }
        sample("\(name)_sum", labels: labels, Self.seconds(snapshot.sumNanoseconds))
        sample("\(name)_count", labels: labels, snapshot.count)
    }

    private static func seconds(_ nanoseconds: UInt64) -> String {
        "\(Double(nanoseconds) / 1e9)"
    }
}
