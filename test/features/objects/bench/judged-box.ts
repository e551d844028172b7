import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { startScript } from '../../../bench/measure/script.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import type { LabelType } from '../support/cut-outs.ts';
import { CACHE } from '../support/footage.ts';
import { FPS } from '../support/frame.ts';
import { type JudgedEvent, judgeScene, type Verdict } from '../support/judging.ts';
import { type MadeScene, makeScene } from '../support/make-scene.ts';
import type { Scene } from '../support/scenes.ts';

const CLIP_CAMERA = join(import.meta.dirname, '../../../bench/cameras/clip-camera.ts');
/** What Perch fetches at the first use. It is kept for further runs. */
const MODEL = join(CACHE, 'model');
/** Its download, its conversion and the test of the box. */
const READY_SECONDS = 600;
/** For the last pictures of an event that ends with the scene, and their turn in the queue. */
const REST_SECONDS = 20;

export const ALL_OBJECTS = ['person', 'vehicle', 'animal'] as const;

export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

interface Status {
  readonly state: string;
  readonly reason: string | null;
  readonly model: string;
  readonly pictureMs: number | null;
}

/** The product with its model ready, and without cameras. */
export async function startBox(note: (text: string) => void): Promise<Agent> {
  // Its path waits for a publisher that never comes; with it the model is fetched and the box tested.
  const agent = await startAgent({ config: 'api: yes\nplayback: yes\npaths:\n  first:\n' });
  try {
    const folder = join(agent.dataDir, 'objects');
    if (existsSync(MODEL)) {
      cpSync(MODEL, folder, { recursive: true });
    }
    await call(agent, 'PATCH', '/v3/config/paths/patch/first', { objects: ['person'] });
    const status = await readyStatus(agent);
    note(`${status.model}: ${status.pictureMs} ms for a picture in the test of the box`);
    if (!existsSync(MODEL) && existsSync(folder)) {
      cpSync(folder, MODEL, { recursive: true });
    }
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

async function readyStatus(agent: Agent): Promise<Status> {
  const endMs = performance.now() + READY_SECONDS * 1000;
  return until(async () => {
    const status = await agent.json<Status>('/v3/objects');
    if (['off', 'fetching', 'testing'].includes(status.state) && performance.now() < endMs) {
      return undefined;
    }
    if (status.state !== 'ready') {
      throw new Error(`no objects are looked for: ${status.state}, ${status.reason}`);
    }
    return status;
  });
}

export async function call({ url }: Agent, method: string, path: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const send = (): Promise<Response> => fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
  // A connection that was kept for minutes may be closed just then.
  const answer = await send().catch(send);
  if (!answer.ok) {
    throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }
}

interface SceneCamera extends AsyncDisposable {
  readonly url: string;
  /** Unix time at which its scene began. */
  readonly startMs: number;
}

/** Plays a scene over RTSP again and again. @param phases as many cameras, spread over a scene */
export async function playScene({ file, scene }: MadeScene, phases = 1): Promise<SceneCamera> {
  const args = [file, String(FPS), '1400', String(scene.seconds * FPS), String(phases)];
  const running = startScript(CLIP_CAMERA, args);
  const [, port, start] = await running.waitFor(/ready (\d+) (\d+) \d+/);
  return {
    url: `rtsp://127.0.0.1:${port}/cam`,
    startMs: Number(start),
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

export const addCamera = (agent: Agent, name: string, url: string, objects: readonly LabelType[]): Promise<void> => {
  const keys = { source: url, rtspTransport: 'tcp', motionSource: 'stream', objects };
  return call(agent, 'POST', `/v3/config/paths/add/${name}`, keys);
};

interface ListedEvent {
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly labels: readonly { readonly type: LabelType; readonly at: string }[] | null;
}

export async function eventsOf(agent: Agent, path: string, startMs: number): Promise<JudgedEvent[]> {
  const to = new Date(Date.now() + 60_000).toISOString();
  const { items } = await agent.json<{ readonly items: readonly ListedEvent[] }>(
    `/v3/events/list?path=${path}&types=motion&limit=200&to=${to}`,
  );
  const second = (time: string): number => (Date.parse(time) - startMs) / 1000;
  return items.map(({ start, end, labels }) => ({
    startS: second(start),
    endS: end === null ? Number.POSITIVE_INFINITY : second(end),
    labels: labels?.map(({ type, at }) => ({ type, atS: second(at) })),
  }));
}

/** Plays scenes to a box at the same time, a camera each, and judges what it says of them. @param most seconds of each scene */
export async function judgeScenes(
  agent: Agent,
  scenes: readonly Scene[],
  most = Number.POSITIVE_INFINITY,
): Promise<Verdict[]> {
  const made: MadeScene[] = [];
  for (const scene of scenes) {
    made.push(await makeScene(scene));
  }
  await using cameras = new AsyncDisposableStack();
  const playing = await Promise.all(made.map(async (one) => cameras.use(await playScene(one))));
  await Promise.all(scenes.map(({ name }, i) => addCamera(agent, name, playing[i]?.url ?? '', ALL_OBJECTS)));
  const length = Math.min(most, ...scenes.map((scene) => scene.seconds));
  // A scene begins again at its end: its second round is not judged.
  await seconds(length - (Date.now() - Math.min(...playing.map(({ startMs }) => startMs))) / 1000);
  await Promise.all(
    scenes.map(({ name }) => call(agent, 'PATCH', `/v3/config/paths/patch/${name}`, { motionSource: 'camera' })),
  );
  await seconds(REST_SECONDS);
  return Promise.all(
    made.map(async ({ scene, presences }, i) => {
      const events = await eventsOf(agent, scene.name, playing[i]?.startMs ?? 0);
      const there = presences.filter(({ toS }) => toS <= length);
      return judgeScene(
        there,
        events.filter(({ startS }) => startS < length),
      );
    }),
  );
}
