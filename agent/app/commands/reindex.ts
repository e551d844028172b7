import { join } from 'node:path';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { removeCache } from '../../base/files/sqlite.ts';
import { createLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
import type { Environment } from '../../config/load/environment.ts';
import type { ConfigKeys } from '../../config/schema/config-keys.ts';
import { ConfigStore } from '../../config/store/store.ts';
import type { IndexProgress, UnreadableFile } from '../../playback/index/index-rebuild.ts';
import { Playback } from '../../playback/playback.ts';
import { recordPathsOf } from '../recordings/record-path-templates.ts';

export interface ReindexOptions {
  readonly data: string;
  /** The configuration file of the command line. */
  readonly file?: string;
  readonly cwd: string;
  readonly env: Environment;
  readonly keys: ConfigKeys;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
  /** The output is a terminal, where a line can be overwritten. */
  readonly isTerminal: boolean;
  readonly clock?: Clock;
}

/** Rebuilds the index of recordings from the files. @throws PerchError if a Perch runs on the data folder */
export async function reindex(options: ReindexOptions): Promise<void> {
  const { cwd, env, keys, file, signal, write, clock = systemClock } = options;
  const folder = hold(
    options.data,
    'a running Perch updates its index itself (GET /v3/recordings/index shows the progress)',
  );
  try {
    const log = createLogger('warn', (line) => write(textLine(line)));
    const dataDir = folder.path;
    const place = { dataDir, cwd, env, keys, ...(file === undefined ? {} : { file }) };
    const store = await ConfigStore.open({ ...place, clock, log });
    const recordPaths = recordPathsOf(store.current);
    store.close();
    const indexFile = join(dataDir, 'segments.db');
    removeCache(indexFile);
    // Unreadable files are listed at the end instead.
    log.level = 'error';
    const paths = { recordPathOf: () => undefined, recordPaths: () => recordPaths };
    const playback = new Playback({ file: indexFile, paths, logger: log, clock });
    try {
      await run(playback, options, clock);
    } finally {
      await playback.close();
    }
    if (signal.aborted) {
      throw new PerchError(
        'unavailable',
        'ended before all recordings were read; Perch reads the rest at its next start',
      );
    }
  } finally {
    folder.release();
  }
}

/** @param way out if a Perch runs on the data folder, for the message */
export function hold(data: string, way: string): ReturnType<typeof holdDataFolder> {
  try {
    return holdDataFolder(data);
  } catch (cause) {
    if (cause instanceof PerchError && cause.message.includes('in use')) {
      throw new PerchError('unavailable', way, {}, cause);
    }
    throw cause;
  }
}

async function run(playback: Playback, { signal, write, isTerminal }: ReindexOptions, clock: Clock): Promise<void> {
  const begunMs = clock.monoMs();
  const show = (): void => {
    const line = progressLine(playback.indexProgress);
    write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
  };
  const stop = clock.every(isTerminal ? 250 : 5_000, show);
  try {
    await playback.rebuild(signal);
  } finally {
    stop();
    write(isTerminal ? '\r\x1b[K' : '');
  }
  const seconds = (clock.monoMs() - begunMs) / 1000;
  const { files } = playback.indexProgress;
  const { count, files: unreadable } = playback.unreadable();
  const paths = (await playback.names()).length;
  const ofPaths = paths === 1 ? 'one path' : `${inWords(paths)} paths`;
  write(`${inWords(files)} recordings of ${ofPaths} in ${seconds.toFixed(1)} s\n`);
  write(leftOut(count, unreadable));
}

function progressLine({ state, files, read, left, filesPerSecond, leftSeconds }: IndexProgress): string {
  if (state === 'looking') {
    return `looking for recordings: ${inWords(files)} so far`;
  }
  const time = leftSeconds > 0 ? `, ${leftSeconds} s left` : '';
  return `${inWords(read)} of ${inWords(read + left)} recordings read, ${inWords(filesPerSecond)} per second${time}`;
}

function leftOut(count: number, named: readonly UnreadableFile[]): string {
  if (count === 0) {
    return '';
  }
  const lines = named.map(({ file, reason }) => `  ${file}: ${reason}`);
  const more = count > named.length ? [`  and ${inWords(count - named.length)} more`] : [];
  const what = count === 1 ? 'one' : inWords(count);
  return `${[`skipped ${what} that cannot be read:`, ...lines, ...more].join('\n')}\n`;
}

/** 500000 as `500,000`. */
const inWords = (count: number): string => count.toLocaleString('en-US');
