import { createHash } from 'node:crypto';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { isCopyFault } from '../../record/store/recording-copies.ts';
import type { HiddenRanges, UsRange } from '../index/hidden-ranges.ts';
import type { SegmentRow } from '../index/segment-row.ts';
import { ByteCache } from '../read/byte-cache.ts';
import type { TableCache } from '../read/table-cache.ts';
import { GAP_SECONDS } from './segment-cuts.ts';
import { ANCHOR_STEP_SECONDS, bytesOfLayout, LAYOUT_VERSION, layOut, type VodLayout } from './vod-layout.ts';
import type { PlaylistFile } from './vod-playlist.ts';

export type RowOfRecording = Pick<SegmentRow, 'file' | 'nameUs' | 'startUs'> & { readonly durationUs?: number };

export interface RecordingLookup {
  /** Readable recordings of a path that may overlap the range, oldest first. @throws PerchError for an unknown path */
  between(path: string, fromUs: number, toUs: number): Promise<Iterable<RowOfRecording>>;
  named(path: string, nameUs: number): Promise<Iterable<RowOfRecording>>;
  /** Deleted ranges whose files remain for now. */
  readonly hidden: HiddenRanges;
}

/** A week of segments, and a playlist of about ten megabytes. */
const MAX_SEGMENTS = 110_000;

export class RecordedPeriods {
  readonly #recordings: RecordingLookup;
  readonly #tables: TableCache;
  /** A day's playlist needs each of its files, whose much larger tables may be evicted by then. Room for a year of hourly files. */
  readonly #layouts = new ByteCache<VodLayout>(16 << 20);
  readonly #logger: Logger;

  constructor(recordings: RecordingLookup, tables: TableCache, logger: Logger) {
    this.#recordings = recordings;
    this.#tables = tables;
    this.#logger = logger;
  }

  /** The segments that overlap the range. @throws PerchError if there are none, or too many for one playlist */
  async between(path: string, fromUs: number, toUs: number): Promise<PlaylistFile[]> {
    const files: PlaylistFile[] = [];
    let segments = 0;
    let fault: PerchError | undefined;
    const visible = this.#recordings.hidden.visible(path, { startUs: fromUs, endUs: toUs });
    for (const row of await this.#recordings.between(path, fromUs, toUs)) {
      const layout = await this.#layoutOf(row).catch((error: unknown) => {
        if (!isCopyFault(error)) {
          throw error;
        }
        fault ??= error;
        return undefined;
      });
      const addressed = { ...row, file: this.#tables.moves.firstName(row.file) };
      for (const range of layout ? visible : []) {
        const file = layout && partOf(layout, addressed, files.at(-1), range, { startUs: fromUs, endUs: toUs });
        if (file) {
          files.push(file);
          segments += file.to - file.from;
        }
      }
      if (segments > MAX_SEGMENTS) {
        const message = `more than ${MAX_SEGMENTS} segments in one playlist: ask for a shorter duration`;
        throw new PerchError('badInput', message);
      }
    }
    // What is on the disks plays while copies are away.
    if (files.length === 0 && fault) {
      throw fault;
    }
    return files;
  }

  async layoutOf(path: string, address: ResourceAddress): Promise<VodLayout> {
    for (const row of await this.#recordings.named(path, address.nameUs)) {
      if (this.#isHidden(path, row)) {
        continue;
      }
      const layout =
        tagOf(this.#tables.moves.firstName(row.file)) === address.tag ? await this.#layoutOf(row) : undefined;
      if (layout) {
        return layout;
      }
    }
    throw new PerchError('notFound', 'no such recording', { path });
  }

  /** Whether the whole recording is hidden. */
  #isHidden(path: string, { startUs, durationUs = 1 }: RowOfRecording): boolean {
    return this.#recordings.hidden.visible(path, { startUs, endUs: startUs + durationUs }).length === 0;
  }

  /** The layout of a file, or undefined if the file is gone or unplayable and is skipped. @throws PerchError if its copy cannot be read */
  async #layoutOf({ file, nameUs }: RowOfRecording): Promise<VodLayout | undefined> {
    try {
      const known = this.#layouts.get(file);
      const { size, mtimeMs } = await this.#tables.statOf(file);
      const isSame = known?.sizeBytes === size && known.mtimeMs === mtimeMs;
      const layout = isSame ? known : layOut(await this.#tables.of({ file }), nameUs);
      this.#layouts.set(file, layout, bytesOfLayout(layout));
      return layout;
    } catch (error) {
      if (isCopyFault(error)) {
        throw error;
      }
      unlessFileFault(error);
      this.#logger.debug({ file, cause: explain(error) }, 'left a recording out of a playlist');
      return undefined;
    }
  }
}

/**
 * The segments that overlap a visible range. At its own ends, next to hidden parts, only segments within it.
 * @param whole all that was asked for
 */
function partOf(
  layout: VodLayout,
  row: RowOfRecording,
  before: PlaylistFile | undefined,
  { startUs: fromUs, endUs: toUs }: UsRange,
  whole: UsRange,
): PlaylistFile | undefined {
  const { startSeconds, endSeconds, count } = layout.cuts;
  let from = 0;
  const startsAt = fromUs > whole.startUs ? startSeconds : endSeconds;
  while (from < count && row.startUs + (startsAt[from] as number) * 1e6 < fromUs + (startsAt === endSeconds ? 1 : 0)) {
    from += 1;
  }
  const endsAt = toUs < whole.endUs ? endSeconds : startSeconds;
  let to = from;
  while (to < count && row.startUs + (endsAt[to] as number) * 1e6 < toUs + (endsAt === endSeconds ? 1 : 0)) {
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

/** The time offset that continues the previous file, or undefined if the files are not continuous. */
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
    before.layout.formTag === layout.formTag &&
    secondsBetween(before.layout, layout) <= GAP_SECONDS
  );
}

/** Stream time from the end of a file to the first picture of the next one. */
const secondsBetween = (before: VodLayout, layout: VodLayout): number =>
  ((layout.mark?.dtsUs ?? 0) - (before.mark?.dtsUs ?? 0)) / 1e6 +
  (layout.cuts.startSeconds[0] ?? 0) -
  (before.cuts.endSeconds.at(-1) ?? 0);

export interface ResourceAddress {
  /** Start by the file name, which never changes. */
  readonly nameUs: number;
  /** A hash of the file's path and the layout version. */
  readonly tag: string;
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
  return tag === undefined ? undefined : { nameUs: Number(nameUs), tag, stepSeconds: Number(step) };
}
