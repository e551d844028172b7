import { expect, test } from 'vitest';
import { numbered, PICTURES, pictureCamera } from '../../../test/support/cameras/picture-camera.ts';
import { Run, url } from '../../../test/support/cameras/rtsp-run.ts';
import { rtpFrame } from '../../../test/support/cameras/scripted-camera.ts';
import { recording } from '../../../test/support/clients/rtsp-publisher.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { TsWriter } from '../../../test/support/media/ts-writer.ts';
import { payloadsOf, toHex } from '../../../test/support/media/units.ts';
import { TsMuxer } from '../../media/mpegts/mux/mux.ts';
import { packetizeMpegTs } from '../../media/mpegts/packetize.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';

const MULTIPLEX = 'm=video 0 RTP/AVP 33\r\na=control:track1\r\n';
const SDP = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n${MULTIPLEX}`;
const AAC: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x11, 0x90),
};

/** Interleaved RTP packets of a transport stream with one picture and some audio in 40 ms. */
function frames(): Uint8Array[] {
  const muxer = new TsMuxer([tinyH264, AAC]);
  const sounds = Array.from({ length: 2 * PICTURES.length }, (_, i): Sample => {
    const dts = 1024 * i;
    return { pts: dts, dts, wall: 0, key: true, data: new Uint8Array(100).fill(i) };
  });
  const samples = [
    ...tinyVideo(4, 25, 4).map((sample) => [0, sample] as const),
    ...sounds.map((sample) => [1, sample] as const),
  ].sort(([a, one], [b, other]) => one.dts / (a ? 48 : 90) - other.dts / (b ? 48 : 90));
  const out = new Uint8Array(
    samples.reduce((sum, [track, one]) => sum + muxer.maxBytesOf(track, one), muxer.tableBytes),
  );
  muxer.begin(out);
  for (const [track, sample] of samples) {
    muxer.write(track, sample, 0);
  }
  return framesOf(out.subarray(0, muxer.sizeBytes));
}

function framesOf(stream: Uint8Array): Uint8Array[] {
  const payloads = payloadsOf((sink) => packetizeMpegTs(stream, 1316, true, sink)).map(({ bytes }) => bytes);
  return numbered(payloads.map((payload) => ({ payload, type: 33 }))).map(({ payload, ...header }) =>
    rtpFrame(0, payload, header),
  );
}

const CODECS = ['h264', 'aac'];
const picturesOf = (samples: readonly { readonly track: number; readonly sample: Sample }[]) =>
  samples.filter(({ track }) => track === 0).map(({ sample }) => toHex(sample.data));

test('the transport stream of a camera is relayed as it is, and demuxed with rtspDemuxMpegts', async () => {
  for (const rtspDemuxMpegts of [false, true]) {
    await using camera = await pictureCamera(undefined, { sdp: SDP, frames: frames() });
    await using run = new Run(url(camera), { rtspDemuxMpegts });
    await run.sampled(rtspDemuxMpegts ? 8 : 1);
    expect(run.tracks.map(({ codec }) => codec)).toEqual(rtspDemuxMpegts ? CODECS : ['mpeg-ts']);
    if (rtspDemuxMpegts) {
      expect(picturesOf(run.samples).slice(0, 3)).toEqual(PICTURES.slice(0, 3).map(toHex));
      expect(run.source.statistics).toMatchObject({ transport: 'TCP', lost: 0, badPackets: 0 });
    }
  }
});

test('the audio of a demuxed stream is left out with audio: no', async () => {
  await using camera = await pictureCamera(undefined, { sdp: SDP, frames: frames() });
  await using run = new Run(url(camera), { rtspDemuxMpegts: true, audio: false });
  await run.sampled(3);
  expect(run.tracks.map(({ codec }) => codec)).toEqual(['h264']);
});

test('a transport stream next to another track is relayed', async () => {
  const sdp = `${SDP}m=audio 0 RTP/AVP 0\r\na=control:track2\r\n`;
  const sound = rtpFrame(2, new Uint8Array(160), { type: 0, ssrc: 2, marker: false, sequence: 1, ticks: 0 });
  await using camera = await pictureCamera(undefined, { sdp, frames: [...frames(), sound] });
  await using run = new Run(url(camera), { rtspDemuxMpegts: true });
  await run.sampled(2);
  expect(run.tracks.map(({ codec }) => codec)).toEqual(['mpeg-ts', 'g711']);
});

test('a stream that cannot be demuxed ends the connection with the reason', async () => {
  const writer = new TsWriter().pat().pmt([{ pid: 0x100, type: 0x82 }]);
  await using camera = await pictureCamera(undefined, { sdp: SDP, frames: framesOf(writer.bytes) });
  await using run = new Run(url(camera), { rtspDemuxMpegts: true });
  expect(await run.failure()).toContain("camera of path 'garden' offers DTS, none of which is supported");
});

test.for([
  [{}, ['mpeg-ts']],
  [{ demuxesMpegts: true }, CODECS],
  [{ demuxesMpegts: true, isSilent: true }, ['h264']],
] as const)('a publisher, with %j', async ([settings, codecs]) => {
  const { session, said } = recording(SDP, settings);
  for (const frame of frames()) {
    session.take(frame);
    await session.clock.advance(40);
  }
  await session.clock.advance(1_000);
  expect(session.tracks.map(({ codec }) => codec)).toEqual(codecs);
  expect(session.samples.length).toBeGreaterThan(0);
  expect([session.ends, said()]).toEqual([[], []]);
});
