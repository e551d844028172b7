import type { Figure } from '../../../bench/measure/figure.ts';
import { cpuSeconds, endedChildSeconds, processTree } from '../../../bench/measure/proc.ts';
import { type Agent, until } from '../../../peers/agent/agent.ts';
import { makeScene } from '../support/make-scene.ts';
import { LIMITS, ONE_A_MINUTE, type Scene, STILL } from '../support/scenes.ts';
import { ALL_OBJECTS, addCamera, call, eventsOf, playScene, seconds, startBox } from './judged-box.ts';

const NAMES = Array.from({ length: 8 }, (_, i) => `cam${i + 1}`);
/** The motion detector of each stream has to see its scene first, and V8 its code. */
const SETTLE_SECONDS = 60;
const MEASURED_SECONDS = 120;
/** The process that looks at pictures ends after 60 s without one. */
const ENDED_SECONDS = 75;
const IDLE_SECONDS = 30;

interface Path {
  readonly name: string;
  readonly ready: boolean;
}

/** Of the process, of its children, and of those that have ended. */
const cpuOf = ({ process: { pid } }: Agent): number => cpuSeconds(pid) + endedChildSeconds(pid);

async function sharesWith(agent: Agent, objects: readonly (typeof ALL_OBJECTS)[number][]): Promise<number> {
  await Promise.all(NAMES.map((name) => call(agent, 'PATCH', `/v3/config/paths/patch/${name}`, { objects })));
  await seconds(SETTLE_SECONDS);
  const before = cpuOf(agent);
  await seconds(MEASURED_SECONDS);
  return (100 * (cpuOf(agent) - before)) / MEASURED_SECONDS;
}

async function withCameras(
  scene: Scene,
  note: (text: string) => void,
  measure: (agent: Agent, startMs: number) => Promise<number>,
): Promise<number> {
  const made = await makeScene(scene);
  await using agent = await startBox(note);
  await using camera = await playScene(made, NAMES.length);
  for (const name of NAMES) {
    await addCamera(agent, name, camera.url, ALL_OBJECTS);
    // Its phase is that of its turn.
    await until(async () => {
      const { items } = await agent.json<{ readonly items: readonly Path[] }>('/v3/paths/list');
      return items.some((path) => path.name === name && path.ready) || undefined;
    });
  }
  // Awaited here: both end with this function.
  return await measure(agent, camera.startMs);
}

export const objectsCpu: Figure = {
  name: 'objects-cpu',
  unit: '%',
  goal: LIMITS.cpu,
  isAbsolute: true,
  isCpuTime: true,
  about: 'share of a core to look for objects at 8 cameras with an event a minute each: with objects less without them',
  measure: async (note) => [
    await withCameras(ONE_A_MINUTE, note, async (agent, startMs) => {
      const [without, withObjects] = [await sharesWith(agent, []), await sharesWith(agent, ALL_OBJECTS)];
      const endS = (Date.now() - startMs) / 1000;
      const all = (await Promise.all(NAMES.map((name) => eventsOf(agent, name, startMs)))).flat();
      // An event of the last seconds still waits for its pictures.
      const measured = all.filter(({ startS }) => startS > endS - MEASURED_SECONDS && startS < endS - 20);
      const examined = measured.filter(({ labels }) => labels !== undefined);
      note(`${withObjects.toFixed(1)} % with, ${without.toFixed(1)} % without, ${measured.length} events`);
      if (measured.length < NAMES.length || examined.length < measured.length) {
        throw new Error(
          `${examined.length} of ${measured.length} events were examined: all of at least ${NAMES.length}`,
        );
      }
      return withObjects - without;
    }),
  ],
};

export const objectsCpuIdle: Figure = {
  name: 'objects-cpu-idle',
  unit: '%',
  goal: 0,
  isAbsolute: true,
  isCpuTime: true,
  about: 'share of a core of the process that looks for objects, at 8 cameras without motion',
  measure: async (note) => [
    await withCameras(STILL, note, async (agent) => {
      await seconds(ENDED_SECONDS);
      const { pid } = agent.process;
      const childrenSeconds = (): number =>
        processTree(pid)
          .slice(1)
          .reduce((sum, child) => sum + cpuSeconds(child), endedChildSeconds(pid));
      const before = childrenSeconds();
      await seconds(IDLE_SECONDS);
      note(`${processTree(pid).length - 1} processes besides Perch's own`);
      return (100 * (childrenSeconds() - before)) / IDLE_SECONDS;
    }),
  ],
};
