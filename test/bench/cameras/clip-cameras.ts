import { basename, join } from 'node:path';
import { type BarClip, barClip } from '../../peers/cameras/bar-clip.ts';
import { clip } from '../../peers/cameras/camera.ts';
import { startScript } from '../measure/script.ts';

/** A camera in a separate process, with a known time. */
export interface ClipCamera extends AsyncDisposable {
  readonly url: string;
  /** Age of the group that is being sent, since its key frame, in seconds. */
  phase(): number;
  /** The camera's next picture is a key frame. */
  requestKeyFrame(): void;
  /** @returns the Unix time in ms at which the camera sent what the time bar of a picture says, which was shown at `wallMs` */
  sentMs(clockMs: number, wallMs: number): number;
}

/**
 * @param payloadBytes the largest RTP payload that it sends
 * @param phases with more than one it is that many cameras, which its readers get in turn; their key frames come at different times
 */
export async function startClipCamera(of: BarClip, payloadBytes = 1_400, phases = 1): Promise<ClipCamera> {
  const made = await barClip(of);
  const elementary = ['-i', made, '-map', '0:v', '-c', 'copy', '-bsf', 'h264_mp4toannexb'];
  const file = await clip(basename(made).replace(/mkv$/, 'h264'), elementary);
  const running = startScript(join(import.meta.dirname, 'clip-camera.ts'), [
    file,
    String(of.fps),
    String(payloadBytes),
    String(of.fps * of.groupSeconds),
    String(phases),
  ]);
  const [, port, start, pictures] = await running.waitFor(/ready (\d+) (\d+) (\d+)/);
  const clipMs = (Number(pictures) * 1000) / of.fps;
  /** When the clip would have begun for the pictures since the last request. Earlier pictures look older than they are. */
  const beganMs = (): number => {
    const [, at = start, picture = 0] = [...running.output().matchAll(/jumped (\d+) (\d+)\n/g)].at(-1) ?? [];
    return Number(at) - (Number(picture) * 1000) / of.fps;
  };
  return {
    url: `rtsp://127.0.0.1:${port}/cam`,
    phase: () => (((Date.now() - beganMs()) % clipMs) / 1000) % of.groupSeconds,
    requestKeyFrame: () => running.child.stdin.write('key\n'),
    sentMs: (clockMs, wallMs) => {
      const rounds = Math.floor((wallMs - beganMs() - clockMs) / clipMs);
      return beganMs() + rounds * clipMs + clockMs;
    },
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}
