import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { MODEL_SOURCE } from '../../../../agent/features/objects/model/archives.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { makeScene } from '../support/make-scene.ts';
import { OBJECT_MODEL } from '../support/object-model.ts';
import type { Scene } from '../support/scenes.ts';

/** A person, cut out of a photo, passes a still street. */
const PASSING: Scene = {
  ...{ name: 'one-person', seed: 10, seconds: 34, background: 'street', weather: 'day', cast: ['coat'] },
};

const SEGMENT_S = byLength(5, 10);

interface ListedEvent {
  readonly id: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly labels: readonly { readonly type: string; readonly score: number; readonly at: string }[] | null;
}
interface Objects {
  readonly state: string;
  readonly reason: string | null;
  readonly pictureMs: number | null;
  readonly cameras: readonly { readonly name: string; readonly by: string }[];
}

let file: string;

/** A data folder that has the model, as one that has fetched it. */
function withModel(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-objects-data-'));
  const { converted, runtime } = MODEL_SOURCE;
  mkdirSync(join(dataDir, 'objects'));
  const name = `${converted.sha256.slice(0, 16)}-${runtime.version}`;
  symlinkSync(dirname(OBJECT_MODEL.model), join(dataDir, 'objects', name));
  return dataDir;
}

const eventsOf = async (agent: Agent): Promise<readonly ListedEvent[]> => {
  const to = new Date(Date.now() + 60_000).toISOString();
  return (await agent.json<{ readonly items: readonly ListedEvent[] }>(`/v3/events/list?to=${to}&path=yard`)).items;
};

async function ready(agent: Agent): Promise<Objects> {
  return until(async () => {
    const found = await agent.json<Objects>('/v3/objects');
    expect(found, found.reason ?? '').not.toMatchObject({ state: 'failed' });
    return found.state === 'ready' ? found : undefined;
  });
}

describeWith(['ffmpeg', 'object-model'], 'objects in the events of a camera', () => {
  beforeAll(async () => {
    const { file: raw } = await makeScene(PASSING);
    file = `${raw}.mp4`;
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-r', '10', '-i', raw, '-c', 'copy', file]);
  }, 180_000);

  test('a person who passes is a label of the event, and none is found in the street', async () => {
    const config = 'api: yes\npaths: { yard: { motionSource: stream, objects: [person, vehicle] } }\n';
    await using agent = await startAgent({ config, dataDir: withModel() });
    const state = await ready(agent);
    expect(state.pictureMs).toBeGreaterThan(0);
    expect(state.cameras).toMatchObject([{ name: 'yard', by: 'box' }]);
    await using _camera = await publishClip(agent, 'yard', file);
    const [event] = await until(async () => {
      const events = await eventsOf(agent);
      return events.some(({ labels, end }) => end !== null && labels && labels.length > 0) ? events : undefined;
    });
    expect(event).toMatchObject({ type: 'motion', labels: [{ type: 'person' }] });
    const [label] = event?.labels ?? [];
    expect(label?.score).toBeGreaterThanOrEqual(0.45);
    const seconds = (Date.parse(label?.at ?? '') - Date.parse(event?.start ?? '')) / 1000;
    expect(seconds).toBeGreaterThan(-1);
    expect(seconds).toBeLessThan(8);
    const labels = (await eventsOf(agent)).flatMap((one) => one.labels ?? []);
    expect(labels.map(({ type }) => type)).toEqual(['person']);
  }, 180_000);

  test('an own model names a person at a camera with MJPEG, in a motion event that is reported for it', async () => {
    const jpegs = file.replace('.mp4', '.avi');
    const coder = ['-c:v', 'mjpeg', '-huffman', 'default', '-q:v', '3', '-pix_fmt', 'yuvj420p'];
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', file, ...coder, jpegs]);
    const dataDir = withModel();
    const [model, labels] = ['mine.onnx', 'mine.txt'].map((name) => join(dataDir, name)) as [string, string];
    copyFileSync(OBJECT_MODEL.model, model);
    writeFileSync(labels, `${OBJECT_MODEL.labels.join('\r\n')}\r\n`);
    const own = `objectsModel: ${model}\nobjectsLabels: ${labels}\n`;
    const config = `api: yes\n${own}paths: { yard: { objects: [person, vehicle] } }\n`;
    await using agent = await startAgent({ config, dataDir });
    expect(await ready(agent)).toMatchObject({ model: 'mine.onnx' });
    await using _camera = await publishClip(agent, 'yard', jpegs, { isEndless: true });
    const answer = await fetch(`${agent.url}/v3/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ path: 'yard', type: 'motion', state: 'start', id: 'gate' }),
    });
    expect(answer.status, await answer.text()).toBe(200);
    const found = await until(async () => {
      const labels = (await eventsOf(agent))[0]?.labels ?? [];
      return labels.length > 0 ? labels : undefined;
    });
    expect(found).toMatchObject([{ type: 'person' }]);
  }, 180_000);

  test('with the detector killed every second, recording continues without a gap and live pictures go on', async () => {
    const config = `
api: yes
playback: yes
paths: { yard: { record: yes, recordSegmentDuration: ${SEGMENT_S}s, motionSource: stream, objects: [person] } }
`;
    await using agent = await startAgent({ config, dataDir: withModel() });
    await ready(agent);
    await using _camera = await publishClip(agent, 'yard', file, { isEndless: true });
    let killed = 0;
    const killing = setInterval(() => {
      for (const pid of childrenOf(agent.process.child.pid ?? 0)) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
    }, 1_000);
    try {
      const live = new AbortController();
      const response = await fetch(`http://127.0.0.1:${agent.ports.hls}/yard/live.mp4`, { signal: live.signal });
      expect(response.status).toBe(200);
      let bytes = 0;
      let longestPauseMs = 0;
      let lastMs = Date.now();
      const reading = (async () => {
        for await (const piece of response.body ?? []) {
          bytes += piece.length;
          longestPauseMs = Math.max(longestPauseMs, Date.now() - lastMs);
          lastMs = Date.now();
        }
      })().catch(() => {});
      await until(async () => ((await eventsOf(agent)).length > 0 && killed >= 2 ? true : undefined));
      await until(async () => {
        const [span] = await recorded(agent);
        return (span?.duration ?? 0) > 4 * SEGMENT_S ? true : undefined;
      });
      live.abort();
      await reading;
      expect(bytes).toBeGreaterThan(100_000);
      expect(longestPauseMs).toBeLessThan(3_000);
      expect(await recorded(agent)).toHaveLength(1);
      expect(agent.process.child.exitCode).toBeNull();
    } finally {
      clearInterval(killing);
    }
  }, 240_000);
});

/** Spans without a gap. */
async function recorded(agent: Agent): Promise<readonly { readonly duration: number }[]> {
  const response = await fetch(`http://127.0.0.1:${agent.ports.playback}/list?path=yard`);
  return response.ok ? ((await response.json()) as { readonly duration: number }[]) : [];
}

/** Processes that another one has started, as Linux lists them. */
const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
