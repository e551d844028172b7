import { once } from 'node:events';
import type { RunningProcess } from '../../peers/programs/process.ts';

/** Environment for `startAgent`: a free port for the debugger. */
export const DEBUGGABLE = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };

/**
 * Has a Node process collect its garbage, through its debugger: what it takes then is what it needs, and not what happened to lie about.
 * It must have been started with DEBUGGABLE.
 * @returns bytes of its heap that are in use then
 */
export async function collectGarbage({ pid, waitFor }: RunningProcess): Promise<number> {
  process.kill(pid, 'SIGUSR1');
  const [, url = ''] = await waitFor(/Debugger listening on (ws:\S+)/);
  const socket = new WebSocket(url);
  await once(socket as unknown as NodeJS.EventEmitter, 'open');
  let text = '';
  // The second round takes what the first one's finalizers have let go.
  for (const method of ['HeapProfiler.collectGarbage', 'HeapProfiler.collectGarbage', 'Runtime.getHeapUsage']) {
    socket.send(JSON.stringify({ id: 1, method }));
    const [{ data }] = (await once(socket as unknown as NodeJS.EventEmitter, 'message')) as [{ data: string }];
    text = data;
  }
  socket.close();
  return (JSON.parse(text) as { result: { usedSize: number } }).result.usedSize;
}
