import { flushCompileCache } from 'node:module';
import { exitFunction, openProcessLibrary } from './functions.ts';

/**
 * Ends the process at once. `process.exit()` waits for V8's threads, of which one may wait for the main thread
 * (nodejs/node#54918, #64274). Listeners of `exit` run, and V8's compile cache is saved.
 */
export function leave(code: number): never {
  process.exitCode = code;
  process.emit('exit', code);
  flushCompileCache?.();
  try {
    exitFunction(openProcessLibrary())(code);
  } catch {
    // This Node has no node:ffi.
  }
  try {
    // execve(2) ends all threads, too. Node has it from 22.15 on.
    process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  } catch {
    // The system has no shell.
  }
  process.exit(code);
}

/**
 * The same after stdout and stderr have been written: Node writes pipes in the background, and a full one has room for 64 KiB.
 * @param maxMs for a reader that takes nothing
 */
export async function leaveWritten(code: number, maxMs?: number): Promise<never> {
  const written = Promise.all([process.stdout, process.stderr].map(writtenBy));
  const late = maxMs === undefined ? [] : [new Promise<void>((resolve) => setTimeout(resolve, maxMs))];
  await Promise.race([written, ...late]);
  return leave(code);
}

/** Listeners of the stream's `error` are called before: Node calls them in the next tick. */
const writtenBy = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    const written = () => setImmediate(resolve);
    // The reader may have ended.
    stream.once('error', written);
    if (stream.writableLength === 0 || stream.destroyed) {
      written();
    } else {
      stream.write('', written);
    }
  });
