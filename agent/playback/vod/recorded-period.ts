import { createHash } from 'node:crypto';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import type { SegmentRow } from '../index/segment-row.ts';
import type { LayoutCache } from './layout-cache.ts';
import { ANCHOR_STEP_SECONDS, LAYOUT_VERSION, type VodLayout } from './vod-layout.ts';
import type { PlaylistFile } from './vod-playlist.ts';

export type RowOfRecording = Pick<SegmentRow, 'file' | 'nameUs' | 'startUs'>;

/** Finds recordings for streams. */
export interface RecordingLookup {
  /** Readable recordings of a path that may overlap the range, oldest first. @throws PerchError for an unknown path */
  between(path: string, fromUs: number, toUs: number): Promise<Iterable<RowOfRecording>>;
  /** Recordings named for this start. */
  named(path: string, nameUs: number): Promise<Iterable<RowOfRecording>>;
}

/** A week of segments, and a playlist of about ten megabytes. */
const MAX_SEGMENTS = 110_000;

/** The recordings of a period as segments. */
export class RecordedPeriods {
  readonly #recordings: RecordingLookup;
  readonly #layouts: LayoutCache;
  readonly #logger: Logger;

  constructor(recordings: RecordingLookup, layouts: LayoutCache, logger: Logger) {
    this.#recordings = recordings;
    this.#layouts = layouts;
    this.#logger = logger;
  }

  /**
   * The segments that overlap the range.
   * @throws PerchError if there are none, or too many for one playlist
   */
  async between(path: string, fromUs: number, toUs: number): Promise<PlaylistFile[]> {
    const files: PlaylistFile[] = [];
    let segments = 0;
    for (const row of await this.#recordings.between(path, fromUs, toUs)) {
      const layout = await this.#layoutOf(row);
      const before = files.at(-1);
      const file = layout && partOf(layout, row, before, fromUs, toUs);
      if (file) {
        files.push(file);
        segments += file.to - file.from;
      }
      if (segments > MAX_SEGMENTS) {
        throw new PerchError(
          'badInput',
          `more than ${MAX_SEGMENTS} segments in one playlist: ask for a shorter duration`,
        );
      }
    }
    return files;
  }

  /** The recording of a playlist's URI. @throws PerchError if it does not exist */
  async layoutOf(path: string, address: ResourceAddress): Promise<VodLayout> {
    for (const row of await this.#recordings.named(path, address.nameUs)) {
      const layout = tagOf(row.file) === address.tag ? await this.#layoutOf(row) : undefined;
      if (layout) {
        return layout;
      }
    }
    throw new PerchError('notFound', 'no such recording', { path });
  }

  /** undefined for a file that is gone or unplayable; the others remain. */
  async #layoutOf(row: RowOfRecording): Promise<VodLayout | undefined> {
    try {
      return await this.#layouts.of(row);
    } catch (error) {
      if (!(error instanceof PerchError) && codeOf(error) === '') {
        throw error;
      }
      this.#logger.debug({ file: row.file, cause: explain(error) }, 'left a recording out of a playlist');
      return undefined;
    }
  }
}

function partOf(
  layout: VodLayout,
  row: RowOfRecording,
  before: PlaylistFile | undefined,
  fromUs: number,
  toUs: number,
): PlaylistFile | undefined {
  const { startSeconds, endSeconds, count } = layout.cuts;
  let from = 0;
  while (from < count && row.startUs + (endSeconds[from] as number) * 1e6 <= fromUs) {
    from += 1;
  }
  let to = from;
  while (to < count && row.startUs + (startSeconds[to] as number) * 1e6 < toUs) {
    to += 1;
  }
  if (from === to) {
    return undefined;
  }
  const step = before !== undefined && from === 0 ? stepFrom(before, layout) : undefined;
  const stepSeconds = step ?? 0;
  const uri = resourceUri(row, stepSeconds);
  return { layout, uri, startUs: row.startUs, from, to, isContinued: step !== undefined, stepSeconds };
}

/** The time offset that continues the previous file; undefined: not continuous. */
function stepFrom(before: PlaylistFile, layout: VodLayout): number | undefined {
  // NaN if one of the two has no anchor.
  const stepSeconds = before.layout.anchorSeconds + before.stepSeconds - layout.anchorSeconds;
  return continues(before, layout) && Math.abs(stepSeconds) <= ANCHOR_STEP_SECONDS ? stepSeconds : undefined;
}

/** Stream times continue and one init segment fits both. */
function continues(before: PlaylistFile, layout: VodLayout): boolean {
  const [one, other] = [before.layout.mark, layout.mark];
  return (
    one !== undefined &&
    other !== undefined &&
    one.streamId === other.streamId &&
    one.segmentNumber + 1 === other.segmentNumber &&
    before.to === before.layout.cuts.count &&
    before.layout.isFinished &&
    one.dtsUs < other.dtsUs &&
    before.layout.formTag === layout.formTag
  );
}

/** The parsed URI of a recording. */
export interface ResourceAddress {
  /** From the file name, which never changes. */
  readonly nameUs: number;
  /** A hash of the file's path and the layout version. */
  readonly tag: string;
  /** `PlaylistFile.stepSeconds`. */
  readonly stepSeconds: number;
}

const ADDRESS = /^vod\/(\d{1,16})-([\w-]{8})(?:\.(-?5))?\.mp4$/;

const tagOf = (file: string): string =>
  createHash('sha1').update(`${LAYOUT_VERSION} ${file}`).digest('base64url').slice(0, 8);

const resourceUri = ({ nameUs, file }: RowOfRecording, stepSeconds: number): string =>
  `vod/${nameUs}-${tagOf(file)}${stepSeconds === 0 ? '' : `.${stepSeconds}`}.mp4`;

/** @param text the URI relative to the path; undefined if it is not such a URI */
export function parseResourceUri(text: string): ResourceAddress | undefined {
  const [, nameUs, tag, step = '0'] = ADDRESS.exec(text) ?? [];
  return nameUs === undefined || tag === undefined
    ? undefined
    : { nameUs: Number(nameUs), tag, stepSeconds: Number(step) };
}
