import { startAgent, until } from '../../peers/agent/agent.ts';
import type { BarClip } from '../../peers/cameras/bar-clip.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { collectGarbage, DEBUGGABLE } from '../measure/garbage.ts';
import { cpuSeconds, pssMegabytes } from '../measure/proc.ts';
import type { Seen } from './light-viewers.ts';
import { startLightViewers } from './start-light-viewers.ts';

const FEW = 20;
const MANY = 200;
const DECRYPTED = 10;
const MEASURED_SECONDS = 60;
const SETTLE_SECONDS = 15;
/** A sub stream. */
const CLIP: BarClip = {
  video: 'h264',
  width: 640,
  height: 360,
  fps: 25,
  kilobitsPerSecond: 500,
  groupSeconds: 2,
  seconds: 60,
};
const PICTURE_MS = 1000 / CLIP.fps;

interface Results {
  /** Loss of the worst session, in percent of the packets sent. */
  readonly lostPercent: number;
  /** Longest delay of a picture between the first and the last session, in ms. */
  readonly lateMs: number;
  readonly sessionKilobytes: number;
}

let run: Promise<Results> | undefined;

async function measureAll(note: (text: string) => void): Promise<Results> {
  await using camera = await startClipCamera(CLIP);
  const config = `api: yes\npaths:\n  cam: { source: '${camera.url}' }\n`;
  await using agent = await startAgent({ config, env: DEBUGGABLE });
  const megabytes = async (): Promise<number> => {
    await collectGarbage(agent.process);
    return pssMegabytes(agent.process.pid);
  };
  const status = () => agent.json<{ ready: boolean }>('/v3/paths/get/cam');
  await until(async () => (await status()).ready || undefined);
  await using viewers = startLightViewers(`http://127.0.0.1:${agent.ports.webrtc}/cam/whep`, [String(DECRYPTED)]);
  await viewers.ask(`open ${FEW}`);
  await seconds(SETTLE_SECONDS);
  const few = await megabytes();
  await viewers.ask(`open ${MANY}`);
  await seconds(SETTLE_SECONDS);
  await viewers.ask('begin');
  const before = cpuSeconds(agent.process.pid);
  await seconds(MEASURED_SECONDS);
  const cpu = (cpuSeconds(agent.process.pid) - before) / MEASURED_SECONDS;
  const all = await viewers.tell();
  const many = await megabytes();
  const sessionKilobytes = ((many - few) * 1000) / (MANY - FEW);
  note(
    `${few.toFixed(1)} MB with ${FEW} sessions, ${many.toFixed(1)} MB with ${MANY}; ${(cpu * 100).toFixed(0)} % of a core`,
  );
  return { ...judgeAll(all, note), sessionKilobytes };
}

interface Picture {
  /** Arrival of its last packet at each session that received it. */
  readonly arrivals: number[];
  /** Packets, as many as the session that got most of them. */
  sent: number;
}

function judgeAll(all: readonly Seen[], note: (text: string) => void): Pick<Results, 'lostPercent' | 'lateMs'> {
  const numberOf = (captureMs: number): number => Math.round(captureMs / PICTURE_MS);
  const pictures = new Map<number, Picture>();
  for (const [captureMs, arrivalMs, packets] of all.flatMap((one) => one.pictures)) {
    const picture = pictures.get(numberOf(captureMs)) ?? { arrivals: [], sent: 0 };
    pictures.set(numberOf(captureMs), picture);
    picture.arrivals.push(arrivalMs);
    picture.sent = Math.max(picture.sent, packets);
  }
  // At both ends of the time some have got a picture and some have not; the first one may have lost its beginning.
  const first = Math.max(...all.map((one) => numberOf(one.pictures[1]?.[0] ?? Number.NaN)));
  const last = Math.min(...all.map((one) => numberOf(one.pictures.at(-1)?.[0] ?? Number.NaN)));
  const counted = [...pictures].filter(([number]) => number >= first && number <= last).map(([, picture]) => picture);
  const sent = counted.reduce((sum, picture) => sum + picture.sent, 0);
  const got = all.map((one) =>
    one.pictures.reduce((sum, [captureMs, , packets]) => {
      const number = numberOf(captureMs);
      return sum + (number >= first && number <= last ? packets : 0);
    }, 0),
  );
  const late = counted.map(({ arrivals }) => Math.max(...arrivals) - Math.min(...arrivals)).sort((a, b) => a - b);
  const lateMs = late.at(-1) ?? Number.NaN;
  const median = late[late.length >> 1] ?? Number.NaN;
  const damaged = all.reduce((sum, one) => sum + one.damaged, 0);
  note(
    `${all.length} sessions got ${Math.min(...got)} to ${Math.max(...got)} of ${sent} packets of ${counted.length} pictures; the last session ${median.toFixed(1)} ms after the first, at most ${lateMs.toFixed(1)} ms`,
  );
  if (all.length !== MANY || damaged > 0 || !(counted.length > MEASURED_SECONDS * CLIP.fps * 0.98)) {
    throw new Error(`${all.length} sessions, ${damaged} damaged packets, ${counted.length} pictures`);
  }
  return { lostPercent: 100 - (100 * Math.min(...got)) / sent, lateMs };
}

const results = (note: (text: string) => void): Promise<Results> => {
  run ??= measureAll(note);
  return run;
};

export const webrtc200Lost: Figure = {
  name: 'webrtc-200-lost',
  unit: '%',
  goal: 0.1,
  isAbsolute: false,
  about: `packets lost by the worst of ${MANY} WebRTC sessions of a 0.5 Mbit/s stream in ${MEASURED_SECONDS} s`,
  measure: async (note) => [(await results(note)).lostPercent],
};

export const webrtc200Late: Figure = {
  name: 'webrtc-200-late',
  unit: 'ms',
  goal: 200,
  isAbsolute: true,
  about: 'longest delay of one of their pictures between the first and the last session',
  measure: async (note) => [(await results(note)).lateMs],
};

export const webrtc200Memory: Figure = {
  name: 'webrtc-200-memory',
  unit: 'kB',
  goal: 150,
  isAbsolute: false,
  about: `proportional set size per session, after a garbage collection: from the difference of ${MANY} and ${FEW}`,
  measure: async (note) => [(await results(note)).sessionKilobytes],
};
