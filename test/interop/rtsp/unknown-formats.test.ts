import { expect, test } from 'vitest';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { startProcess } from '../../peers/programs/process.ts';

const TCP = ['-rtsp_transport', 'tcp'];
const INPUT = [
  '-re',
  '-f',
  'lavfi',
  '-i',
  'testsrc2=size=320x180:rate=25',
  '-f',
  'lavfi',
  '-i',
  'sine=sample_rate=48000',
];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];

describeWith(['ffmpeg'], 'unknown formats over RTSP', () => {
  test('Vorbis from ffmpeg reaches ffmpeg over TCP and UDP, and decodes; HLS has the picture alone', async () => {
    await using agent = await startAgent({ config: 'paths:\n  all_others:\n' });
    const output = ['-f', 'rtsp', ...TCP, agent.rtspUrl('cam')];
    const coding = [...H264, '-c:a', 'libvorbis', '-ac', '2'];
    const publisher = startProcess('ffmpeg', ['-nostdin', '-v', 'error', ...INPUT, ...coding, ...output]);
    try {
      const { tracks } = await until(async () => {
        const path = await agent
          .json<{ ready: boolean; tracks: string[] }>('/v3/paths/get/cam')
          .catch(() => ({ ready: false, tracks: [] }));
        return path.ready ? path : undefined;
      });
      expect(tracks).toEqual(['H264', 'Generic']);
      for (const transport of ['tcp', 'udp']) {
        const { streams } = await ffprobe(agent.rtspUrl('cam'), ['-rtsp_transport', transport]);
        expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'vorbis']);
      }
      expect(await ffmpegWarnings([...TCP, '-i', agent.rtspUrl('cam'), '-map', '0:a', '-t', '2'])).toBe('');
      const { streams } = await ffprobe(`http://127.0.0.1:${agent.ports.hls}/cam/index.m3u8`);
      expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
