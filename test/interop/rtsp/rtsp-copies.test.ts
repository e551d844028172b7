import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { clip, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith, inShort, LENGTH } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const SECONDS = byLength(2, 4);
const FRAME_TICKS = 3_600;
/** Concurrent copies. */
const AT_ONCE = 6;

/** A key frame every two seconds; x265's are followed by leading pictures, which are shown before them. */
const CODERS = {
  'H.264': ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-bf', '0'],
  'H.264 with B-frames': ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-bf', '2'],
  'H.265': ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=50:bframes=0'],
  'H.265 with B-frames': [
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'log-level=none:keyint=50:bframes=3',
  ],
} as const;
type Coded = keyof typeof CODERS;

interface Copy {
  readonly coded: Coded;
  readonly container: 'mp4' | 'matroska' | 'mpegts';
  readonly transport: 'tcp' | 'udp';
  /** Whether the stream begins with this reader, or runs already. */
  readonly joins: 'at the start' | 'in the middle';
  /** An audio track next to the picture. */
  readonly sound: 'silent' | 'with sound';
}

const ALL = Object.keys(CODERS).flatMap((coded) =>
  ['mp4', 'matroska', 'mpegts'].flatMap((container) =>
    ['tcp', 'udp'].flatMap((transport) =>
      ['at the start', 'in the middle'].flatMap((joins) =>
        ['silent', 'with sound'].map((sound) => [coded, container, transport, joins, sound] as const),
      ),
    ),
  ),
);
const COPIES = inShort(
  ALL,
  'H.264 mp4 tcp at the start silent',
  'H.264 with B-frames matroska tcp at the start silent',
  'H.264 with B-frames mpegts udp in the middle with sound',
  'H.265 with B-frames mpegts tcp at the start silent',
  'H.265 with B-frames mp4 udp in the middle silent',
).map(([coded, container, transport, joins, sound]) => ({ coded, container, transport, joins, sound }) as Copy);

const clipOf = (coded: Coded, sound: Copy['sound']): Promise<string> => {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25'];
  const tone = sound === 'silent' ? [] : ['-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-c:a', 'aac', '-ac', '1'];
  const name = `copied-${coded}-${sound}.mp4`.replaceAll(/[ .]+(?=.*\.mp4)/g, '-');
  return clip(name, [...picture, ...tone, '-t', '60', ...CODERS[coded], '-pix_fmt', 'yuv420p']);
};

const codecOf = (coded: Coded): string => coded.slice(0, 5).replace('.', '').toLowerCase();

async function mountOf({ coded, sound }: Copy): Promise<string> {
  const codec = codecOf(coded);
  const source = `filesrc location=${await clipOf(coded, sound)} ! qtdemux name=d`;
  const picture = `d.video_0 ! queue ! ${codec}parse ! rtp${codec}pay name=pay0 pt=96`;
  return sound === 'silent'
    ? `( ${source} ${picture} )`
    : `( ${source} ${picture} d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )`;
}

const pathOf = (i: number): string => `copy${i}`;

interface Packet {
  readonly pts: number;
  /** NaN: the container does not state it. */
  readonly dts: number;
  readonly isKey: boolean;
}

async function packetsOf(file: string): Promise<readonly Packet[]> {
  const entries = ['-show_entries', 'packet=pts_time,dts_time,flags', '-select_streams', 'v:0'];
  const { output } = await runProcess('ffprobe', ['-v', 'error', ...entries, '-of', 'csv=p=0', file]);
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [pts = '', dts = '', flags = ''] = line.split(',');
    return { pts: Number(pts), dts: Number(dts), isKey: flags.startsWith('K') };
  });
}

/** Copies for a while, and checks the written file. */
async function copy(agent: Agent, folder: string, path: string, { container, transport }: Copy): Promise<void> {
  const file = join(folder, `${path}.${container}`);
  // Frigate's ffmpeg sends its own name, and writes MP4.
  const name = container === 'mp4' ? ['-user_agent', 'FFmpeg Frigate/0.17.2'] : [];
  const input = ['-nostdin', '-v', 'warning', ...name, '-rtsp_transport', transport, '-i', agent.rtspUrl(path)];
  const { code, output } = await runProcess('ffmpeg', [
    ...input,
    '-t',
    `${SECONDS}`,
    '-c',
    'copy',
    '-f',
    container,
    file,
  ]);
  // Every muxer warns about a time that does not increase.
  expect([code, output]).toEqual([0, '']);
  const packets = await packetsOf(file);
  expect(packets[0]?.isKey).toBe(true);
  expect(packets.length).toBeGreaterThan(20 * SECONDS);
  const decoded = packets.map(({ dts }) => dts).filter((dts) => !Number.isNaN(dts));
  expect(decoded.length).toBeGreaterThanOrEqual(container === 'matroska' ? packets.length - 16 : packets.length);
  expect(decoded.filter((dts, i) => i > 0 && dts <= (decoded[i - 1] as number))).toEqual([]);
  const shown = packets.map(({ pts }) => Math.round((pts * 90_000) / FRAME_TICKS)).sort((a, b) => a - b);
  expect(shown.filter((frame, i) => i > 0 && frame === shown[i - 1])).toEqual([]);
}

/** Each has its own camera, so that a stream can begin with its reader. */
async function copyAll(batch: readonly Copy[]): Promise<void> {
  using folder = temporaryFolder();
  const mounts: Record<string, string> = {};
  for (const [i, one] of batch.entries()) {
    mounts[`/${pathOf(i)}`] = await mountOf(one);
  }
  await using camera = await startGstCamera(mounts);
  const paths = batch.map(({ joins }, i) => {
    const onDemand = joins === 'at the start' ? ', sourceOnDemand: yes' : '';
    return `  ${pathOf(i)}: { source: '${camera.url(`/${pathOf(i)}`)}'${onDemand} }\n`;
  });
  await using agent = await startAgent({ config: `paths:\n${paths.join('')}` });
  const copies = batch.map(async (one, i) => {
    try {
      if (one.joins === 'in the middle') {
        await underWay(agent, pathOf(i));
      }
      await copy(agent, folder.path, pathOf(i), one);
    } catch (cause) {
      throw new Error(Object.values(one).join(' '), { cause });
    }
  });
  await Promise.all(copies);
}

/** Some frames into its first group, or further. */
const underWay = (agent: Agent, path: string): Promise<true> =>
  until(async () => {
    const { inboundBytes } = await agent.json<{ inboundBytes: number }>(`/v3/paths/get/${path}`);
    return inboundBytes > 60_000 ? true : undefined;
  });

const batches = (from = 0): readonly (readonly Copy[])[] =>
  from < COPIES.length ? [COPIES.slice(from, from + AT_ONCE), ...batches(from + AT_ONCE)] : [];

describeWith(['ffmpeg', 'gstreamer'], 'what ffmpeg copies from our RTSP server', () => {
  test.for(batches().map((batch) => [batch.map((one) => Object.values(one).join(' ')).join(', '), batch] as const))(
    'has an increasing time in every packet: %s',
    ([, batch]) => copyAll(batch),
  );

  test.for(inShort(Object.keys(CODERS), 'H.264 with B-frames'))('decoders give no warning: %s', async (coded) => {
    const one = { coded, sound: 'silent' } as Copy;
    await using camera = await startGstCamera({ '/cam': await mountOf(one) });
    await using agent = await startAgent({ config: `paths:\n  cam: { source: '${camera.url('/cam')}' }\n` });
    const url = agent.rtspUrl('cam');
    await until(async () => ((await agent.json<{ ready: boolean }>('/v3/paths/get/cam')).ready ? true : undefined));
    expect(await ffmpegWarnings(['-rtsp_transport', 'tcp', '-i', url, '-t', `${SECONDS}`])).toBe('');
    if (LENGTH !== 'short') {
      expect(await ffmpegWarnings(['-rtsp_transport', 'udp', '-i', url, '-t', `${SECONDS}`])).toBe('');
    }
  });
});
