/// The variables of a script's environment that the server computes for each request (RFC 3875,
/// section 4.1, and what became custom since). Those of its fields, `HTTP_…`, come besides.
package enum MetaVariable: CaseIterable, Sendable {
    case authType, contentLength, contentType, documentRoot, gatewayInterface, pathInfo,
        pathTranslated, queryString, redirectQueryString, redirectRequestMethod, redirectStatus,
        redirectURL, remoteAddress, remoteHost, remoteIdent, remotePort, remoteUser,
        requestMethod, requestScheme, requestURI, scriptFilename, scriptName, serverAddress,
        serverName, serverPort, serverProtocol, serverSoftware, uniqueID

    package var name: StaticString {
        switch self {
        case .authType: "AUTH_TYPE"
        case .contentLength: "CONTENT_LENGTH"
        case .contentType: "CONTENT_TYPE"
        case .documentRoot: "DOCUMENT_ROOT"
        case .gatewayInterface: "GATEWAY_INTERFACE"
        case .pathInfo: "PATH_INFO"
        case .pathTranslated: "PATH_TRANSLATED"
        case .queryString: "QUERY_STRING"
        case .redirectQueryString: "REDIRECT_QUERY_STRING"
        case .redirectRequestMethod: "REDIRECT_REQUEST_METHOD"
        case .redirectStatus: "REDIRECT_STATUS"
        case .redirectURL: "REDIRECT_URL"
        case .remoteAddress: "REMOTE_ADDR"
        case .remoteHost: "REMOTE_HOST"
        // Never set: nobody asks the client's machine any more.
        case .remoteIdent: "REMOTE_IDENT"
        case .remotePort: "REMOTE_PORT"
        case .remoteUser: "REMOTE_USER"
        case .requestMethod: "REQUEST_METHOD"
        case .requestScheme: "REQUEST_SCHEME"
        case .requestURI: "REQUEST_URI"
        case .scriptFilename: "SCRIPT_FILENAME"
        case .scriptName: "SCRIPT_NAME"
        case .serverAddress: "SERVER_ADDR"
        case .serverName: "SERVER_NAME"
        case .serverPort: "SERVER_PORT"
        case .serverProtocol: "SERVER_PROTOCOL"
        case .serverSoftware: "SERVER_SOFTWARE"
        case .uniqueID: "UNIQUE_ID"
        }
    }

    /// Whether a name is the server's to set, so that a setting may not. What begins with `REDIRECT_`
    /// tells of the first request, before the server sent it on.
    package static func isReserved(_ name: String) -> Bool {
        allCases.contains { $0.name.description == name } || name.hasPrefix("HTTP_")
            || name.hasPrefix("REDIRECT_")
    }
}
