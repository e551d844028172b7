import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { rtpFrame, scriptedCamera, soundPackets } from '../../../test/support/cameras/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import { hex } from '../../../test/support/media/units.ts';
import { silentLogger } from '../../base/log.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import { parseSdp } from '../../media/sdp/parse.ts';
import { writeSdp } from '../../media/sdp/write.ts';
import { Stream } from '../stream.ts';
import { StreamWriter } from './stream-writer.ts';
import { Timeline } from './timeline.ts';
import { TrackReceiver } from './track-receiver.ts';

const PICTURE = { type: 96, ssrc: 9 };
const avSdp = writeSdp([tinyH264, { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 }], {
  name: 'camera',
  host: '127.0.0.1',
  sessionId: 1,
});

test('the stream opens at a key picture when every track has delivered', async () => {
  await using camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    const key = idrPicture(50).subarray(4);
    caller.send(
      rtpFrame(0, skipPicture(3).subarray(4), { ...PICTURE, sequence: 1, ticks: 0, marker: true }),
      rtpFrame(0, key, { ...PICTURE, sequence: 2, ticks: 3600, marker: true }),
      rtpFrame(0, skipPicture(1).subarray(4), { ...PICTURE, sequence: 3, ticks: 7200, marker: true }),
      ...soundPackets(0, 1, 2),
    );
    return true;
  }, avSdp);
  await using run = new Run(url(camera));
  await run.sampled(3);
  expect(run.tracks.map((track) => track.codec)).toEqual(['h264', 'g711']);
  const pictures = run.samples.filter(({ track }) => track === 0).map(({ sample }) => sample);
  expect(pictures.map((sample) => sample.key)).toEqual([true, false]);
  expect(pictures[0]?.data).toEqual(idrPicture(50));
  expect((pictures[1]?.pts ?? 0) - (pictures[0]?.pts ?? 0)).toBe(3600);
  expect(Math.min(...run.samples.map(({ sample }) => sample.dts))).toBe(0);
});

test('a damaged picture is counted and the rest of its group is left out', async () => {
  const key = (sequence: number, ticks: number) =>
    rtpFrame(0, idrPicture(50).subarray(4), { ...PICTURE, sequence, ticks, marker: true });
  const skip = (sequence: number, ticks: number, frame: number) =>
    rtpFrame(0, skipPicture(frame).subarray(4), { ...PICTURE, sequence, ticks, marker: true });
  await using camera = await scriptedCamera(
    (request, caller) => {
      if (request.method !== 'PLAY') {
        return undefined;
      }
      caller.reply(request, 200);
      caller.send(key(1, 0), skip(2, 3600, 1), skip(4, 7200, 3), skip(5, 10_800, 4), key(6, 14_400));
      return true;
    },
    writeSdp([tinyH264], { name: 'x', host: '127.0.0.1', sessionId: 1 }),
  );
  await using run = new Run(url(camera));
  await run.sampled(3);
  expect(run.samples.map(({ sample }) => sample.pts)).toEqual([0, 3600, 14_400]);
  expect(run.stream?.framesInError).toBeGreaterThan(0);
});

const sound = (first: number, count: number) => soundPackets(first, count, 2);
const key = (sequence: number, ticks: number) =>
  rtpFrame(0, idrPicture(50).subarray(4), { ...PICTURE, sequence, ticks, marker: true });
const skip = (sequence: number, ticks: number) =>
  rtpFrame(0, skipPicture(1).subarray(4), { ...PICTURE, sequence, ticks, marker: true });

/** A camera with picture and sound that sends `first` with PLAY, and more as the test says. */
async function play(clock: FakeClock, sdp: string, ...first: readonly Uint8Array[]) {
  const camera = await scriptedCamera((request, caller) => {
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200);
    caller.send(...first, ASK);
    return true;
  }, sdp);
  const run = new Run(url(camera), { readTimeoutMs: 10_000 }, clock);
  let asked = 1;
  const read = () => camera.until(() => camera.callers[0]?.replies.length === asked);
  await read();
  /** Resolves when it has been read: replies and media come in their order. */
  const send = async (...packets: readonly Uint8Array[]) => {
    camera.callers[0]?.send(...packets, ASK);
    asked += 1;
    await read();
  };
  const close = async () => {
    await run[Symbol.asyncDispose]();
    await camera[Symbol.asyncDispose]();
  };
  return { run, send, [Symbol.asyncDispose]: close };
}
const ASK = 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n';
const bareSdp = avSdp.replace(/;?sprop-parameter-sets=[^;\r\n]*/, '');

test('audio that is missing for five seconds is omitted', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, avSdp, key(1, 0), skip(2, 3600));
  await clock.advance(4_499);
  expect(camera.run.tracks).toEqual([]);
  await clock.advance(501);
  await camera.run.sampled(2);
  expect(camera.run.tracks.map((track) => track.codec)).toEqual(['h264']);
});

test('all pictures received while waiting for audio are in the stream', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, avSdp, key(1, 0), skip(2, 3_600), key(3, 7_200), skip(4, 10_800));
  await camera.send(...sound(0, 1));
  await camera.run.sampled(5);
  const pictures = camera.run.samples.filter(({ track }) => track === 0).map(({ sample }) => sample);
  expect(pictures.map(({ key }) => key)).toEqual([true, false, true, false]);
});

test('a camera that sends two seconds of pictures at once, and live sound, is waited for', async () => {
  const clock = new FakeClock();
  const pictures = Array.from({ length: 50 }, (_, i) => (i === 0 ? key(1, 0) : skip(1 + i, 3_600 * i)));
  await using camera = await play(clock, avSdp, ...pictures, ...sound(0, 1));
  expect(camera.run.tracks).toEqual([]);
  clock.skip(150);
  await camera.send(skip(51, 3_600 * 53.75), ...sound(1, 1));
  await camera.run.sampled(53);
  const [first] = camera.run.samples.filter(({ track }) => track === 1).map(({ sample }) => sample);
  // 1.96 s of pictures are older than the audio that arrived with the last of them.
  expect((first?.pts ?? 0) / 8).toBeCloseTo(2_000, -2);
});

test('a camera that is silent after a burst is awaited for a second at most', async () => {
  const clock = new FakeClock();
  const pictures = Array.from({ length: 50 }, (_, i) => (i === 0 ? key(1, 0) : skip(1 + i, 3_600 * i)));
  await using camera = await play(clock, avSdp, ...pictures, ...sound(0, 1));
  await clock.advance(500);
  expect(camera.run.tracks).toEqual([]);
  await clock.advance(500);
  await camera.run.sampled(51);
});

test('video is awaited longer than audio; later video reopens the stream at its key picture', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, avSdp, ...sound(0, 3));
  for (const second of [5, 10, 15]) {
    await clock.advance(5_000);
    await camera.send(...sound(second, 1));
    expect(camera.run.tracks).toEqual([]);
  }
  await clock.advance(5_000);
  await camera.run.sampled(1);
  const before = camera.run.samples.length;
  expect(camera.run.tracks.map((track) => track.codec)).toEqual(['g711']);
  expect(camera.run.stream?.leftOut).toBe('H264: no packet so far');
  await camera.send(skip(1, 0), key(2, 3_600), skip(3, 7_200), ...sound(20, 1));
  await camera.run.sampled(before + 2);
  expect(camera.run.tracks.map((track) => track.codec)).toEqual(['h264', 'g711']);
  expect(camera.run.stream?.leftOut).toBeUndefined();
  expect(camera.run.samples[before]).toMatchObject({ track: 0, sample: { key: true, dts: 0 } });
});

test('later sound reopens the stream once, at a key picture, and no picture is missing', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, avSdp, key(0, 0));
  const streams = new Set<Stream | undefined>();
  /** A picture each half second, every second one a key picture. */
  const pass = async (from: number, to: number, hasSound: boolean) => {
    for (let half = from; half < to; half += 1) {
      await clock.advance(500);
      const picture = half % 2 === 0 ? key : skip;
      await camera.send(picture(half, 45_000 * half), ...(hasSound ? sound(25 * half, 1) : []));
      streams.add(camera.run.stream);
    }
  };
  await pass(1, 15, false);
  expect(camera.run.tracks.map(({ codec }) => codec)).toEqual(['h264']);
  expect(camera.run.stream?.leftOut).toBe('PCMU: no packet so far');
  await pass(15, 16, true);
  expect(camera.run.tracks).toHaveLength(1);
  await pass(16, 20, true);
  expect(camera.run.tracks.map(({ codec }) => codec)).toEqual(['h264', 'g711']);
  expect(camera.run.stream?.leftOut).toBeUndefined();
  await pass(20, 60, false);
  await pass(60, 64, true);
  // Before the stream is open, the first one, and the one with sound.
  expect(streams.size).toBe(3);
  const pictures = camera.run.samples.filter(({ track }) => track === 0).map(({ sample }) => sample);
  expect(pictures.map(({ key }) => key)).toEqual(Array.from({ length: 64 }, (_, half) => half % 2 === 0));
  expect(pictures[16]?.dts).toBe(0);
  const heard = camera.run.samples.filter(({ track }) => track === 1).map(({ sample }) => sample);
  expect(heard.map(({ pts }) => 16 + pts / 4_000)).toEqual([16, 17, 18, 19, 60, 61, 62, 63]);
});

/** A writer for a sender that is listened to, without a connection. */
function listen(clock: FakeClock) {
  const receivers: TrackReceiver[] = [];
  const opened: string[][] = [];
  const publish = (tracks: readonly Track[]): Stream => {
    opened.push(tracks.map(({ codec }) => codec));
    return new Stream(tracks);
  };
  const timeline = new Timeline(clock);
  const writer = new StreamWriter({ publish }, timeline, receivers, 'garden', silentLogger);
  for (const { formats } of parseSdp(avSdp).medias) {
    receivers.push(...formats.map((format) => new TrackReceiver(format, timeline, writer, clock)));
  }
  const [video, audio] = receivers as [TrackReceiver, TrackReceiver];
  const send = (to: TrackReceiver, packet: Uint8Array) =>
    to.packet(packet.subarray(4), 0, packet.length - 4, clock.monoMs());
  return { writer, opened, video, audio, send };
}

test('late sound does not wait for a picture that has stopped', async () => {
  const clock = new FakeClock();
  const { writer, opened, video, audio, send } = listen(clock);
  send(video, key(1, 0));
  await clock.advance(6_000);
  writer.check(clock.monoMs());
  await clock.advance(25_000);
  send(audio, sound(0, 1)[0] as Uint8Array);
  expect(opened).toEqual([['h264'], ['h264', 'g711']]);
});

test('a track whose frames are never whole does not reopen the stream', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, bareSdp, key(1, 0), ...sound(0, 1));
  for (let second = 1; second < 27; second += 1) {
    await clock.advance(1_000);
    await camera.send(key(1 + second, 90_000 * second), ...sound(50 * second, 1));
  }
  expect(camera.run.tracks.map(({ codec }) => codec)).toEqual(['g711']);
  expect(camera.run.stream?.leftOut).toBe('H264: no whole frame so far');
});

test('a camera whose video stops is disconnected although its audio continues', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, avSdp, key(1, 0), skip(2, 3600), ...sound(0, 1));
  await camera.run.sampled(3);
  await clock.advance(9_000);
  await camera.send(...sound(1, 1));
  await clock.advance(1_000);
  expect(await camera.run.failure()).toBe("camera of path 'garden' has sent no video for 10 s, only audio");
});

test('a source that listens waits for the audio of a sender that comes late', async () => {
  const clock = new FakeClock();
  const { writer, opened, video, audio, send } = listen(clock);
  await clock.advance(7_000);
  writer.check(clock.monoMs());
  send(video, key(1, 0));
  await clock.advance(4_500);
  writer.check(clock.monoMs());
  expect(opened).toEqual([]);
  for (const packet of soundPackets(0, 2)) {
    send(audio, packet);
  }
  await clock.advance(400);
  writer.check(clock.monoMs());
  expect(opened).toEqual([['h264', 'g711']]);
});

test.for([
  ['many small ones', 4_500, 8],
  ['large ones', 20, 1 << 20],
] as const)('media waiting for a missing picture is bounded: %s', ([, count, bytes]) => {
  const clock = new FakeClock();
  const timeline = new Timeline(clock);
  const receivers: TrackReceiver[] = [];
  let keptUnits = 0;
  let keptBytes = 0;
  const open = (tracks: readonly Track[]): Stream => {
    const stream = new Stream(tracks);
    const onSample = (_: number, { data }: Sample) => {
      keptUnits += 1;
      keptBytes += data.length;
    };
    stream.addReader({ id: 'test', onSample, onTrack: () => {}, onEnd: () => {} }, false);
    return stream;
  };
  const writer = new StreamWriter({ publish: open }, timeline, receivers, 'garden', silentLogger);
  for (const { formats } of parseSdp(avSdp).medias) {
    receivers.push(...formats.map((format) => new TrackReceiver(format, timeline, writer, clock)));
  }
  const heard = receivers.find(({ isVideo }) => !isVideo);
  const packet = soundPackets(0, 1)[0]?.subarray(4);
  if (!heard || !packet) {
    throw new Error('no sound');
  }
  heard.packet(packet, 0, packet.length, 0);
  for (let i = 0; i < count; i += 1) {
    writer.onUnit(
      heard,
      heard.timeline.newestTicks + 160 * i,
      heard.timeline.newestTicks + 160 * i,
      true,
      new Uint8Array(bytes),
    );
  }
  writer.check(0);
  writer.check(20_000);
  expect(keptUnits).toBeGreaterThan(0);
  expect(keptUnits).toBeLessThanOrEqual(4_000);
  expect(keptBytes).toBeLessThanOrEqual(16 << 20);
});

/** One 4:2:0 image with a side beyond RTP's range. */
const largeJpeg = (sequence: number, ticks: number) =>
  rtpFrame(0, hex('00 000000 01 32 00 f3 aabb'), { type: 26, ssrc: 9, sequence, ticks, marker: true });
const jpegSdp = 'v=0\ns=x\nm=video 0 RTP/AVP 26\na=control:trackID=0';

test('a camera whose images cannot be taken is given up with the reason', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, jpegSdp, largeJpeg(1, 0));
  for (let seconds = 5; seconds <= 25; seconds += 5) {
    await clock.advance(5_000);
    await camera.send(largeJpeg(1 + seconds, seconds * 90_000));
  }
  await clock.advance(5_000);
  expect(await camera.run.failure()).toBe(
    "camera of path 'garden' sends JPEG, but no whole picture for 30 s: " +
      'JPEG images of more than 2040 pixels whose size neither RTP (RFC 2435) nor the SDP tells',
  );
});

test('a camera whose pictures are never complete is disconnected with that reason', async () => {
  const clock = new FakeClock();
  await using camera = await play(clock, bareSdp, key(1, 0));
  for (let seconds = 5; seconds <= 25; seconds += 5) {
    await clock.advance(5_000);
    await camera.send(key(1 + seconds, seconds * 90_000));
  }
  await clock.advance(5_000);
  expect(await camera.run.failure()).toBe("camera of path 'garden' sends H264, but no whole picture for 30 s");
});

test('a camera whose clock jumps continues without a gap, and readers are notified before the first sample after it', async () => {
  const clock = new FakeClock();
  const sdp = writeSdp([tinyH264], { name: 'x', host: '127.0.0.1', sessionId: 1 });
  await using camera = await play(clock, sdp, key(1, 0), skip(2, 3600));
  await clock.advance(40);
  await camera.send(key(3, 500_000_000), skip(4, 500_003_600));
  await camera.run.sampled(4);
  expect(camera.run.jumps).toEqual([{ track: 0, afterSamples: 2 }]);
  expect(camera.run.samples.map(({ sample }) => sample.pts)).toEqual([0, 3600, 7200, 10_800]);
});
