import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { systemClock } from '../../../agent/base/clock.ts';
import { explain } from '../../../agent/base/errors.ts';
import { loadUpdateKeys } from '../../../system/update/keys.ts';
import { checkNewer } from '../../../system/update/manifest.ts';
import { reasonOf, refusal } from '../../../system/update/reasons.ts';
import { runningSystem, type System } from '../../../system/update/second-system.ts';
import { debian, SYSTEM_REFUSED } from '../../../system/updater/debian.ts';
import { isId } from '../../../system/updater/journal.ts';
import { tell } from '../../../system/updater/programs.ts';
import { openCard } from './card.ts';
import { otherThan } from './choice.ts';
import { confirmSystem, pageIn } from './confirm.ts';
import {
  currentOutcome,
  describeOutcome,
  forgetOutcome,
  noteOutcome,
  type Outcome,
  outcomeAtStart,
  readOutcome,
} from './outcome.ts';
import { PageStatus } from './page-status.ts';
import { readChoice, writeSystem } from './write-system.ts';

/** Journal of the updater; it exists while one of its updates is not finished. */
const PACKAGES_UPDATE = '/var/lib/perch-update/journal.json';
/** Report of the running Perch, with the address of its page. */
const REPORT = '/run/perch/report';
const USAGE = `usage: perch-system [install FILE | confirm]

Without parameters: which system runs, and what became of the last update.`;

/**
 * Root's part of updates of whole systems. The updater calls it with `install FILE ID`, for the request with that id,
 * and with `on-trial`, which fails if no system is on trial.
 */
async function main([command, file, id]: readonly string[]): Promise<void> {
  const running = runningSystem();
  if (command === 'confirm') {
    // Without U-Boot nothing is tried.
    return running === undefined ? undefined : confirm(running);
  }
  if (command === undefined) {
    const last = await readOutcome();
    process.stdout.write(`system ${running ?? 'a'} runs\n${last ? `${describeOutcome(last, running)}\n` : ''}`);
    return;
  }
  if (command === 'on-trial') {
    process.exitCode = running !== undefined && (await isOnTrial(running)) ? 0 : 1;
    return;
  }
  if (command !== 'install' || file === undefined || (id !== undefined && !isId(id))) {
    throw new Error(USAGE);
  }
  const page = await PageStatus.open(id);
  try {
    await install(file, running, page);
  } catch (error) {
    page.refused({ ok: false, state: 'refused', text: explain(error), why: reasonOf(error) });
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = SYSTEM_REFUSED;
    return;
  }
  if (id !== undefined) {
    await tell('systemctl', ['--no-block', 'reboot']);
  }
}

async function install(file: string, running: System | undefined, page: PageStatus): Promise<void> {
  if (running === undefined) {
    const message = 'this box cannot choose between two systems: U-Boot did not start it';
    throw refusal('unsupported', message, 'noSecondSystem');
  }
  if (existsSync(PACKAGES_UPDATE)) {
    throw refusal('conflict', 'an update of packages is not finished', 'busy');
  }
  await using update = await open(file);
  await using disk = await openCard();
  const { version } = await writeSystem(update.createReadStream({ autoClose: false }), {
    ...{ disk, running, keys: loadUpdateKeys() },
    check: async (manifest) => {
      checkNewer(manifest, page.from);
      await forgetOutcome();
      page.begin(manifest.version);
    },
    onProgress: (share) => page.progress(share),
  });
  const outcome = { system: otherThan(running), version, state: 'tried' } as const;
  await noteOutcome(outcome);
  page.outcome(outcome, running);
  process.stdout.write(`${describeOutcome(outcome, running)}\n`);
}

/** Whether a system is being tried, or will be at the next start. */
async function isOnTrial(running: System): Promise<boolean> {
  await using disk = await openCard();
  const { system, trial } = await readChoice(disk);
  return system !== running || trial !== undefined;
}

async function confirm(running: System): Promise<void> {
  await using disk = await openCard();
  const { mainPid } = debian;
  const page = await PageStatus.open();
  const choice = await readChoice(disk);
  const last = currentOutcome(await readOutcome(), choice, running, page.from);
  const note = async (now: Outcome): Promise<void> => {
    await noteOutcome(now);
    page.outcome(now, running);
  };
  const isTried = last?.state === 'tried' && last.system === running;
  if (last) {
    const now = outcomeAtStart(last, choice, running);
    process.stdout.write(`${describeOutcome(now, running)}\n`);
    if (now.state !== last.state || isTried || page.isWaiting) {
      await note(now);
    }
  }
  const isKept = await confirmSystem({ disk, running, clock: systemClock, mainPid, isHealthy });
  if (isTried && isKept) {
    await note({ ...last, state: 'kept' });
  }
  if (isKept) {
    return;
  }
  if (isTried) {
    // Only noted here: the former system shows it on the page after the restart.
    await noteOutcome({ ...last, state: 'notHealthy' });
  }
  process.stdout.write('Perch was not healthy: the former system is started\n');
  await tell('systemctl', ['--force', 'reboot']);
}

async function isHealthy(): Promise<boolean> {
  const page = pageIn(await readFile(REPORT, 'utf8').catch(() => ''));
  return page !== undefined && debian.isHealthy(page.host, page.port);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
