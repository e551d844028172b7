import { resolve } from 'node:path';
import { becomeOwnerOf } from '../../../../system/data-folder.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';

import { resolvePath } from '../../../config/load/load.ts';
import { readConfig } from '../../../config/store/read-config.ts';
import { freeSpaceBytes } from '../../../config/values/free-space.ts';
import { MovedFiles } from '../../../playback/index/moved-files.ts';
import { RecordPathPattern } from '../../../record/file/record-path.ts';
import { Copier } from '../../../recordings/copy/copier.ts';
import { diskFaultOf, type LeftFile } from '../../../recordings/copy/left-file.ts';
import type { JobReport } from '../../../recordings/copy/transfer-kind.ts';
import type { CommandCall } from '../../contract.ts';
import { recordingsOf, requireDisk } from '../run/command-recordings.ts';
import { ImportList } from './import-list.ts';

const MAX_NAMED = 100;

/** Takes recordings of other programs into those of a path. A running Perch finds them. @returns exit code: 1 if none was taken, and some were left out */
export async function importRecordings(call: CommandCall): Promise<number> {
  const { words, text, has, dataDir, cwd, env, file, write, isTerminal } = call;
  const clock = systemClock;
  const path = text('path');
  if (path === undefined || (has('link') && has('move'))) {
    throw new PerchError('badInput', 'perch import needs --path NAME, and takes one of --link and --move');
  }
  const ofRecorders = ['since', 'until', 'rate'].filter((option) => text(option) !== undefined);
  if (ofRecorders.length > 0) {
    const named = ofRecorders.map((option) => `--${option}`).join(' and ');
    const are = ofRecorders.length > 1 ? 'are' : 'is';
    throw new PerchError('badInput', `${named} of perch import ${are} for onvif:// only: a folder is taken whole`);
  }
  becomeOwnerOf(dataDir);
  const signal = call.stopSignal();
  const { config } = await readConfig(file, { cwd, dataDir, env, keys: await call.keys() });
  const settings = resolvePath(config, path)?.settings;
  if (!settings) {
    throw new PerchError('notFound', `path '${path}' is not configured: add the camera first`, { path });
  }
  await requireDisk(new RecordPathPattern(settings.recordPath, undefined).folder, dataDir, config.recordNeedsDisk);
  const playback = recordingsOf(config, dataDir, clock);
  const list = new ImportList(
    resolve(cwd, words[0] ?? ''),
    [{ path }],
    {},
    {
      ...{ clock, settingsOf: () => settings, isLinked: has('link'), camera: text('camera') },
      moves: has('move') ? new MovedFiles() : undefined,
    },
  );
  const copier = new Copier(
    list,
    {},
    {
      ...{ clock, playback, refusal: () => undefined },
      minFreeBytes: (diskBytes) => freeSpaceBytes(config.recordMinFree, diskBytes),
      whenRoom: 'repeat the command when there is room',
    },
  );
  const sum = { taken: 0, takenBytes: 0, present: 0 };
  const left: LeftFile[] = [];
  let isTaken = false;
  let shownMs = clock.monoMs();
  const report: JobReport = {
    ...{ left: () => {}, forgetLeftOut: () => {}, bytes: () => {}, keep: async () => {} },
    begin: () => {
      isTaken = true;
    },
    isPresent: () => {
      isTaken = false;
      sum.present += 1;
    },
    leftOut: (one) => {
      isTaken = false;
      left.push(one);
    },
    done: (sizeBytes) => {
      sum.taken += isTaken ? 1 : 0;
      sum.takenBytes += isTaken ? sizeBytes : 0;
      const nowMs = clock.monoMs();
      if (nowMs - shownMs >= (isTerminal ? 250 : 5_000)) {
        shownMs = nowMs;
        const line = `${sum.taken} recordings taken, ${left.length} left out`;
        write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
      }
    },
  };
  try {
    await copier.run(report, { signal, wait: async () => signal.throwIfAborted() });
  } catch (error) {
    if (!signal.aborted) {
      throw error instanceof PerchError ? error : diskFaultOf(error, 'cannot copy recordings');
    }
  } finally {
    await playback.close();
  }
  const { taken, takenBytes, present } = sum;
  write(
    `${isTerminal ? '\r\x1b[K' : ''}${taken} recordings taken (${takenBytes} bytes), ${present} were there already\n`,
  );
  if (left.length > 0) {
    const lines = left.slice(0, MAX_NAMED).map((one) => `  ${one.file}: ${one.reason}`);
    const more = left.length > MAX_NAMED ? [`  and ${left.length - MAX_NAMED} more`] : [];
    write(`${[`left out ${left.length}:`, ...lines, ...more].join('\n')}\n`);
  }
  if (signal.aborted) {
    throw new PerchError('unavailable', 'ended before all recordings were taken: the same command continues');
  }
  return taken > 0 || left.length === 0 ? 0 : 1;
}
