import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { startClipCamera } from '../bench/cameras/clip-cameras.ts';
import type { Seen } from '../bench/webrtc/light-viewers.ts';
import { type Agent, until } from '../peers/agent/agent.ts';
import { SMALL } from '../peers/cameras/bar-clip.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { startProcess } from '../peers/programs/process.ts';
import { random } from '../support/base/random.ts';
import { pause } from './soak/soak-cameras.ts';
import { expectNoGrowth, SOAK_MINUTES } from './soak/soak-look.ts';

const CAMERAS = 4;
const VIEWERS_PER_CAMERA = 5;
const LIGHT_VIEWERS = join(import.meta.dirname, '../bench/webrtc/light-viewers.ts');

/** Every few seconds some of a camera's viewers leave, every other one without a word, and as many come. @returns packets received */
async function comeAndGo(agent: Agent, path: string, seed: number, stop: AbortSignal): Promise<number> {
  const next = random(seed);
  const url = `http://127.0.0.1:${agent.ports.webrtc}/${path}/whep`;
  const viewers = startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', LIGHT_VIEWERS, url, '0']);
  const ended = viewers.exited.then(() => {
    throw new Error(`the viewers of ${path} ended: ${viewers.output()}`);
  });
  ended.catch(() => {});
  const lines = createInterface({ input: viewers.child.stdout });
  const ask = async (line: string): Promise<string> => {
    const reply = once(lines, 'line') as Promise<[string]>;
    viewers.child.stdin.write(`${line}\n`);
    return (await Promise.race([reply, ended]))[0];
  };
  let packets = 0;
  try {
    while (!stop.aborted) {
      await ask(`open ${VIEWERS_PER_CAMERA}`);
      await pause(2 + 4 * next(), stop);
      const seen = JSON.parse(await ask('tell')) as Seen[];
      packets += seen.flatMap(({ pictures }) => pictures).reduce((sum, [, , count]) => sum + count, 0);
      await ask('begin');
      await ask(`leave ${1 + Math.floor(next() * VIEWERS_PER_CAMERA)}`);
    }
    return packets;
  } finally {
    lines.close();
    await viewers.stop('SIGKILL');
  }
}

describeWith(['ffmpeg'], `${CAMERAS} cameras`, () => {
  test(`and ${CAMERAS * VIEWERS_PER_CAMERA} WebRTC viewers who come and go keep no resources in ${SOAK_MINUTES} minutes`, {
    timeout: (SOAK_MINUTES + 12) * 60_000,
  }, async () => {
    await using cameras = new AsyncDisposableStack();
    const urls: string[] = [];
    for (let i = 0; i < CAMERAS; i += 1) {
      urls.push(cameras.use(await startClipCamera(SMALL)).url);
    }
    await expectNoGrowth(urls, async (agent, stop) => {
      const paths = Array.from({ length: CAMERAS }, (_, i) => `cam${i + 1}`);
      const isReady = async (path: string) => (await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`)).ready;
      await Promise.all(paths.map((path) => until(async () => (await isReady(path)) || undefined)));
      const received = await Promise.all(paths.map((path, i) => comeAndGo(agent, path, i, stop)));
      expect(Math.min(...received)).toBeGreaterThan(0);
    });
  });
});
