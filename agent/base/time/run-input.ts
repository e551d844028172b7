import type { Clock } from '../clock.ts';
import type { Failure } from '../failure.ts';
import { everyTogether } from './shared-timer.ts';

const CHECK_MS = 500;

interface Input {
  /** @throws to end the input */
  check(): void;
  close(): void | Promise<void>;
}

/** Checks an input twice a second until it fails or `signal` aborts, then closes it. @throws the cause of the failure */
export async function runInput(input: Input, failure: Failure, clock: Clock, signal: AbortSignal): Promise<void> {
  const check = failure.guard(() => input.check());
  const stop = everyTogether(clock, CHECK_MS, check);
  try {
    await failure.wait(signal);
  } finally {
    stop();
    await input.close();
  }
}
