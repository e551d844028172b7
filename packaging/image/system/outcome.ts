import { readFile, rm } from 'node:fs/promises';
import { replaceFile } from '../../../agent/base/files/durable-file.ts';
import type { System } from '../../../system/update/second-system.ts';
import type { Status } from '../../../system/updater/journal.ts';
import type { Choice } from './choice.ts';

/** Outcome of the last update of a system. */
export interface Outcome {
  readonly system: System;
  readonly version: string;
  readonly state: 'tried' | 'kept' | 'notHealthy' | 'notStarted';
}

const STATES = {
  tried: 'is tried at the next start',
  kept: 'was kept',
  notHealthy: 'was not kept: Perch was not healthy for five minutes. The former system runs',
  notStarted: 'was not kept: it did not start, or was restarted too early. The former system runs',
} as const;

/** File on the data partition, which both systems see. */
const OUTCOME = '/var/lib/perch-image/system-update';

/** @returns undefined if there was no update */
export async function readOutcome(file = OUTCOME): Promise<Outcome | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [, system, version = '', state] = /^([ab]) (\S{1,64}) (\w+)\n$/.exec(text) ?? [];
  return state !== undefined && Object.hasOwn(STATES, state) ? ({ system, version, state } as Outcome) : undefined;
}

/** Writes the outcome. A failure, as on a full disk, is only logged and does not stop the update. */
export async function noteOutcome({ system, version, state }: Outcome, file = OUTCOME): Promise<void> {
  await replaceFile(file, `${system} ${version} ${state}\n`).catch((error: Error) => {
    process.stderr.write(`${file}: ${error.message}\n`);
  });
}

/** Deletes the former outcome, which does not apply to the update that is about to be written. */
export const forgetOutcome = (file = OUTCOME): Promise<void> => rm(file, { force: true });

/**
 * Outcome of the last update. While a system is being tried, it is `tried`, even if a power cut prevented the note.
 * @param version of the running system
 */
export function currentOutcome(
  noted: Outcome | undefined,
  { system, trial }: Choice,
  running: System,
  version: string,
): Outcome | undefined {
  const isTried = system !== running && trial === undefined;
  const isNoted = noted?.state === 'tried' && noted.system === running;
  return isTried && !isNoted ? { system: running, version, state: 'tried' } : noted;
}

/** @param choice as the running system found it at its start @returns the present outcome of the update */
export function outcomeAtStart(last: Outcome, choice: Choice, running: System): Outcome {
  // While a system is tried, the choice names the other one; while it waits for its trial, `trial` names it.
  if (last.state !== 'tried' || choice.trial !== undefined || choice.system !== running) {
    return last;
  }
  return { ...last, state: last.system === running ? 'kept' : 'notStarted' };
}

export function describeOutcome({ system, version, state }: Outcome, running: System | undefined): string {
  const what = state === 'tried' && running === system ? 'is being tried' : STATES[state];
  return `system ${system} with version ${version} ${what}`;
}

/** The outcome as the page shows it. @param from version of the former system */
export function statusOf(
  outcome: Outcome,
  running: System | undefined,
  from: string,
): Pick<Status, 'ok' | 'state' | 'text' | 'why' | 'from' | 'to'> {
  const said = { text: describeOutcome(outcome, running), from, to: outcome.version };
  switch (outcome.state) {
    case 'tried':
      return { ...said, ok: true, state: 'waiting' };
    case 'kept':
      return { ...said, ok: true, state: 'good' };
    case 'notHealthy':
      return { ...said, ok: false, state: 'gone back', why: 'unhealthy' };
    case 'notStarted':
      return { ...said, ok: false, state: 'gone back', why: 'notStarted' };
  }
}
