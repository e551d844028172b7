import { open, readFile } from 'node:fs/promises';
import { systemClock } from '../../../agent/base/clock.ts';
import { loadUpdateKeys } from '../../../system/update/keys.ts';
import { checkNewer } from '../../../system/update/manifest.ts';
import { debian } from '../../../system/updater/debian.ts';
import { tell } from '../../../system/updater/programs.ts';
import { openCard } from './card.ts';
import { otherThan, runningSystem, type System } from './choice.ts';
import { confirmSystem } from './confirm.ts';
import { describeOutcome, noteOutcome, outcomeAtStart, readOutcome } from './outcome.ts';
import { readChoice, writeSystem } from './write-system.ts';

/** Perch notes its port there. */
const REPORT = '/run/perch/report';
const USAGE = `usage: perch-system [install FILE | confirm]

Without parameters: which system runs, and what became of the last update.`;

/** Root's part of updates of whole systems. */
async function main([command, file]: readonly string[]): Promise<void> {
  const running = runningSystem(await readFile('/proc/cmdline', 'utf8'));
  if (command === 'confirm') {
    // Without U-Boot nothing is tried.
    return running === undefined ? undefined : confirm(running);
  }
  if (command === undefined) {
    const last = await readOutcome();
    process.stdout.write(`system ${running ?? 'a'} runs\n${last ? `${describeOutcome(last, running)}\n` : ''}`);
    return;
  }
  if (command !== 'install' || file === undefined) {
    throw new Error(USAGE);
  }
  if (running === undefined) {
    throw new Error('this box cannot choose between two systems: U-Boot did not start it');
  }
  await using update = await open(file);
  await using disk = await openCard();
  const options = { disk, running, keys: loadUpdateKeys() };
  const { version } = await writeSystem(update.createReadStream({ autoClose: false }), options, async (manifest) =>
    checkNewer(manifest, await debian.versionOf('perch')),
  );
  const outcome = { system: otherThan(running), version, state: 'tried' } as const;
  await noteOutcome(outcome);
  process.stdout.write(`${describeOutcome(outcome, running)}\n`);
}

async function confirm(running: System): Promise<void> {
  await using disk = await openCard();
  const { mainPid } = debian;
  const last = await readOutcome();
  if (last) {
    const now = outcomeAtStart(last, await readChoice(disk), running);
    process.stdout.write(`${describeOutcome(now, running)}\n`);
    if (now.state !== last.state) {
      await noteOutcome(now);
    }
  }
  const isTried = last?.state === 'tried' && last.system === running;
  const isKept = await confirmSystem({ disk, running, clock: systemClock, mainPid, isHealthy });
  if (isTried) {
    await noteOutcome({ ...last, state: isKept ? 'kept' : 'notHealthy' });
  }
  if (isKept) {
    return;
  }
  process.stdout.write('Perch was not healthy: the former system is started\n');
  await tell('systemctl', ['--force', 'reboot']);
}

async function isHealthy(): Promise<boolean> {
  const port = /^port (\d+)$/m.exec(await readFile(REPORT, 'utf8').catch(() => ''))?.[1];
  return port !== undefined && debian.isHealthy('127.0.0.1', Number(port));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
