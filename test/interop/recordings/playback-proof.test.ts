import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { openRecording } from '../../support/disks/read-recording.ts';

const SECONDS = byLength(9, 60);
const SEGMENT_SECONDS = byLength(3, 10);
/** Maximum skew between picture and sound, compared with the camera's. */
const MAX_SKEW_S = 0.005;
/** Decode-only packets take this time at the beginning of a response: some 20 pictures, each an 800th part of one. */
const MAX_HIDDEN_S = 0.005;

/** Cameras with both video codecs, reordered pictures, and two audio codecs. */
const CAMERAS = [
  {
    path: 'garden',
    name: 'H.264 with B-frames and AAC',
    frameS: 1 / 25,
    soundS: 1024 / 48_000,
    unsent: 7,
    codecs: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-c:a', 'aac', '-b:a', '64k'],
    rate: 25,
  },
  {
    path: 'house/door',
    name: 'H.265 and Opus',
    frameS: 1 / 15,
    soundS: 0.02,
    unsent: 0,
    codecs: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:bframes=0', '-c:a', 'libopus'],
    rate: 15,
  },
] as const;
type Camera = (typeof CAMERAS)[number];
const NAMED = CAMERAS.map((camera) => [camera.name, camera] as const);
const IN_FORMATS = NAMED.flatMap(([name, camera]) => ['fmp4', 'mp4'].map((format) => [name, format, camera] as const));
const [GARDEN, HOUSE] = [CAMERAS[0].name, CAMERAS[1].name];

/** Written with times to the tick, which Matroska does not keep. */
const sentBy = ({ path, codecs, rate }: Camera): Promise<string> => {
  // A rising tone: no two of its packets are the same.
  const tone = 'aevalsrc=0.3*sin(2*PI*(300+20*t)*t):s=48000';
  const inputs = ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${rate}`, '-f', 'lavfi', '-i', tone];
  const shape = ['-g', String(rate), '-keyint_min', String(rate), '-pix_fmt', 'yuv420p', '-t', String(SECONDS)];
  return clip(`proof-rising-${path.replace('/', '-')}-${SECONDS}.mp4`, [...inputs, ...codecs, ...shape]);
};

interface Packet {
  readonly ptsS: number;
  readonly dtsS: number;
  /** MD5 of the packet's bytes. */
  readonly hash: string;
}

/** Packets of a stream in file order, including those before the edit's start. */
async function packetsOf(input: string, stream: 'v' | 'a'): Promise<Packet[]> {
  const entries = ['-show_data_hash', 'md5', '-show_entries', 'packet=pts_time,dts_time,data_hash', '-of', 'json'];
  const { output } = await runProcess('ffprobe', ['-v', 'error', '-select_streams', stream, ...entries, input]);
  const { packets } = JSON.parse(output) as { packets: Record<'pts_time' | 'dts_time' | 'data_hash', string>[] };
  return packets.map((packet) => ({
    ptsS: Number(packet.pts_time),
    dtsS: Number(packet.dts_time),
    hash: packet.data_hash,
  }));
}

const isRising = (packets: readonly Packet[]): boolean =>
  packets.every((packet, i) => packet.dtsS > (packets[i - 1]?.dtsS ?? -Infinity) && packet.ptsS >= packet.dtsS - 1e-6);

/** The smallest and the largest offset of a track's packets. */
function movedS(sent: readonly Packet[], found: readonly Packet[]): { least: number; most: number } {
  const moves = found.map((packet, i) => packet.ptsS - (sent[i]?.ptsS ?? Number.NaN));
  return { least: Math.min(...moves), most: Math.max(...moves) };
}

/** Packets' times by their bytes, in seconds. */
type Places = ReadonlyMap<string, number>;

function placesOf(packets: readonly Packet[]): Places {
  const places = new Map(packets.map(({ hash, ptsS }) => [hash, ptsS]));
  expect(places.size, 'no packet is there twice').toBe(packets.length);
  return places;
}

/** The first presented packet of a response. Decode-only packets have hardly any duration, or a time before 0. */
function firstShown(packets: readonly Packet[], places: Places): number {
  const isHidden = ({ ptsS }: Packet): boolean => ptsS <= MAX_HIDDEN_S;
  const times = (of: readonly Packet[]): number[] => of.map(({ hash }) => places.get(hash) ?? Number.NaN);
  const hidden = times(packets.filter(isHidden));
  return hidden.length > 0 ? Math.max(...hidden) : Math.min(...times(packets));
}

/** The offset of a response's packets from those of the whole recording, without decode-only packets. */
function movedIn(packets: readonly Packet[], places: Places): { least: number; most: number } {
  const shown = packets.filter(({ ptsS }) => ptsS > MAX_HIDDEN_S);
  const moves = shown.map(({ ptsS, hash }) => ptsS - (places.get(hash) ?? Number.NaN));
  return { least: Math.min(...moves), most: Math.max(...moves) };
}

const skewOf = (one: { least: number; most: number }, other: { least: number; most: number }): number =>
  Math.max(one.most - other.least, other.most - one.least);

describeWith(['ffmpeg'], 'what cameras sent, as ffmpeg finds it again', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-proof-'));
  const recordings = join(dataDir, 'recordings');
  let agent: Agent;
  const sent = new Map<Camera, string>();
  const starts = new Map<Camera, string>();

  const filesOf = ({ path }: Camera): string[] => globSync(join(recordings, path, '*.mp4')).sort();

  beforeAll(async () => {
    for (const camera of CAMERAS) {
      sent.set(camera, await sentBy(camera));
    }
    const rules = `record: yes, recordPath: '${recordings}/%path/%Y-%m-%d_%H-%M-%S-%f', recordSegmentDuration: ${SEGMENT_SECONDS}s`;
    agent = await startAgent({ dataDir, config: `api: yes\nplayback: yes\npaths:\n  all_others: { ${rules} }\n` });
    await Promise.all(
      CAMERAS.map(async (camera) => {
        const input = ['-nostdin', '-v', 'error', '-re', '-i', sent.get(camera) ?? '', '-c', 'copy'];
        const output = ['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl(camera.path)];
        expect(await runProcess('ffmpeg', [...input, ...output])).toEqual({ code: 0, output: '' });
        await until(async () => {
          const files = await Promise.all(filesOf(camera).map(openRecording));
          return files.length >= 3 && files.every((file) => file.durationMs > 0) ? true : undefined;
        });
        const spans = await agent.json<{ start: string }[]>(`/playback/list?path=${encodeURIComponent(camera.path)}`);
        expect(spans).toHaveLength(1);
        starts.set(camera, spans[0]?.start ?? '');
      }),
    );
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** @param fromS after the beginning of the recording */
  const getUrl = (camera: Camera, format: string, fromS = 0, seconds = SECONDS + 10): string => {
    const start = new Date(Date.parse(starts.get(camera) ?? '') + fromS * 1000).toISOString();
    const query = new URLSearchParams({ path: camera.path, start, duration: String(seconds), format });
    return `${agent.url}/playback/get?${query}`;
  };

  /** The capture time of each packet by the labels of the files: Unix seconds. */
  async function capturedIn(camera: Camera, stream: 'v' | 'a'): Promise<Places> {
    const all = new Map<string, number>();
    for (const file of filesOf(camera)) {
      const { mark } = await openRecording(file);
      for (const [hash, timeS] of placesOf(await packetsOf(file, stream))) {
        all.set(hash, mark.wallUs / 1e6 + timeS);
      }
    }
    return all;
  }

  /** It has every packet in order, and picture and sound are in sync as they were sent. */
  async function expectWhole(camera: Camera, input: string): Promise<void> {
    expect(await ffmpegWarnings(['-i', input])).toBe('');
    const source = sent.get(camera) ?? '';
    const [sentPictures, sentSounds] = [await packetsOf(source, 'v'), await packetsOf(source, 'a')];
    const [pictures, sounds] = [await packetsOf(input, 'v'), await packetsOf(input, 'a')];
    expect(pictures).toHaveLength(sentPictures.length);
    expect([isRising(pictures), isRising(sounds)]).toEqual([true, true]);
    // Sound before the first picture belongs to no recording; ffmpeg never sends the last AAC packet, which is not full.
    const lead = sentSounds.findIndex(({ hash }) => hash === sounds[0]?.hash);
    expect(lead * camera.soundS).toBeLessThan(0.1);
    expect(sounds.map(({ hash }) => hash)).toEqual(
      sentSounds.slice(lead, lead + sounds.length).map(({ hash }) => hash),
    );
    expect(sentSounds.length - lead - sounds.length).toBeLessThanOrEqual(camera.unsent);
    const [picture, sound] = [movedS(sentPictures, pictures), movedS(sentSounds.slice(lead), sounds)];
    expect(skewOf(picture, sound), JSON.stringify({ picture, sound })).toBeLessThanOrEqual(MAX_SKEW_S);
  }

  test.for(inShort(NAMED, GARDEN))(
    '%s: each recording decodes without a warning, and together they hold every picture',
    async ([, camera]) => {
      const files = filesOf(camera);
      let pictures = 0;
      for (const file of files) {
        expect(await ffmpegWarnings(['-i', file])).toBe('');
        const packets = await packetsOf(file, 'v');
        expect([isRising(packets), isRising(await packetsOf(file, 'a'))]).toEqual([true, true]);
        pictures += packets.length;
      }
      expect(pictures).toBe(SECONDS * camera.rate);
    },
  );

  test.for(inShort(IN_FORMATS, `${GARDEN} fmp4`, `${HOUSE} mp4`))(
    '%s: /get as %s has every packet, across files',
    ([, format, camera]) => expectWhole(camera, getUrl(camera, format)),
  );

  test.for(inShort(IN_FORMATS, `${GARDEN} mp4`, `${HOUSE} fmp4`))(
    '%s: in /get as %s picture and sound begin at the requested time, at any position',
    async ([, format, camera]) => {
      const whole = getUrl(camera, 'fmp4');
      const startS = Date.parse(starts.get(camera) ?? '') / 1000;
      const captured = [await capturedIn(camera, 'v'), await capturedIn(camera, 'a')] as const;
      const ends = (await openRecording(filesOf(camera)[0] ?? '')).durationMs / 1000;
      const [places, soundPlaces] = [placesOf(await packetsOf(whole, 'v')), placesOf(await packetsOf(whole, 'a'))];
      // In the middle of a group; right before a file's end; in the middle of a picture.
      for (const fromS of byLength([1.48, ends - 0.03], [1.48, ends - 0.03, ends + 1.513])) {
        const url = getUrl(camera, format, fromS, 2);
        const message = `${camera.path} from ${fromS} s`;
        expect(await ffmpegWarnings(['-i', url]), message).toBe('');
        const [video, audio] = [await packetsOf(url, 'v'), await packetsOf(url, 'a')];
        // By the label of the first file or of the file that contains it: they differ by the change of the network's delay.
        const isThere = ([v, a]: readonly [Places, Places], zeroS: number): boolean =>
          Math.abs(firstShown(video, v) - zeroS - fromS) <= camera.frameS &&
          Math.abs(firstShown(audio, a) - zeroS - fromS) <= camera.soundS;
        const isRight = isThere([places, soundPlaces], 0) || isThere(captured, startS);
        expect(isRight, `beginning of ${message}`).toBe(true);
        expect(skewOf(movedIn(video, places), movedIn(audio, soundPlaces)), message).toBeLessThanOrEqual(MAX_SKEW_S);
      }
    },
  );

  test.for(inShort(NAMED, HOUSE))('%s: VOD HLS has every packet, across files', async ([, camera]) => {
    const query = new URLSearchParams({ start: starts.get(camera) ?? '', duration: String(SECONDS + 10) });
    await expectWhole(camera, `${agent.url}/playback/${camera.path}/index.m3u8?${query}`);
  });
});
