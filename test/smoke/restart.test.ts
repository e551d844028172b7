import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe, packetTimes } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';
import { setupCodeOf } from '../support/base/setup-code.ts';

const CONFIG = 'perch: own\npaths:\n  stage:\n';
const MAX_MS = 30_000;
const KILLS = byLength(2, 50);

test('a box that is asked to restart notifies listeners, ends in order with its exit code, and returns with the next start', {
  timeout: MAX_MS,
}, async () => {
  await using agent = await startAgent({ config: CONFIG, env: { PERCH_RESTART_CODE: '85' } });
  const claim = { password: 'a kingfisher on a perch', setupCode: setupCodeOf(agent) };
  const claimed = await fetch(`${agent.url}/v3/claim`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(claim),
  });
  const headers = { cookie: claimed.headers.getSetCookie()[0]?.split(';')[0] ?? '', 'Sec-Fetch-Site': 'same-origin' };
  const events = await fetch(`${agent.url}/v3/events?types=box`, { headers });
  const answer = await fetch(`${agent.url}/v3/restart`, { method: 'POST', headers });
  expect(await answer.json()).toMatchObject({ status: 'ok', seconds: expect.any(Number) });
  expect(await textUntil(events, /"state":"restarting","seconds":\d/)).toContain('event: box');
  expect(await agent.process.exited).toBe(85);
  expect(agent.process.output()).toMatch(/INF stopped\n$/);
  await using again = await startAgent({
    ...{ config: CONFIG, dataDir: agent.dataDir, ports: agent.ports },
    env: { PERCH_RESTART_CODE: undefined, INVOCATION_ID: undefined },
  });
  expect(await (await fetch(`${again.url}/v3/restart`, { method: 'POST', headers })).json()).toMatchObject({
    error: expect.stringContaining('Perch cannot restart itself here'),
  });
});

/** The text so far of an answer that does not end by itself. */
async function textUntil({ body }: Response, wanted: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    if (wanted.test(text)) {
      break;
    }
  }
  return text;
}

interface Span {
  readonly start: string;
  readonly duration: number;
  readonly url: string;
}

const recordings = (agent: Agent): string[] => globSync(join(agent.dataDir, 'recordings/garden/*.mp4')).sort();

describeWith(['ffmpeg', 'gstreamer'], 'an agent that is killed in the middle of a segment', () => {
  test(`loses no more than the last part, ${KILLS} times in a row`, async () => {
    await using camera = await startGstCamera({ '/main': playClip(await smallClip(byLength(120, 600)), true) });
    const config = `
playback: yes
paths:
  garden:
    source: ${camera.url('/main')}
    record: yes
    recordPartDuration: 500ms
`;
    await using first = await startAgent({ config });
    let agent: Agent = first;
    const { dataDir } = first;
    let known = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      // The file that this run writes: a different moment of its life at each kill.
      const minBytes = 150_000 + kill * 40_000;
      const file = await until(() => recordings(agent)[known]);
      await until(() => (statSync(file).size > minBytes ? true : undefined));
      await agent.process.stop('SIGKILL');
      const before = statSync(file).size;
      const playable = await packetTimes(file, 'v:0');
      expect(playable.length).toBeGreaterThan(20);

      agent = await startAgent({ config, dataDir });
      const recovered = await until(async () => {
        const probed = await ffprobe(file);
        return agent.process.output().includes(file) || Number(probed.format.duration) > 0 ? probed : undefined;
      });
      expect(recovered.warnings).toBe('');
      expect(await ffmpegWarnings(['-i', file])).toBe('');
      expect((await packetTimes(file, 'v:0')).length).toBeGreaterThanOrEqual(playable.length - 1);
      expect(statSync(file).size).toBeGreaterThan(before / 2);
      known += 1;
      const spans = await until(async () => {
        const list = await agent.json<Span[]>('/playback/list?path=garden').catch(() => []);
        // The last one is that of the new file, which may be there before the recovered one.
        return list.length > known ? list : undefined;
      });
      const span = spans[known - 1] as Span;
      const last = playable.at(-1)?.pts ?? 0;
      expect(span.duration).toBeGreaterThan(last - 0.6);
      const played = await ffprobe(
        `${agent.url}/playback/get?path=garden&start=${encodeURIComponent(span.start)}&duration=${span.duration}`,
      );
      expect(played.warnings).toBe('');
    }
    await agent.process.stop('SIGINT');
  });
});
