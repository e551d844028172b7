import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startScript } from '../measure/script.ts';
import type { Seen } from './light-viewers.ts';

export interface LightViewers extends AsyncDisposable {
  /** A command of `light-viewers.ts`. @returns its answer */
  ask(command: string): Promise<string>;
  tell(): Promise<Seen[]>;
}

/** Starts `light-viewers.ts` in a process of its own. @param args after the URL */
export function startLightViewers(url: string, args: readonly string[] = []): LightViewers {
  const script = startScript(join(import.meta.dirname, 'light-viewers.ts'), [url, ...args]);
  const lines = createInterface({ input: script.child.stdout });
  const ended = script.exited.then((code) => Promise.reject(new Error(`it ended with ${code}: ${script.output()}`)));
  ended.catch(() => {});
  const ask = async (command: string): Promise<string> => {
    const line = once(lines, 'line');
    script.child.stdin.write(`${command}\n`);
    const [answer] = (await Promise.race([line, ended])) as [string];
    return answer;
  };
  return {
    ask,
    tell: async () => JSON.parse(await ask('tell')) as Seen[],
    [Symbol.asyncDispose]: async () => {
      lines.close();
      await script.stop('SIGKILL');
    },
  };
}
