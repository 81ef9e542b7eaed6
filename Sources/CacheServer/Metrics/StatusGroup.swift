// SPDX-License-Identifier: Apache-2.0

/// The statuses this server sends, as they are counted; one for each that means something of its own.
enum StatusGroup: Int, CaseIterable {
    case ok
    case partial
    case notModified
    case redirect
    case badRequest
    case notFound
    case methodNotAllowed
    case rangeNotSatisfiable
    case otherClientError
    case internalError
    case unavailable
    case otherServerError

    init(code: Int) {
        self =
            switch code {
            case 206: .partial
            case ..<300: .ok
            case 304: .notModified
            case ..<400: .redirect
            case 400: .badRequest
            case 404: .notFound
            case 405: .methodNotAllowed
            case 416: .rangeNotSatisfiable
            case ..<500: .otherClientError
            case 500: .internalError
            case 503: .unavailable
            default: .otherServerError
            }
    }

    /// The value of the `status` label on the metrics page.
    var label: String {
        switch self {
        case .ok: "200"
        case .partial: "206"
        case .notModified: "304"
        case .redirect: "3xx"
        case .badRequest: "400"
        case .notFound: "404"
        case .methodNotAllowed: "405"
        case .rangeNotSatisfiable: "416"
        case .otherClientError: "4xx"
        case .internalError: "500"
        case .unavailable: "503"
        case .otherServerError: "5xx"
        }
    }
}
