import { spawn } from 'node:child_process';

/** Runs at the same time. Further requests do not wait: they get the camera's still. */
const MAX_RUNS = 2;

let runs = 0;

/**
 * The first picture of an MP4 file, as JPEG, made by the ffmpeg that is installed.
 * @returns undefined if ffmpeg is not installed, fails, or already runs `MAX_RUNS` times
 */
export async function pictureByFfmpeg(mp4: Uint8Array, width: number | undefined): Promise<Uint8Array | undefined> {
  if (runs >= MAX_RUNS) {
    return undefined;
  }
  runs += 1;
  try {
    return await run(mp4, width);
  } finally {
    runs -= 1;
  }
}

function run(mp4: Uint8Array, width: number | undefined): Promise<Uint8Array | undefined> {
  // ffmpeg reads this pipe only: the file cannot make it open other files or addresses.
  const input = ['-protocol_whitelist', 'pipe', '-f', 'mp4', '-i', 'pipe:0'];
  const size = width === undefined ? [] : ['-vf', `scale='min(${width},iw)':-2`];
  const output = ['-frames:v', '1', ...size, '-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', '-f', 'image2pipe'];
  const parameters = ['-v', 'quiet', '-nostats', '-threads', '1', ...input, ...output, 'pipe:1'];
  const child = spawn('ffmpeg', parameters, {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > 64 << 20) {
      child.kill('SIGKILL');
    }
  });
  // ffmpeg may end before it has read the whole file.
  child.stdin.on('error', () => {});
  child.stdin.end(mp4);
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 && bytes > 0 ? Buffer.concat(chunks) : undefined));
  });
}
