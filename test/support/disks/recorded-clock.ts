import { VIDEO_FPS, VIDEO_GROUP } from '../../../agent/demo-camera/demo-streams.ts';
import { Picture } from '../../../agent/demo-camera/picture.ts';
import { H264Encoder } from '../../../agent/media/h264/encode/encoder.ts';
import type { H264Track } from '../../../agent/media/sample/track.ts';
import { startRecorder } from './recordings.ts';

const [WIDTH, HEIGHT] = [640, 360];
const TICKS = 90_000 / VIDEO_FPS;

/** Time from one key frame to the next. */
export const GROUP_MS = (VIDEO_GROUP / VIDEO_FPS) * 1000;

/** Records at once what a demo camera would have sent from that moment on. Its pictures show the clock. */
export async function recordClock(folder: string, path: string, startMs: number, seconds: number): Promise<void> {
  const encoder = new H264Encoder(WIDTH, HEIGHT, VIDEO_FPS);
  const picture = new Picture(WIDTH, HEIGHT);
  const { sps, pps } = encoder;
  const track: H264Track = {
    ...{ kind: 'video', codec: 'h264', clockRate: 90_000, sps, pps: [pps] },
    ...{ width: WIDTH, height: HEIGHT, fps: VIDEO_FPS },
  };
  await using running = startRecorder(folder, { path, queueBytes: 64 << 20 }, [track]);
  for (let i = 0; i < seconds * VIDEO_FPS; i += 1) {
    const wall = startMs + (i * 1000) / VIDEO_FPS;
    const key = i % VIDEO_GROUP === 0;
    picture.draw(Math.round(wall));
    const data = Uint8Array.from(encoder.encode(picture.frame, key));
    running.stream.write(0, { pts: i * TICKS, dts: i * TICKS, wall, key, data });
  }
  running.stream.close();
  await running.recorder.stop();
}
