import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ListEntry } from '../../../agent/playback/list.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { smallClip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const CONFIG = 'paths:\n  movie:\n    record: yes\n    recordPartDuration: 500ms\n';

describeWith(['ffmpeg'], 'a publisher that sends faster than real time', () => {
  test('ffmpeg without -re becomes one whole recording with the length of the film', async () => {
    await using agent = await startAgent({ config: CONFIG });
    const seconds = byLength(8, 20);
    const film = ['-i', await smallClip(seconds), '-c', 'copy'];
    const to = ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl('movie')];
    const published = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...film, ...to]);
    expect(published).toEqual({ code: 0, output: '' });
    await agent.process.waitFor(/and is slowed down/);
    await agent.process.waitFor(/RTSP session closed/);
    const recordings = await until(async () => {
      const list = await agent.json<ListEntry[]>('/playback/list?path=movie');
      return (list[0]?.duration ?? 0) > seconds - 0.1 ? list : undefined;
    });
    expect(recordings).toHaveLength(1);
    const [recording] = recordings;
    expect(recording?.duration).toBeCloseTo(seconds, 0);
    const start = encodeURIComponent(recording?.start ?? '');
    const answer = await fetch(`${agent.url}/playback/get?path=movie&start=${start}&duration=${seconds + 10}`);
    const file = join(agent.dataDir, 'answer.mp4');
    writeFileSync(file, await answer.bytes());
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    const { streams } = await ffprobe(file, ['-count_packets']);
    expect(streams.find(({ codec_type }) => codec_type === 'video')?.nb_read_packets).toBe(String(25 * seconds));
  });
});
