// @also without-ffi in long

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';

const GROUP = '239.255.77.10';

describeWith(['ffmpeg', 'gstreamer'], 'MPEG-TS over UDP', () => {
  const senders: RunningProcess[] = [];
  const paths: { readonly name: string; readonly codecs: readonly string[]; readonly url: string }[] = [];
  let agent: Agent;

  async function sendByFfmpeg(name: string, codecs: readonly string[], args: readonly string[]): Promise<void> {
    const [port] = await freeUdpPair();
    const output = ['-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`];
    senders.push(startProcess('ffmpeg', ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', ...args, ...output]));
    paths.push({ name, codecs, url: `udp+mpegts://127.0.0.1:${port}` });
  }

  async function sendByGstreamer(name: string, codecs: readonly string[], host: string, inputs: string): Promise<void> {
    const [port] = await freeUdpPair();
    const sink = `mpegtsmux name=mux alignment=7 ! udpsink host=${host} port=${port} auto-multicast=true multicast-iface=lo`;
    senders.push(startProcess('gst-launch-1.0', ['-q', ...`${sink} ${inputs}`.split(' ')]));
    paths.push({ name, codecs, url: `udp://${host}:${port}` });
  }

  beforeAll(async () => {
    const h264 = await smallClip(4);
    const h265 = await clip('rtp-h265.mp4', [
      ...['-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=25', '-t', '4', '-c:v', 'libx265', '-preset', 'ultrafast'],
      ...['-x265-params', 'keyint=25:bframes=0:log-level=none', '-pix_fmt', 'yuv420p'],
    ]);
    await sendByFfmpeg('aac', ['H264', 'MPEG-4 Audio'], ['-i', h264, '-c', 'copy']);
    await sendByFfmpeg('opus', ['H264', 'Opus'], ['-i', h264, '-c:v', 'copy', '-c:a', 'libopus']);
    await sendByFfmpeg('ac3', ['H264', 'AC3'], ['-i', h264, '-c:v', 'copy', '-c:a', 'ac3']);
    await sendByFfmpeg('eac3', ['H264', 'EAC3'], ['-i', h264, '-c:v', 'copy', '-c:a', 'eac3']);
    await sendByFfmpeg('mp3', ['MPEG-4 Video', 'MPEG-1/2 Audio'], ['-i', h264, '-c:v', 'mpeg4', '-c:a', 'libmp3lame']);
    await sendByFfmpeg('h265', ['H265'], ['-i', h265, '-c:v', 'copy', '-an']);
    const picture = 'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1';
    const coded = `${picture} ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse ! mux.`;
    const sound = 'audiotestsrc is-live=true ! audioconvert ! audioresample ! avenc_aac ! aacparse ! mux.';
    await sendByGstreamer('gst', ['H264', 'MPEG-4 Audio'], '127.0.0.1', `${coded} ${sound}`);
    await sendByGstreamer('gst-group', ['H264'], GROUP, coded);
    const entries = paths.map(({ name, url }) => `  ${name}:\n    source: '${url}'\n`);
    agent = await startAgent({ config: `api: yes\npaths:\n${entries.join('')}` });
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    for (const sender of senders) {
      await sender.stop();
    }
  });

  test('every sender is a stream without lost or damaged samples', async () => {
    for (const { name, codecs } of paths) {
      const status = await until(async () => {
        const path = await agent.json<PathStatus>(`/v3/paths/get/${name}`).catch(() => undefined);
        return path?.ready ? path : undefined;
      });
      expect(status, name).toMatchObject({ source: { type: 'mpegtsSource', id: '' } });
      expect([...status.tracks].sort(), name).toEqual([...codecs].sort());
    }
    for (const { name } of paths) {
      // ffmpeg has no depacketizer for E-AC-3 (RFC 4598).
      const media = name === 'eac3' ? ['-allowed_media_types', 'video'] : [];
      const warnings = await ffmpegWarnings(['-rtsp_transport', 'tcp', ...media, '-i', agent.rtspUrl(name), '-t', '2']);
      expect(warnings, name).toBe('');
      expect(await agent.json<PathStatus>(`/v3/paths/get/${name}`), name).toMatchObject({ inboundFramesInError: 0 });
    }
  });
});
