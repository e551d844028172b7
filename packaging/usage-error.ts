/** An error that the caller must fix: wrong arguments, or something missing on the machine. */
export class UsageError extends Error {}

/** Runs a program. Expected errors are printed in one line, without a stack. */
export async function reportUsageErrors(
  usage: string,
  work: () => Promise<void>,
  say: (text: string) => void = (text) => void process.stderr.write(`${text}\n`),
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code, syscall, path } = error as NodeJS.ErrnoException;
    const isWrongWord = code?.startsWith('ERR_PARSE_ARGS') === true;
    const isProgramMissing = code === 'ENOENT' && syscall?.startsWith('spawn') === true;
    if (!isWrongWord && !isProgramMissing && !(error instanceof UsageError)) {
      throw error;
    }
    say(isProgramMissing ? `the program ${path} is not installed on this machine` : (error as Error).message);
    if (isWrongWord) {
      say(usage);
    }
    process.exitCode = 1;
  }
}
