import { copyTo, openSource } from './copy-file.ts';
import type { OpenRecording } from './recording-list.ts';

/** A recording file of this machine, to be copied as it is. @param modifiedMs time of its last change; default: that of the file */
export async function openFile(file: string, modifiedMs?: number): Promise<OpenRecording> {
  const source = await openSource(file);
  const { mtimeMs } = await source.stat();
  return {
    canBeLinked: true,
    write: async (draft, pace, onBytes) => {
      await copyTo(source, draft, pace, onBytes);
      return { modifiedMs: modifiedMs ?? mtimeMs };
    },
    close: () => source.close(),
  };
}
