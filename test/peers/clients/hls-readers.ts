import { spawn } from 'node:child_process';
import { readTimeBar } from '../../support/media/time-bar.ts';

/** The result of a program that decodes a stream to its end. */
export interface HlsReading {
  /** The value of each picture's time bar, in order of arrival. */
  readonly clocksMs: readonly (number | undefined)[];
  /** The longest time between two of them. */
  readonly longestWaitMs: number;
  /** Presentation times of the sound's frames, in samples. */
  readonly soundTicks: readonly number[];
  /** Its warnings. */
  readonly messages: string;
}

interface Pictures {
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** ffmpeg decodes the pictures and copies the sound. */
export async function readWithFfmpeg(url: string, seconds: number, pictures: Pictures): Promise<HlsReading> {
  const input = ['-nostdin', '-hide_banner', '-v', 'warning', '-i', url, '-t', String(seconds)];
  const video = ['-map', '0:v', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1'];
  const sound = ['-map', '0:a', '-t', String(seconds), '-c', 'copy', '-f', 'framecrc', 'pipe:3'];
  return run('ffmpeg', [...input, ...video, ...sound], pictures, Number.POSITIVE_INFINITY);
}

/** GStreamer plays in real time; it reports late pictures and does not show them. */
export function readWithGstreamer(url: string, pictures: Pictures): Promise<HlsReading> {
  const { width, height } = pictures;
  const shape = `video/x-raw,format=GRAY8,width=${width},height=${height}`;
  const sinks = [`video-sink=videoconvert ! ${shape} ! fdsink fd=1 sync=true`, 'audio-sink=fakesink sync=true'];
  return run('gst-launch-1.0', ['-q', 'playbin3', `uri=${url}`, ...sinks], pictures, pictures.count);
}

/** @param enough pictures, after which the program is stopped */
function run(
  program: string,
  args: readonly string[],
  { width, height }: Pictures,
  enough: number,
): Promise<HlsReading> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    const clocksMs: (number | undefined)[] = [];
    const texts = { messages: '', sound: '' };
    let rest = Buffer.alloc(0);
    let [shownMs, longestWaitMs] = [Number.NaN, 0];
    child.stdout?.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= width * height; rest = rest.subarray(width * height)) {
        longestWaitMs = Math.max(longestWaitMs, clocksMs.length === 0 ? 0 : performance.now() - shownMs);
        shownMs = performance.now();
        clocksMs.push(readTimeBar(rest.subarray(0, width * height), width, height, width));
      }
      if (clocksMs.length >= enough) {
        child.kill('SIGKILL');
      }
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      texts.messages += chunk;
    });
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      texts.sound += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ended =
        code === 0 || (signal === 'SIGKILL' && clocksMs.length >= enough) ? '' : `ended with ${code ?? signal}`;
      const lines = texts.sound.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const soundTicks = lines.map((line) => Number(line.split(',')[2]));
      resolve({ clocksMs, longestWaitMs, soundTicks, messages: `${texts.messages}${ended}`.trim() });
    });
  });
}

/**
 * Pictures that do not follow their predecessor.
 * @param clipMs length of the camera's clip, which repeats; its sound may be a little longer than its pictures
 */
export function wrongSteps(clocksMs: readonly (number | undefined)[], clipMs: number, pictureMs: number): string[] {
  return clocksMs.flatMap((clockMs, i) => {
    const before = clocksMs[i - 1];
    const isNext = i === 0 || clockMs === ((before ?? Number.NaN) + pictureMs) % clipMs;
    return isNext ? [] : [`picture ${i}: ${clockMs} behind ${before}`];
  });
}
