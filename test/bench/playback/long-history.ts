import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLogger } from '../../../agent/base/log.ts';
import { Catalog } from '../../../agent/playback/index/catalog.ts';
import { KnownTemplates } from '../../../agent/playback/index/known-templates.ts';
import { MovedFiles } from '../../../agent/playback/index/moved-files.ts';
import { SegmentIndex } from '../../../agent/playback/index/segment-index.ts';
import { formatRecordPath } from '../../../agent/record/file/record-path.ts';
import { record } from '../../support/disks/recordings.ts';
import { TEMPLATE } from '../../support/harness/playback.ts';

export const FIRST_MS = Date.UTC(2026, 0, 1);
export const SEGMENT_MS = 600_000;
const BOOT_ID = '0123456789abcdef0123456789abcdef';

export interface LongHistory extends AsyncDisposable {
  readonly folder: string;
  readonly indexFile: string;
}

/**
 * Paths `cam0`, `cam1`, … each with this many recordings of ten minutes, every tenth not mergeable, in folders and in the index, as a
 * recorder would have added them over months. Each path's files are one small recording under many names.
 */
export async function makeLongHistory(paths: number, filesPerPath: number): Promise<LongHistory> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-long-history-'));
  const indexFile = join(folder, 'segments.db');
  const [clip = ''] = await record(join(folder, 'clip'), 2);
  const index = new SegmentIndex(indexFile, (error) => {
    throw error;
  });
  for (let path = 0; path < paths; path += 1) {
    addPath(folder, index, `cam${path}`, filesPerPath, clip);
  }
  await look(folder, index);
  index.close();
  return {
    folder,
    indexFile,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function addPath(folder: string, index: SegmentIndex, path: string, count: number, clip: string): void {
  const template = join(folder, TEMPLATE);
  const nameAt = (i: number) => formatRecordPath(template, path, FIRST_MS + i * SEGMENT_MS, 'UTC');
  const first = nameAt(0);
  mkdirSync(dirname(first), { recursive: true });
  copyFileSync(clip, first);
  const { size: sizeBytes, mtimeMs } = statSync(first);
  for (let i = 0; i < count; i += 1) {
    const file = nameAt(i);
    if (i > 0) {
      linkSync(first, file);
    }
    const startUs = (FIRST_MS + i * SEGMENT_MS) * 1000;
    index.addNames([{ folder: dirname(file), name: file.slice(file.lastIndexOf('/') + 1), path, startUs }]);
    const streamId = Math.floor(i / 10)
      .toString(16)
      .padStart(32, '0');
    index.setInfo(file, {
      sizeBytes,
      mtimeMs,
      isFinished: true,
      durationUs: SEGMENT_MS * 1000,
      mark: { streamId, segmentNumber: i % 10, dtsUs: i * SEGMENT_MS * 1000, wallUs: startUs },
      fileMark: {
        firstSequence: i + 1,
        bootId: BOOT_ID,
        monoUs: i * SEGMENT_MS * 1000,
        isClockTrusted: true,
        offsetMinutes: 0,
      },
      signature: '1:90000:avc1,2:48000:Opus',
    });
  }
  index.commit();
  // Folders that were changed a moment ago are not relied on.
  utimesSync(dirname(first), FIRST_MS / 1000, FIRST_MS / 1000);
}

/** As the agent has done before it was ended: the folders are known as they are. */
async function look(folder: string, index: SegmentIndex): Promise<void> {
  const template = join(folder, TEMPLATE);
  const paths = {
    recordPathOf: () => ({ recordPath: template, format: 'fmp4' as const }),
    recordPaths: () => [template],
    hasRecorded: () => false,
  };
  const templates = new KnownTemplates(join(folder, 'record-paths.json'), () => {});
  await new Catalog({
    index,
    paths,
    templates,
    logger: silentLogger,
    zone: 'UTC',
    monoMs: () => 0,
    isBeingWritten: () => false,
    moves: new MovedFiles(),
  }).scan();
}
