import TestSupport

/// Runs `gatehouse` with these words, as people type it.
func gatehouse(_ words: String..., in folder: ScratchFolder? = nil) throws -> CommandResult {
    try runCommand([ServerProcess.builtExecutable] + words, in: folder?.path)
}

/// All that a configuration has to say.
let smallConfiguration = "[site default]\nroot = www\n"
