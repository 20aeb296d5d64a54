package import Base

/// The environment of a script (RFC 3875, section 4.1, and what became custom since).
package enum MetaVariables {
    /// The request as it was first made, for a script that answers in the place of an error or of
    /// another script. The variables are Apache's.
    package struct Redirect: Sendable {
        /// The error's status, 200 after a local redirect.
        package var status: Int
        /// Decoded path.
        package var url: [UInt8]
        package var query: [UInt8]?
        package var method: [UInt8]

        package init(status: Int, url: [UInt8], query: [UInt8]?, method: [UInt8]) {
            (self.status, self.url, self.query, self.method) = (status, url, query, method)
        }
    }

    /// What is neither in a request's head nor the same for all requests.
    package struct Facts: Sendable {
        /// Nil: that of the request.
        package var method: StaticString?
        package var protocolVersion: StaticString = "HTTP/1.1"
        /// Byte for byte as sent.
        package var queryString: [UInt8] = []
        package var serverName: [UInt8] = []
        package var serverPort = 0
        package var serverAddress: IPAddress?
        package var remoteAddress: IPAddress?
        /// 0 where it is not known.
        package var remotePort = 0
        package var isSecure = false
        package var contentLength: Int?
        package var requestID: UInt64 = 0
        package var passAuthorization = false
        /// Fields with underscores in their names become variables.
        package var passUnderscores = false
        /// What the server itself has checked; never what a client claims.
        package var remoteUser: String?
        package var authType: StaticString?
        /// Set where the request was sent on to this script inside the server.
        package var redirect: Redirect?

        package init() {}
    }

    /// What all requests for the scripts of a place get alike, besides `settings`.
    package static func common(
        path: String, serverSoftware: String, documentRoot: Span<UInt8>,
        settings: [(name: String, value: String)]
    ) -> CStringList {
        var list = CStringList.Builder(capacity: 512)
        list.append(name: "PATH".utf8.span, value: path.utf8.span)
        list.append(.gatewayInterface, "CGI/1.1" as StaticString)
        list.append(.serverSoftware, serverSoftware)
        list.append(.documentRoot, documentRoot)
        for (name, value) in settings { list.append(name: name.utf8.span, value: value.utf8.span) }
        return list.finish()
    }

    /// What all requests for a script get alike, with what is `common` to those of its place. Names are decoded:
    /// `name` is the path of the URL up to the script, `pathInfo` what follows, nil where nothing does.
    package static func ofScript(
        _ common: CStringList, filename: FilePath, name: Span<UInt8>, pathInfo: [UInt8]?,
        documentRoot: [UInt8]
    ) -> CStringList {
        var list = CStringList.Builder(capacity: 1024)
        list.append(common)
        list.append(.scriptName, name)
        let file = filename.bytes
        list.append(.scriptFilename, file.span)
        if let pathInfo {
            list.append(.pathInfo, pathInfo.span)
            let translated = documentRoot + pathInfo
            list.append(.pathTranslated, translated.span)
        }
        return list.finish()
    }

    /// Why a field becomes no variable though a script may look for one.
    package enum Refusal: Sendable, Equatable {
        /// Its name could pass for another's.
        case name
        /// It is Proxy.
        case proxy
        /// Its value looks like a function of a shell.
        case function
    }

    package typealias Refused = (name: [UInt8], why: Refusal)

    /// Builds the whole environment: nothing of the server's own gets in but what is in `common` and `facts`.
    /// Beside it the names of fields that became no variable, for their own sake or for that of what they say.
    package static func environment(
        _ common: CStringList, _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> (variables: CStringList, refused: [Refused]) {
        var refused: [Refused] = []
        var list = CStringList.Builder(capacity: 2048)
        list.append(common)
        list.append(.serverProtocol, facts.protocolVersion)
        list.append(.serverName, facts.serverName.span)
        list.append(.serverPort, facts.serverPort)
        list.append(.serverAddress, facts.serverAddress)
        list.append(.remoteAddress, facts.remoteAddress)
        // No name is looked up, so the address stands for it (section 4.1.9).
        list.append(.remoteHost, facts.remoteAddress)
        if facts.remotePort > 0 { list.append(.remotePort, facts.remotePort) }
        if let method = facts.method {
            list.append(.requestMethod, method)
        } else {
            list.append(.requestMethod, bytes.extracting(head.methodName.range))
        }
        list.append(.requestScheme, facts.isSecure ? "https" : "http" as StaticString)
        // cgi_env may say it, too, for a proxy that tells nothing; that stands before this.
        if facts.isSecure { list.append("HTTPS=on") }
        appendRequestURI(head, bytes, to: &list)
        list.append(.queryString, facts.queryString.span)
        // php-cgi refuses to run without it.
        list.append(.redirectStatus, facts.redirect?.status ?? 200)
        if let redirect = facts.redirect {
            list.append(.redirectURL, redirect.url.span)
            list.append(.redirectRequestMethod, redirect.method.span)
            if let query = redirect.query { list.append(.redirectQueryString, query.span) }
        }
        list.append(.uniqueID, hex: facts.requestID)
        if let length = facts.contentLength { list.append(.contentLength, length) }
        if let type = head.first(.contentType) {
            let value = bytes.extracting(type.range)
            if isFunction(value) {
                refused.append(("Content-Type".utf8.span.array, .function))
            } else {
                list.append(.contentType, value)
            }
        }
        if let user = facts.remoteUser { list.append(.remoteUser, user) }
        if let type = facts.authType { list.append(.authType, type) }
        appendFields(facts, head, bytes, to: &list, refused: &refused)
        return (list.finish(), refused)
    }

    /// Path and query as they were sent.
    private static func appendRequestURI(
        _ head: RequestHead, _ bytes: Span<UInt8>, to list: inout CStringList.Builder
    ) {
        let separator = head.query == nil ? nil : ASCII.question
        let query = bytes.extracting((head.query ?? .empty).range)
        // `OPTIONS http://host` has no path.
        if head.path.range.isEmpty {
            let path: InlineArray<1, UInt8> = [ASCII.slash]
            list.append(.requestURI, path.span, separator, query)
        } else {
            list.append(.requestURI, bytes.extracting(head.path.range), separator, query)
        }
    }

    /// The request's fields as `HTTP_*` (section 4.1.18). Fields of one name become one variable.
    private static func appendFields(
        _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>, to list: inout CStringList.Builder,
        refused: inout [Refused]
    ) {
        if head.form == .absolute, let authority = head.authority {
            list.append(name: "HTTP_HOST".utf8.span, value: bytes.extracting(authority.range))
        }
        var done = Set<Int>()
        for (position, field) in head.fields.enumerated() {
            let name = bytes.extracting(field.name.range)
            if isLeftOut(field.id) {
                if field.id == .proxy { refused.append((name.array, .proxy)) }
                continue
            }
            switch field.id {
            // Above: what the request is for, also where the target says another host than the field.
            case .host where head.form == .absolute: continue
            case .authorization where !facts.passAuthorization: continue
            default: break
            }
            // Those of the same name stand in the variable of the first.
            if !done.isEmpty, done.contains(position) { continue }
            guard hasVariable(at: position, facts, head, bytes) else {
                refused.append((name.array, .name))
                continue
            }
            var repeated: [Int] = []
            for later in position + 1..<head.fields.endIndex where head.fields[later].id == field.id {
                if ASCII.equalsIgnoringCase(name, bytes.extracting(head.fields[later].name.range)) {
                    repeated.append(later)
                }
            }
            if !repeated.isEmpty { done.formUnion(repeated) }
            let value = bytes.extracting(field.value.range)
            if isFunction(value) {
                refused.append((name.array, .function))
                continue
            }
            if repeated.isEmpty {
                list.append(field: name, value)
                continue
            }
            // Section 4.1.18; RFC 9110, section 5.3.
            var values = value.array
            for later in repeated {
                values.append(field.id == .cookie ? ASCII.semicolon : ASCII.comma)
                values.append(ASCII.space)
                values += bytes.extracting(head.fields[later].value.range).array
            }
            list.append(field: name, values.span)
        }
    }

    /// Nothing but letters, digits and dashes.
    private static func isPlainName(_ name: Span<UInt8>) -> Bool {
        for index in name.indices where !ASCII.isAlphanumeric(name[index]) && name[index] != ASCII.dash {
            return false
        }
        return true
    }

    /// What concerns the connection alone or has a variable of its own, and Proxy: HTTP_PROXY is taken for
    /// a setting by many programs (httpoxy).
    private static func isLeftOut(_ field: FieldName) -> Bool {
        switch field {
        case .contentLength, .contentType, .transferEncoding, .connection, .keepAlive, .te, .trailer,
            .proxyConnection, .proxyAuthorization, .expect, .upgrade, .proxy:
            true
        default: false
        }
    }

    /// A value like a function's body has made shells run it (CVE-2014-6271). No variable gets one.
    private static func isFunction(_ value: Span<UInt8>) -> Bool { value.starts(with: "() {") }

    /// Whether a field becomes a variable. None does whose name has anything but letters, digits and dashes:
    /// `X_Real-IP` would pass for `X-Real-IP`.
    ///
    /// Where underscores are passed, they are letters as well, but no such field takes the place of one that
    /// is written with dashes, that came before it, or that no variable tells of.
    private static func hasVariable(
        at position: Int, _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        let name = bytes.extracting(head.fields[position].name.range)
        guard name.firstIndex(of: ASCII.underscore) != nil else { return isPlainName(name) }
        guard facts.passUnderscores else { return false }
        let plain = dashed(name)
        guard isPlainName(plain.span), !isLeftOut(FieldName(plain.span)) else { return false }
        for (index, other) in head.fields.enumerated() where index != position {
            let otherName = bytes.extracting(other.name.range)
            let isFirst = index < position || otherName.firstIndex(of: ASCII.underscore) == nil
            if isFirst, !ASCII.equalsIgnoringCase(name, otherName),
                ASCII.equalsIgnoringCase(plain.span, dashed(otherName).span)
            {
                return false
            }
        }
        return true
    }

    private static func dashed(_ name: Span<UInt8>) -> [UInt8] {
        name.array.map { $0 == ASCII.underscore ? ASCII.dash : $0 }
    }

    /// Arguments of an indexed query (section 4.4): a query without `=`, its words split at `+` and
    /// decoded. Empty for every other query, and for one with a broken escape or a NUL.
    package static func indexedArguments(_ query: Span<UInt8>) -> [[UInt8]] {
        if query.isEmpty || query.count > 4096 || query.firstIndex(of: ASCII.equals) != nil { return [] }
        var result: [[UInt8]] = []
        var start = 0
        for index in 0...query.count where index == query.count || query[index] == ASCII.plus {
            guard let word = TargetPath.decodeQuery(query.extracting(start..<index)), !word.contains(0) else {
                return []
            }
            result.append(word)
            start = index + 1
        }
        return result
    }
}
