const controller = new AbortController();

/** Aborted by Ctrl-C, and when the program is asked to end. */
export const INTERRUPTION = controller.signal;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the whole. Where it is interrupted it clears up after itself, and then ends by the signal, as it would have without this. */
export async function untilInterrupted(work: () => Promise<void>): Promise<void> {
  const interrupt = (signal: NodeJS.Signals) => controller.abort(signal);
  for (const signal of SIGNALS) {
    process.on(signal, interrupt);
  }
  try {
    await work();
  } catch (error) {
    if (!INTERRUPTION.aborted) {
      throw error;
    }
  }
  for (const signal of SIGNALS) {
    process.off(signal, interrupt);
  }
  if (INTERRUPTION.aborted) {
    process.kill(process.pid, INTERRUPTION.reason as NodeJS.Signals);
  }
}
