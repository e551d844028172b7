/** A clip of the library: a protected range. */
export interface SavedClip {
  readonly id: string;
  readonly path: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly note: string;
  /** When the clip was saved, in Unix milliseconds, or undefined if an earlier version saved it. */
  readonly createdMs: number | undefined;
  /** Name of the person who saved the clip. */
  readonly by: string | undefined;
  /** Estimated size. */
  readonly bytes: number;
  /** A recorded moment of the clip, or undefined if the recordings are gone. */
  readonly pictureMs: number | undefined;
  /** Progress of the copy from another box, or undefined if the clip is complete. */
  readonly copying: ClipCopy | undefined;
}

interface ClipCopy {
  /** Copied share, from 0 to 1. */
  readonly share: number;
  readonly error: string | null;
}

/** Answer of `/v3/recordings/clips`. Times are RFC 3339. */
export interface ClipPage {
  readonly itemCount: number;
  readonly items: readonly {
    readonly id: string;
    readonly path: string;
    readonly start: string;
    readonly end: string;
    readonly note: string;
    readonly created: string | null;
    readonly by: string | null;
    readonly bytes: number;
    readonly picture: string | null;
    readonly copying: ClipCopy | null;
  }[];
}

/** @param path undefined for clips of all cameras */
export const clipsAddress = (path: string | undefined, count: number): string =>
  `v3/recordings/clips?itemsPerPage=${count}${path === undefined ? '' : `&path=${encodeURIComponent(path)}`}`;

/** The clips of an answer, newest first. */
export const readClips = ({ items }: ClipPage): readonly SavedClip[] =>
  items.map(({ id, path, start, end, note, created, by, bytes, picture, copying }) => ({
    id,
    path,
    startMs: Date.parse(start),
    endMs: Date.parse(end),
    note,
    createdMs: created === null ? undefined : Date.parse(created),
    by: by ?? undefined,
    bytes,
    // Times have microseconds, which `Date` drops.
    pictureMs: picture === null ? undefined : Date.parse(picture) + 1,
    copying: copying ?? undefined,
  }));
