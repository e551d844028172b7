import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { Playback } from '../../../agent/playback/playback.ts';
import type { GetFormat } from '../../../agent/playback/read/query.ts';
import { Stores } from '../../../agent/playback/stores/stores.ts';
import { WALL } from '../disks/recordings.ts';

export const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';

/** Playback of the recordings below a folder; every path is configured except `unknown`. */
export function openPlayback(
  folder: string,
  indexFile = join(folder, 'index.db'),
  zone = 'UTC',
): Playback & AsyncDisposable {
  const recordPath = join(folder, TEMPLATE);
  const playback = new Playback({
    file: indexFile,
    zone,
    logger: silentLogger,
    paths: {
      recordPathOf: (name) => (name === 'unknown' ? undefined : { recordPath, format: 'fmp4' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
  });
  return Object.assign(playback, { [Symbol.asyncDispose]: () => playback.close() });
}

/** Stores with the recordings of a playback alone. @param title of each camera */
export const storesOf = (playback: Playback, title?: string): Stores =>
  new Stores({
    playback,
    clock: systemClock,
    titleOf: () => title,
    isRecorded: () => true,
    isServer: () => false,
  });

/** A whole response. Times in ms and s from the recordings' usual start. */
export async function getBytes(
  playback: Playback,
  fromMs: number,
  seconds: number,
  format: GetFormat = 'fmp4',
): Promise<Buffer> {
  const query = { path: 'cam', startUs: (WALL + fromMs) * 1000, durationUs: Math.round(seconds * 1e6), format };
  const { file } = await playback.get(query);
  return buffer(file.read(0, file.sizeBytes));
}
