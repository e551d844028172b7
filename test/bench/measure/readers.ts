import { join } from 'node:path';
import type { RunningProcess } from '../../peers/programs/process.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import { startScript } from './script.ts';

/** Readers in a separate process. @param targets RTSP URLs, or ports of a bare relay @param count of each */
export async function startReaders(targets: readonly string[], count: number): Promise<RunningProcess> {
  const readers = startScript(
    join(import.meta.dirname, '../rtsp/relay-readers.ts'),
    targets.flatMap((target) => new Array<string>(count).fill(target)),
  );
  await readers.waitFor(/ready/);
  return readers;
}

/** Bytes that each reader has got so far. */
export async function received(readers: RunningProcess): Promise<number[]> {
  const before = readers.output().length;
  readers.child.stdin.write('\n');
  for (;;) {
    const line = /\[.*\]\n/.exec(readers.output().slice(before));
    if (line) {
      return JSON.parse(line[0]) as number[];
    }
    await seconds(0.05);
  }
}
