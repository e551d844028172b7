import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { groupLives } from '../../../agent/hooks/process-group.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { startPublisher } from '../../peers/clients/publisher.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith, inLong, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
const TCP = ['-rtsp_transport', 'tcp'];
const LIMIT = { timeout: 60_000 };

const find = (agent: Agent, name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
const whenReady = (agent: Agent, name: string, isReady = true) =>
  until(async () => (((await find(agent, name))?.ready ?? false) === isReady ? true : undefined));

/** The hooks' output in the log. */
const said = (agent: Agent): string[] =>
  [...agent.process.output().matchAll(/says="?([^"\n]+?)"?$/gm)].map(([, text = '']) => text);
/** A reader of each kind, of the path with its name. */
const readOnDemand = {
  rtsp: async (agent: Agent) => {
    const { streams } = await ffprobe(`${agent.rtspUrl('on/rtsp')}?a=1`, TCP);
    expect(streams.map((one) => one.codec_name)).toEqual(['h264', 'aac']);
    await until(() => (said(agent).includes('gone rtsp a%3D1') ? true : undefined));
  },
  hls: async (agent: Agent) => {
    const list = await fetch(`http://127.0.0.1:${agent.ports.hls}/on/hls/index.m3u8`);
    expect([list.status, await list.text()]).toEqual([200, expect.stringContaining('#EXTM3U')]);
  },
  webrtc: async (agent: Agent) => {
    const answer = await fetch(`http://127.0.0.1:${agent.ports.webrtc}/on/webrtc/whep`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: OFFER,
    });
    expect([answer.status, await answer.text()]).toEqual([201, expect.stringContaining('m=video')]);
    await fetch(new URL(answer.headers.get('Location') ?? '', answer.url), { method: 'DELETE' });
  },
};

describeWith(['ffmpeg'], 'commands of paths', () => {
  // In the short length the command without a user covers it.
  inLong(() =>
    test('ffmpeg transcodes one path into another for as long as it exists', LIMIT, async () => {
      const url = (path: string) => `rtsp://localhost:$RTSP_PORT/${path}`;
      const command = `ffmpeg -nostdin -v error ${TCP.join(' ')} -i ${url('$MTX_PATH')} -an -vf scale=160:-2 -c:v libx264 -preset ultrafast -g 25 -f rtsp ${TCP.join(' ')} ${url('small')}`;
      const config = `logLevel: debug\npaths:\n  cam:\n    runOnReady: >\n      ${command}\n    runOnReadyRestart: yes\n  small:\n`;
      await using agent = await startAgent({ config });
      await using publisher = await startPublisher(agent.rtspUrl('cam'));
      await whenReady(agent, 'small');
      expect((await ffprobe(agent.rtspUrl('small'), TCP)).streams).toMatchObject([{ codec_name: 'h264', width: 160 }]);
      const pid = Number(/command started hook=runOnAvailable pid=(\d+)/.exec(agent.process.output())?.[1]);
      expect(groupLives(pid)).toBe(true);
      await publisher.stop('SIGINT');
      await whenReady(agent, 'small', false);
      await until(() => (groupLives(pid) ? undefined : true));
    }),
  );

  test.for(inShort(['rtsp', 'hls', 'webrtc'] as const, 'rtsp'))(
    'a publisher on demand starts for readers over %s, and stops after the last one',
    LIMIT,
    async (protocol) => {
      const command = `ffmpeg -nostdin -v error -re -stream_loop -1 -i ${await smallClip(10)} -c copy -f rtsp ${TCP.join(' ')} rtsp://localhost:$RTSP_PORT/$MTX_PATH`;
      const config = `
logLevel: debug
hlsMuxerCloseAfter: 1s
paths:
  "~^on/(.+)$":
    runOnDemand: ${command}
    runOnDemandCloseAfter: 1s
    runOnUnDemand: sh -c 'echo "gone $G1 $MTX_QUERY"'
`;
      await using agent = await startAgent({ config });
      await readOnDemand[protocol](agent);
      await until(async () =>
        said(agent).some((line) => line.startsWith(`gone ${protocol}`)) &&
        (await find(agent, `on/${protocol}`)) === undefined
          ? true
          : undefined,
      );
      const [group, ...others] = [...agent.process.output().matchAll(/hook=runOnDemand pid=(\d+)/g)];
      expect(others).toEqual([]);
      expect(groupLives(Number(group?.[1]))).toBe(false);
    },
  );

  test('readers are notified when a publisher does not start in time', LIMIT, async () => {
    const config = 'logLevel: debug\npaths:\n  cam:\n    runOnDemand: sleep 1000\n    runOnDemandStartTimeout: 500ms\n';
    await using agent = await startAgent({ config });
    const { output } = await runProcess('ffprobe', ['-v', 'error', ...TCP, agent.rtspUrl('cam')]);
    expect(output).toMatch(/400|Bad Request/);
    const pid = Number((await agent.process.waitFor(/hook=runOnDemand pid=(\d+)/))[1]);
    await until(() => (groupLives(pid) ? undefined : true));
  });

  test(
    'source: ffmpeg:// publishes where no other client may, without a password among its arguments',
    LIMIT,
    async () => {
      const config = `
logLevel: debug
authInternalUsers:
  - user: any
    permissions: [{action: read}, {action: api}]
paths:
  cam:
    source: ffmpeg://${await smallClip(10)} -an
`;
      await using agent = await startAgent({ config });
      await whenReady(agent, 'cam');
      expect(await find(agent, 'cam')).toMatchObject({ source: { type: 'rtspSession' }, tracks: ['H264'] });
      const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(10), '-c', 'copy'];
      const stranger = await runProcess('ffmpeg', [...input, '-f', 'rtsp', ...TCP, agent.rtspUrl('cam')]);
      expect(stranger.output).toMatch(/401|authorization/i);
      expect(await find(agent, 'cam')).toMatchObject({ ready: true });
    },
  );

  test(
    'a command reads and publishes without a user only at its own addresses, and no other client does',
    LIMIT,
    async () => {
      const url = (path: string) => `rtsp://localhost:$RTSP_PORT/${path}`;
      const encode = `-an -vf scale=160:-2 -c:v libx264 -preset ultrafast -g 25 -f rtsp ${TCP.join(' ')}`;
      const config = `
logLevel: debug
authInternalUsers:
  - user: any
    permissions: [{action: publish, path: cam}, {action: api}]
paths:
  cam:
    runOnReady: ffmpeg -nostdin -v error ${TCP.join(' ')} -i ${url('$MTX_PATH')} ${encode} ${url('small')}
    runOnReadyRestart: yes
    runOnOnline: sh -c 'port=$RTSP_PORT; exec ffmpeg -nostdin -v error ${TCP.join(' ')} -i rtsp://localhost:$port/cam -f null -'
  small:
`;
      await using agent = await startAgent({ config });
      await using publisher = await startPublisher(agent.rtspUrl('cam'));
      await whenReady(agent, 'small');
      expect(await find(agent, 'cam')).toMatchObject({ readers: [{ type: 'rtspSession' }] });
      await agent.process.waitFor(/runOnOnline.*says=.*401|says=.*401.*runOnOnline/);
      const reader = await runProcess('ffprobe', ['-v', 'error', ...TCP, agent.rtspUrl('cam')]);
      expect(reader.output).toMatch(/401|authorization/i);
      const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(10), '-c', 'copy'];
      const stranger = await runProcess('ffmpeg', [...input, '-f', 'rtsp', ...TCP, agent.rtspUrl('small')]);
      expect(stranger.output).toMatch(/401|authorization/i);
      await publisher.stop('SIGINT');
      await whenReady(agent, 'small', false);
    },
  );
});

describeWith([], 'programs of commands', () => {
  const FORKS = `logLevel: debug\npaths:\n  cam:\n    runOnInit: sh -c 'sleep 1000 & sleep 1001 & wait'\n`;
  const groupOf = async (agent: Agent) => Number((await agent.process.waitFor(/hook=runOnInit pid=(\d+)/))[1]);

  test('end with Perch, with all their child processes', LIMIT, async () => {
    const agent = await startAgent({ config: FORKS });
    const group = await groupOf(agent);
    expect(groupLives(group)).toBe(true);
    await agent[Symbol.asyncDispose]();
    expect(groupLives(group)).toBe(false);
  });

  test('end when their path is removed', LIMIT, async () => {
    await using agent = await startAgent({ config: FORKS });
    const group = await groupOf(agent);
    const answer = await fetch(`${agent.url}/v3/config/paths/delete/cam`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    await until(() => (groupLives(group) ? undefined : true));
  });

  test('left by a killed Perch are ended by the next one', LIMIT, async () => {
    await using first = await startAgent({ config: FORKS });
    const group = await groupOf(first);
    await first.process.stop('SIGKILL');
    expect(groupLives(group)).toBe(true);
    await using second = await startAgent({ config: FORKS, dataDir: first.dataDir });
    expect(groupLives(group)).toBe(false);
    expect(groupLives(await groupOf(second))).toBe(true);
  });
});
