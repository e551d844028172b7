import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { removeCache } from '../../base/files/sqlite.ts';
import { createLogger } from '../../base/log.ts';
import { textLine } from '../../base/log-text.ts';
import { ConfigStore } from '../../config/store/store.ts';
import type { CommandCall } from '../../features/contract.ts';
import type { IndexProgress, UnreadableFile } from '../../playback/index/index-rebuild.ts';
import { Playback } from '../../playback/playback.ts';
import { configuredTemplate, recordPathsOf } from '../../recordings/record-path-templates.ts';

/** Rebuilds the index of recordings from the files. @throws PerchError if a Perch runs on the data folder */
export async function reindex(call: CommandCall, clock: Clock = systemClock): Promise<void> {
  const { dataDir, cwd, env, file, write } = call;
  const signal = call.stopSignal();
  const folder = call.hold('a running Perch updates its index itself (GET /v3/recordings/index shows the progress)');
  try {
    const log = createLogger('warn', (line) => write(textLine(line)));
    const place = { dataDir, cwd, env, keys: await call.keys(), ...(file === undefined ? {} : { file }) };
    const store = await ConfigStore.open({ ...place, clock, log });
    const config = store.current;
    store.close();
    const indexFile = join(dataDir, 'segments.db');
    removeCache(indexFile);
    // Unreadable files are listed at the end instead.
    log.level = 'error';
    const recordPaths = () => recordPathsOf(config);
    const paths = { recordPathOf: () => undefined, recordPaths, hasRecorded: configuredTemplate(config) };
    const playback = new Playback({ file: indexFile, paths, logger: log, clock });
    try {
      await run(playback, call, signal, clock);
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

async function run(
  playback: Playback,
  { write, isTerminal }: CommandCall,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
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
