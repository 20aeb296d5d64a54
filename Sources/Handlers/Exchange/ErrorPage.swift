import Base
import Config
import Net
import Wire

/// The pages that the server itself answers with where something is wrong.
enum ErrorPage {
    /// Answers with a short page for `status`. `reason` is shown as plain text under the heading, to those
    /// clients that may know it (`cgi_errors_to`).
    static func send(
        _ status: Status, reason: String? = nil, fields: [(StaticString, String)] = [],
        on exchange: Exchange
    ) async throws(StreamError) {
        var head = ResponseHead(status)
        for (name, value) in fields { head.add(name, value) }
        // The page of an error that happens while an error page is made is the plain one.
        if let site = exchange.site, exchange.errorStatus == nil,
            let path = site.config.errorPages[status.code]?.path
        {
            exchange.errorStatus = status
            exchange.errorLines = head.lines
            return try await Dispatcher.sendErrorPage(path, exchange, site)
        }
        if let first = exchange.errorStatus, first != status {
            exchange.log(.error, "the error_page for \(first.code) itself failed with \(status.code)")
            head.status = first
        }
        if head.status.isWithoutContent { return try await exchange.send(head, []) }
        head.add("Content-Type", "text/html; charset=utf-8")
        let page = html(head.status, explanation: exchange.mayKnowReasons ? reason : nil, id: exchange.id)
        try await exchange.send(head, page)
    }

    /// The page as bytes.
    static func html(_ status: Status, explanation: String?, id: RequestID) -> [UInt8] {
        var page = """
            <!DOCTYPE html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>\(status.code) \(status.reason)</title>
            <style>
            :root { color-scheme: light dark }
            body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 12vh auto; padding: 0 1rem }
            h1 { font-size: 1.4rem } pre { white-space: pre-wrap; padding: .8rem; border: 1px solid #8886; border-radius: .4rem }
            small { opacity: .7 }
            </style>
            <h1>\(status.code) \(status.reason)</h1>

            """
        if let sentence = sentence(status) { page += "<p>\(sentence)</p>\n" }
        if let explanation { page += "<pre>\(HTML.escape(explanation))</pre>\n" }
        page += "<p><small>Request \(id)</small></p>\n</html>\n"
        return Array(page.utf8)
    }

    private static func sentence(_ status: Status) -> StaticString? {
        switch status {
        case .badRequest: "The server could not read this request."
        case .unauthorized: "This page needs a user name and a password."
        case .gone: "What was at this address is gone."
        case .forbidden: "You may not see this page."
        case .notFound: "There is nothing at this address."
        case .methodNotAllowed: "This address does not take this kind of request."
        case .requestTimeout: "The request took too long to arrive."
        case .contentTooLarge: "The request is larger than this server takes."
        case .tooManyRequests: "You have asked for a lot in a short time. Please try again in a moment."
        case .internalServerError:
            "The program behind this page failed. The server's error log says why; quote the request below."
        case .serviceUnavailable: "The server is busy. Please try again in a moment."
        case .gatewayTimeout: "The program behind this page took too long to answer."
        default: nil
        }
    }
}
