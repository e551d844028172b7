import type { Figure } from '../../../bench/measure/figure.ts';
import { clip } from '../../../peers/cameras/camera.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import type { CodecName } from '../../../quirks/clip.ts';
import { type CodedScene, CV_DATA, detected, picturesOf } from './motion-scenes.ts';

const RUNS = 5;
const FPS = 15;
const SECONDS = 120;
/** The detector takes milliseconds for a stream: it runs again until so much is measured. */
const MIN_CPU_SECONDS = 0.5;

/** 640x360. `noise` is that of a sensor, which changes with each picture. */
const still = (noise: number) => [
  ...['-f', 'lavfi', '-i'],
  `color=gray:s=640x360:r=${FPS},noise=alls=50:c0_seed=7,gblur=1,noise=alls=${noise}:allf=t:all_seed=1`,
];
/** Pedestrians all the time: OpenCV's film of 80 s, at the frame rate of the others. */
const FILM = [
  '-stream_loop',
  '-1',
  '-r',
  String(FPS),
  '-i',
  `${CV_DATA}/vtest.avi`,
  '-vf',
  'crop=768:432,scale=640:360',
];
const SCENES = { still: still(3), night: still(14), pedestrians: FILM };
type SceneName = keyof typeof SCENES;

const CODERS: Readonly<Record<CodecName, readonly string[]>> = {
  h264: [
    ...['-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-crf', '28', '-g', String(2 * FPS)],
    ...['-pix_fmt', 'yuv420p', '-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264'],
  ],
  h265: [
    ...['-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-crf', '28', '-g', String(2 * FPS)],
    ...['-x265-params', 'log-level=error', '-pix_fmt', 'yuv420p', '-bsf:v', 'hevc_metadata=aud=insert', '-f', 'hevc'],
  ],
};
const CODECS = ['h264', 'h265'] as const;

interface Stream extends CodedScene {
  readonly name: string;
  readonly file: string;
}

async function streamOf(scene: SceneName, codec: CodecName): Promise<Stream> {
  const args = [...SCENES[scene], '-t', String(SECONDS), ...CODERS[codec]];
  const file = await clip(`motion-${scene}-${SECONDS}.${codec}`, args);
  return { ...picturesOf(file, codec), events: [], fps: FPS, name: `${scene}, ${codec}`, file };
}

function ourSeconds(scene: CodedScene): number {
  const before = process.cpuUsage();
  for (let runs = 1; ; runs += 1) {
    detected(scene);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    if (seconds >= MIN_CPU_SECONDS) {
      return seconds / runs;
    }
  }
}

async function ffmpegSeconds(file: string): Promise<number> {
  const input = ['-nostdin', '-benchmark', '-threads', '1', '-i', file];
  const { output } = await runProcess('ffmpeg', [...input, '-vf', 'select=gt(scene\\,0.1)', '-f', 'null', '-']);
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(output) ?? [];
  return Number(user) + Number(system);
}

/** @returns for each run the CPU load of the stream that costs most, in percent of a core */
async function percents(
  scene: SceneName,
  codecs: readonly CodecName[],
  note: (text: string) => void,
): Promise<number[]> {
  const streams = await Promise.all(codecs.map((codec) => streamOf(scene, codec)));
  const runs: number[] = [];
  for (let i = 0; i <= RUNS; i += 1) {
    const shares = streams.map((stream) => (100 * ourSeconds(stream)) / SECONDS);
    // V8 optimizes in the first run.
    if (i > 0) {
      note(streams.map(({ name }, at) => `${name}: ${shares[at]?.toFixed(2)} %`).join('; '));
      runs.push(Math.max(...shares));
    }
  }
  return runs;
}

async function ratios(note: (text: string) => void): Promise<number[]> {
  const scenes = Object.keys(SCENES) as SceneName[];
  const streams = await Promise.all(scenes.flatMap((scene) => CODECS.map((codec) => streamOf(scene, codec))));
  const runs: number[] = [];
  for (let i = 0; i <= RUNS; i += 1) {
    const found: number[] = [];
    for (const stream of streams) {
      const [ours, theirs] = [ourSeconds(stream), await ffmpegSeconds(stream.file)];
      found.push(ours / theirs);
    }
    if (i > 0) {
      note(streams.map(({ name }, at) => `${name}: ${found[at]?.toFixed(3)}`).join('; '));
      runs.push(Math.max(...found));
    }
  }
  return runs;
}

export const motionCpu: Figure = {
  name: 'motion-cpu',
  unit: '%',
  goal: 0.3,
  isAbsolute: true,
  isCpuTime: true,
  about: 'share of a core to find motion in an idle stream, H.264 of 640x360 at 15 frames/s',
  measure: (note) => percents('still', ['h264'], note),
};

export const motionCpuH265: Figure = {
  name: 'motion-cpu-h265',
  unit: '%',
  goal: 0.3,
  isAbsolute: true,
  isCpuTime: true,
  about: 'the same for H.265',
  measure: (note) => percents('still', ['h265'], note),
};

export const motionCpuNight: Figure = {
  name: 'motion-cpu-night',
  unit: '%',
  goal: 0.3,
  isAbsolute: true,
  isCpuTime: true,
  about: 'the same where the encoder codes the noise of the night, H.264 or H.265, whichever costs more',
  measure: (note) => percents('night', CODECS, note),
};

export const motionCpuMoving: Figure = {
  name: 'motion-cpu-moving',
  unit: '%',
  goal: 3,
  isAbsolute: true,
  isCpuTime: true,
  about: 'the same while pedestrians walk through the picture all the time, H.264 or H.265, whichever costs more',
  measure: (note) => percents('pedestrians', CODECS, note),
};

export const motionCpuDecoded: Figure = {
  name: 'motion-cpu-decoded',
  unit: '× ffmpeg',
  goal: 0.2,
  isAbsolute: false,
  about:
    'CPU time of the same streams ÷ that of ffmpeg, which decodes them and compares their pictures (select=scene): the largest',
  measure: ratios,
};
