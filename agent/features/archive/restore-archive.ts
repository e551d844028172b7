import { systemClock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { createLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { ConfigStore } from '../../config/store/store.ts';
import type { CommandCall } from '../contract.ts';
import { ArchiveKeys } from './archive-keys.ts';
import { archivedFactsOf } from './archive-source.ts';
import { Restore, type RestoredBox } from './copies/restore.ts';
import { ARCHIVE } from './keys.ts';

/** Learns what the archive has of a lost box; the next start lists it. @returns the exit code: 1 if no recording can be read @throws PerchError if a Perch runs on the data folder */
export async function restoreArchive(call: CommandCall): Promise<number> {
  const { dataDir, cwd, env, file, write, isTerminal } = call;
  const clock = systemClock;
  const signal = call.stopSignal();
  const folder = call.hold(
    'stop Perch first; a running Perch reads its own archive by itself (GET /v3/archive: unreadFiles)',
  );
  try {
    const log = createLogger('warn', (line) => write(textLine(line)));
    const place = { dataDir, cwd, env, keys: await call.keys(), ...(file === undefined ? {} : { file }) };
    const store = await ConfigStore.open({ ...place, clock, log });
    const settings = settingsIn(store.current, ARCHIVE);
    store.close();
    if (settings.archive === 'no') {
      throw new PerchError('badInput', "archive is 'no': configure the archive first, as the lost box had it");
    }
    const restore = new Restore({
      settings,
      dataDir,
      box: call.text('box'),
      source: { archivedFactsOf },
      keys: await ArchiveKeys.open(dataDir, log),
      wallMs: () => clock.wallMs(),
      onFault: (error) => log.warn({ cause: explain(error) }, 'the list of archived recordings is damaged'),
    });
    const show = (): void => {
      const { files, unreadFiles } = restore.progress;
      const line = `${files} recordings found, ${unreadFiles} of them to be read`;
      write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
    };
    const stop = clock.every(isTerminal ? 250 : 5_000, show);
    try {
      const done = await restore.run(signal);
      if (signal.aborted) {
        throw new PerchError('unavailable', 'ended before all recordings were read: the same command continues');
      }
      write(`${isTerminal ? '\r\x1b[K' : ''}${summaryOf(done)}`);
      return exitCodeOf(done);
    } finally {
      stop();
    }
  } finally {
    folder.release();
  }
}

export const exitCodeOf = ({ files, unreadableFiles }: RestoredBox): number => (unreadableFiles === files ? 1 : 0);

export function summaryOf({ box, files, bytes, unreadableFiles }: RestoredBox): string {
  const found = `the archive has ${files} recordings of box ${box} (${bytes} bytes)\n`;
  const key = 'if they are encrypted, start Perch and enter the key of the lost box in Settings, Storage, Archive';
  const unreadable = `${unreadableFiles} of them cannot be read and are not listed: ${key}\n`;
  const next = `start Perch: it lists and plays ${unreadableFiles === 0 ? 'them' : 'the others'}\n`;
  return `${found}${unreadableFiles === 0 ? '' : unreadable}${unreadableFiles === files ? '' : next}`;
}
