import { once } from 'node:events';
import type { RunningProcess } from '../peers/process.ts';

/** For `startAgent`: a port of its own for the debugger, should it be asked for. */
export const DEBUGGABLE = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };

/**
 * Has a Node process collect its garbage, through its debugger: what it takes then is what it needs, and not what happened to lie about.
 * It must have been started with DEBUGGABLE.
 */
export async function collectGarbage({ pid, waitFor }: RunningProcess): Promise<void> {
  process.kill(pid, 'SIGUSR1');
  const [, url = ''] = await waitFor(/Debugger listening on (ws:\S+)/);
  const socket = new WebSocket(url);
  await once(socket as unknown as NodeJS.EventEmitter, 'open');
  // The second round takes what the first one's finalizers have let go.
  for (const id of [1, 2]) {
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await once(socket as unknown as NodeJS.EventEmitter, 'message');
  }
  socket.close();
}
