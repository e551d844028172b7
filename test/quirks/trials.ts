import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { type CodecName, FPS, type QuirkClip, quirkClip } from './clip.ts';
import { type Limits, readerFaults, recordingFaults, USUAL_LIMITS } from './judge.ts';
import { type QuirkCamera, quirkCamera } from './quirk-camera.ts';
import { QuirkReader } from './quirk-reader.ts';
import { readRecordings } from './quirk-recording.ts';
import type { QuirkKind } from './quirks.ts';

const SECONDS = 9;
export const PICTURES = SECONDS * FPS;
const QUIET_MS = 1_500;
/** A camera that is not asked to play by then, or not for long enough, fails. */
const MAX_MS = 30_000;

/** A camera with one quirk. */
export interface QuirkCase {
  readonly name: string;
  readonly kind: QuirkKind;
  readonly codec: CodecName;
  readonly isUdp: boolean;
  readonly hasSound: boolean;
}

/** The faults in words; empty: it behaves well. */
export interface Verdict {
  readonly reader: readonly string[];
  readonly recording: readonly string[];
}

interface Trial {
  readonly one: QuirkCase;
  readonly path: string;
  readonly clip: QuirkClip;
  readonly camera: QuirkCamera;
  reader: QuirkReader | undefined;
}

/** All cameras at the same time at one agent, each with its own reader and recording from its first packet on. */
export async function runTrials(cases: readonly QuirkCase[]): Promise<Map<QuirkCase, Verdict>> {
  await using stack = new AsyncDisposableStack();
  const trials: Trial[] = [];
  for (const [i, one] of cases.entries()) {
    const { kind, codec, isUdp, hasSound } = one;
    const clip = await quirkClip(codec, kind.coding ?? 'plain', SECONDS);
    const sound = hasSound ? { sound: kind.sound ?? {} } : {};
    const camera = stack.use(await quirkCamera(clip, { ...kind.make(clip), isUdp, ...sound }));
    trials.push({ one, path: `camera${i}`, clip, camera, reader: undefined });
  }
  const paths = trials.map(({ one, path, camera }) => {
    const rest = one.kind.path === undefined ? '' : `, ${one.kind.path}`;
    return `  ${path}: { source: 'rtsp://127.0.0.1:${camera.port}/live'${rest} }\n`;
  });
  const defaults = 'pathDefaults: { sourceOnDemand: yes, record: yes }\n';
  const agent = stack.use(
    await startAgent({ config: `api: yes\nplayback: yes\n${defaults}paths:\n${paths.join('')}` }),
  );
  await Promise.all(
    trials.map(async (trial) => {
      trial.reader = await QuirkReader.open(agent.ports.rtsp, trial.path, trial.clip.codec)
        .then((reader) => stack.use(reader))
        .catch(() => undefined);
    }),
  );
  const beganMs = performance.now();
  const hasSent = ({ camera }: Trial) => (camera.sending?.sent ?? 0) >= PICTURES;
  await until(() => (trials.every(hasSent) || performance.now() - beganMs > MAX_MS ? true : undefined));
  await quiet(trials);
  const readers = trials.map((trial) => judgeReader(trial));
  const starts = await Promise.all(trials.map(({ path }) => firstStart(agent, path)));
  await agent.process.stop('SIGINT');
  const recordings = await Promise.all(trials.map((trial, i) => judgeRecording(agent, trial, starts[i] as number)));
  return new Map(trials.map(({ one }, i) => [one, { reader: readers[i] ?? [], recording: recordings[i] ?? [] }]));
}

/** Waits until packets in transit have arrived: nothing has arrived for a while. */
async function quiet(trials: readonly Trial[]): Promise<void> {
  let count = -1;
  let sinceMs = 0;
  await until(() => {
    const now = trials.reduce((sum, { reader }) => sum + (reader?.count ?? 0), 0);
    sinceMs = now === count ? sinceMs : performance.now();
    count = now;
    return performance.now() - sinceMs > QUIET_MS ? true : undefined;
  });
}

/** Unix time at which the first timespan of a path begins. */
async function firstStart(agent: Agent, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${agent.ports.playback}/list?path=${path}`);
  const [first] = response.ok ? ((await response.json()) as { readonly start: string }[]) : [];
  return Date.parse(first?.start ?? '');
}

/** More would hide what is looked for. */
const MAX_LATE_MS = 300;

function limitsOf({ one, clip, camera }: Trial): Limits {
  const damaged = camera.sending?.damaged ?? new Set();
  const lost = one.kind.lossCosts === 'dependent' ? withDependents(clip, damaged) : damaged;
  const limits = { ...USUAL_LIMITS, lost, ...one.kind.limits };
  const lateMs = Math.min(MAX_LATE_MS, camera.sending?.lateMs ?? 0);
  return { ...limits, worstMs: limits.worstMs + lateMs, worstSoundMs: limits.worstSoundMs + lateMs };
}

/** A lost picture that others refer to costs all up to the next key picture. */
function withDependents(clip: QuirkClip, damaged: ReadonlySet<number>): Set<number> {
  const lost = new Set<number>();
  let isBroken = false;
  for (const [i, { isKey, isNeeded }] of clip.pictures.entries()) {
    isBroken = (isBroken && !isKey) || (isNeeded && damaged.has(i));
    if (isBroken || damaged.has(i)) {
      lost.add(i);
    }
  }
  return lost;
}

function judgeReader(trial: Trial): string[] {
  const { reader, camera, clip, one } = trial;
  const { sending } = camera;
  if (!reader || !sending) {
    return ['cannot be read at all'];
  }
  const sounds = one.hasSound ? reader.sounds : undefined;
  return readerFaults(clip, PICTURES, reader.pictures, sounds, sending.capturedMs, limitsOf(trial));
}

async function judgeRecording(agent: Agent, trial: Trial, startMs: number): Promise<string[]> {
  const { path, camera, clip, one } = trial;
  const files = await readRecordings(agent.dataDir, path, clip.codec);
  const labelMs = startMs - (camera.sending?.capturedWallMs ?? 0);
  return recordingFaults(clip, PICTURES, files, one.hasSound, labelMs, limitsOf(trial));
}
