import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const SAMPLE_MS = 250;
const SAMPLES = 4;
/** A machine that others keep busy runs them nevertheless. */
const MAX_WAIT_MS = 300_000;
/** Each further suite needs more, so that they do not begin together. */
const NEEDED_MORE = 0.03;

/** Of all processors, since the machine's start. */
interface Times {
  readonly idle: number;
  readonly all: number;
}

/** @param stat text of /proc/stat @param priority of this process: its `nice` value */
export function processorTimes(stat: string, priority = getPriority()): Times {
  const words = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ') ?? [];
  const [user = 0, nice = 0, system = 0, rest = 0, waiting = 0, interrupts = 0, softInterrupts = 0, stolen = 0] =
    words.map(Number);
  // What runs with a lower priority gives way: the packages, while the suites run. That may be this run itself.
  const idle = rest + waiting + (priority <= 0 ? nice : 0);
  return { idle, all: rest + waiting + nice + user + system + interrupts + softInterrupts + stolen };
}

/** Linux alone has it. */
function readTimes(): Times | undefined {
  try {
    return processorTimes(readFileSync('/proc/stat', 'utf8'));
  } catch {
    return undefined;
  }
}

interface Machine {
  readonly idle: number;
  readonly read?: () => Times | undefined;
  readonly pass?: (ms: number) => Promise<unknown>;
}

const passTime = (ms: number): Promise<unknown> => delay(ms);

/**
 * Before a suite begins: the first `always` workers do not wait, the others do until the processors are idle enough. So suites that
 * wait leave no processor unused, and suites that compute do not delay each other beyond their time limits.
 * @param worker from 1
 * @param machine `idle`: share of the processors before one more suite begins
 */
export async function untilSpare(
  worker: number,
  always: number,
  { idle, read = readTimes, pass = passTime }: Machine,
): Promise<void> {
  const needed = idle + NEEDED_MORE * (worker - always - 1);
  const seen = [read()];
  for (let waitedMs = 0; worker > always && waitedMs < MAX_WAIT_MS; waitedMs += SAMPLE_MS) {
    await pass(SAMPLE_MS);
    seen.push(read());
    const [from, to] = [seen.at(-1 - SAMPLES), seen.at(-1)];
    if (from && to && to.idle - from.idle >= needed * (to.all - from.all)) {
      return;
    }
  }
}
