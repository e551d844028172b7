import { basename, dirname, extname } from 'node:path';
import type { HookName } from './hooks.ts';
import { streamNameOf, VHOST } from './stream-name.ts';

/** A complete recording. */
interface RecordedFile {
  readonly path: string;
  readonly file: string;
  /** Unix microseconds. */
  readonly startUs: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

/** Name of the hook for a recording, by its format. */
export const recordHookOf = ({ file }: RecordedFile): HookName =>
  extname(file) === '.ts' ? 'on_record_ts' : 'on_record_mp4';

/** Body of that hook. `url` is relative to this server's address, as in ZLMediaKit. */
export function recordBody({ path, file, startUs, durationMs, sizeBytes }: RecordedFile) {
  const lengthS = durationMs / 1000;
  const start = new Date(startUs / 1000).toISOString().replace('Z', `${String(startUs % 1000).padStart(3, '0')}Z`);
  const query = new URLSearchParams({ path, start, duration: String(lengthS) });
  return {
    vhost: VHOST,
    ...streamNameOf(path),
    params: '',
    start_time: Math.floor(startUs / 1e6),
    time_len: lengthS,
    file_size: sizeBytes,
    file_path: file,
    file_name: basename(file),
    folder: `${dirname(file)}/`,
    url: `playback/get?${query}`,
  };
}
