const controller = new AbortController();

/** Aborted by Ctrl-C and by signals to end. */
export const INTERRUPTION = controller.signal;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a program. After an interruption it cleans up, and then ends by the signal. */
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
