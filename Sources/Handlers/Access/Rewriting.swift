import Config
import Base
import Patterns
import Wire

/// Which path answers in the place of the one that was asked for, by `rewrite`.
enum Rewriting {
    enum Outcome: Equatable {
        /// `query` nil: the request's own stays. An empty one: none.
        case path([UInt8], query: [UInt8]?)
        case none
        /// The path that came of it leaves the root.
        case bad
        /// A pattern took too many steps.
        case tooCostly(pattern: String)
    }

    /// What the first rule that fits makes of a decoded path without doubled slashes. `isMissing` says
    /// whether neither a file nor a folder is there; it is asked once at most.
    static func outcome(_ rules: [RewriteRule], path: [UInt8], isMissing: () -> Bool) -> Outcome {
        var missing: Bool?
        for rule in rules {
            switch rule.pattern.match(path.span) {
            case .none: continue
            case .tooCostly: return .tooCostly(pattern: rule.pattern.text)
            case .match(let groups):
                if rule.onlyMissing {
                    let answer = missing ?? isMissing()
                    missing = answer
                    if !answer { continue }
                }
                // In a path the bytes are themselves: a captured `?` begins no query.
                var result = rule.path.expand(groups, of: path) { $1 += $0 }
                do throws(TargetPath.Failure) { try TargetPath.resolve(&result) } catch { return .bad }
                let query = rule.query?.expand(groups, of: path) { TargetPath.encode($0.span, into: &$1) }
                return .path(result, query: query)
            }
        }
        return .none
    }
}
