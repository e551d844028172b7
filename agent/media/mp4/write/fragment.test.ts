import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { byLength, describeWith } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { tinyH264, tinyVideo } from '../../../../test/support/media/tiny-h264.ts';
import { writeFragment } from '../../../../test/support/media/write-fragment.ts';
import { PerchError } from '../../../base/errors.ts';
import { FlacFromPcm, flacTrackOf } from '../../../stream/container-stream.ts';
import type { Sample } from '../../sample/sample.ts';
import type { G711Track } from '../../sample/track.ts';
import { box, fullBox, join, u16, u32, u64 } from '../box/boxes.ts';
import { type Mp4Fragment, parseFragment, parseInit } from '../read/read.ts';
import { shiftFragment, type TrackRun } from './fragment.ts';
import { writeInit } from './init.ts';
import { writeMfra } from './mfra.ts';

const g711: G711Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 };

const sample = (dts: number, size: number, key: boolean, offset = 0): Sample => ({
  pts: dts + offset,
  dts,
  wall: dts,
  key,
  data: new Uint8Array(size).fill(size),
});

const written = (sequence: number, runs: readonly TrackRun[]): Buffer => Buffer.concat(writeFragment(sequence, runs));

function parsed(bytes: Uint8Array, offset = 0, context = {}): Mp4Fragment {
  const fragment = parseFragment(bytes, offset, context);
  if (!fragment) {
    throw new Error('more bytes wanted');
  }
  return fragment;
}

const VIDEO: TrackRun = {
  track: 0,
  baseTime: 2 ** 33 + 5,
  samples: [sample(1000, 50, true, 20), sample(1010, 7, false, -5), sample(1030, 9, false)],
  endDts: 1045,
};
const AUDIO: TrackRun = { track: 1, baseTime: 7, samples: [sample(0, 3, true), sample(20, 4, true)], endDts: 40 };

test('runs are read back with times, sizes, offsets and key samples', () => {
  const bytes = written(42, [VIDEO, AUDIO]);
  const fragment = parsed(bytes);
  expect(fragment).toMatchObject({ sequence: 42, sizeBytes: bytes.length, mdatHeaderBytes: 8 });
  const [video, audio] = fragment.runs;
  expect(video).toMatchObject({ trackId: 1, baseTime: 2 ** 33 + 5, count: 3, durationTicks: 45, sizeBytes: 66 });
  expect([video?.durations, video?.sizes, video?.compositionOffsets].map((list) => [...(list ?? [])])).toEqual([
    [10, 20, 15],
    [50, 7, 9],
    [20, -5, 0],
  ]);
  expect([0, 1, 2, 3].map((i) => video?.isSync(i))).toEqual([true, false, false, false]);
  expect(audio).toMatchObject({ trackId: 2, baseTime: 7, count: 2, durationTicks: 40, compositionOffsets: undefined });
  expect([0, 1].map((i) => audio?.isSync(i))).toEqual([true, true]);
  expect(video?.dataOffset).toBe(fragment.moofBytes + 8);
  expect(bytes.subarray(audio?.dataOffset)).toEqual(Buffer.from([3, 3, 3, 4, 4, 4, 4]));
});

test('values common to all samples are not repeated for each', () => {
  const even = Array.from({ length: 100 }, (_, i) => sample(i * 320, 40, true));
  const header = writeFragment(1, [{ track: 0, baseTime: 0, samples: even, endDts: 32_000 }])[0];
  expect(header?.length).toBe(24 + 72 + 100 * 4 + 8);
});

test('samples are passed on unchanged, after one header', () => {
  const pieces = writeFragment(1, [VIDEO, AUDIO]);
  expect(pieces.slice(1)).toEqual([...VIDEO.samples, ...AUDIO.samples].map(({ data }) => data));
  expect(pieces[1]).toBe(VIDEO.samples[0]?.data);
});

test.for([-1, 0.5, 2 ** 53, Number.NaN])('a base time of %d is refused', (baseTime) => {
  expect(() => writeFragment(1, [{ ...AUDIO, baseTime }])).toThrow('is not a whole number from 0');
});

test('each incomplete header requires more bytes', () => {
  const bytes = written(1, [VIDEO, AUDIO]);
  const { moofBytes } = parsed(bytes);
  for (let length = 0; length < moofBytes + 8; length += 1) {
    expect(parseFragment(bytes.subarray(0, length))).toBeUndefined();
  }
  expect(parsed(bytes.subarray(0, moofBytes + 8)).sizeBytes).toBe(bytes.length);
});

test('a fragment is found at any offset, and what follows it does not matter', () => {
  const bytes = written(3, [AUDIO]);
  const shifted = Buffer.concat([Buffer.alloc(11), bytes, Buffer.from('garbage')]);
  expect(parsed(shifted, 11)).toEqual(parsed(bytes));
});

/** A `moof` as other programs write it, and an `mdat` of 20 bytes. */
const foreign = (...trafs: readonly Uint8Array[]): Uint8Array =>
  join([box('moof', fullBox('mfhd', 0, 0, u32(9)), ...trafs), box('mdat', new Uint8Array(20))]);
const tfdt32 = fullBox('tfdt', 0, 0, u32(500));

/** The result of `make` for the offset of the `mdat` payload from the `moof`. */
function placed(make: (dataOffset: number) => Uint8Array): { bytes: Uint8Array; dataOffset: number } {
  const dataOffset = new DataView(make(0).buffer).getUint32(0) + 8;
  return { bytes: make(dataOffset), dataOffset };
}

test('defaults of the file and of the track apply to fields that a run lacks', () => {
  const tfhd = fullBox('tfhd', 0, 0x02_0008, u32(1), u32(33));
  const { bytes } = placed((at) => foreign(box('traf', tfhd, tfdt32, fullBox('trun', 0, 1, u32(4), u32(at)))));
  const tracks = [{ id: 1, defaults: { duration: 1, sizeBytes: 5, flags: 0x1_0000 } }];
  const [run] = parsed(bytes, 0, { tracks }).runs;
  expect(run).toMatchObject({ baseTime: 500, durationTicks: 4 * 33, sizeBytes: 20 });
  expect(run?.isSync(0)).toBe(false);
});

test('several runs of a track follow each other in time and place', () => {
  const tfhd = fullBox('tfhd', 0, 0x02_0000, u32(1));
  const samples = (...sizes: number[]) => sizes.flatMap((size) => [...u32(10), ...u32(size)]);
  const { bytes, dataOffset } = placed((at) => {
    const first = fullBox('trun', 0, 0x305, u32(2), u32(at), u32(0x0200_0000), samples(3, 4));
    return foreign(box('traf', tfhd, tfdt32, first, fullBox('trun', 0, 0x300, u32(1), samples(5))));
  });
  const { runs } = parsed(bytes);
  expect(runs.map((run) => [run.baseTime, run.dataOffset])).toEqual([
    [500, dataOffset],
    [520, dataOffset + 7],
  ]);
  expect(runs[0]?.flags[0]).toBe(0x0200_0000);
});

test('offsets from the start of the file are made relative to the moof', () => {
  const { bytes, dataOffset } = placed((at) => {
    const tfhd = fullBox('tfhd', 0, 0x01, u32(1), u64(5000 + at));
    return foreign(box('traf', tfhd, tfdt32, fullBox('trun', 0, 0x301, u32(1), u32(4), u32(10), u32(4))));
  });
  expect(parsed(bytes, 0, { moofFileOffset: 5000 }).runs[0]?.dataOffset).toBe(dataOffset + 4);
});

test.for([
  ['another box', box('free', [0]), "'free' where 'moof' was expected"],
  ['a moof without mdat after it', join([box('moof'), box('free', [0])]), "'free' where 'mdat' was expected"],
  ['a run without its track', foreign(box('traf', fullBox('trun', 0, 0, u32(0)))), "without 'tfhd' and 'tfdt'"],
  [
    'more samples than the box holds',
    foreign(box('traf', fullBox('tfhd', 0, 0x02_0000, u32(1)), tfdt32, fullBox('trun', 0, 0x200, u32(9), u32(1)))),
    "'trun' of 12 bytes, at least 44",
  ],
  [
    'a billion samples that take no room',
    foreign(box('traf', fullBox('tfhd', 0, 0x02_0000, u32(1)), tfdt32, fullBox('trun', 0, 0, u32(1e9)))),
    'at most 1048576',
  ],
  [
    'samples outside mdat',
    foreign(
      box('traf', fullBox('tfhd', 0, 0x02_0000, u32(1)), tfdt32, fullBox('trun', 0, 0x201, u32(1), u32(0), u32(1))),
    ),
    "outside their 'mdat'",
  ],
] as const)('%s is refused', ([, bytes, message]) => {
  expect(() => parseFragment(bytes)).toThrow(message);
});

test('damaged fragments yield samples inside them, a request for more bytes, or a PerchError', () => {
  const bytes = written(1, [VIDEO, AUDIO]);
  const next = random(22);
  for (let round = 0; round < byLength(8_000, 30_000); round += 1) {
    try {
      const fragment = parseFragment(mutate(bytes, next));
      for (const run of fragment?.runs ?? []) {
        expect(run.dataOffset).toBeGreaterThanOrEqual(fragment?.moofBytes ?? 0);
        expect(run.dataOffset + run.sizeBytes).toBeLessThanOrEqual(fragment?.sizeBytes ?? 0);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('the index at the end has its own size in its last four bytes', () => {
  const entries = [
    { time: 2 ** 33, moofOffset: 700, traf: 1, trun: 1, sample: 1 },
    { time: 2 ** 33 + 9, moofOffset: 2 ** 32 + 1, traf: 2, trun: 1, sample: 3 },
  ];
  const mfra = writeMfra([
    { trackId: 1, entries },
    { trackId: 2, entries: [] },
  ]);
  const view = new DataView(mfra.buffer);
  expect(view.getUint32(mfra.length - 4)).toBe(mfra.length);
  expect(view.getUint32(0)).toBe(mfra.length);
  expect(mfra.subarray(8 + 24, 8 + 24 + 28)).toEqual(
    Uint8Array.from([...u64(2 ** 33), ...u64(700), ...u32(1), ...u32(1), ...u32(1)]),
  );
  expect(u16(0x1234)).toEqual([0x12, 0x34]);
});

/** Four seconds of picture and sound as a recorder writes them. */
function recording(): Buffer {
  const flac = flacTrackOf(g711);
  const sounds: Sample[] = [];
  const converter = new FlacFromPcm(g711, (frame) => sounds.push(frame));
  const next = random(5);
  for (let pts = 0; pts < 32_000; pts += 160) {
    converter.push({ pts, dts: pts, wall: 0, key: true, data: Uint8Array.from({ length: 160 }, () => next() * 256) });
  }
  const pictures = tinyVideo(100, 25, 50);
  const parts = [0, 1, 2, 3].flatMap((second) =>
    writeFragment(second + 1, [
      {
        track: 0,
        baseTime: second * 90_000,
        samples: pictures.slice(second * 25, second * 25 + 25),
        endDts: (second + 1) * 90_000,
      },
      {
        track: 1,
        baseTime: second * 8000,
        samples: sounds.slice(second * 25, second * 25 + 25),
        endDts: (second + 1) * 8000,
      },
    ]),
  );
  return Buffer.concat([writeInit([tinyH264, flac], box('mark', [1])), ...parts]);
}

const run = (program: string, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
};

function folder(): string {
  const path = mkdtempSync(joinPath(tmpdir(), 'perch-mp4-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describeWith(['ffmpeg'], 'MP4 against ffmpeg', () => {
  test('a recording is decoded whole and without a warning', () => {
    const file = joinPath(folder(), 'a.mp4');
    writeFileSync(file, recording());
    const decoded = run('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-']);
    expect(decoded).toEqual({ status: 0, stdout: '', stderr: '' });
    const entries = 'stream=codec_name,width,nb_read_frames,duration_ts,sample_rate';
    const probed = run('ffprobe', ['-v', 'warning', '-count_frames', '-of', 'json', '-show_entries', entries, file]);
    expect(probed.stderr).toBe('');
    expect(JSON.parse(probed.stdout).streams).toMatchObject([
      { codec_name: 'h264', width: 64, nb_read_frames: '100' },
      { codec_name: 'flac', sample_rate: '8000', nb_read_frames: '100' },
    ]);
  });

  test.for([
    ['default', 'frag_keyframe+empty_moov'],
    ['offsets from the moof', 'frag_keyframe+empty_moov+default_base_moof'],
    ['offsets left out', 'frag_keyframe+empty_moov+omit_tfhd_offset'],
    ['negative composition offsets', 'frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets'],
    ['separate fragments for each track', 'frag_keyframe+empty_moov+separate_moof'],
  ] as const)("ffmpeg's own fragments (%s) are read with the bytes of every sample", ([, flags]) => {
    const [ours, theirs] = [joinPath(folder(), 'ours.mp4'), joinPath(folder(), 'theirs.mp4')];
    writeFileSync(ours, recording());
    expect(
      run('ffmpeg', ['-v', 'error', '-i', ours, '-c', 'copy', '-strict', 'experimental', '-movflags', flags, theirs])
        .status,
    ).toBe(0);
    const sizes = new Map<number, number[]>();
    const bytes = readFileSync(theirs);
    const init = parseInit(bytes);
    expect(init?.tracks.map(({ codec }) => codec)).toEqual(['avc1', 'fLaC']);
    for (let at = init?.sizeBytes ?? 0; bytes.toString('latin1', at + 4, at + 8) === 'moof'; ) {
      const fragment = parsed(bytes, at, { tracks: init?.tracks ?? [], moofFileOffset: at });
      for (const { trackId, sizes: all } of fragment.runs) {
        sizes.set(trackId, [...(sizes.get(trackId) ?? []), ...all]);
      }
      at += fragment.sizeBytes;
    }
    const packets = run('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', 'packet=stream_index,size', ours]);
    const wanted: { stream_index: number; size: string }[] = JSON.parse(packets.stdout).packets;
    for (const index of [0, 1]) {
      const ofTrack = wanted.filter((packet) => packet.stream_index === index).map((packet) => Number(packet.size));
      expect(sizes.get(index + 1)).toEqual(ofTrack);
    }
  });
});

const samples = (count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    pts: i * 10,
    dts: i * 10,
    wall: 0,
    key: i === 0,
    data: Uint8Array.of(i),
  }));

function fragment(times: readonly [number, number]) {
  const runs = times.map((baseTime, track) => ({ track, baseTime, samples: samples(3), endDts: 30 }));
  return Buffer.concat(writeFragment(7, runs));
}

test.for([
  ['a small one', [900_000, 48_000], [90_000, 48_000], [810_000, 0]],
  ['times beyond 32 bits', [2 ** 40 + 5, 2 ** 33], [2 ** 40, 1], [5, 2 ** 33 - 1]],
  ['nothing', [1, 2], [0, 0], [1, 2]],
  ['a track that is not named', [100, 200], [100], [0, 200]],
] as const)('%s is taken off the times of each track', ([, times, ticks, shifted]) => {
  const bytes = fragment(times);
  expect(shiftFragment(bytes, ticks)).toBe(true);
  const parsed = parseFragment(bytes);
  expect(parsed?.runs.map(({ baseTime }) => baseTime)).toEqual(shifted);
  expect(parsed?.runs.map(({ count, sizeBytes }) => [count, sizeBytes])).toEqual([
    [3, 3],
    [3, 3],
  ]);
});

test('a time that would become negative is rejected', () => {
  expect(shiftFragment(fragment([100, 200]), [100, 201])).toBe(false);
});
