import Config
import Net
import Wire

/// What the end of a script means for its answer.
struct ScriptVerdict {
    let exchange: Exchange
    let part: Part
    let site: Site
    let answer: ScriptAnswer
    /// Nil where the script works on behind a closed stdout.
    let exit: ExitStatus?
    let pid: Int32?
    /// The last line that it wrote on stderr; empty where it wrote nothing.
    let lastWords: [UInt8]

    func ending() -> ScriptRelay.Ending {
        if case .header = answer.phase, exit?.isSuccess == false || !answer.takePage() {
            return .silent(missingHeader())
        }
        if let exit, !exit.isSuccess, let ending = ending(afterFailure: exit) { return ending }
        if !answer.isAlone {
            switch answer.phase {
            case .redirect(let target): return .redirected(target)
            case .file(let head): return .file(head)
            case .header, .content, .discard: break
            }
        }
        if let gap = answer.gap {
            guard answer.isWhole else { return .failed(ScriptFailure(gap)) }
            exchange.log(.warning, gap, pid: pid)
            return answer.isAlone ? .clientGone : .complete
        }
        answer.complete(isKept: exit?.isSuccess ?? true)
        // Many a script does not look whether its mail went out.
        let hint = ScriptWords.rightsHint(part.confinement, lastLine: lastWords)
        if !hint.isEmpty {
            exchange.log(
                .warning, "what the script wrote on stderr may come of what it may not do here\(hint)",
                pid: pid)
        }
        return answer.isAlone ? .clientGone : .complete
    }

    /// What a signal or a status other than 0 means; nil where it means nothing.
    private func ending(afterFailure exit: ExitStatus) -> ScriptRelay.Ending? {
        let how = ScriptWords.describe(exit)
        let hasExited = if case .exited = exit.reason { true } else { false }
        if hasExited, let status = answer.status, status.isError {
            // It said itself that something failed, and ends accordingly.
            exchange.log(.warning, "the script \(how) after its answer of \(status.code)", pid: pid)
            return .complete
        }
        // Nothing but its status tells that something was wrong.
        let isStatusAlone = hasExited && answer.gap == nil
        if isStatusAlone, isExcused {
            exchange.logOnce(
                .info, "the script \(how) after its answer, which cgi_exit_status lets pass",
                about: exchange.script?.name ?? "", pid: pid)
            return nil
        }
        if answer.isWhole {
            exchange.log(.warning, "the script \(how) after a whole answer", pid: pid)
            if case .redirect = answer.phase { return nil }
            return .complete
        }
        let hint =
            ScriptWords.limitHint(exit, site.config.scriptLimits, lastLine: lastWords)
            + ScriptWords.rightsHint(part.confinement, lastLine: lastWords)
        let way =
            isStatusAlone && lastWords.isEmpty
            ? "; if the script always ends so, cgi_exit_status = ignore lets its answers pass" : ""
        let hasContent = exchange.hasBegun || answer.isAlone
        let what = hasContent ? exchange.cut : "; it had printed its header and no content"
        return .failed(ScriptFailure("the script \(how)\(hint)\(what)\(way)"))
    }

    /// Whether `cgi_exit_status` lets a status other than 0 pass.
    private var isExcused: Bool {
        switch part.settings.cgiExitStatus {
        case .cut: false
        case .stderr: lastWords.isEmpty
        case .ignore: true
        }
    }

    private func missingHeader() -> String {
        answer.withHeader {
            ScriptWords.missingHeader(
                exit, site.config.scriptLimits, part.confinement, printed: $0, interims: answer.interimCount,
                lastLine: lastWords)
        }
    }
}
