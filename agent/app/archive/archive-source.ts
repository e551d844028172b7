import type { RecordingSource } from '../../archive/storage/contracts.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { SegmentRow } from '../../playback/index/segment-row.ts';
import { DEMO_PATH } from '../demo/demo.ts';
import type { Recordings } from '../recordings/recordings.ts';

export interface ArchiveSourceDeps {
  readonly recordings: Pick<Recordings, 'isHeldUp' | 'names' | 'playback' | 'space'>;
  /** In force. */
  config(): Config;
}

/** The recorder and its index as the archive uses them. */
export function archiveSource({ recordings, config }: ArchiveSourceDeps): RecordingSource {
  const { playback, space } = recordings;
  const settingsOf = (path: string) => resolvePath(config(), path)?.settings;
  return {
    get isWhole() {
      return space.isIndexWhole;
    },
    get isClockTrusted() {
      return space.isDateTrusted;
    },
    get isHeldUp() {
      return recordings.isHeldUp;
    },
    names: () => recordings.names(),
    scopeOf: (path) => {
      const { recordArchive = 'no', record } = (path === DEMO_PATH ? undefined : settingsOf(path)) ?? {};
      // Each of its recordings is a clip of an event.
      return recordArchive === 'protected' && record === 'motion' ? 'all' : recordArchive;
    },
    keptMs: (path) => settingsOf(path)?.recordArchiveDeleteAfterMs ?? 0,
    finishedFrom: (path, fromUs, toUs, limit, after) =>
      playback.space.finishedFrom(path, fromUs, toUs, limit, after as SegmentRow | undefined),
    protectedOf: (path) => space.protectedRanges.all.filter((range) => range.path === path),
  };
}
