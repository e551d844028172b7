import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../../../agent/base/clock.ts';
import { ImportList } from '../../../../agent/features/transfer/import/import-list.ts';
import { MoveList } from '../../../../agent/features/transfer/move/move-list.ts';
import { DiskPace } from '../../../../agent/features/transfer/run/disk-pace.ts';
import { formatRecordPath } from '../../../../agent/record/file/record-path.ts';
import { Copier } from '../../../../agent/recordings/copy/copier.ts';
import { recordingOf } from '../../../../agent/recordings/copy/forecast.ts';
import type { RecordingList } from '../../../../agent/recordings/copy/recording-list.ts';
import type { JobReport } from '../../../../agent/recordings/copy/transfer-kind.ts';
import { type Figure, median } from '../../../bench/measure/figure.ts';
import { recordHour } from '../../../bench/playback/hour-recording.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { openCatalog } from '../../../support/disks/catalog.ts';
import { filesBelow, WALL } from '../../../support/disks/recordings.ts';
import { good } from '../../../support/harness/loaded-config.ts';
import { TEMPLATE } from '../../../support/harness/playback.ts';

const FILES = 6;
const RUNS = 3;
const HOUR_MS = 3_600_000;
/** Maximum size of pictures other than key frames. */
const MAX_PICTURE_BYTES = 400;
const never = new AbortController().signal;

/** `cp` and `sync` of the same files, and the job, to the disk of `/var/tmp` from memory: two file systems. */
async function ratioOf(run: (from: string, to: string) => Promise<void>, note: (text: string) => void) {
  const clip = mkdtempSync('/dev/shm/perch-transfer-');
  const from = mkdtempSync('/dev/shm/perch-transfer-from-');
  const disk = mkdtempSync('/var/tmp/perch-transfer-to-');
  const to = join(disk, 'to');
  try {
    if (statSync(from).dev === statSync(disk).dev) {
      throw new Error('/dev/shm and /var/tmp are one file system: a move would only link');
    }
    const hour = await recordHour(clip, 0, MAX_PICTURE_BYTES);
    const bytes = FILES * hour.sizeBytes;
    const begin = async () => {
      rmSync(to, { recursive: true, force: true });
      mkdirSync(to);
      for (let i = 0; i < FILES; i += 1) {
        const file = formatRecordPath(join(from, TEMPLATE), 'cam', WALL + i * HOUR_MS, 'UTC');
        mkdirSync(dirname(file), { recursive: true });
        copyFileSync(hour.file, file);
        // What changed within the last minute is not imported.
        utimesSync(file, WALL / 1000, WALL / 1000);
      }
      await sync(to);
    };
    const [jobs, floors]: [number[], number[]] = [[], []];
    for (let i = 0; i < RUNS; i += 1) {
      await begin();
      floors.push(await secondsOf(() => sh('cp -a "$0/." "$1" && sync -f "$1"', from, to)));
      await begin();
      jobs.push(await secondsOf(() => run(from, to)));
      if (filesBelow(to).filter((file) => file.endsWith('.mp4')).length !== FILES) {
        throw new Error(`not all of ${FILES} recordings are there`);
      }
    }
    const rate = (seconds: readonly number[]) => `${Math.round(bytes / median(seconds) / 1e6)} MB/s`;
    note(`${FILES} recordings of ${Math.round(hour.sizeBytes / 1e6)} MB: ${rate(jobs)}, cp and sync ${rate(floors)}`);
    return jobs.map((seconds, i) => seconds / (floors[i] ?? Number.NaN));
  } finally {
    for (const folder of [clip, from, disk]) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}

async function sh(script: string, ...args: string[]): Promise<void> {
  const { code, output } = await runProcess('sh', ['-c', script, ...args]);
  if (code !== 0) {
    throw new Error(output);
  }
}

const sync = (folder: string) => sh('sync -f "$0"', folder);

const REPORT: JobReport = {
  ...{ left: () => {}, forgetLeftOut: () => {}, begin: () => {}, bytes: () => {}, done: () => {} },
  ...{ isPresent: () => {}, keep: async () => {} },
  leftOut: ({ file, reason }) => {
    throw new Error(`${file} is left out: ${reason}`);
  },
};

const PACE = () => new DiskPace({ clock: systemClock, signal: never, busyMs: () => 0 });

async function move(from: string, to: string): Promise<void> {
  await withCatalog([to, from], async (playback) => {
    await playback.rebuild(never);
    return new MoveList(undefined, {
      ...{ clock: systemClock, playback, templateOf: () => join(to, TEMPLATE), zone: 'UTC' },
      ...{ isOpen: () => false, isIndexWhole: () => true, keep: () => () => {} },
    });
  });
}

async function take(from: string, to: string): Promise<void> {
  const config = good(`perch: own\nrecordMinFree: 0
pathDefaults: { recordPath: '${join(to, TEMPLATE)}', recordDeleteAfter: 0s }\npaths: { cam: {} }\n`);
  const deps = { clock: systemClock, settingsOf: (path: string) => recordingOf(config, path), zone: 'UTC' };
  await withCatalog([to], async () => new ImportList(from, [{ group: 'cam', path: 'cam' }], {}, deps));
}

async function withCatalog(
  folders: readonly string[],
  listOf: (playback: ReturnType<typeof openCatalog>) => Promise<RecordingList>,
): Promise<void> {
  const index = mkdtempSync(join(tmpdir(), 'perch-transfer-index-'));
  const recordPaths = folders.map((folder) => join(folder, TEMPLATE));
  const playback = openCatalog(index, { recordPaths, paths: ['cam'] });
  const deps = { clock: systemClock, playback, isOpen: () => false, zone: 'UTC' };
  try {
    const copier = new Copier(await listOf(playback), {}, { ...deps, refusal: () => undefined, minFreeBytes: () => 0 });
    await copier.run(REPORT, PACE());
  } finally {
    await playback.close();
    rmSync(index, { recursive: true });
  }
}

/** A transfer rests a fifth of the time, and a move also reads back what it wrote and compares it with the original. */
export const transferMove: Figure = {
  name: 'transfer-move',
  unit: '× the time of cp and sync',
  goal: 4,
  isAbsolute: false,
  about: 'moving recordings to another disk, at the pace that leaves it to recording',
  measure: (note) => ratioOf(move, note),
};

export const transferImport: Figure = {
  name: 'transfer-import',
  unit: '× the time of cp and sync',
  goal: 4,
  isAbsolute: false,
  about: 'importing the same files, which are not read back',
  measure: (note) => ratioOf(take, note),
};
