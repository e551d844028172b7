import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { type ProcessStat, processIds, readStat } from './process-group.ts';
import type { EndTimes } from './program.ts';
import { MARK } from './programs.ts';

/** Pauses between the signals, shorter than usual because they delay the start of Perch. */
const LEFTOVER_TIMES: EndTimes = { interruptMs: 1_000, terminateMs: 1_000 };
const POLL_MS = 50;

/**
 * Ends programs left behind by a killed Perch. A mark in their environment identifies them, so a reused process id is
 * not mistaken for one. Linux only.
 */
export async function endLeftovers(
  mark: string,
  clock: Clock,
  log: Logger,
  { interruptMs, terminateMs }: EndTimes = LEFTOVER_TIMES,
): Promise<void> {
  const left = leftoversOf(mark);
  if (left.size === 0) {
    return;
  }
  log.warn({ programs: left.size }, 'ending programs of an earlier run');
  for (const [signal, waitMs] of [
    ['SIGINT', interruptMs],
    ['SIGTERM', terminateMs],
    ['SIGKILL', 0],
  ] as const) {
    const deadlineMs = clock.monoMs() + waitMs;
    for (const [pid, { startTicks }] of left) {
      signalSame(pid, startTicks, signal);
    }
    while (clock.monoMs() < deadlineMs && [...left].some(([pid, { startTicks }]) => isSame(pid, startTicks))) {
      await clock.sleep(POLL_MS, new AbortController().signal);
    }
  }
}

function leftoversOf(mark: string): ReadonlyMap<number, ProcessStat> {
  const left = new Map<number, ProcessStat>();
  for (const pid of processIds()) {
    const stat = pid !== process.pid && hasMark(pid, mark) ? readStat(pid) : undefined;
    if (stat) {
      left.set(pid, stat);
    }
  }
  return left;
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${MARK}=${mark}\0`);
  } catch {
    return false;
  }
}

function isSame(pid: number, startTicks: number): boolean {
  const stat = readStat(pid);
  return stat?.startTicks === startTicks && stat.state !== 'Z';
}

function signalSame(pid: number, startTicks: number, signal: NodeJS.Signals): void {
  try {
    if (isSame(pid, startTicks)) {
      process.kill(pid, signal);
    }
  } catch {}
}
