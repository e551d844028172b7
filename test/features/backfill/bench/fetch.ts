import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackfillItem } from '../../../../agent/features/backfill/routes.ts';
import { type Figure, median } from '../../../bench/measure/figure.ts';
import { ownPssMegabytes } from '../../../bench/measure/proc.ts';
import { startScript } from '../../../bench/measure/script.ts';
import { PYTHON } from '../../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { LOGIN, noteOutage, recordSamples, samplesOf } from '../support/outage.ts';
import { clipCard } from './clip-card.ts';

const HERE = import.meta.dirname;
const GST = join(HERE, '../../../peers/clients/gst-replay-speed.py');
const RUNS = 3;
const SECONDS = 200;
/** A port of 100 Mbit/s, as nearly all cameras have, with recordings of 4 Mbit/s. */
const PORT_PACE = 25;
/** What the box has missed, in seconds of the card. */
const GAP = [20, 160] as const;
/** Replays begin this much earlier, for the comparison of pictures. */
const COMPARED_SECONDS = 12;
/** Until a box that has just started takes no more memory. */
const SETTLED_MS = 25_000;
const SAMPLE_MS = 100;
/** As the packages start Perch. */
const FLAGS = ['--optimize-for-size', '--min-semi-space-size=1', '--bytecode-old-age=2', '--flush-baseline-code'];

interface Fetch {
  /** From the begin of the fetch to its end. */
  readonly seconds: number;
  /** Of what was replayed for it. */
  readonly bytes: number;
  /** Memory during the fetch minus before, the mean of each; NaN: the box was timed instead. */
  readonly megabytes: number;
  /** Live pictures meanwhile. */
  readonly live: Live;
  /** The same before. */
  readonly liveBefore: Live;
}

interface Live {
  readonly pictures: number;
  readonly late: number;
  readonly lost: number;
}

interface Said extends BackfillItem {
  readonly isRecorded: boolean;
  readonly live: Live;
}

interface Camera {
  readonly url: string;
  readonly rtspUrl: string;
  readonly replayUrl: string;
  readonly bytes: number;
}

async function startCamera(pace = 0) {
  const fromMs = Math.floor(Date.now() / 1_000 - SECONDS) * 1_000;
  const running = startScript(join(HERE, 'card-camera.ts'), [`${fromMs}`, `${SECONDS}`, `${pace}`]);
  const [line] = await running.waitFor(/^\{"url".*\}$/m);
  return {
    ...(JSON.parse(line) as Camera),
    fromMs,
    async [Symbol.asyncDispose]() {
      running.child.stdin.end();
      await running.exited;
    },
  };
}

/** @param maxRate `backfillMaxRate` @param pace of the replay, relative to the recording; 0: as fast as possible */
async function fetchGap(maxRate: string, stableMs: number, pace = 0): Promise<Fetch & { readonly camera: Camera }> {
  await using camera = await startCamera(pace);
  using folder = temporaryFolder();
  const { fromMs } = camera;
  const card = await clipCard(fromMs, SECONDS);
  const recordPath = join(folder.path, 'recordings/%path/%s-%f');
  const dataDir = join(folder.path, 'data');
  for (const [from, until] of [[0, GAP[0]] as const, [GAP[1], SECONDS - 5] as const]) {
    await recordSamples(recordPath, 'door', card.tracks[0], samplesOf({ card, fromMs }, from, until));
  }
  await noteOutage(dataDir, 'door', fromMs, GAP);
  mkdirSync(dataDir, { recursive: true });
  const file = join(folder.path, 'perch.yml');
  const off = ['address', 'tlsAddress', 'rtspAddress'].map((key) => `${key}: '127.0.0.1:0'\n`).join('');
  const none = ['hls', 'webrtc', 'rtmp', 'srt', 'api', 'playback', 'metrics', 'mdns']
    .map((key) => `${key}: no\n`)
    .join('');
  const path =
    `  door:\n    source: '${camera.rtspUrl}'\n    record: yes\n    recordPath: '${recordPath}'\n    recordDeleteAfter: 0s\n` +
    `    backfillMaxRate: ${maxRate}\n    camera: {onvif: '${camera.url}', user: ${LOGIN.user}, password: ${LOGIN.password}}\n`;
  writeFileSync(file, `perch: own\n${off}${none}rtspTransports: [tcp]\npaths:\n${path}`);
  const program = [join(HERE, '../support/box-program.ts'), file, dataDir, `${stableMs}`];
  const box = startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', ...FLAGS, ...program]);
  try {
    const said = (): Said | undefined => {
      const line = box
        .output()
        .split('\n')
        .findLast((one) => one.startsWith('{"path"') && one.endsWith('}'));
      return line === undefined ? undefined : (JSON.parse(line) as Said);
    };
    // Samples of memory would stop the box for some milliseconds each.
    const isTimed = stableMs < SETTLED_MS;
    const [before, during]: [number[], number[]] = [[], []];
    let [beganMs, endedMs] = [0, 0];
    let liveBefore: Live | undefined;
    let last: Said | undefined;
    while (endedMs === 0) {
      await new Promise((resolve) => setTimeout(resolve, isTimed ? 5 : SAMPLE_MS));
      last = said() ?? last;
      if (last?.state === 'fetching') {
        beganMs ||= performance.now();
        liveBefore ??= last.live;
        during.push(...(isTimed ? [] : [ownPssMegabytes(box.pid)]));
      } else if (beganMs > 0) {
        endedMs = performance.now();
      } else if (last?.isRecorded && !isTimed) {
        before.push(ownPssMegabytes(box.pid));
      }
    }
    const whole = GAP[1] - GAP[0];
    if (!last || last.fetchedSeconds < whole - 4) {
      throw new Error(`${last?.fetchedSeconds} of ${whole} s were fetched: ${box.output().slice(-2_000)}`);
    }
    const isReplayed = ({ unixMs }: { unixMs: number }) =>
      unixMs >= fromMs + (GAP[0] - COMPARED_SECONDS) * 1_000 && unixMs < fromMs + GAP[1] * 1_000;
    const bytes = card.units.filter(isReplayed).reduce((sum, { data }) => sum + data.length, 0);
    const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;
    const { live } = last;
    const earlier = liveBefore ?? { pictures: 0, late: 0, lost: 0 };
    const since = (key: keyof Live) => live[key] - earlier[key];
    return {
      ...{ camera, bytes, seconds: (endedMs - beganMs) / 1_000 },
      megabytes: mean(during) - mean(before.slice(-50)),
      liveBefore: earlier,
      live: { pictures: since('pictures'), late: since('late'), lost: since('lost') },
    };
  } finally {
    await box.stop('SIGTERM');
  }
}

export const backfillSpeed: Figure = {
  name: 'backfill-speed',
  unit: "× GStreamer's",
  goal: 0.8,
  isAtLeast: true,
  isAbsolute: false,
  about:
    'bytes per second of a gap fetched from a card and recorded, relative to rtspsrc onvif-mode=true onvif-rate-control=false; the camera replays at 100 Mbit/s',
  measure: async (note) => {
    const ratios: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      const { seconds, bytes } = await fetchGap('0', 2_000, PORT_PACE);
      await using camera = await startCamera(PORT_PACE);
      const { code, output } = await runProcess(PYTHON, [GST, camera.replayUrl, LOGIN.user, LOGIN.password]);
      const seen = JSON.parse(code === 0 ? (/^\{.*\}$/m.exec(output)?.[0] ?? '{}') : '{}') as { seconds?: number };
      if (!seen.seconds) {
        throw new Error(output);
      }
      const [own, its] = [bytes / seconds, camera.bytes / seen.seconds];
      const sent = (camera.bytes * PORT_PACE) / SECONDS;
      if (its > 1.02 * sent) {
        throw new Error(`GStreamer is measured at ${its} bytes a second, of ${sent} that the camera sends`);
      }
      note(`${(own / 1e6).toFixed(1)} MB/s, GStreamer ${(its / 1e6).toFixed(1)} MB/s`);
      ratios.push(own / its);
    }
    return ratios;
  },
};

const textOf = ({ pictures, late, lost }: Live): string => `${pictures} live pictures: ${late} late, ${lost} lost`;

let slow: Promise<readonly Fetch[]> | undefined;

/** As it is by default: a quarter of the link, after a measurement at full speed. */
function slowFetches(note: (text: string) => void): Promise<readonly Fetch[]> {
  slow ??= (async () => {
    const all: Fetch[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      const one = await fetchGap('auto', SETTLED_MS, PORT_PACE);
      note(
        `${one.megabytes.toFixed(1)} MB in ${one.seconds.toFixed(0)} s; ${textOf(one.live)}; before ${textOf(one.liveBefore)}`,
      );
      all.push(one);
    }
    return all;
  })();
  return slow;
}

export const backfillLive: Figure = {
  name: 'backfill-live',
  unit: 'pictures',
  goal: 0,
  isAbsolute: false,
  about: 'live pictures of a camera that are lost, or later than half a second, while its card is read',
  measure: async (note) => (await slowFetches(note)).map(({ live }) => live.late + live.lost),
};

export const backfillMemory: Figure = {
  name: 'backfill-memory',
  unit: 'MB',
  goal: 10,
  isAbsolute: false,
  about: 'proportional set size while a gap of 1080p is fetched, minus that before',
  measure: async (note) => [median((await slowFetches(note)).map(({ megabytes }) => megabytes))],
};
