import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BufferSource, EncodedPacketSink, Input, MPEG_TS } from 'mediabunny';
import { expect, test } from 'vitest';
import { TsDemuxer, type TsStream } from '../../../agent/media/mpegts/demux/demuxer.ts';
import { readNalLength } from '../../../agent/media/payload/nal.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { random } from '../../support/base/random.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

interface Packet {
  readonly pts: number;
  readonly dts: number;
  readonly hash: string;
}

const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');

/** Annex B as ffmpeg's `filter_units` writes it: four bytes of start code before the first NAL unit, three before the others. */
function annexB(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 4 < data.length; at += 4 + readNalLength(data, at)) {
    parts.push(Uint8Array.from(at === 0 ? [0, 0, 0, 1] : [0, 0, 1]));
    parts.push(data.subarray(at + 4, at + 4 + readNalLength(data, at)));
  }
  return Buffer.concat(parts);
}

/** The file's packets by our demuxer, in pieces of random sizes. */
function demux(file: string) {
  const next = random(1);
  const bytes = readFileSync(file);
  const packets: Packet[][] = [];
  const keys: boolean[][] = [];
  const damage: string[] = [];
  let streams: readonly TsStream[] = [];
  const demuxer = new TsDemuxer({
    onProgram(list) {
      streams = list;
      return list.map(({ codec }, i) => {
        packets[i] = [];
        keys[i] = [];
        return {
          onTrack() {},
          onDamage: (reason) => damage.push(reason),
          onUnit(pts, dts, key, data) {
            const isNal = codec === 'h264' || codec === 'h265';
            packets[i]?.push({ pts, dts, hash: md5(isNal ? annexB(data) : data) });
            keys[i]?.push(key);
          },
        };
      });
    },
    onDamage: (reason) => damage.push(reason),
  });
  for (let at = 0; at < bytes.length; ) {
    const piece = Math.ceil(next() ** 3 * 8_000);
    demuxer.push(bytes, at, Math.min(at + piece, bytes.length));
    at += piece;
  }
  demuxer.end();
  return { streams, packets, keys, damage };
}

/** ffmpeg's packets are whole LOAS frames: only their times are compared. */
const LATM = 'MPEG-4 Audio LATM';
const NAL_TYPES = { h264: '7|8|9', h265: '32|33|34|35' } as const;

/** The same by ffmpeg: without parameter sets, delimiters and ADTS headers. */
async function probe(file: string, streams: readonly TsStream[]): Promise<Packet[][]> {
  const filters = streams.flatMap(({ codec, label }, i) => {
    const types = NAL_TYPES[codec as keyof typeof NAL_TYPES];
    return types === undefined
      ? codec === 'aac' && label !== LATM
        ? [`-bsf:${i}`, 'aac_adtstoasc']
        : []
      : [`-bsf:${i}`, `filter_units=remove_types=${types}`];
  });
  const args = ['-v', 'error', '-copyts', '-i', file, '-map', '0', '-c', 'copy', ...filters, '-f', 'framemd5', '-'];
  const { code, output } = await runProcess('ffmpeg', args);
  expect(code, output).toBe(0);
  const packets: Packet[][] = streams.map(() => []);
  for (const line of output.split('\n').filter((text) => /^\d/.test(text))) {
    const [stream = 0, dts = '', pts = '', , , hash = ''] = line.split(',').map((text) => text.trim());
    packets[Number(stream)]?.push({ pts: Number(pts), dts: Number(dts), hash });
  }
  return packets;
}

/** Key flags of the first stream by ffprobe. */
async function probeKeys(file: string): Promise<boolean[]> {
  const args = ['-v', 'error', '-select_streams', '0', '-show_entries', 'packet=flags', '-of', 'csv=p=0', file];
  const { output } = await runProcess('ffprobe', args);
  return (output.match(/^[K_][_D]/gm) ?? []).map((flags) => flags.startsWith('K'));
}

/** ffmpeg reports times before a wrap as negative. */
const isNear = (ours: number, theirs: number): boolean => (((ours - theirs + 2) % 2 ** 33) + 2 ** 33) % 2 ** 33 <= 4;

/** Audio times are those of PES packets and frame lengths: ffmpeg rounds the latter otherwise. */
function expectSame(ours: readonly Packet[], theirs: readonly Packet[], name: string): void {
  const hashesOf = (packets: readonly Packet[]) => packets.map(({ hash }) => (name === LATM ? '' : hash));
  expect(hashesOf(ours), name).toEqual(hashesOf(theirs));
  const apart = ours.filter(({ pts, dts }, i) => {
    const other = theirs[i] ?? { pts: 0, dts: 0 };
    return !isNear(pts, other.pts) || !isNear(dts, other.dts);
  });
  expect(apart, name).toEqual([]);
}

async function expectOracle(file: string): Promise<void> {
  const { streams, packets, keys, damage } = demux(file);
  expect(streams.every(({ codec }) => codec)).toBe(true);
  const theirs = await probe(file, streams);
  for (const [i, ours] of packets.entries()) {
    expect(ours.length).toBeGreaterThan(20);
    expectSame(ours, theirs[i] ?? [], streams[i]?.label ?? '');
  }
  expect(keys[0]).toEqual(await probeKeys(file));
  expect(damage).toEqual([]);
}

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'];
const AUDIO = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25'];

describeWith(['ffmpeg'], 'the demuxer delivers what ffmpeg reads from its own MPEG-TS', () => {
  test.concurrent.for([
    ['H.264 with B-frames, AAC', [...X264, '-bf', '2', '-c:a', 'aac']],
    ['H.264 of several slices, MP2', [...X264, '-slices', '4', '-c:a', 'mp2', '-muxdelay', '0']],
    [
      'H.264 with lengths, AAC in LATM',
      [...X264, '-omit_video_pes_length', '0', '-c:a', 'aac', '-mpegts_flags', 'latm'],
    ],
    [
      'H.265 with B-frames, Opus',
      ['-c:v', 'libx265', '-x265-params', 'log-level=none:bframes=3:keyint=25:open-gop=0', '-c:a', 'libopus'],
    ],
    ['MPEG-4 part 2 with B-VOPs, MP3', ['-c:v', 'mpeg4', '-bf', '2', '-g', '25', '-c:a', 'libmp3lame']],
    ['MPEG-2 with B-pictures, MP2', ['-c:v', 'mpeg2video', '-bf', '2', '-g', '25', '-c:a', 'mp2']],
    ['MPEG-1, MP2', ['-c:v', 'mpeg1video', '-g', '25', '-c:a', 'mp2']],
    ['H.264, AC-3, small PES packets', [...X264, '-c:a', 'ac3', '-pes_payload_size', '200']],
    ['H.264 around the wrap of its times', [...X264, '-c:a', 'aac', '-output_ts_offset', '95442']],
  ] as const)('%s', async ([, codecs]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'x.ts');
    const args = ['-v', 'error', '-nostdin', ...VIDEO, ...AUDIO, '-t', '4', ...codecs, file];
    const { code, output } = await runProcess('ffmpeg', args);
    expect(code, output).toBe(0);
    await expectOracle(file);
  });
});

describeWith(['ffmpeg', 'gstreamer'], "the demuxer reads GStreamer's MPEG-TS as ffmpeg does", () => {
  test.concurrent.for([
    ['H.264, AAC', 'x264enc key-int-max=25 bframes=2 ! h264parse', 'avenc_aac ! aacparse'],
    ['H.265, Opus', 'x265enc key-int-max=25 ! h265parse', 'opusenc'],
    ['H.264, MP3', 'x264enc key-int-max=25 ! h264parse', 'lamemp3enc ! mpegaudioparse'],
  ] as const)('%s', async ([, video, audio]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'x.ts');
    const { code, output } = await runProcess('gst-launch-1.0', [
      '-q',
      ...`mpegtsmux name=mux ! filesink location=${file}`.split(' '),
      ...`videotestsrc num-buffers=100 ! video/x-raw,width=320,height=240,framerate=25/1 ! ${video} ! queue ! mux.`.split(
        ' ',
      ),
      ...`audiotestsrc num-buffers=187 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! ${audio} ! queue ! mux.`.split(
        ' ',
      ),
    ]);
    expect(code, output).toBe(0);
    await expectOracle(file);
  });
});

/** Packets by mediabunny, with times of 90 kHz, key flags, and data without parameter sets, delimiters and ADTS headers. */
async function readWithMediabunny(file: string) {
  const input = new Input({ formats: [MPEG_TS], source: new BufferSource(readFileSync(file)) });
  const tracks = await input.getTracks();
  return Promise.all(
    tracks.map(async (track) => {
      const packets: { pts: number; key: boolean; hash: string }[] = [];
      for await (const { data, timestamp, type } of new EncodedPacketSink(track).packets()) {
        const hash = md5(track.codec === 'aac' ? data.subarray(7) : withoutSets(data, track.codec));
        packets.push({ pts: Math.round(timestamp * 90_000), key: type === 'key', hash });
      }
      return { codec: track.codec, packets };
    }),
  );
}

/** The NAL units of Annex B that our demuxer keeps in samples, each after a start code as `annexB` writes it. */
function withoutSets(data: Uint8Array, codec: string | null): Uint8Array {
  if (codec !== 'avc' && codec !== 'hevc') {
    return data;
  }
  const dropped = (codec === 'avc' ? NAL_TYPES.h264 : NAL_TYPES.h265).split('|').map(Number);
  const kept = Buffer.from(data)
    .toString('latin1')
    .split('\x00\x00\x01')
    .slice(1)
    // Another zero belongs to the next start code.
    .map((nal) => Buffer.from(nal.endsWith('\x00') ? nal.slice(0, -1) : nal, 'latin1'))
    .filter(([first = 0]) => !dropped.includes(codec === 'avc' ? first & 31 : (first >> 1) & 63));
  return Buffer.concat(kept.flatMap((nal, i) => [Uint8Array.from(i === 0 ? [0, 0, 0, 1] : [0, 0, 1]), nal]));
}

describeWith(['ffmpeg'], 'the demuxer delivers what mediabunny reads', () => {
  test.concurrent.for([
    ['H.264 with B-frames, AAC', 'avc', 'aac', [...X264, '-bf', '2', '-c:a', 'aac']],
    ['H.264 of several slices, MP3', 'avc', 'mp3', [...X264, '-slices', '4', '-c:a', 'libmp3lame']],
    ['H.264, small PES packets, AC-3', 'avc', 'ac3', [...X264, '-c:a', 'ac3', '-pes_payload_size', '200']],
    [
      'H.265, AAC',
      'hevc',
      'aac',
      ['-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=25:open-gop=0', '-c:a', 'aac'],
    ],
  ] as const)('%s', async ([, video, audio, codecs]) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'x.ts');
    const { code, output } = await runProcess('ffmpeg', [
      '-v',
      'error',
      '-nostdin',
      ...VIDEO,
      ...AUDIO,
      '-t',
      '4',
      ...codecs,
      file,
    ]);
    expect(code, output).toBe(0);
    const ours = demux(file);
    const theirs = await readWithMediabunny(file);
    expect(theirs.map(({ codec }) => codec)).toEqual([video, audio]);
    for (const [i, { packets }] of theirs.entries()) {
      expect(packets.length).toBeGreaterThan(90);
      expect(ours.packets[i]?.map(({ hash }) => hash)).toEqual(packets.map(({ hash }) => hash));
      expect(ours.packets[i]?.filter(({ pts }, at) => !isNear(pts, packets[at]?.pts ?? -100))).toEqual([]);
      expect(ours.keys[i]).toEqual(packets.map(({ key }) => key));
    }
  });
});
