import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../agent/base/clock.ts';
import { createLogger } from '../../../agent/base/log.ts';
import { type Command, Programs } from '../../../agent/hooks/programs.ts';

/** Programs with a folder to write to and a log that can be read. */
export function openHookHarness(clock: Clock = systemClock, endTimes = { interruptMs: 300, terminateMs: 300 }) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-hooks-'));
  const lines: Record<string, unknown>[] = [];
  const log = createLogger('debug', (line) => lines.push(JSON.parse(line)));
  const programs = new Programs({
    env: { ...process.env, OUT: join(folder, 'out') },
    mark: 'test',
    clock,
    log,
    endTimes,
  });
  return {
    folder,
    log,
    lines,
    programs,
    /** A script that may write to $OUT. */
    script: (text: string, more: Partial<Command> = {}): Command => ({
      hook: 'runOnInit',
      path: 'cam',
      text: `sh -c '${text}'`,
      variables: { MTX_PATH: 'cam' },
      ...more,
    }),
    /** The lines of $OUT. */
    written: (): readonly string[] => {
      try {
        return readFileSync(join(folder, 'out'), 'utf8').trimEnd().split('\n');
      } catch {
        return [];
      }
    },
    said: () => lines.flatMap(({ says }) => (typeof says === 'string' ? [says] : [])),
    [Symbol.asyncDispose]: async () => {
      await programs.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
