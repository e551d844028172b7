import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { clip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { openHttpSink } from '../../../support/servers/http-sink.ts';

const FPS = 10;
/** Quiet before, moving, quiet after. */
const [BEFORE_SECONDS, MOVING_SECONDS, AFTER_SECONDS] = [14, 4, 8];
const ENCODERS = {
  h264: ['-c:v', 'libx264', '-tune', 'zerolatency', '-crf', '28'],
  h265: ['-c:v', 'libx265', '-tune', 'zerolatency', '-crf', '28', '-x265-params', 'log-level=error'],
};

/** A still scene with the noise of a sensor, through which a figure walks once. */
function walk(codec: keyof typeof ENCODERS): Promise<string> {
  const end = BEFORE_SECONDS + MOVING_SECONDS;
  const scene = 'color=gray:s=320x180:r=10,noise=alls=50:c0_seed=7,gblur=1';
  const figure = 'testsrc=s=24x60:r=10';
  const at = `overlay=x='if(between(t,${BEFORE_SECONDS},${end}),(t-${BEFORE_SECONDS})*70,-100)':y=80`;
  const seconds = String(end + AFTER_SECONDS);
  return clip(`walk-${codec}-${seconds}.mp4`, [
    ...['-f', 'lavfi', '-i', scene, '-f', 'lavfi', '-i', figure],
    ...['-filter_complex', `[0][1]${at},noise=alls=3:allf=t:all_seed=1`, '-t', seconds],
    ...[...ENCODERS[codec], '-preset', 'veryfast', '-g', String(FPS), '-pix_fmt', 'yuv420p'],
  ]);
}

interface ListedEvent {
  readonly path: string;
  readonly type: string;
  readonly start: string;
  readonly end: string | null;
  readonly area: { readonly y: number; readonly height: number; readonly direction: string | null } | null;
}

interface Timeline {
  readonly events: readonly { readonly type: string }[];
  readonly coverage: readonly unknown[];
}

describeWith(['ffmpeg'], 'motion in the streams of cameras without events', () => {
  test('begins an event, which makes a clip; without motionSource nothing does', async () => {
    const config = `
api: yes
playback: yes
pathDefaults: { record: motion, recordPreRoll: 2s, recordPostRoll: 1s }
paths:
  avc: { motionSource: stream }
  hevc: { motionSource: both }
  plain:
`;
    await using agent = await startAgent({ config });
    const [avc, hevc] = await Promise.all([walk('h264'), walk('h265')]);
    await using _avc = await publishClip(agent, 'avc', avc);
    await using _hevc = await publishClip(agent, 'hevc', hevc);
    await using _plain = await publishClip(agent, 'plain', avc);
    const readyMs = async (path: string) =>
      Date.parse((await agent.json<{ readonly readyTime: string }>(`/v3/paths/get/${path}`)).readyTime);
    const begun = { avc: await readyMs('avc'), hevc: await readyMs('hevc') };
    expect(await agent.json('/v3/cameras/motion/avc')).toMatchObject({ stream: 'avc', moving: false });

    const events = await until(async () => {
      const { items } = await agent.json<{ readonly items: readonly ListedEvent[] }>(
        `/v3/events/list?to=${new Date(Date.now() + 60_000).toISOString()}`,
      );
      return items.length >= 2 && items.every(({ end }) => end !== null) ? items : undefined;
    });
    expect(events.map(({ path }) => path).sort()).toEqual(['avc', 'hevc']);
    for (const { path, type, start, end } of events) {
      expect(type).toBe('motion');
      const fromMs = begun[path as keyof typeof begun];
      const [startS, endS] = [start, end ?? ''].map((text) => (Date.parse(text) - fromMs) / 1000);
      expect(startS).toBeGreaterThan(BEFORE_SECONDS - 1.5);
      expect(startS).toBeLessThan(BEFORE_SECONDS + 2);
      expect(endS).toBeGreaterThan(BEFORE_SECONDS + MOVING_SECONDS - 1.5);
      expect(endS).toBeLessThan(BEFORE_SECONDS + MOVING_SECONDS + 6);
      expect(await until(() => clipOf(agent, path))).toBe(1);
    }
    // It walks from left to right, 80 to 140 pixels from the top of 180.
    const area = events.find(({ path }) => path === 'avc')?.area;
    expect(area?.direction).toBe('right');
    expect(area?.y).toBeGreaterThan(0.3);
    expect((area?.y ?? 1) + (area?.height ?? 1)).toBeLessThan(0.95);
    expect(recordingsOf(agent, 'plain')).toEqual([]);
  }, 180_000);

  test('an event is recorded, on the timeline, and in a notification, as one that a camera reports', async () => {
    await using sink = await openHttpSink();
    await using camera = await startAgent({ config: 'api: yes\npaths:\n  walk:\n' });
    const keys = 'record: motion, recordPreRoll: 2s, recordPostRoll: 1s, motionSource: stream';
    const source = `source: "${camera.rtspUrl('walk')}", rtspTransport: tcp`;
    await using box = await openAdoptionHarness({}, `paths:\n  yard: {${source}, ${keys}}\n`);
    const settings = {
      ...{ kind: 'webHook', method: 'POST', url: `${sink.url}/hook`, headers: '', type: 'json', secret: '' },
      body: '{"path": "{path}", "kind": "{kind}", "id": "{id}"}',
    };
    const rules = [{ cameras: ['yard'], kinds: ['motion'] }];
    const channel = { name: 'Hook', language: 'en', page: 'https://perch.example.net/', rules, settings };
    expect((await box.call('POST', '/notifications/channels', channel)).status).toBe(200);
    const fromMs = Date.now();
    await using _walk = await publishClip(camera, 'walk', await walk('h264'));

    const message = await until(async () => sink.requests[0]?.body);
    expect(JSON.parse(String(message))).toMatchObject({ path: 'yard', kind: 'motion' });
    const span = `from=${new Date(fromMs).toISOString()}&to=${new Date(fromMs + 600_000).toISOString()}`;
    const timeline = await until(async () => {
      const { events, coverage } = (await box.call('GET', `/timeline/yard?${span}`)).body as unknown as Timeline;
      return events.length > 0 && coverage.length > 0 ? { events, coverage } : undefined;
    });
    expect(timeline.events).toMatchObject([{ type: 'motion' }]);
    const files = globSync(join(box.folder, 'data/recordings/yard/**/*.mp4'));
    expect(files).toHaveLength(1);
  }, 180_000);
});

const recordingsOf = (agent: Agent, path: string) => globSync(join(agent.dataDir, 'recordings', path, '**/*.mp4'));
const clipOf = async (agent: Agent, path: string) => recordingsOf(agent, path).length || undefined;
