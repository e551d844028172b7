// @also without-ffi in long

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';

interface Sender {
  readonly name: string;
  readonly codec: string;
  readonly program: string;
  readonly url: string;
  readonly sdp: string;
}

const GROUP = '239.255.77.9';

describeWith(['ffmpeg', 'gstreamer'], 'RTP without RTSP', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-rtp-'));
  const senders: RunningProcess[] = [];
  const paths: Sender[] = [];
  let agent: Agent;

  /** ffmpeg sends one stream, and writes its SDP. */
  async function sendByFfmpeg(name: string, codec: string, input: readonly string[]): Promise<void> {
    const [port] = await freeUdpPair();
    const file = join(folder, `${name}.sdp`);
    const output = ['-f', 'rtp', '-sdp_file', file, `rtp://127.0.0.1:${port}?pkt_size=1300`];
    senders.push(startProcess('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', ...input, ...output]));
    await until(async () => (existsSync(file) && readFileSync(file, 'utf8').includes('rtpmap') ? true : undefined));
    paths.push({ name, codec, program: 'ffmpeg', url: `udp+rtp://127.0.0.1:${port}`, sdp: readFileSync(file, 'utf8') });
  }

  async function sendByGstreamer(
    name: string,
    codec: string,
    host: string,
    pipeline: string,
    sdp: string,
  ): Promise<void> {
    const [port] = await freeUdpPair();
    const sink = `udpsink host=${host} port=${port} auto-multicast=true multicast-iface=lo`;
    senders.push(startProcess('gst-launch-1.0', ['-q', ...`${pipeline} ! ${sink}`.split(' ')]));
    paths.push({ name, codec, program: 'GStreamer', url: `udp+rtp://${host}:${port}`, sdp: `v=0\nm=${sdp}\n` });
  }

  beforeAll(async () => {
    const h264 = await smallClip(4);
    const h265 = await clip('rtp-h265.mp4', [
      ...['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-t', '4', '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-x265-params', 'keyint=25:bframes=0:log-level=none', '-pix_fmt', 'yuv420p'],
    ]);
    await sendByFfmpeg('h264', 'H264', ['-i', h264, '-an', '-c:v', 'copy']);
    await sendByFfmpeg('h265', 'H265', ['-i', h265, '-c:v', 'copy']);
    await sendByFfmpeg('aac', 'MPEG-4 Audio', ['-i', h264, '-vn', '-c:a', 'copy']);
    await sendByFfmpeg('opus', 'Opus', ['-i', h264, '-vn', '-c:a', 'libopus']);
    const picture = 'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1';
    const coded = `${picture} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay config-interval=-1 pt=96`;
    const video = 'video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000';
    await sendByGstreamer('gst-h264', 'H264', '127.0.0.1', coded, video);
    await sendByGstreamer('gst-group', 'H264', GROUP, coded, video);
    const sound = 'audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=97';
    await sendByGstreamer('gst-opus', 'Opus', '127.0.0.1', sound, 'audio 5004 RTP/AVP 97\na=rtpmap:97 opus/48000/2');
    const entries = paths.map(({ name, url, sdp }) => {
      const lines = sdp.replaceAll('\r', '').replaceAll('\n', '\n      ').trimEnd();
      return `  ${name}:\n    source: '${url}'\n    rtpSDP: |\n      ${lines}\n`;
    });
    agent = await startAgent({ config: `api: yes\npaths:\n${entries.join('')}` });
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    for (const sender of senders) {
      await sender.stop();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test('every sender is a stream without lost or damaged samples', async () => {
    for (const { name, codec } of paths) {
      const status = await until(async () => {
        const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
        return path?.ready ? path : undefined;
      });
      expect(status, name).toMatchObject({ tracks: [codec], source: { type: 'rtpSource', id: '' } });
    }
    for (const { name } of paths) {
      const warnings = await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', agent.rtspUrl(name), '-t', '2']);
      expect(warnings, name).toBe('');
      expect(await agent.json<PathStatus>(`/v3/paths/get/${name}`), name).toMatchObject({ inboundFramesInError: 0 });
    }
  });
});
