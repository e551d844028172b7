import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type pino from 'pino';
import { silentLogger } from '../../../agent/base/log.ts';
import type { Journal } from '../../../agent/playback/index/index-rebuild.ts';
import { Playback } from '../../../agent/playback/playback.ts';
import type { FakeClock } from '../base/fake-clock.ts';

export const LONG_AGO = new Date('2026-01-01T00:00:00Z');

export const countOf = async (playback: Playback, path = 'cam'): Promise<number> =>
  ((await playback.segments(path)) ?? []).length;

/** A folder whose last change is long ago by its time stamps. */
export function settle(folder: string): void {
  utimesSync(folder, LONG_AGO, LONG_AGO);
}

export interface CatalogSetup {
  readonly recordPaths: readonly string[];
  /** Configured paths, all at the first of these. */
  readonly paths?: readonly string[];
  readonly logger?: pino.Logger;
  readonly journal?: Journal;
  readonly clock?: FakeClock;
}

/** Playback with an index in a folder, of recordings at `recordPaths`. */
export function openCatalog(
  folder: string,
  { recordPaths, paths = ['cam'], logger = silentLogger, journal, clock }: CatalogSetup,
) {
  const playback = new Playback({
    file: join(folder, 'segments.db'),
    zone: 'UTC',
    logger,
    paths: {
      recordPathOf: (name) => (paths.includes(name) ? { recordPath: recordPaths[0] ?? '', format: 'fmp4' } : undefined),
      recordPaths: () => recordPaths,
      hasRecorded: () => false,
    },
    ...(clock && { clock }),
  });
  if (journal) {
    playback.addJournal(journal);
  }
  return Object.assign(playback, { [Symbol.asyncDispose]: () => playback.close() });
}
