import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { createLogger } from '../../../../agent/base/log.ts';
import { Backfill } from '../../../../agent/features/backfill/backfill.ts';
import type { Coverage } from '../../../../agent/playback/coverage.ts';
import type { Recorder } from '../../../../agent/record/recorder.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { good } from '../../../support/harness/loaded-config.ts';

const LOGIN = { user: 'admin', password: 'for the camera' };
/** What the card holds, up to now. */
export const CARD_SECONDS = 120;
/** Whole minutes make times of logs and hours plain. */
const NOW_MS = Date.UTC(2026, 5, 1, 12);

type Seconds = readonly [from: number, until: number];
type Range = { readonly startUs: number; readonly endUs: number };
type Listener = (path: string, range: Range) => Promise<void>;

interface Setup {
  readonly quirks?: Quirks;
  /** Of the camera; default: one that no other camera has. */
  readonly serial?: string;
  readonly record?: 'yes' | 'no' | 'motion';
  /** Of the path, in YAML. */
  readonly keys?: string;
  /** Seconds before now. */
  readonly recorded?: readonly Seconds[];
  readonly reasons?: readonly (readonly [type: string, from: number, until: number])[];
}

/** The whole service at a simulated camera with a card; recordings and paths are the test's. Times are seconds before now. */
export async function openService({
  quirks = {},
  record = 'yes',
  keys = '',
  recorded = [],
  reasons = [],
  serial,
}: Setup = {}) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  clock.stepWall(NOW_MS - clock.wallMs());
  const card = filledCard({ fromMs: NOW_MS - CARD_SECONDS * 1_000, seconds: CARD_SECONDS, fps: 5, group: 5 });
  card.isRecording = true;
  const identity = serial === undefined ? {} : { serial };
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card, clock, identity });
  const range = ([from, until]: Seconds): Range => ({
    startUs: (NOW_MS - from * 1_000) * 1_000,
    endUs: (NOW_MS - until * 1_000) * 1_000,
  });
  const state = {
    coverage: {
      recorded: recorded.map(range),
      deleted: [] as Range[],
      reasons: reasons.map(([type, from, until]) => ({ type, ...range([from, until]) })),
    } satisfies Coverage,
    readers: [] as { type: string; id: string }[],
    sessions: [] as { id: string; user: string; created: string }[],
    keptMs: undefined as number | undefined,
    isClockTrusted: true,
    /** Begin of the live stream. */
    readyMs: NOW_MS - 3_600_000,
    /** Pictures of these seconds find no disk. */
    isImporting: false,
    /** How long a recorder waits for its disk. */
    busyMs: 0,
    lost: undefined as Seconds | undefined,
    /** Whole seconds before now whose pictures were recorded, each picture once. */
    got: [] as number[],
  };
  const text =
    `timetableZone: UTC\npaths:\n  door:\n    source: rtsp://h/1\n    record: ${record}\n` +
    `    camera: {onvif: '${camera.url}', user: ${LOGIN.user}, password: ${LOGIN.password}}\n${keys}`;
  const config = good(text);
  const settings = config.paths.get('door')?.settings ?? expect.fail('the path has no settings');
  const listeners = {
    deleted: new Set<Listener>(),
    restored: new Set<Listener>(),
    madeRoom: (_path: string, _endUs: number) => {},
  };
  const listen = (all: Set<Listener>) => (listener: Listener) => {
    all.add(listener);
    return () => all.delete(listener);
  };
  const recorder = (): Recorder => {
    const collecting = {
      state: { kind: 'idle' } as { kind: string; error?: string },
      dropped: { 'slow disk': 0 },
      refusedFiles: 0,
      hasUnfinished: false,
      start: (stream: Parameters<Recorder['start']>[0]) =>
        stream.addReader(
          {
            id: 'test',
            onSample: (index, { wall }) => {
              const second = (NOW_MS - wall) / 1_000;
              const [from, until] = state.lost ?? [0, 0];
              if (second <= from && second >= until) {
                collecting.state = { kind: 'failed', error: 'the disk is gone' };
              } else if (index === 0) {
                state.got.push(Math.round(second * 10) / 10);
              }
            },
            onTrack: () => {},
            onEnd: () => {},
          },
          false,
        ),
      stop: async () => {},
    };
    return collecting as unknown as Recorder;
  };
  const stop = new AbortController();
  const lines: string[] = [];
  const host = {
    ...{ dataDir: folder.path, clock, signal: stop.signal, config: () => config },
    log: createLogger('info', (line) => lines.push(line)),
    paths: {
      find: (name: string) =>
        name === 'door'
          ? {
              ...{ ready: true, readyTime: new Date(state.readyMs).toISOString(), readers: state.readers },
              recording: { active: true, error: null },
            }
          : undefined,
    },
    sessions: { kinds: [{ apiType: 'rtspSession' }], table: () => ({ list: () => state.sessions }) },
    recordings: {
      get isClockTrusted() {
        return state.isClockTrusted;
      },
      get busyMs() {
        return state.busyMs;
      },
      space: {
        keptMs: () => state.keptMs,
        onMadeRoom: (listener: (path: string, endUs: number) => void) => {
          listeners.madeRoom = listener;
        },
        rangeDeletions: { onDeleted: listen(listeners.deleted), onRestored: listen(listeners.restored) },
      },
      playback: {
        coverage: async () => state.coverage,
        // Nothing is compared: the clock of the camera is believed.
        video: async function* () {},
      },
      recorders: {
        ...{ fetcher: recorder, fetched: () => {}, claim: () => !state.isImporting, release: () => {} },
        claimantOf: () => (state.isImporting ? 'import' : undefined),
      },
    },
  };
  const backfill = new Backfill(host as unknown as ConstructorParameters<typeof Backfill>[0], 60_000);
  await backfill.begin();
  backfill.start();
  onTestFinished(async () => {
    let isClosed = false;
    const closed = backfill.close().then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      await step();
    }
    await closed;
    await camera[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  /** Time passes in steps, between which the sockets of this process are served. */
  const step = async (): Promise<void> => {
    await clock.advance(250);
    await systemClock.sleep(1, stop.signal);
  };
  const pass = async (seconds: number): Promise<void> => {
    const endMs = clock.monoMs() + seconds * 1_000;
    while (clock.monoMs() < endMs) {
      await step();
    }
  };
  /** Waits for a condition, an hour at most. */
  const until = async (isSo: () => boolean): Promise<boolean> => {
    const endMs = clock.monoMs() + 3_600_000;
    while (!isSo() && clock.monoMs() < endMs) {
      await step();
    }
    return isSo();
  };
  const tell = async (kind: 'deleted' | 'restored', seconds: Seconds): Promise<void> => {
    let isTold = false;
    const told = Promise.all([...listeners[kind]].map((listener) => listener('door', range(seconds)))).then(() => {
      isTold = true;
    });
    while (!isTold) {
      await step();
    }
    await told;
  };
  return {
    ...{ dataDir: folder.path, backfill, camera, card, settings, state, pass, until, lines, clock },
    item: () => backfill.list().items[0],
    deletes: (seconds: Seconds) => tell('deleted', seconds),
    makesRoom: (second: number) => listeners.madeRoom('door', range([second, second]).endUs),
    restores: (seconds: Seconds) => tell('restored', seconds),
    asked: (operation = 'GetReplayUri') => camera.operations.filter((one) => one === operation).length,
  };
}
