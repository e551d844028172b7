import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { packetTimes } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const OUTAGE_MS = byLength(12_000, 60_000);

describeWith(['chromium', 'ffmpeg'], 'an outage of a camera that is always available', () => {
  test.for(inShort(['its own picture', 'a file'], 'its own picture'))(
    'with %s ends no player: Chromium over WHEP, ffmpeg over RTSP and HLS',
    async (kind) => {
      const clip = await barClip({ ...SMALL, audio: 'opus' });
      using folder = temporaryFolder();
      const file = join(folder.path, 'clip.mp4');
      await runProcess('ffmpeg', ['-nostdin', '-v', 'error', '-i', clip, '-c', 'copy', file]);
      const own = kind === 'a file' ? `    alwaysAvailableFile: ${file}\n` : '';
      await using agent = await startAgent({
        config: `api: yes\npaths:\n  cam:\n    alwaysAvailable: yes\n    record: yes\n${own}`,
      });
      await using viewer = await startViewer();
      const copyOf = (input: string, name: string) =>
        startProcess('ffmpeg', [
          ...['-nostdin', '-v', 'warning', ...(input.startsWith('rtsp') ? ['-rtsp_transport', 'tcp'] : [])],
          ...['-i', input, '-c', 'copy', '-f', 'matroska', join(folder.path, name)],
        ]);
      const status = () => agent.json<PathStatus>('/v3/paths/get/cam');
      const publish = () => publishClip(agent, 'cam', clip, { isEndless: true });

      const first = await publish();
      const copies = [copyOf(agent.rtspUrl('cam'), 'rtsp.mkv'), copyOf(`${agent.url}/hls/cam/index.m3u8`, 'hls.mkv')];
      const ended = Promise.race(copies.map(({ exited }) => exited));
      const page = await viewer.open(`${agent.url}/health`);
      const watching = await watch(page, { url: `http://127.0.0.1:${agent.ports.webrtc}/cam/whep` });
      expect((await watching.shown(30)).error).toBe('');
      await until(async () => ((await status()).readers.length >= 3 ? true : undefined));

      await first[Symbol.asyncDispose]();
      expect(await until(async () => ((await status()).online ? undefined : status()))).toMatchObject({
        available: true,
        online: false,
      });
      await Promise.race([ended, delay(OUTAGE_MS)]);
      const during = await watching.report();
      await using _second = await publish();
      await until(async () => ((await status()).online ? true : undefined));
      const pictures = during.pictures + 60;
      expect((await watching.shown(pictures)).error).toBe('');
      // 5 pictures a second.
      expect(during.pictures).toBeGreaterThan(30 + OUTAGE_MS / 250);
      await delay(4_000);
      for (const copy of copies) {
        // ffmpeg's comment on a second EXT-X-MAP.
        const complaints = copy.output().replaceAll(/.*Found duplicated MOOV Atom. Skipped it\n/g, '');
        expect([copy.child.exitCode, complaints]).toEqual([null, '']);
        await copy.stop('SIGINT');
      }
      for (const name of ['rtsp.mkv', 'hls.mkv']) {
        const times = (await packetTimes(join(folder.path, name), 'v')).map(({ pts }) => pts);
        const gaps = times.slice(1).map((time, i) => time - (times[i] as number));
        expect([name, Math.min(...gaps) >= 0, Math.max(...gaps) < 1]).toEqual([name, true, true]);
        expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(OUTAGE_MS / 1_000 + 4);
      }
    },
  );
});
