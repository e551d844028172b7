import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');

interface Publishing extends AsyncDisposable {
  readonly process: RunningProcess;
}

/** ffmpeg sends a clip in real time over the RTSP connection. */
async function publish(url: string): Promise<Publishing> {
  const input = ['-nostdin', '-v', 'error', '-re', '-i', await smallClip(120)];
  const running = startProcess('ffmpeg', [...input, '-c', 'copy', '-f', 'rtsp', '-rtsp_transport', 'tcp', url]);
  return {
    process: running,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

const find = (agent: Agent, name: string) => agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
const pathWhen = (agent: Agent, name: string, is: (path: PathStatus) => boolean): Promise<PathStatus> =>
  until(async () => {
    const path = await find(agent, name);
    return path && is(path) ? path : undefined;
  });
const isReady = ({ ready }: PathStatus): boolean => ready;

const TCP = ['-rtsp_transport', 'tcp'];
const codecsOf = async (url: string): Promise<string[]> =>
  (await ffprobe(url, TCP)).streams.map((stream) => stream.codec_name);

describeWith(['ffmpeg'], 'paths over RTSP', () => {
  test('a source on demand is pulled while it has a reader over RTSP, HLS or as the API sees it, and released afterwards', async () => {
    const ports = await freeAgentPorts();
    // The agent pulls from itself: `origin` lists its readers.
    await using agent = await startAgent({
      ports,
      config: `
hlsMuxerCloseAfter: 1s
paths:
  origin:
  "~^late/(.+)$":
    source: rtsp://127.0.0.1:${ports.rtsp}/$G1
    sourceOnDemand: yes
    sourceOnDemandCloseAfter: 1s
`,
    });
    await using _publisher = await publish(agent.rtspUrl('origin'));
    await pathWhen(agent, 'origin', isReady);
    expect(await find(agent, 'late/origin')).toBeUndefined();

    const input = ['-nostdin', '-v', 'error', ...TCP, '-i', agent.rtspUrl('late/origin')];
    const reader = startProcess('ffmpeg', [...input, '-f', 'null', '-']);
    expect(await pathWhen(agent, 'late/origin', isReady)).toMatchObject({
      ...{ confName: '~^late/(.+)$', sourceOnDemand: true, sourceState: 'running' },
      source: { type: 'rtspSource', id: '' },
      sourceStatistics: { transport: 'TCP', lost: 0 },
    });
    expect((await find(agent, 'origin'))?.readers).toHaveLength(1);
    await pathWhen(agent, 'late/origin', ({ bytesSent }) => bytesSent > 100_000);
    await reader.stop('SIGINT');
    expect(reader.output()).toBe('');
    await until(async () => ((await find(agent, 'late/origin')) === undefined ? true : undefined));
    await pathWhen(agent, 'origin', ({ readers }) => readers.length === 0);

    const playlist = `http://127.0.0.1:${ports.hls}/late/origin/index.m3u8`;
    expect(await ffmpegWarnings(['-i', playlist, '-t', byLength('1', '4')])).toBe('');
    await until(async () => ((await find(agent, 'late/origin')) === undefined ? true : undefined));
    await pathWhen(agent, 'origin', ({ readers }) => readers.length === 0);
  });

  test('each protocol rejects readers of a source on demand that is off, and the source is released', async () => {
    await using agent = await startAgent({
      config: `
paths:
  off:
    source: rtsp://127.0.0.1:1/x
    sourceOnDemand: yes
    sourceOnDemandStartTimeout: 3s
`,
    });
    // The cause names addresses behind the box: it is only for the log.
    const reason = "source of path 'off' has timed out";
    const [whep, hls, rtsp] = await Promise.all([
      fetch(`http://127.0.0.1:${agent.ports.webrtc}/off/whep`, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: OFFER,
      }),
      fetch(`http://127.0.0.1:${agent.ports.hls}/off/index.m3u8`),
      runProcess('ffprobe', ['-v', 'error', ...TCP, agent.rtspUrl('off')]),
    ]);
    expect(whep.status).toBe(400);
    expect(await whep.json()).toEqual({ status: 'error', error: reason });
    expect(hls.status).toBe(500);
    expect(await hls.json()).toEqual({ status: 'error', error: reason });
    expect(rtsp.output).toMatch(/400 Bad Request/);
    // The last of them may have requested it again.
    await pathWhen(agent, 'off', ({ ready, sourceState }) => !ready && sourceState === 'stopped');
  });

  test('a published path is read, recorded and listed; it ends with its publisher', async () => {
    await using agent = await startAgent({ config: 'pathDefaults:\n  record: yes\npaths:\n  all_others:\n' });
    const publisher = await publish(agent.rtspUrl('live/one'));
    const path = await pathWhen(agent, 'live/one', ({ ready, recording }) => ready && recording?.active === true);
    expect(path).toMatchObject({ confName: 'all_others', tracks: ['H264', 'MPEG-4 Audio'], sourceState: null });
    const sessions = await agent.json<{ items: { id: string; state: string; path: string }[] }>(
      '/v3/rtspsessions/list',
    );
    expect(sessions.items).toMatchObject([{ id: path.source?.id, state: 'publish', path: 'live/one' }]);
    expect(path.source?.type).toBe('rtspSession');
    expect(await codecsOf(agent.rtspUrl('live/one'))).toEqual(['h264', 'aac']);

    const kick = await fetch(`${agent.url}/v3/rtspsessions/kick/${path.source?.id}`, { method: 'POST' });
    expect(kick.status).toBe(200);
    expect(await publisher.process.exited).not.toBe(0);
    await until(async () => ((await find(agent, 'live/one')) === undefined ? true : undefined));
    const [file = ''] = await until(() => {
      const files = globSync(join(agent.dataDir, 'recordings/live/one/*.mp4'));
      return files.length > 0 ? files : undefined;
    });
    expect(await ffmpegWarnings(['-i', file])).toBe('');
  });

  test('a second publisher replaces the first, or is rejected if overridePublisher is off', async () => {
    await using agent = await startAgent({ config: 'paths:\n  open:\n  closed:\n    overridePublisher: no\n' });
    await using first = await publish(agent.rtspUrl('open'));
    const before = await pathWhen(agent, 'open', isReady);
    await using _second = await publish(agent.rtspUrl('open'));
    expect(await first.process.exited).not.toBe(0);
    const after = await pathWhen(agent, 'open', ({ ready, source }) => ready && source?.id !== before.source?.id);
    expect(after.tracks).toEqual(['H264', 'MPEG-4 Audio']);

    await using _holder = await publish(agent.rtspUrl('closed'));
    const held = await pathWhen(agent, 'closed', isReady);
    await using refused = await publish(agent.rtspUrl('closed'));
    expect(await refused.process.exited).not.toBe(0);
    expect(refused.process.output()).toMatch(/Could not write header/);
    expect((await find(agent, 'closed'))?.source).toEqual(held.source);
  });

  test('ffprobe follows a redirect, and a fallback while the path has no stream', async () => {
    await using agent = await startAgent({
      config: `
paths:
  origin:
  gate: {source: redirect, sourceRedirect: /origin}
  spare: {fallback: /origin}
`,
    });
    await using _publisher = await publish(agent.rtspUrl('origin'));
    await pathWhen(agent, 'origin', isReady);
    expect(await codecsOf(agent.rtspUrl('gate'))).toEqual(['h264', 'aac']);
    expect(await codecsOf(agent.rtspUrl('spare'))).toEqual(['h264', 'aac']);
    expect(await find(agent, 'gate')).toMatchObject({ ready: false, source: { type: 'redirect', id: '' } });
    // As in MediaMTX, only RTSP knows redirects; the others have no stream.
    for (const path of ['gate', 'spare']) {
      const whep = await fetch(`http://127.0.0.1:${agent.ports.webrtc}/${path}/whep`, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: OFFER,
      });
      const hls = await fetch(`http://127.0.0.1:${agent.ports.hls}/${path}/index.m3u8`);
      expect([path, whep.status, hls.status]).toEqual([path, 404, 404]);
    }
  });

  test('rejects the reader after maxReaders', async () => {
    await using agent = await startAgent({ config: 'paths:\n  cam: {maxReaders: 1}\n' });
    await using _publisher = await publish(agent.rtspUrl('cam'));
    await pathWhen(agent, 'cam', isReady);
    const input = ['-nostdin', '-v', 'error', ...TCP, '-i', agent.rtspUrl('cam')];
    const reader = startProcess('ffmpeg', [...input, '-f', 'null', '-']);
    await pathWhen(agent, 'cam', ({ readers }) => readers.length === 1);
    const refused = await runProcess('ffprobe', ['-v', 'error', ...TCP, agent.rtspUrl('cam')]);
    expect(refused.output).toMatch(/400 Bad Request/);
    await reader.stop('SIGKILL');
    await pathWhen(agent, 'cam', ({ readers }) => readers.length === 0);
    expect(await codecsOf(agent.rtspUrl('cam'))).toEqual(['h264', 'aac']);
  });
});
