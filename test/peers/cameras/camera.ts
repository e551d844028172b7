import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Namespace } from '../host/namespace.ts';
import { PYTHON } from '../programs/peers.ts';
import { runProcess, startProcess } from '../programs/process.ts';

/** The cache of clips between runs. */
export const CLIPS = join(tmpdir(), 'perch-clips');

/** Makes a clip with ffmpeg once per machine, also for concurrent callers; the name identifies its content. @param args called if it is missing */
export async function clip(
  name: string,
  args: readonly string[] | (() => Promise<readonly string[]>),
): Promise<string> {
  mkdirSync(CLIPS, { recursive: true });
  const file = join(CLIPS, name);
  const making = join(CLIPS, `making-${name}`);
  while (!existsSync(file)) {
    if (!isTaken(making)) {
      await makeClip(file, args).finally(() => rmSync(making));
    } else {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return file;
}

async function makeClip(file: string, args: Parameters<typeof clip>[1]): Promise<void> {
  const part = join(CLIPS, `part-${process.pid}-${basename(file)}`);
  const known = typeof args === 'function' ? await args() : args;
  const { code, output } = await runProcess('ffmpeg', ['-v', 'error', '-y', ...known, part]);
  if (code !== 0) {
    throw new Error(`ffmpeg could not make ${file}: ${output}`);
  }
  renameSync(part, file);
}

/** Takes the lock of a clip unless a running process holds it. @returns whether another process holds it */
function isTaken(making: string): boolean {
  try {
    writeFileSync(making, String(process.pid), { flag: 'wx' });
    return false;
  } catch {
    const pid = existsSync(making) ? readFileSync(making, 'utf8') : '';
    if (pid !== '' && !existsSync(`/proc/${pid}`)) {
      rmSync(making, { force: true });
    }
    return true;
  }
}

/** H.264 and AAC, 640x360, 25 frames/s, a key frame each second; `seconds` long. */
export const smallClip = (seconds: number): Promise<string> =>
  clip(`small-${seconds}.mp4`, [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=640x360:r=25',
    '-f',
    'lavfi',
    '-i',
    'sine=f=440:r=48000',
    '-t',
    String(seconds),
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-g',
    '25',
    '-bf',
    '0',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
    '-b:a',
    '64k',
    '-ac',
    '1',
  ]);

/** A typical camera for the figures: 1080p25, about 4 Mbit/s, a key frame every 2 s. */
export async function cameraClip(seconds: number, groupSeconds = 2): Promise<string> {
  const name = groupSeconds === 2 ? 'camera' : `camera-group-${groupSeconds}`;
  const short = await clip(`${name}-10.mp4`, [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=1920x1080:r=25',
    '-t',
    '10',
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-b:v',
    '4M',
    '-maxrate',
    '4M',
    '-bufsize',
    '4M',
    '-g',
    String(25 * groupSeconds),
    '-bf',
    '0',
    '-pix_fmt',
    'yuv420p',
  ]);
  return clip(`${name}-${seconds}.mp4`, ['-stream_loop', '-1', '-i', short, '-c', 'copy', '-t', String(seconds)]);
}

export interface GstCameraOptions {
  readonly port?: number;
  /** `user:password`. */
  readonly digest?: string;
  /** Allowed transports; default: all except multicast. */
  readonly protocols?: readonly ('tcp' | 'udp' | 'multicast')[];
  /** A file with certificate and key: it speaks TLS only. Not together with `digest`. */
  readonly tls?: string;
  /** Its media is SRTP; with `tls`. */
  readonly isSavp?: boolean;
  /** The file for what the camera's back channel receives, as A-law; one client only. */
  readonly backChannel?: string;
  /** Encoding of the back channel: `PCMA`, a name of G.726, `MPEG4-GENERIC` or `MP4A-LATM`. */
  readonly backEncoding?: string;
  /** Takes what clients publish. */
  readonly takesRecord?: boolean;
  /** The delay of its response to DESCRIBE with a login, in seconds; then it logs the time of the request (`GstCamera.said`). */
  readonly answersAfter?: number;
  /** Its machine; default: loopback. Its multicast goes only to other machines, so it needs one. */
  readonly namespace?: Namespace;
}

export interface GstCamera extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  url(mount: string): string;
  /** Its output. */
  said(): string;
}

/** GStreamer's RTSP server; each mount serves one launch line. */
export async function startGstCamera(
  mounts: Readonly<Record<string, string>>,
  options: GstCameraOptions = {},
): Promise<GstCamera> {
  const args = [join(import.meta.dirname, 'gst-camera.py'), String(options.port ?? 0)];
  if (options.takesRecord) {
    args.push('--record');
  }
  if (options.isSavp) {
    args.push('--savp');
  }
  if (options.digest) {
    args.push('--digest', options.digest);
  }
  if (options.protocols) {
    args.push('--protocols', options.protocols.join(','));
  }
  if (options.tls) {
    args.push('--tls', options.tls);
  }
  if (options.backChannel) {
    args.push('--back-channel', options.backChannel, '--back-encoding', options.backEncoding ?? 'PCMA');
  }
  if (options.answersAfter !== undefined) {
    args.push('--answers-after', String(options.answersAfter));
  }
  args.push(...Object.entries(mounts).map(([mount, launch]) => `${mount}=${launch}`));
  const { namespace } = options;
  if (namespace) {
    args.splice(2, 0, '--address', namespace.ip);
  }
  const command = namespace ? ['ip', 'netns', 'exec', namespace.name, PYTHON] : [PYTHON];
  const running = startProcess(command[0] ?? '', [...command.slice(1), ...args], { GST_DEBUG: '0' });
  const [, port = '0'] = await running.waitFor(/ready (\d+)/);
  return {
    port: Number(port),
    pid: running.pid,
    url: (mount) => `${options.tls ? 'rtsps' : 'rtsp'}://${namespace?.ip ?? '127.0.0.1'}:${port}${mount}`,
    said: () => running.output(),
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

/** A launch line that plays a clip: pay0 is its H.264, pay1 its AAC if it has any. */
export const playClip = (file: string, withAudio = false): string =>
  withAudio
    ? `( filesrc location=${file} ! qtdemux name=d  d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96  d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )`
    : `( filesrc location=${file} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )`;
