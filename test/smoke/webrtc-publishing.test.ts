import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PathStatus } from '../../agent/paths/path-status.ts';
import type { WebRtcSessionItem } from '../../agent/servers/webrtc/session/session-kind.ts';
import { type Agent, PATIENT, startAgent, until } from '../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../peers/browser/browser.ts';
import { PUBLISHED_SIZE, type PublishReport, send } from '../peers/browser/webrtc-publisher.ts';
import { watch } from '../peers/browser/webrtc-viewer.ts';
import { ffmpegWarnings, ffprobe } from '../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inLong, inShort } from '../peers/programs/peers.ts';

const SECONDS = byLength(2, 60);
/** Chromium's fake camera should deliver 25 a second, and delivers fewer on a busy machine. */
const PICTURES = SECONDS * 10;
/** Number read from each output. */
const READ_PICTURES = 12;

describeWith(['chromium', 'ffmpeg'], 'Chromium publishes over WHIP', () => {
  let agent: Agent;
  let viewer: Viewer;

  beforeAll(async () => {
    [agent, viewer] = await Promise.all([
      startAgent({ config: `${PATIENT}api: yes\npathDefaults: { record: yes }\npaths:\n  all_others:\n` }),
      startViewer(),
    ]);
  });

  afterAll(async () => {
    for (const one of [viewer, agent]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  const whipUrl = (path: string): string => `http://127.0.0.1:${agent.ports.webrtc}/${path}/whip`;
  const pathWhen = (path: string, is: (status: PathStatus) => boolean): Promise<PathStatus> =>
    until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);
      return status && is(status) ? status : undefined;
    });
  /** Its publisher has left; an unconfigured path ends with its publisher. */
  const pathEnded = (path: string): Promise<true> =>
    until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);
      return status?.ready ? undefined : true;
    });
  /** Codecs of an output, and that its pictures decode, however slowly they come. */
  async function probed(input: string, args: readonly string[] = []): Promise<string[]> {
    const pictures = ['-select_streams', 'v', '-count_frames', '-read_intervals', `%+#${READ_PICTURES}`];
    const [all, { streams: counted }] = await Promise.all([
      ffprobe(input, args),
      ffprobe(input, [...args, ...pictures]),
    ]);
    // Over RTSP one of the packets read can be the placeholder that readers with FFmpeg's library get: it shows nothing.
    expect(Number(counted[0]?.nb_read_frames)).toBeGreaterThanOrEqual(READ_PICTURES - 1);
    return all.streams.map(({ codec_name }) => codec_name).sort();
  }
  const sentOf = ({ video }: PublishReport): number => Number(video['framesEncoded'] ?? 0);

  const PUBLISHED = [
    ['video/VP8', 'vp8', ['VP8', 'Opus']],
    ['video/H264', 'h264', ['H264', 'Opus']],
  ] as const;
  test.concurrent.for(inShort(PUBLISHED, 'video/H264'))(
    '%s and Opus go to every output',
    async ([video, codec, tracks]) => {
      const page = await viewer.open(`${agent.url}/health`);
      const sending = await send(page, { url: whipUrl(codec), video, audio: 'audio/opus', trickles: true });
      expect(await sending.report()).toMatchObject({ status: 201, error: '' });
      const status = await pathWhen(codec, ({ ready }) => ready);
      expect([...status.tracks].sort()).toEqual([...tracks].sort());
      expect(status.source).toMatchObject({ type: 'webRTCSession' });
      const { items } = await agent.json<{ items: WebRtcSessionItem[] }>('/v3/webrtcsessions/list');
      const session = items.find(({ path, state }) => path === codec && state === 'publish');
      expect(session).toMatchObject({ peerConnectionEstablished: true, id: status.source?.id });

      const other = await viewer.open(`${agent.url}/health`);
      const watching = await watch(other, { url: `http://127.0.0.1:${agent.ports.webrtc}/${codec}/whep` });
      const [report, overRtsp] = await Promise.all([
        watching.shown(PICTURES),
        probed(agent.rtspUrl(codec), ['-rtsp_transport', 'tcp']),
      ]);
      expect(report.size).toEqual(PUBLISHED_SIZE);
      expect(report.video).toMatchObject({ mimeType: video, packetsLost: 0 });
      expect(report.audio['totalAudioEnergy']).toBeGreaterThan(0);
      expect(overRtsp).toEqual([codec, 'opus'].sort());
      // HLS does not carry VP8; it begins with media sent some seconds ago, perhaps with audio before video.
      if (codec === 'h264') {
        const playlist = `http://127.0.0.1:${agent.ports.hls}/${codec}/index.m3u8`;
        expect(await probed(playlist)).toEqual([codec, 'opus'].sort());
      }
      const sent = sentOf(await sending.report());
      expect(sent).toBeGreaterThanOrEqual(PICTURES);
      expect(await sending.close()).toBe(200);
      await pathEnded(codec);
      const [file = ''] = globSync(join(agent.dataDir, `recordings/${codec}/*.mp4`));
      expect(await probed(file)).toEqual([codec, 'opus'].sort());
      // Chromium leaves pictures out at any time: their times are irregular.
      expect(await ffmpegWarnings(['-i', file, '-fps_mode', 'passthrough', '-enc_time_base', '1:90000'])).toBe('');
      await Promise.all([page.close(), other.close()]);
    },
  );

  test.concurrent("WHIP's reference client publishes", async () => {
    const page = await viewer.open(`${agent.url}/health`);
    const sending = await send(page, {
      ...{ url: whipUrl('reference'), video: 'video/VP8', audio: 'audio/opus', isWhipWhep: true },
    });
    await pathWhen('reference', ({ ready, tracks }) => ready && tracks.length === 2);
    await sending.close();
    await pathEnded('reference');
    await page.close();
  });

  inLong(() =>
    test.concurrent('the page for publishers sends the camera that it finds', async () => {
      const page = await viewer.open(`http://127.0.0.1:${agent.ports.webrtc}/page/publish`);
      await page.getByRole('button').first().click();
      await pathWhen('page', ({ ready, tracks }) => ready && tracks.length === 2);
      await page.close({ runBeforeUnload: true });
      await pathEnded('page');
    }),
  );

  inLong(() =>
    test.concurrent('a second publisher takes the path where it may, and the first one ends', async () => {
      const pages = await Promise.all([1, 2].map(() => viewer.open(`${agent.url}/health`)));
      const [first, second] = pages as [(typeof pages)[number], (typeof pages)[number]];
      const options = { url: whipUrl('taken'), video: 'video/VP8', audio: 'audio/opus' };
      const sending = await send(first, options);
      const before = await pathWhen('taken', ({ ready }) => ready);
      await send(second, options);
      await pathWhen('taken', ({ ready, source }) => ready && source?.id !== before.source?.id);
      await until(async () => (await sending.report()).connection !== 'connected' || undefined);
      await Promise.all(pages.map((page) => page.close()));
    }),
  );

  inLong(() =>
    test.concurrent('the first layer of a picture is delivered', async () => {
      const page = await viewer.open(`${agent.url}/health`);
      const sending = await send(page, {
        ...{ url: whipUrl('layers'), video: 'video/VP8', audio: 'audio/opus', rids: ['a', 'b'] },
      });
      expect(await sending.report()).toMatchObject({ status: 201, error: '' });
      const { tracks } = await pathWhen('layers', ({ ready, tracks }) => ready && tracks.length === 2);
      expect([...tracks].sort()).toEqual(['Opus', 'VP8']);
      const watching = await watch(page, { url: `http://127.0.0.1:${agent.ports.webrtc}/layers/whep` });
      expect((await watching.shown(10)).size).toEqual(PUBLISHED_SIZE);
      await page.close();
    }),
  );
});
