import { open } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import { DEMO_PATH } from '../../config/values/path-name.ts';
import { type RecordingFacts, readFacts, readRangedFacts, writeFacts } from '../../playback/index/facts.ts';
import type { SegmentRow } from '../../playback/index/segment-row.ts';
import { writeTsTable } from '../../playback/mpegts/ts-stored-table.ts';
import { readTsTable } from '../../playback/mpegts/ts-table.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { inBatches } from '../../record/retention/delete-path.ts';
import { readSignatureFile } from '../../record/signing/signature-file.ts';
import type { Host } from '../contract.ts';
import { ARCHIVE } from './keys.ts';
import type { RecordingSource } from './storage/contracts.ts';

/** The recorder and its index as the archive uses them. */
export function archiveSource({ recordings }: Pick<Host, 'recordings'>): RecordingSource {
  const { playback, space } = recordings;
  const settingsOf = (path: string) => {
    const settings = space.settingsFor(path);
    return settings && pathSettingsIn(settings, ARCHIVE);
  };
  return {
    get isWhole() {
      return space.isIndexWhole;
    },
    get isClockTrusted() {
      return space.isDateTrusted;
    },
    get isProtectionKnown() {
      return space.protectedRanges.fault === undefined;
    },
    get isHeldUp() {
      return recordings.isHeldUp;
    },
    names: () => recordings.names(),
    scopeOf: (path) => {
      const { recordArchive = 'no', record } = (path === DEMO_PATH ? undefined : settingsOf(path)) ?? {};
      // With motion recording, each recording is the clip of an event.
      return recordArchive === 'protected' && record === 'motion' ? 'all' : recordArchive;
    },
    keptMs: (path) => settingsOf(path)?.recordArchiveDeleteAfterMs ?? 0,
    finishedFrom: (path, fromUs, toUs, limit, after) =>
      playback.space.finishedFrom(path, fromUs, toUs, limit, after as SegmentRow | undefined),
    startsOf: function* (path) {
      const [fromUs, toUs] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
      for (const from of ['finishedFrom', 'copiesFrom'] as const) {
        const rows = inBatches<SegmentRow>((limit, after) => playback.space[from](path, fromUs, toUs, limit, after));
        for (const { file, nameUs, startUs, durationUs, isOwn, isClockTrusted } of rows) {
          const isDated = !isOwn || isClockTrusted || playback.isDated(file);
          yield { nameUs, startUs: isDated ? startUs : undefined, durationUs };
        }
      }
    },
    factsOf: async ({ file }) => {
      const facts = await factsOfFile(file).catch(unlessFileFault);
      return facts && writeFacts(facts);
    },
    archivedFactsOf,
    tableOf: async ({ file }) => {
      const isStream = recordFormatOf(file) === 'mpegts';
      return isStream ? tableOfFile(file).catch(unlessFileFault) : undefined;
    },
    signaturesOf: (file) =>
      playback.tables.moves.at(file, async (at) => (await readSignatureFile(at).catch(unlessFileFault))?.bytes),
    protectedOf: (path) => space.protectedRanges.all.filter((range) => range.path === path),
  };
}

export const archivedFactsOf: RecordingSource['archivedFactsOf'] = async (name, file) => {
  const facts = await readRangedFacts(name, file);
  return facts && writeFacts(facts);
};

/** Reads the whole MPEG-TS file. @returns its sample table; undefined: the file is damaged */
async function tableOfFile(file: string): Promise<Uint8Array | undefined> {
  await using handle = await open(file, 'r');
  try {
    const { head, table, tsIndex } = await readTsTable(handle);
    return writeTsTable(head, table, tsIndex.fragments);
  } catch (error) {
    if (error instanceof PerchError && error.code === 'badInput') {
      return undefined;
    }
    throw error;
  }
}

async function factsOfFile(file: string): Promise<RecordingFacts | undefined> {
  await using handle = await open(file, 'r');
  return await readFacts(file, handle);
}
