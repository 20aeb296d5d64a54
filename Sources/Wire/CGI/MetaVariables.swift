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

    /// Everything about a request that is not in its fields.
    package struct Facts: Sendable {
        package var method: [UInt8] = []
        package var protocolVersion: StaticString = "HTTP/1.1"
        /// As sent, with the query.
        package var requestURI: [UInt8] = []
        /// Byte for byte as sent.
        package var queryString: [UInt8] = []
        /// Decoded, as the path of the URL up to the script.
        package var scriptName: [UInt8] = []
        /// Decoded; nil where the URL ends with the script.
        package var pathInfo: [UInt8]?
        package var pathTranslated: [UInt8] = []
        package var scriptFilename: [UInt8] = []
        package var documentRoot: [UInt8] = []
        package var serverName: [UInt8] = []
        package var serverPort = 0
        package var serverAddress = ""
        package var serverSoftware = ""
        package var remoteAddress = ""
        package var remotePort = 0
        package var scheme: StaticString = "http"
        package var contentLength: Int?
        package var requestID = ""
        package var path = ""
        package var passAuthorization = false
        /// Fields with underscores in their names become variables.
        package var passUnderscores = false
        /// What the server itself has checked; never what a client claims.
        package var remoteUser: String?
        package var authType: String?
        /// Set where the request was sent on to this script inside the server.
        package var redirect: Redirect?

        package init() {}
    }

    /// Builds the whole environment: nothing of the server's own gets in but what `facts` says.
    package static func environment(
        _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> CStringList {
        var list = CStringList(capacity: 40)
        list.append("PATH", facts.path)
        list.append(.gatewayInterface, "CGI/1.1")
        list.append(.serverSoftware, facts.serverSoftware)
        list.append(.serverProtocol, facts.protocolVersion.description)
        list.append(.serverName, facts.serverName)
        list.append(.serverPort, String(facts.serverPort))
        list.append(.serverAddress, facts.serverAddress)
        list.append(.remoteAddress, facts.remoteAddress)
        // No name is looked up, so the address stands for it (section 4.1.9).
        list.append(.remoteHost, facts.remoteAddress)
        list.append(.remotePort, String(facts.remotePort))
        list.append(.requestMethod, facts.method)
        list.append(.requestScheme, facts.scheme.description)
        if facts.scheme.utf8CodeUnitCount == 5 { list.append("HTTPS", "on") }
        list.append(.requestURI, facts.requestURI)
        list.append(.queryString, facts.queryString)
        list.append(.scriptName, facts.scriptName)
        list.append(.scriptFilename, facts.scriptFilename)
        list.append(.documentRoot, facts.documentRoot)
        if let pathInfo = facts.pathInfo {
            list.append(.pathInfo, pathInfo)
            list.append(.pathTranslated, facts.pathTranslated)
        }
        // php-cgi refuses to run without it.
        list.append(.redirectStatus, String(facts.redirect?.status ?? 200))
        if let redirect = facts.redirect {
            list.append(.redirectURL, redirect.url)
            list.append(.redirectRequestMethod, redirect.method)
            if let query = redirect.query { list.append(.redirectQueryString, query) }
        }
        list.append(.uniqueID, facts.requestID)
        if let length = facts.contentLength { list.append(.contentLength, String(length)) }
        if let type = head.first(.contentType) {
            let value = bytes.extracting(type.range)
            if !isFunction(value) { list.append(.contentType, value) }
        }
        if let user = facts.remoteUser { list.append(.remoteUser, user) }
        if let type = facts.authType { list.append(.authType, type) }
        appendFields(facts, head, bytes, to: &list)
        return list
    }

    /// The request's fields as `HTTP_*` (section 4.1.18). Fields of one name become one variable.
    private static func appendFields(
        _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>, to list: inout CStringList
    ) {
        if head.form == .absolute, let authority = head.authority {
            list.append("HTTP_HOST", bytes.extracting(authority.range))
        }
        var done = Set<Int>()
        for (position, field) in head.fields.enumerated() {
            if isLeftOut(field.id) { continue }
            switch field.id {
            // Above: what the request is for, also where the target says another host than the field.
            case .host where head.form == .absolute: continue
            case .authorization where !facts.passAuthorization: continue
            default: break
            }
            if done.contains(position) { continue }
            let name = bytes.extracting(field.name.range)
            guard let variable = variableName(at: position, facts, head, bytes) else { continue }
            var value = bytes.extracting(field.value.range).array
            for (later, other) in head.fields.enumerated() where later > position && other.id == field.id {
                let otherName = bytes.extracting(other.name.range)
                guard ASCII.equalsIgnoringCase(name, otherName) else { continue }
                done.insert(later)
                value.append(field.id == .cookie ? ASCII.semicolon : ASCII.comma)
                value.append(ASCII.space)
                value += bytes.extracting(other.value.range).array
            }
            if isFunction(value.span) { continue }
            list.append(name: variable.span, value: value.span)
        }
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

    /// The names of fields that become no variable, for they could pass for another's.
    package static func misleadingNames(
        _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for (position, field) in head.fields.enumerated() where field.id == .other {
            if variableName(at: position, facts, head, bytes) == nil {
                result.append(bytes.extracting(field.name.range).array)
            }
        }
        return result
    }

    /// A value like a function's body has made shells run it (CVE-2014-6271). No variable gets one.
    private static func isFunction(_ value: Span<UInt8>) -> Bool { value.starts(with: "() {") }

    /// `HTTP_` and the name of that field in capitals, with `_` for `-`. Nil for a name that has anything
    /// but letters, digits and dashes: `X_Real-IP` would pass for `X-Real-IP`.
    ///
    /// Where underscores are passed, they are letters as well, but no such field takes the place of one that
    /// is written with dashes, that came before it, or that no variable tells of.
    private static func variableName(
        at position: Int, _ facts: Facts, _ head: RequestHead, _ bytes: Span<UInt8>
    ) -> [UInt8]? {
        let name = bytes.extracting(head.fields[position].name.range)
        guard name.firstIndex(of: ASCII.underscore) != nil else { return variableName(name) }
        guard facts.passUnderscores, let variable = variableName(dashed(name).span),
            !isLeftOut(FieldName(dashed(name).span))
        else { return nil }
        for (index, other) in head.fields.enumerated() where index != position {
            let otherName = bytes.extracting(other.name.range)
            let isFirst = index < position || otherName.firstIndex(of: ASCII.underscore) == nil
            if isFirst, !ASCII.equalsIgnoringCase(name, otherName),
                ASCII.equalsIgnoringCase(dashed(name).span, dashed(otherName).span)
            {
                return nil
            }
        }
        return variable
    }

    private static func dashed(_ name: Span<UInt8>) -> [UInt8] {
        name.array.map { $0 == ASCII.underscore ? ASCII.dash : $0 }
    }

    private static func variableName(_ name: Span<UInt8>) -> [UInt8]? {
        var result = Array("HTTP_".utf8)
        result.reserveCapacity(5 + name.count)
        for index in name.indices {
            let byte = name[index]
            if ASCII.isAlphanumeric(byte) {
                result.append(ASCII.upper(byte))
            } else if byte == ASCII.dash {
                result.append(ASCII.underscore)
            } else {
                return nil
            }
        }
        return result
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
