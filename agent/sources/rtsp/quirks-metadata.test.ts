import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  expectPictures,
  framesOf,
  numbered,
  PICTURE_SDP,
  PICTURES,
  packetsOf,
  pictureCamera,
} from '../../../test/support/cameras/picture-camera.ts';
import { lastCaller, Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { type Caller, rtpFrame, type Script, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import type { RtspRequest } from '../../media/rtsp/message.ts';

const SOUND = 'm=audio 0 RTP/AVP 0\r\na=control:track2\r\n';
/** Longer than the fake time of any test. */
const PATIENT = { readTimeoutMs: 24 * 3_600_000 };

const _at =
  (method: string, act: (request: RtspRequest, caller: Caller) => void): Script =>
  (request, caller) => {
    if (request.method !== method) {
      return undefined;
    }
    act(request, caller);
    return true;
  };

/** Pictures for `seconds` of fake time, one group every five. */
async function playOn(clock: FakeClock, run: Run, caller: Caller, seconds: number): Promise<void> {
  const perGroup = packetsOf().length;
  for (let second = 5; second <= seconds; second += 5) {
    await clock.advance(5_000);
    const group = second / 5;
    const before = run.samples.length;
    const packets = packetsOf(PICTURES).map((packet) => ({ ...packet, ticks: packet.ticks + second * 90_000 }));
    caller.send(...framesOf(numbered(packets, group * perGroup)));
    await run.sampled(before + PICTURES.length);
  }
}

const METADATA = 'm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:meta\r\n';
const metadataPacket = (sequence: number, ticks: number): Uint8Array =>
  rtpFrame(2, new TextEncoder().encode('<tt:MetadataStream/>'), { type: 107, ssrc: 9, sequence, ticks, marker: true });

test('silent metadata and stopped audio do not end the video', async () => {
  const clock = new FakeClock();
  const frames = [...framesOf(numbered(packetsOf())), ...soundPackets(0, 2, 2)];
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + SOUND + METADATA, frames });
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  await run.sampled(6);
  await playOn(clock, run, lastCaller(camera), 120);
  expect(camera.callers).toHaveLength(1);
  expect(run.tracks).toHaveLength(3);
});

test('the picture does not wait for metadata, whose times are those of its arrival', async () => {
  const clock = new FakeClock();
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + METADATA });
  await using run = new Run(url(camera), PATIENT, clock);
  await expectPictures(run);
  await clock.advance(2_000);
  lastCaller(camera).send(metadataPacket(7, 1_000_000));
  await run.sampled(PICTURES.length + 1);
  await clock.advance(500);
  lastCaller(camera).send(metadataPacket(8, 1_045_000));
  await run.sampled(PICTURES.length + 2);
  const [first, second] = run.samples.slice(-2).map(({ track, sample }) => [track, sample.pts]);
  expect([first?.[0], second?.[0]]).toEqual([1, 1]);
  // Four pictures have arrived at once.
  expect(Math.abs(Number(first?.[1]) / 90 - 2_060)).toBeLessThanOrEqual(60);
  expect(Number(second?.[1]) - Number(first?.[1])).toBe(45_000);
});

test('metadata alone is no media: without a picture the session ends', async () => {
  const clock = new FakeClock();
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + METADATA, frames: [metadataPacket(1, 0)] });
  await using run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  for (let i = 1; i <= 10; i += 1) {
    await expect.poll(() => run.source.statistics.packets).toBe(i);
    lastCaller(camera).send(metadataPacket(i + 1, i * 90_000));
    await clock.advance(1_000);
  }
  expect(await run.failure()).toBe("camera of path 'garden' has sent no media for 10 s");
});

test('a camera that offers metadata and hangs up at its SETUP plays without it from then on', async () => {
  const script: Script = (request, caller) => {
    if (request.method !== 'SETUP' || !request.uri.endsWith('/meta')) {
      return undefined;
    }
    caller.socket.destroy();
    return true;
  };
  await using camera = await pictureCamera(script, { sdp: PICTURE_SDP + METADATA });
  await using first = new Run(url(camera));
  await first.failure();
  await using again = new Run(url(camera), { source: first.source });
  await expectPictures(again);
  expect(again.tracks).toMatchObject([{ codec: 'h264' }]);
});

test('a camera that fails without metadata, too, is asked for it again', async () => {
  let fails = true;
  const setUps: string[] = [];
  const script: Script = (request, caller) => {
    if (request.method === 'SETUP') {
      setUps.push(request.uri.split('/').at(-1) ?? '');
    }
    if (request.method !== 'PLAY' || !fails) {
      return undefined;
    }
    caller.socket.destroy();
    return true;
  };
  await using camera = await pictureCamera(script, { sdp: PICTURE_SDP + METADATA });
  await using first = new Run(url(camera));
  await first.failure();
  await using second = new Run(url(camera), { source: first.source });
  await second.failure();
  fails = false;
  await using third = new Run(url(camera), { source: first.source });
  await expectPictures(third);
  expect(setUps.map((track) => track === 'meta')).toEqual([false, true, false, false, true]);
});

test('a camera that is silent after PLAY keeps its metadata', async () => {
  const clock = new FakeClock();
  await using camera = await pictureCamera(undefined, { sdp: PICTURE_SDP + METADATA, frames: [] });
  await using first = new Run(url(camera), { readTimeoutMs: 2_000 }, clock);
  await camera.until(() => camera.callers.at(-1)?.methods.includes('PLAY') ?? false);
  const failed = first.failure();
  for (let over = false; !over; ) {
    await clock.advance(500);
    over = await Promise.race([failed.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);
  }
  const again = new Run(url(camera), { source: first.source }, clock);
  await camera.until(() => camera.callers.length === 2 && lastCaller(camera).methods.includes('PLAY'));
  expect(lastCaller(camera).requests.some(({ uri }) => uri.endsWith('/meta'))).toBe(true);
  await again[Symbol.asyncDispose]();
});
