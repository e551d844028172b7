import type { Clock } from '../../../agent/base/clock.ts';
import type { System } from '../../../system/update/second-system.ts';
import { keepChoice, readChoice, type SystemDisk } from './write-system.ts';

/** How long Perch has to be healthy without a pause, and how long that may take. */
const HEALTHY_MS = 300_000;
const PATIENCE_MS = 900_000;
const POLL_MS = 5_000;

interface ConfirmDeps {
  readonly disk: SystemDisk;
  readonly running: System;
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  /** Process id of Perch; 0: it does not run. */
  mainPid(): Promise<number>;
  isHealthy(): Promise<boolean>;
}

/**
 * A system that is tried becomes the choice once one process of Perch was healthy for five minutes.
 * @returns false: it was not, so the machine has to be restarted; the former system starts then
 */
export async function confirmSystem({ disk, running, clock, mainPid, isHealthy }: ConfirmDeps): Promise<boolean> {
  if ((await readChoice(disk)).system === running) {
    return true;
  }
  const endMs = clock.monoMs() + PATIENCE_MS;
  let [pid, sinceMs] = [0, clock.monoMs()];
  while (clock.monoMs() < endMs) {
    const before = pid;
    pid = await mainPid();
    if (pid === 0 || pid !== before || !(await isHealthy())) {
      sinceMs = clock.monoMs();
    }
    if (clock.monoMs() - sinceMs >= HEALTHY_MS) {
      await keepChoice(disk, { system: running });
      return true;
    }
    await clock.sleep(POLL_MS, new AbortController().signal);
  }
  return false;
}

/** Where the page listens. @param report of the running Perch; its host is left out if it is 127.0.0.1 */
export function pageIn(report: string): { readonly host: string; readonly port: number } | undefined {
  const port = /^port (\d+)$/m.exec(report)?.[1];
  const host = /^host ([\da-f.:]+)$/m.exec(report)?.[1];
  return port === undefined ? undefined : { host: host ?? '127.0.0.1', port: Number(port) };
}
