import { join } from 'node:path';
import { systemClock } from '../../agent/base/clock.ts';
import { loadUpdateKeys } from '../update/keys.ts';
import { debian } from './debian.ts';
import { Updater } from './updater.ts';

/** Root's part of an update: run by `perch-update.service`, and by the services that continue after a power cut. */
async function main(command: string | undefined): Promise<void> {
  const updater = new Updater({
    paths: {
      requests: '/var/lib/perch/requests',
      answers: '/run/perch-host',
      own: '/var/lib/perch-update',
      program: '/usr/lib/perch/update',
      node: '/usr/lib/perch/node/bin/node',
    },
    keys: loadUpdateKeys(),
    machine: debian,
    clock: systemClock,
    say: (text) => process.stdout.write(`${text}\n`),
  });
  switch (command) {
    case 'update':
      return updater.update();
    case 'resume':
      return updater.resume();
    case 'watch':
      return updater.watch();
    default:
      throw new Error(`usage: ${join(import.meta.dirname, 'run')} update|resume|watch`);
  }
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
