import Config
import Base
import Patterns
import Wire

/// Where a request is sent by `redirect`.
enum Redirection {
    enum Outcome: Equatable {
        /// The value of a Location field; nil for 410.
        case answer(status: Int, location: [UInt8]?)
        case none
        /// A pattern took too many steps.
        case tooCostly(pattern: String)
    }

    /// What the first rule that fits makes of a decoded path without doubled slashes.
    static func outcome(_ rules: [RedirectRule], path: [UInt8], query: [UInt8]?) -> Outcome {
        for rule in rules {
            let place: [UInt8]
            switch rule.source {
            case .path(let exact):
                guard path.elementsEqual(exact.utf8) else { continue }
                place = Array((rule.target?.text ?? "").utf8)
            case .prefix(let prefix):
                let prefix = Site.trimmed(prefix)
                guard Site.isPrefix(prefix, of: path) else { continue }
                place = below(rule.target, path[prefix.count...])
            case .pattern(let pattern):
                switch pattern.match(path.span) {
                case .none: continue
                case .tooCostly: return .tooCostly(pattern: pattern.text)
                case .match(let groups):
                    place =
                        rule.target?.substitution.expand(groups, of: path) {
                            TargetPath.encode($0.span, into: &$1)
                        } ?? []
                }
            }
            guard let target = rule.target else { return .answer(status: rule.status, location: nil) }
            return .answer(status: rule.status, location: location(place, target, query))
        }
        return .none
    }

    /// The target with what followed the prefix.
    private static func below(_ target: RedirectTarget?, _ rest: [UInt8].SubSequence) -> [UInt8] {
        guard let target else { return [] }
        var place = Array(target.text.utf8)
        if target.isWhole { return place }
        // `rest` begins with a slash or is empty, so it cannot go on a host's name.
        if place.last == ASCII.slash, !rest.isEmpty { place.removeLast() }
        TargetPath.encode(Array(rest).span, into: &place)
        return place
    }

    private static func location(_ place: [UInt8], _ target: RedirectTarget, _ query: [UInt8]?) -> [UInt8] {
        var location = place
        // What a group captured must not make a path a host: `//example.org`.
        if location.first == ASCII.slash { location = [ASCII.slash] + location.drop { $0 == ASCII.slash } }
        if !target.isWhole, let query {
            location.append(ASCII.question)
            TargetPath.encodeQuery(query, into: &location)
        }
        return location
    }
}
