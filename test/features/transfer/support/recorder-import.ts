import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import type { Config } from '../../../../agent/config/load/load.ts';
import type { PathSettings } from '../../../../agent/config/schema/path.ts';
import { DraftRecorders } from '../../../../agent/features/transfer/recorder/draft-recorder.ts';
import {
  RecorderImport,
  type RecorderImportDeps,
} from '../../../../agent/features/transfer/recorder/recorder-import.ts';
import { openRecorder } from '../../../../agent/features/transfer/recorder/recorder-session.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import type { LeftFile } from '../../../../agent/recordings/copy/left-file.ts';
import type { JobReport } from '../../../../agent/recordings/copy/transfer-kind.ts';
import { type OnvifCamera, startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import type { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { openPlayback, TEMPLATE } from '../../../support/harness/playback.ts';

export const LOGIN = { user: 'admin', password: 'pässword' };
export const SECONDS = 60;
export const START_MS = Date.UTC(2026, 2, 1, 12);
export const HOUR_MS = 3_600_000;
export const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
export const NEVER = new AbortController().signal;
export const config = () => ({ paths: new Map() }) as unknown as Config;

export function withoutSets(unit: Uint8Array): Uint8Array {
  const bytes = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((bytes[at + 4] ?? 0) & 0x1f)) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

/** Ten pictures and one group a second. */
export async function openDevice(
  quirks: Quirks = {},
  card: SdCard = filledCard({ fromMs: START_MS, seconds: SECONDS }),
) {
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return { camera, card };
}

/** A path whose recordings are in a folder of its own. */
export function openPath(camera: OnvifCamera, folder = temporaryFolder()) {
  const playback = openPlayback(folder.path, ':memory:');
  const drafts = new DraftRecorders({ clock: systemClock, log: silentLogger, index: playback.segmentLog });
  onTestFinished(async () => {
    await drafts[Symbol.asyncDispose]();
    await playback.close();
    folder[Symbol.dispose]();
  });
  const settings = {
    ...{ recordPath: `${folder.path}/${TEMPLATE}`, recordFormat: 'fmp4', recordPartDurationMs: 1_000, audio: true },
    ...{ recordMaxPartSizeBytes: 50e6, recordSegmentDurationMs: HOUR_MS, recordDeleteAfterMs: 0 },
  } as PathSettings;
  const recorder = { address: camera.url, ...LOGIN };
  const left: LeftFile[] = [];
  const seen = { files: 0, bytes: 0, doneBytes: 0, leftBytes: [] as number[], kept: {} as object, onBytes: () => {} };
  const deps: RecorderImportDeps = {
    ...{
      clock: systemClock,
      playback,
      busyMs: () => 0,
      deleted: async () => [],
      room: async () => 1e12,
      whenRoom: 'it continues when there is room',
      settingsOf: () => settings,
    },
    open: (signal) => openRecorder(recorder, { clock: systemClock, config }, signal),
    recorder: (path, of) => drafts.recorder(path, of),
    stopped: () => drafts.place(),
    ...{ limitRoom: () => Number.POSITIVE_INFINITY, claim: () => true, release: () => {} },
  };
  const report: JobReport = {
    ...{ forgetLeftOut: () => {}, begin: () => {}, isPresent: () => {} },
    left: (_files, bytes) => void seen.leftBytes.push(bytes),
    bytes: (count) => {
      seen.bytes += count;
      seen.onBytes();
    },
    done: (bytes) => {
      seen.files += 1;
      seen.doneBytes += bytes;
    },
    leftOut: (one) => void left.push(one),
    keep: async (memory) => {
      seen.kept = structuredClone(memory);
    },
  };
  const jobOf = (
    stored: ConstructorParameters<typeof RecorderImport>[0],
    more: Partial<RecorderImportDeps> = {},
  ): RecorderImport => new RecorderImport(stored, { ...deps, ...more });
  const go = (job: RecorderImport, signal = NEVER): Promise<void> =>
    job.run(report, { signal, wait: async () => signal.throwIfAborted() });
  const run = async (
    stored: ConstructorParameters<typeof RecorderImport>[0],
    more: Partial<RecorderImportDeps> = {},
    signal = NEVER,
  ) => {
    const job = jobOf(stored, more);
    await go(job, signal);
    return job;
  };
  const open = () => openRecorder(recorder, { clock: systemClock, config }, NEVER);
  return { folder: folder.path, playback, run, jobOf, go, open, left, seen, settings };
}

export const importOf = (group: string, more: object = {}) => ({
  ...{ items: [{ group, path: 'yard' }], memory: {}, zoneMs: 0, ...more },
});

/** All pictures of the path: seconds after the start, and digest. */
export async function recorded(playback: Playback, path = 'yard') {
  const all: [number, string][] = [];
  for await (const { data, timesUs } of playback.video(path, {
    fromUs: 0,
    toUs: Date.now() * 1_000,
    signal: NEVER,
    wants: () => true,
  })) {
    data.forEach(
      (one, i) => void all.push([Math.round((timesUs[i] ?? 0) / 10_000 - START_MS / 10) / 100, digest(one)]),
    );
  }
  return all;
}

export const onCard = ({ units }: SdCard, from = 0, until = SECONDS) =>
  units
    .filter(({ track }) => track === 0)
    .map(({ unixMs, data }): [number, string] => [(unixMs - START_MS) / 1_000, digest(withoutSets(data))])
    .filter(([second]) => second >= from && second < until);
