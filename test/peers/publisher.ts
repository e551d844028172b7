import { type Agent, until } from './agent.ts';
import { startProcess } from './process.ts';

export interface PublishOptions {
  /** TCP when not given. */
  readonly transport?: 'tcp' | 'udp';
  /** Pictures alone: rtspsrc ends with an error when sound comes first and nothing in the pipeline takes it. */
  readonly isSilent?: boolean;
  /** Again and again, until it is stopped. */
  readonly isEndless?: boolean;
}

/** ffmpeg publishes a clip to a path of the agent in the clip's own time. Resolves when the path is ready. */
export async function publishClip(
  agent: Agent,
  path: string,
  file: string,
  { transport = 'tcp', isSilent = false, isEndless = false }: PublishOptions = {},
): Promise<AsyncDisposable> {
  const loop = isEndless ? ['-stream_loop', '-1'] : [];
  const input = ['-nostdin', '-v', 'error', '-re', ...loop, '-i', file, '-c', 'copy', ...(isSilent ? ['-an'] : [])];
  const running = startProcess('ffmpeg', [...input, '-f', 'rtsp', '-rtsp_transport', transport, agent.rtspUrl(path)]);
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
