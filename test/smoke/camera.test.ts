import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import { startAgent, until } from '../peers/agent/agent.ts';
import { playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';

const SECONDS = byLength(3, 60);

describeWith(['ffmpeg', 'gstreamer'], "GStreamer's RTSP server as the camera", () => {
  test('asks for a digest, is pulled once, relayed and recorded; ffmpeg has nothing to say about any of it', async () => {
    const mounts = { '/main': playClip(await smallClip(120), true) };
    await using camera = await startGstCamera(mounts, { digest: 'admin:se:cret' });
    const url = camera.url('/main').replace('://', '://admin:se%3Acret@');
    await using agent = await startAgent({
      config: `playback: yes\napi: yes\npaths:\n  garden:\n    source: ${url}\n    record: yes\n`,
    });
    const path = await until(async () => {
      const garden = await agent.json<PathStatus>('/v3/paths/get/garden');
      return garden.ready && garden.recording?.active === true ? garden : undefined;
    });
    expect(path).toMatchObject({
      tracks: ['H264', 'MPEG-4 Audio'],
      source: { type: 'rtspSource', id: '' },
      lastError: null,
      recording: { active: true, error: null },
    });
    expect(path.tracks2[0]).toMatchObject({ codecProps: { width: 640, height: 360 } });

    const playlist = `http://127.0.0.1:${agent.ports.hls}/garden/index.m3u8`;
    expect(await ffmpegWarnings(['-i', playlist, '-t', String(SECONDS)])).toBe('');
    const probed = await ffprobe(`${agent.url}/hls/garden/index.m3u8`);
    expect(probed.warnings).toBe('');
    expect(probed.streams.map((stream) => stream.codec_name).sort()).toEqual(['aac', 'h264']);

    const [recording = ''] = globSync(join(agent.dataDir, 'recordings/garden/*.mp4'));
    const growing = await ffprobe(recording, ['-count_packets']);
    expect(growing.warnings).toBe('');
    expect(growing.streams.map((stream) => stream.codec_name)).toEqual(['h264', 'aac']);
    expect(Number(growing.streams[0]?.nb_read_packets)).toBeGreaterThan(SECONDS * 20);
    expect(await ffmpegWarnings(['-i', recording])).toBe('');

    await agent.process.stop('SIGINT');
    expect(agent.process.output()).not.toContain('cret');
    const finished = await ffprobe(recording);
    expect(Number(finished.format.duration)).toBeGreaterThan(SECONDS);
    expect(await ffmpegWarnings(['-i', recording])).toBe('');
  });
});
