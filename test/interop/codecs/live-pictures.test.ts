import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { BROKER_LOGIN, startMosquitto } from '../../peers/programs/mosquitto.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';

const LIMIT = { timeout: 60_000 };
const PASSWORD = 'a picture of now';
/** Without a recording: `bare`. */
const CONFIG = `authInternalUsers:
- { user: any, permissions: [ { action: publish } ] }
- { user: machine, pass: ${PASSWORD}, permissions: [ { action: read }, { action: playback, path: odd } ] }
- { user: archivist, pass: ${PASSWORD}, permissions: [ { action: playback } ] }
paths:
  bare:
  odd: { record: yes }
`;
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '10'];
const VP8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '10'];

/** Width and height by the frame header, ITU-T T.81 B.2.2. */
function sizeOf(jpeg: Buffer): readonly [width: number, height: number] {
  const header = jpeg.indexOf(Buffer.from('ffc00011', 'hex'));
  return header < 0 ? [0, 0] : [jpeg.readUInt16BE(header + 7), jpeg.readUInt16BE(header + 5)];
}

const camera = (agent: Agent, path: string, codec: readonly string[]): RunningProcess =>
  startProcess('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=10', ...codec],
    ...['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(path)],
  ]);
const login = (user: string) => ({ Authorization: `Basic ${Buffer.from(`${user}:${PASSWORD}`).toString('base64')}` });
const ready = (agent: Agent, path: string, headers: Record<string, string>) =>
  until(async () => {
    const answer = await fetch(`${agent.url}/playback/${path}/picture.jpg`, { headers });
    await answer.arrayBuffer();
    return answer.status !== 404 || undefined;
  });

describeWith(['ffmpeg'], 'picture.jpg of live paths', () => {
  const agents: Agent[] = [];
  const cameras: RunningProcess[] = [];
  beforeAll(async () => {
    agents.push(...(await Promise.all([{}, { PATH: '/nowhere' }].map((env) => startAgent({ config: CONFIG, env })))));
    for (const agent of agents) {
      cameras.push(camera(agent, 'bare', H264), camera(agent, 'odd', VP8));
    }
    await Promise.all(agents.flatMap((agent) => ['bare', 'odd'].map((path) => ready(agent, path, login('machine')))));
  });
  afterAll(async () => {
    await Promise.all(cameras.map((one) => one.stop('SIGKILL')));
    await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
  });

  const get = async (i: number, path: string, user = 'machine', query = '') => {
    const address = `${agents[i]?.url}/playback/${path}/picture.jpg${query}`;
    const answer = await fetch(address, { headers: login(user) });
    return { answer, by: answer.headers.get('perch-picture'), bytes: Buffer.from(await answer.arrayBuffer()) };
  };

  test('the last key frame of a path that is not recorded, without ffmpeg on the machine', LIMIT, async () => {
    for (const i of [0, 1]) {
      const { answer, by, bytes } = await get(i, 'bare');
      expect([answer.status, by, answer.headers.get('cache-control')]).toEqual([200, 'perch', 'no-store']);
      expect(sizeOf(bytes)).toEqual([640, 360]);
      const takenMs = Date.parse(answer.headers.get('perch-time') ?? '');
      expect(Date.now() - takenMs).toBeLessThan(5_000);
      await until(async () => {
        const { answer: later } = await get(i, 'bare');
        return Date.parse(later.headers.get('perch-time') ?? '') > takenMs || undefined;
      });
    }
    const small = await get(1, 'bare', 'machine', '?width=160');
    expect(sizeOf(small.bytes)).toEqual([160, 90]);
  });

  test('of a codec that Perch does not decode ffmpeg makes the picture, live and recorded', LIMIT, async () => {
    const live = await get(0, 'odd');
    expect([live.answer.status, live.by]).toEqual([200, 'ffmpeg']);
    expect(sizeOf(live.bytes)).toEqual([640, 360]);
    const recorded = () => get(0, 'odd', 'machine', `?time=${new Date().toISOString()}`);
    const found = await until(async () => {
      const one = await recorded();
      return one.answer.status === 200 ? one : undefined;
    });
    expect(found.by).toBe('ffmpeg');
    const without = await get(1, 'odd');
    expect([without.answer.status, JSON.parse(without.bytes.toString())]).toEqual([
      501,
      { status: 'error', error: 'pictures of vp8 are not decoded here: install ffmpeg' },
    ]);
  });

  test('it needs the right to watch; that of recordings is another one', LIMIT, async () => {
    expect((await get(0, 'bare', 'archivist')).answer.status).toBe(401);
    expect((await get(0, 'bare', 'nobody')).answer.status).toBe(401);
    expect((await get(0, 'bare', 'machine', '?time=2026-11-20T17:51:39Z')).answer.status).toBe(401);
    expect((await get(0, 'none')).answer.status).toBe(404);
  });
});

describeWith(['ffmpeg', 'mosquitto'], 'pictures of a camera that has only a stream', () => {
  test('an event has one in the list, by MQTT, and in a message to a web hook', LIMIT, async () => {
    const sent: Buffer[] = [];
    await using hook = Object.assign(
      createServer(async (request, response) => {
        sent.push(await buffer(request));
        response.end();
      }),
      { [Symbol.asyncDispose]: async () => void hook.close() },
    );
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    await using broker = await startMosquitto();
    await using seen = await broker.subscribe('perch/#');
    const config = `mqtt: yes
mqttURL: ${broker.url}
mqttUser: ${BROKER_LOGIN.mqttUser}
mqttPassword: ${BROKER_LOGIN.mqttPassword}
pathDefaults: { record: yes }
paths: { yard: }
`;
    await using agent = await startAgent({ config, isOwned: true });
    const send = async (path: string, body: object) => {
      const headers = { ...agent.headers, 'Content-Type': 'application/json' };
      const answer = await fetch(`${agent.url}/v3/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
    };
    const ffmpeg = camera(agent, 'yard', H264);
    try {
      await ready(agent, 'yard', { ...agent.headers });
      const address = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
      const settings = { kind: 'webHook', url: address, method: 'POST', type: 'form', headers: '', secret: '' };
      await send('notifications/channels', {
        ...{
          name: 'Hook',
          language: 'en',
          page: 'https://perch.example.net/',
          settings: { ...settings, body: 'file={picture}' },
        },
        rules: [{ cameras: 'all', kinds: ['person'] }],
      });
      await until(() => seen.of('perch/cameras/yard/online').find((text) => text === 'ON'));
      await send('events', { path: 'yard', type: 'person' });
      const picture = await until(() => seen.messages.find(({ topic }) => topic === 'perch/cameras/yard/picture'));
      expect(sizeOf(picture.payload)).toEqual([640, 360]);
      const message = new URLSearchParams((await until(() => sent[0])).toString());
      expect(sizeOf(Buffer.from(message.get('file') ?? '', 'base64'))).toEqual([640, 360]);
      const listed = await until(async () => {
        const { items } = await agent.json<{ items: { picture: string | null }[] }>(
          `/v3/events/list?to=${new Date(Date.now() + 60_000).toISOString()}`,
        );
        return items[0]?.picture ?? undefined;
      });
      const query = new URLSearchParams({ time: listed, width: '320' });
      const answer = await fetch(`${agent.url}/playback/yard/picture.jpg?${query}`, { headers: agent.headers });
      expect(sizeOf(Buffer.from(await answer.arrayBuffer()))).toEqual([320, 180]);
    } finally {
      await ffmpeg.stop('SIGKILL');
    }
  });
});
