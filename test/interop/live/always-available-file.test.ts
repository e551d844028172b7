import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { ffmpegWarnings, packetTimes } from '../../peers/programs/ffmpeg.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const SIZE = 'testsrc=size=320x240:rate=25';
const TONE = 'sine=frequency=440:sample_rate=48000';
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
const AAC = ['-c:a', 'aac', '-ac', '2'];

/** ffmpeg's output for two seconds. */
const FILES = {
  'H.264 and AAC': [...H264, '-bf', '0', ...AAC],
  'B-frames and an edit list, index at the end': [...H264, '-preset', 'veryfast', '-bf', '3', ...AAC],
  'index at the begin': [...H264, '-bf', '0', ...AAC, '-movflags', '+faststart'],
  fragments: [...H264, '-bf', '2', ...AAC, '-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
  'H.265 and Opus': [
    ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25', '-tag:v', 'hvc1'],
    ...['-c:a', 'libopus', '-ac', '2'],
  ],
} as const;

describeWith(['ffmpeg'], 'alwaysAvailableFile', () => {
  test.for(inShort(Object.keys(FILES) as (keyof typeof FILES)[], 'H.264 and AAC', 'fragments'))(
    'a file of ffmpeg with %s plays in a loop before the source comes, and is decoded without a fault',
    async (kind) => {
      using folder = temporaryFolder();
      const file = join(folder.path, 'clip.mp4');
      const inputs = ['-f', 'lavfi', '-i', SIZE, '-f', 'lavfi', '-i', TONE, '-t', '2'];
      await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...inputs, ...FILES[kind], file]);
      await using agent = await startAgent({
        config: `api: yes\npaths:\n  cam:\n    alwaysAvailable: yes\n    alwaysAvailableFile: ${file}\n`,
      });
      const status = await until(async () => {
        const path = await agent.json<PathStatus>('/v3/paths/get/cam').catch(() => undefined);
        return path?.available ? path : undefined;
      });
      expect(status).toMatchObject({ available: true, online: false });
      const input = ['-rtsp_transport', 'tcp', '-i', agent.rtspUrl('cam')];
      const copy = join(folder.path, 'copy.mkv');
      expect(await ffmpegWarnings([...input, '-t', '6'])).toBe('');
      await runProcess('ffmpeg', ['-nostdin', '-v', 'error', ...input, '-t', '6', '-c', 'copy', copy]);
      for (const kindOfTrack of ['v', 'a'] as const) {
        const times = (await packetTimes(copy, kindOfTrack)).map(({ pts }) => pts).sort((a, b) => a - b);
        const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
        expect([kindOfTrack, Math.max(...gaps) < 0.15]).toEqual([kindOfTrack, true]);
        expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(5);
      }
    },
  );

  test('the clip follows a publisher that leaves, for a reader that stays; one that does not fit is rejected', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'clip.mp4');
    const make = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', SIZE, '-f', 'lavfi', '-i', TONE, '-t', '2'];
    await runProcess('ffmpeg', [...make, ...FILES['H.264 and AAC'], file]);
    await using agent = await startAgent({
      config: `api: yes\npaths:\n  cam:\n    alwaysAvailable: yes\n    alwaysAvailableFile: ${file}\n`,
    });
    const status = () => agent.json<PathStatus>('/v3/paths/get/cam').catch(() => undefined);
    await until(async () => (await status())?.available || undefined);
    const copy = join(folder.path, 'copy.mkv');
    const reader = startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'warning', '-rtsp_transport', 'tcp', '-i', agent.rtspUrl('cam')],
      ...['-c', 'copy', '-f', 'matroska', copy],
    ]);
    await until(async () => ((await status())?.readers.length === 1 ? true : undefined));
    const publish = (...codecs: readonly string[]) =>
      startProcess('ffmpeg', [
        ...['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', SIZE, '-f', 'lavfi', '-i', TONE, ...codecs],
        ...['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl('cam')],
      ]);
    const publisher = publish(...FILES['H.264 and AAC']);
    await until(async () => (await status())?.online || undefined);
    await delay(2_000);
    await publisher.stop('SIGKILL');
    await until(async () => ((await status())?.online === false ? true : undefined));
    await delay(3_000);
    const other = publish('-map', '1:a', '-c:a', 'libopus');
    await agent.process.waitFor(/do not fit alwaysAvailableFile \(h264, aac\)/);
    await other.stop('SIGKILL');
    expect([reader.child.exitCode, reader.output()]).toEqual([null, '']);
    await reader.stop('SIGINT');
    const times = (await packetTimes(copy, 'v')).map(({ pts }) => pts);
    const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
    expect([Math.min(...gaps) >= 0, Math.max(...gaps) < 1]).toEqual([true, true]);
  });
});
