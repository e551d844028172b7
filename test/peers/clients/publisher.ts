import { type Agent, until } from '../agent/agent.ts';
import { smallClip } from '../cameras/camera.ts';
import { type RunningProcess, startProcess } from '../programs/process.ts';

export interface PublishOptions {
  /** Default: TCP. */
  readonly transport?: 'tcp' | 'udp';
  /** Video only: rtspsrc ends with an error when audio arrives first and nothing in the pipeline accepts it. */
  readonly isSilent?: boolean;
  /** Repeats until it is stopped. */
  readonly isEndless?: boolean;
  /** How long pictures wait for earlier audio; ffmpeg's ten seconds when absent. */
  readonly interleaveMs?: number;
}

/** ffmpeg publishes a clip to a path of the agent in real time. Resolves when the path is ready. */
export async function publishClip(
  agent: Agent,
  path: string,
  file: string,
  { transport = 'tcp', isSilent = false, isEndless = false, interleaveMs = 10_000 }: PublishOptions = {},
): Promise<AsyncDisposable> {
  const loop = isEndless ? ['-stream_loop', '-1'] : [];
  const input = ['-nostdin', '-v', 'error', '-re', ...loop, '-i', file, '-c', 'copy', ...(isSilent ? ['-an'] : [])];
  const output = ['-max_interleave_delta', String(interleaveMs * 1000), '-f', 'rtsp'];
  const running = startProcess('ffmpeg', [...input, ...output, '-rtsp_transport', transport, agent.rtspUrl(path)]);
  await until(async () => {
    const { ready } = await agent.json<{ ready: boolean }>(`/v3/paths/get/${path}`).catch(() => ({ ready: false }));
    return ready ? true : undefined;
  });
  return {
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}

/** Pictures that RTP can carry: ffmpeg sends none with other Huffman tables than the standard's (RFC 2435 §3.1). */
export const AS_MJPEG: readonly string[] = ['-an', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-huffman', 'default'];

/** ffmpeg publishes a picture of 640×360 with a tone, H.264 and AAC, until it is disposed of, whether it is accepted or not. */
export async function startPublisher(
  url: string,
  coding: readonly string[] = ['-c', 'copy'],
): Promise<RunningProcess & AsyncDisposable> {
  const input = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', await smallClip(10)];
  const running = startProcess('ffmpeg', [...input, ...coding, '-f', 'rtsp', '-rtsp_transport', 'tcp', url]);
  return {
    ...running,
    async [Symbol.asyncDispose]() {
      await running.stop('SIGKILL');
    },
  };
}
