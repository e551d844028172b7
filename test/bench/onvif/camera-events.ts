import { once } from 'node:events';
import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { collectGarbage, DEBUGGABLE } from '../measure/garbage.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';

const CAMERAS = 64;
const SETTLE_SECONDS = 10;
/** In this time all pulls have ended once, and half of the subscriptions were renewed. */
const IDLE_SECONDS = 30;
const IDLE_RUNS = 2;
const MOVING_SECONDS = 15;
const MOVING_RUNS = 3;
/** Before a house with a street. */
const USUAL_MS = 20_000;
/** 15 events begin in a minute: half of what Perch accepts from a camera. */
const BUSY_MS = 4_000;
/** Time after which the end of a reported event is stored. */
const WRITTEN_SECONDS = 2;

interface Results {
  readonly idlePercent: number[];
  readonly usualPercent: number[];
  readonly busyPercent: number[];
  /** Heap growth per camera over the busy time. */
  readonly grownKilobytes: number;
}

interface ToldCamera {
  readonly url: string;
  readonly endpoint: string;
  readonly serial: string;
  readonly user: string;
  readonly password: string;
}

/** The simulated cameras; `ask` returns the number of motion events so far. */
async function startCameras() {
  const running = startScript(join(import.meta.dirname, 'event-cameras.ts'), [String(CAMERAS)]);
  const lines = createInterface({ input: running.child.stdout });
  const next = async (): Promise<string> => ((await once(lines, 'line')) as [string])[0];
  const cameras = JSON.parse(await next()) as ToldCamera[];
  return {
    cameras,
    ask: async (line: string): Promise<number> => {
      const answer = next();
      running.child.stdin.write(`${line}\n`);
      return Number(await answer);
    },
    async [Symbol.asyncDispose]() {
      lines.close();
      await running.stop('SIGKILL');
    },
  };
}

const pathsOf = (cameras: readonly ToldCamera[]): string =>
  cameras
    .map(
      ({ url, ...camera }, i) =>
        `  cam${i}: { source: publisher, camera: ${JSON.stringify({ onvif: url, ...camera })} }\n`,
    )
    .join('');

/** Events in the journal. */
function eventsIn({ dataDir }: Agent): number {
  const lines = globSync(join(dataDir, 'events/**/*'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n'));
  return new Set(lines.flatMap((line) => /"id":"([^"]+)"/.exec(line)?.[1] ?? [])).size;
}

function socketsOf({ process: { pid } }: Agent): number {
  const isSocket = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return readdirSync(`/proc/${pid}/fd`).filter(isSocket).length;
}

/** Shares of a core, in percent. */
async function shares(agent: Agent, runs: number, forSeconds: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    const before = cpuSeconds(agent.process.pid);
    await seconds(forSeconds);
    all.push(((cpuSeconds(agent.process.pid) - before) * 100) / forSeconds);
  }
  return all;
}

let run: Promise<Results> | undefined;

async function measureAll(note: (text: string) => void): Promise<Results> {
  await using cameras = await startCameras();
  await using agent = await startAgent({ config: `paths:\n${pathsOf(cameras.cameras)}`, env: DEBUGGABLE });
  const openAtOnce = () => socketsOf(agent);
  await until(() => openAtOnce() >= CAMERAS || undefined);
  await seconds(SETTLE_SECONDS);
  const idlePercent = await shares(agent, IDLE_RUNS, IDLE_SECONDS);
  const sockets = openAtOnce();
  await cameras.ask(`every ${USUAL_MS}`);
  const usualPercent = await shares(agent, MOVING_RUNS, MOVING_SECONDS);
  const before = await collectGarbage(agent.process);
  await cameras.ask(`every ${BUSY_MS}`);
  const busyPercent = await shares(agent, MOVING_RUNS, MOVING_SECONDS);
  const begun = await cameras.ask('still');
  await seconds(WRITTEN_SECONDS);
  const heard = eventsIn(agent);
  if (heard !== begun) {
    throw new Error(`${heard} events were written down of ${begun}`);
  }
  const grownKilobytes = ((await collectGarbage(agent.process)) - before) / 1000 / CAMERAS;
  note(`${begun} events, all heard; ${sockets} sockets at rest`);
  return { idlePercent, usualPercent, busyPercent, grownKilobytes };
}

const figure = (
  name: string,
  about: string,
  goal: number,
  unit: string,
  pick: (results: Results) => number[],
): Figure => ({
  ...{ name, about, goal, unit },
  isAbsolute: unit === '%',
  measure: async (note) => {
    run ??= measureAll(note);
    return pick(await run);
  },
});

export const cameraEventsIdle = figure(
  'camera-events-idle',
  `share of a core for subscriptions to ${CAMERAS} cameras without events`,
  2,
  '%',
  ({ idlePercent }) => idlePercent,
);

export const cameraEvents = figure(
  'camera-events',
  `share of a core for ${CAMERAS} cameras with motion every ${USUAL_MS / 1000} s each, with begin and end stored`,
  5,
  '%',
  ({ usualPercent }) => usualPercent,
);

export const cameraEventsBusy = figure(
  'camera-events-busy',
  `the same every ${BUSY_MS / 1000} s`,
  12,
  '%',
  ({ busyPercent }) => busyPercent,
);

export const cameraEventsMemory = figure(
  'camera-events-memory',
  'heap growth per camera afterwards, after a garbage collection',
  20,
  'kB',
  ({ grownKilobytes }) => [grownKilobytes],
);
