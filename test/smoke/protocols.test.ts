import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { type Agent, freeAgentPorts, PATIENT, startAgent, until } from '../peers/agent/agent.ts';
import { smallClip } from '../peers/cameras/camera.ts';
import { publishClip } from '../peers/clients/publisher.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../peers/programs/process.ts';
import { freeUdpPair } from '../support/base/free-port.ts';
import { freeUdpPort } from '../support/base/free-udp-port.ts';

const TCP = ['-rtsp_transport', 'tcp'];
const CLIP_GOP_MS = 1_000;

describeWith(['ffmpeg'], 'protocols other than RTSP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-protocols-'));
  const sdp = join(folder, 'rtp.sdp');
  const senders: RunningProcess[] = [];
  /** Publishers send to it. */
  let studio: Agent;
  /** Its sources are streams of the studio, which forwards to it, too. */
  let branch: Agent;
  let srt: readonly [studio: number, branch: number];

  const feed = (clip: string, ...output: readonly string[]) =>
    senders.push(startProcess('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-i', clip, ...output]));
  const ready = (agent: Agent, name: string): Promise<PathStatus> =>
    until(async () => {
      const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
      return path?.ready ? path : undefined;
    });

  beforeAll(async () => {
    const clip = await smallClip(120);
    const [studioPorts, branchPorts] = [await freeAgentPorts(), await freeAgentPorts()];
    srt = [await freeUdpPort(), await freeUdpPort()];
    const [ts, [rtp]] = [await freeUdpPort(), await freeUdpPair()];
    feed(clip, '-c', 'copy', '-f', 'mpegts', `udp://127.0.0.1:${ts}?pkt_size=1316`);
    feed(clip, '-c:v', 'copy', '-an', '-f', 'rtp', '-sdp_file', sdp, `rtp://127.0.0.1:${rtp}?pkt_size=1300`);
    await until(() => (existsSync(sdp) && readFileSync(sdp, 'utf8').includes('rtpmap')) || undefined);
    const rtpSdp = readFileSync(sdp, 'utf8').trim().replace(/^/gm, '      ');
    const destinations = [
      `rtsp://127.0.0.1:${branchPorts.rtsp}/by-rtsp`,
      `rtmp://127.0.0.1:${branchPorts.rtmp}/by-rtmp`,
      `srt://127.0.0.1:${srt[1]}?streamid=publish:by-srt`,
      `whip://127.0.0.1:${branchPorts.webrtc}/by-whip/whip`,
    ];
    const forward = destinations.map((dest) => `      - { dest: '${dest}' }\n`).join('');
    [studio, branch] = await Promise.all([
      startAgent({
        ports: studioPorts,
        listen: () => ({ srtAddress: `127.0.0.1:${srt[0]}` }),
        config: `api: yes\npaths:\n  door: { alwaysAvailable: yes }\n  rtmp:\n    forward:\n${forward}  all_others:\n`,
      }),
      startAgent({
        ports: branchPorts,
        listen: () => ({ srtAddress: `127.0.0.1:${srt[1]}` }),
        // SRT drops what is later than its latency, 120 ms unless the address says otherwise: other suites hold up a process for longer.
        config: `${PATIENT}api: yes
paths:
  from-rtmp: { source: 'rtmp://127.0.0.1:${studioPorts.rtmp}/rtmp' }
  from-srt: { source: 'srt://127.0.0.1:${srt[0]}?streamid=read:rtmp&latency=2000' }
  from-hls: { source: 'http://127.0.0.1:${studioPorts.hls}/rtmp/index.m3u8' }
  from-whep: { source: 'whep://127.0.0.1:${studioPorts.webrtc}/rtmp/whep', whepTrackGatherTimeout: 20s }
  from-ts: { source: 'udp+mpegts://127.0.0.1:${ts}' }
  from-rtp:
    source: 'udp+rtp://127.0.0.1:${rtp}'
    rtpSDP: |
${rtpSdp}
  all_others:
`,
      }),
    ]);
    feed(clip, '-c', 'copy', '-f', 'flv', `rtmp://127.0.0.1:${studioPorts.rtmp}/rtmp`);
    feed(clip, '-c', 'copy', '-f', 'mpegts', `srt://127.0.0.1:${srt[0]}?streamid=publish:srt&pkt_size=1316`);
  });

  afterAll(async () => {
    for (const one of [studio, branch]) {
      await one?.[Symbol.asyncDispose]();
    }
    for (const sender of senders) {
      await sender.stop('SIGKILL');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test.concurrent('what ffmpeg publishes over RTMP and SRT is read over RTMP, SRT, FLV and RTSP', async () => {
    for (const [path, type] of [
      ['rtmp', 'rtmpConn'],
      ['srt', 'srtConn'],
    ] as const) {
      expect((await ready(studio, path)).source?.type).toBe(type);
      const addresses = [
        `rtmp://127.0.0.1:${studio.ports.rtmp}/${path}`,
        `srt://127.0.0.1:${srt[0]}?streamid=read:${path}`,
        `${studio.url}/live/${path}.live.flv`,
        studio.rtspUrl(path),
      ];
      const probed = await Promise.all(addresses.map((url) => ffprobe(url, url.startsWith('rtsp') ? TCP : [])));
      for (const [i, { streams }] of probed.entries()) {
        expect(streams.map(({ codec_name: codec }) => codec).sort(), addresses[i]).toEqual(['aac', 'h264']);
      }
    }
  });

  test.concurrent.for([
    ['from-rtmp', 'rtmpSource', 'MPEG-4 Audio'],
    ['from-srt', 'srtSource', 'MPEG-4 Audio'],
    ['from-hls', 'hlsSource', 'MPEG-4 Audio'],
    ['from-whep', 'webRTCSource', 'Opus'],
    ['from-ts', 'mpegtsSource', 'MPEG-4 Audio'],
    ['from-rtp', 'rtpSource', undefined],
  ] as const)('%s decodes without a warning', async ([name, type, audio]) => {
    const { source, tracks } = await ready(branch, name);
    expect(source?.type).toBe(type);
    expect([...tracks].sort()).toEqual(audio ? ['H264', audio] : ['H264']);
    // A WebRTC server sends what it has of the first GOP at once, with timestamps one tick apart.
    await until(async () => {
      const { readyTime } = await branch.json<PathStatus>(`/v3/paths/get/${name}`);
      return Date.now() - Date.parse(readyTime ?? '') > 2 * CLIP_GOP_MS || undefined;
    });
    expect(await ffmpegWarnings([...TCP, '-i', branch.rtspUrl(name), '-t', '1'])).toBe('');
  });

  test.concurrent('a path is forwarded over RTSP, RTMP, SRT and WHIP at once', async () => {
    for (const [name, type] of [
      ['by-rtsp', 'rtspSession'],
      ['by-rtmp', 'rtmpConn'],
      ['by-srt', 'srtConn'],
      ['by-whip', 'webRTCSession'],
    ] as const) {
      const { source, tracks } = await ready(branch, name);
      expect([source?.type, tracks.length]).toEqual([type, 2]);
    }
    const { items } = await studio.json<{ items: { state: string }[] }>('/v3/paths/forward/list?path=rtmp');
    expect(items.map(({ state }) => state)).toEqual(['forwarding', 'forwarding', 'forwarding', 'forwarding']);
  });

  test.concurrent('a reader of a path that is always available plays on when its publisher ends', async () => {
    {
      await using _publisher = await publishClip(studio, 'door', await smallClip(120));
      const input = ['-nostdin', '-v', 'error', ...TCP, '-i', studio.rtspUrl('door')];
      senders.push(startProcess('ffmpeg', [...input, '-c:v', 'copy', '-an', '-f', 'mpegts', join(folder, 'door.ts')]));
      await until(() => existsSync(join(folder, 'door.ts')) || undefined);
    }
    await until(async () => {
      const { available, online } = await studio.json<PathStatus>('/v3/paths/get/door');
      return (available && !online) || undefined;
    });
    const reader = senders.at(-1);
    const { readers } = await ready(studio, 'door');
    expect([readers.length, reader?.child.exitCode, reader?.output()]).toEqual([1, null, '']);
  });
});
