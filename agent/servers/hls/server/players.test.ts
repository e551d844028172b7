import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { describeWith } from '../../../../test/peers/programs/peers.ts';
import { random } from '../../../../test/support/base/random.ts';
import { openAccess } from '../../../../test/support/harness/http/open-access.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import type { G711Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { hlsPlugin } from '../delivery/plugin.ts';
import { HlsServer } from './server.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

/** A live stream that has run for `seconds`, on a real port. @returns its playlist's address */
async function serve(tracks: 'picture and sound' | 'sound', seconds: number): Promise<string> {
  const stream = new Stream(tracks === 'sound' ? [g711] : [tinyH264, g711]);
  const variant = { variant: 'fmp4' as const, partDurationMs: 200 };
  const options = {
    ...variant,
    segmentCount: 20,
    segmentDurationMs: 1000,
    segmentMaxBytes: 1 << 20,
    closeAfterMs: 60_000,
  };
  const server = new HlsServer(
    { ...options, alwaysRemux: true },
    { open: async () => stream },
    systemClock,
    silentLogger,
  );
  server.streamOpened('cam', stream);
  const app = fastify({ forceCloseConnections: true });
  app.register(hlsPlugin, { server, access: openAccess, cors: () => async () => undefined });
  onTestFinished(async () => {
    server.close();
    await app.close();
  });
  const next = random(6);
  for (const picture of tinyVideo(seconds * 25, 25, 50)) {
    if (tracks !== 'sound') {
      stream.write(0, picture);
    }
    const pts = Math.round(picture.pts / 11.25);
    const data = Uint8Array.from({ length: 320 }, () => next() * 256);
    stream.write(stream.tracks.length - 1, { pts, dts: pts, wall: picture.wall, key: true, data });
  }
  await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/cam/index.m3u8`;
}

async function ffmpeg(args: readonly string[]): Promise<{ code: number | null; out: string; warnings: string }> {
  const program = spawn('ffmpeg', ['-nostdin', '-v', 'warning', '-live_start_index', '0', ...args]);
  const [out, warnings, code] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    new Promise<number | null>((resolve) => program.once('close', resolve)),
  ]);
  return { code, out, warnings };
}

describeWith(['ffmpeg'], 'HLS against ffmpeg', () => {
  test('video and audio of several segments are decoded in sync and without a warning', async () => {
    const address = await serve('picture and sound', 9);
    const show = ['-t', '6', '-map', '0:v', '-map', '0:a', '-f', 'framecrc', '-'];
    const { code, out, warnings } = await ffmpeg(['-i', address, ...show]);
    expect([code, warnings]).toEqual([0, '']);
    const frames = out.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(frames.filter((line) => line.startsWith('0,')).length).toBe(150);
    expect(frames.filter((line) => line.startsWith('1,')).length).toBeGreaterThanOrEqual(145);
    expect(frames.slice(0, 2).map((line) => Number(line.split(',')[2]))).toEqual([0, 0]);
  });

  test('audio without video is decoded without a warning', async () => {
    const address = await serve('sound', 6);
    const { code, warnings } = await ffmpeg(['-i', address, '-t', '3', '-f', 'null', '-']);
    expect([code, warnings]).toEqual([0, '']);
  });
});
