import { clip } from '../../peers/cameras/camera.ts';
import { runProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';
import { type CodedScene, detected, picturesOf } from './motion-scenes.ts';

const RUNS = 5;
const FPS = 15;
const SECONDS = 120;
/** The detector takes milliseconds for the clip. */
const REPEATS = 10;

/** A still scene with the noise of a sensor, 640x360. */
const stillClip = (): Promise<string> =>
  clip(`still-360-${SECONDS}.264`, [
    ...[
      '-f',
      'lavfi',
      '-i',
      `color=gray:s=640x360:r=${FPS},noise=alls=50:c0_seed=7,gblur=1,noise=alls=3:allf=t:all_seed=1`,
    ],
    ...['-t', String(SECONDS), '-c:v', 'libx264', '-preset', 'superfast', '-tune', 'zerolatency', '-crf', '28'],
    ...['-g', String(2 * FPS), '-pix_fmt', 'yuv420p', '-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264'],
  ]);

function ourSeconds(scene: CodedScene): number {
  const before = process.cpuUsage();
  for (let i = 0; i < REPEATS; i += 1) {
    detected(scene);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / REPEATS;
}

async function ffmpegSeconds(file: string): Promise<number> {
  const args = [
    '-nostdin',
    '-benchmark',
    '-threads',
    '1',
    '-i',
    file,
    '-vf',
    'select=gt(scene\\,0.1)',
    '-f',
    'null',
    '-',
  ];
  const { output } = await runProcess('ffmpeg', args);
  const [, user, system] = /utime=([\d.]+)s stime=([\d.]+)s/.exec(output) ?? [];
  return Number(user) + Number(system);
}

async function measure(
  note: (text: string) => void,
): Promise<{ readonly percents: number[]; readonly ratios: number[] }> {
  const file = await stillClip();
  const scene = { ...picturesOf(file, 'h264'), events: [], fps: FPS };
  detected(scene);
  const percents: number[] = [];
  const ratios: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const [ours, theirs] = [ourSeconds(scene), await ffmpegSeconds(file)];
    note(`${(1000 * ours).toFixed(1)} ms, ffmpeg ${(1000 * theirs).toFixed(0)} ms of CPU for ${SECONDS} s of video`);
    percents.push((100 * ours) / SECONDS);
    ratios.push(ours / theirs);
  }
  return { percents, ratios };
}

export const motionCpu: Figure = {
  name: 'motion-cpu',
  unit: '%',
  goal: 0.3,
  isAbsolute: true,
  about: 'share of a core to find motion in an idle stream, H.264 of 640x360 at 15 frames/s',
  measure: async (note) => (await measure(note)).percents,
};

export const motionCpuDecoded: Figure = {
  name: 'motion-cpu-decoded',
  unit: '× ffmpeg',
  goal: 0.2,
  isAbsolute: false,
  about: 'CPU time of the same ÷ that of ffmpeg, which decodes the stream and compares its pictures (select=scene)',
  measure: async (note) => (await measure(note)).ratios,
};
