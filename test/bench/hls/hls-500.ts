import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { startAgent, until } from '../../peers/agent/agent.ts';
import type { BarClip } from '../../peers/cameras/bar-clip.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { collectGarbage, DEBUGGABLE } from '../measure/garbage.ts';
import { cpuSeconds, pssMegabytes } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';
import type { ViewerReport } from './hls-viewers.ts';

const FEW = 50;
const MANY = 500;
const MEASURED_SECONDS = 60;
const SETTLE_SECONDS = 15;
/** Few viewers watch for so long first: V8 compiles their code then, and collects the garbage of the start. */
const START_SECONDS = 45;
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

interface Results {
  /** CPU for each viewer: of many ÷ of few. */
  readonly growth: number;
  readonly viewerKilobytes: number;
  /** Longest time from a complete part to its playlist at the last viewer, in ms. */
  readonly lateMs: number;
}

interface Run {
  /** Cores, less what the stream itself takes. */
  readonly cpu: number;
  readonly megabytes: number;
  readonly report: ViewerReport;
}

let run: Promise<Results> | undefined;

async function measureAll(note: (text: string) => void): Promise<Results> {
  await using camera = await startClipCamera(CLIP);
  const config = `logLevel: warn\napi: yes\npaths:\n  cam: { source: '${camera.url}' }\n`;
  await using agent = await startAgent({ config, env: DEBUGGABLE });
  const status = () => agent.json<{ ready: boolean }>('/v3/paths/get/cam');
  await until(async () => (await status()).ready || undefined);
  const viewers = startScript(join(import.meta.dirname, 'hls-viewers.ts'), [String(agent.ports.hls), 'cam']);
  const lines = createInterface({ input: viewers.child.stdout });
  const ask = (line: string): Promise<string> => replyTo(lines, () => viewers.child.stdin.write(`${line}\n`));
  const { pid } = agent.process;
  const watch = async (count: number, ownCpu: number): Promise<Run> => {
    await ask(`open ${count}`);
    await seconds(SETTLE_SECONDS);
    await collectGarbage(agent.process);
    const megabytes = pssMegabytes(pid);
    await ask('begin');
    const before = cpuSeconds(pid);
    await seconds(MEASURED_SECONDS);
    const cpu = (cpuSeconds(pid) - before) / MEASURED_SECONDS - ownCpu;
    const report = JSON.parse(await ask('tell')) as ViewerReport;
    if (report.viewers !== count || report.failures.length > 0) {
      throw new Error(`${report.viewers} of ${count} HLS viewers; ${report.failures.join('; ')}`);
    }
    return { cpu, megabytes, report };
  };
  try {
    await ask(`open ${FEW}`);
    await seconds(START_SECONDS);
    const one = await watch(1, 0);
    return judgeAll(await watch(FEW, one.cpu), await watch(MANY, one.cpu), note);
  } finally {
    lines.close();
    await viewers.stop('SIGKILL');
  }
}

async function replyTo(lines: Interface, ask: () => void): Promise<string> {
  const line = once(lines, 'line');
  ask();
  const [text] = (await line) as [string];
  return text;
}

function judgeAll(few: Run, many: Run, note: (text: string) => void): Results {
  const { spreadMs, lateMs, playlists, parts, overtaken } = many.report;
  const ofMany = (values: readonly number[], share: number) =>
    (values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN).toFixed(1);
  note(`${FEW} viewers: ${(few.cpu * 100).toFixed(1)} % of a core, ${few.megabytes.toFixed(1)} MB`);
  note(
    `${MANY}: ${(many.cpu * 100).toFixed(1)} %, ${many.megabytes.toFixed(1)} MB; ${playlists} playlists, ${parts} parts, ${overtaken} left out`,
  );
  note(
    `the last viewer had a playlist ${ofMany(spreadMs, 0.5)} ms after the first (99 %: ${ofMany(spreadMs, 0.99)}, most ${ofMany(spreadMs, 1)}); ${ofMany(lateMs, 0.5)} ms after its part was complete (most ${ofMany(lateMs, 1)})`,
  );
  return {
    growth: many.cpu / (MANY - 1) / (few.cpu / (FEW - 1)),
    viewerKilobytes: ((many.megabytes - few.megabytes) * 1000) / (MANY - FEW),
    lateMs: Math.max(...spreadMs, ...lateMs),
  };
}

const results = (note: (text: string) => void): Promise<Results> => {
  run ??= measureAll(note);
  return run;
};

export const hls500Cpu: Figure = {
  name: 'hls-500-cpu',
  unit: '×',
  goal: 1.1,
  isAbsolute: false,
  about: `CPU time per low-latency HLS viewer of a 0.5 Mbit/s stream: with ${MANY} ÷ with ${FEW}, without that of a single one`,
  measure: async (note) => [(await results(note)).growth],
};

export const hls500Memory: Figure = {
  name: 'hls-500-memory',
  unit: 'kB',
  goal: 60,
  isAbsolute: false,
  about: `proportional set size per viewer with two connections, after a garbage collection: from the difference of ${MANY} and ${FEW}`,
  measure: async (note) => [(await results(note)).viewerKilobytes],
};

export const hls500Late: Figure = {
  name: 'hls-500-late',
  unit: 'ms',
  goal: 50,
  isAbsolute: true,
  about: `longest time from a complete part to its blocking playlist at the last of ${MANY} viewers, in ${MEASURED_SECONDS} s`,
  measure: async (note) => [(await results(note)).lateMs],
};
