import type { PathItem } from '../api-client/paths.ts';
import { language, liveWords } from '../words/words.ts';

/** A path and its sub stream. */
export interface Camera {
  /** Name of the main path, used in links. */
  readonly name: string;
  readonly title: string;
  readonly main: PathItem;
  /** The path `name_sub`, if there is one. */
  readonly sub: PathItem | undefined;
}

const SUB = '_sub';

/**
 * Groups paths into cameras in the owner's order, else by title: `garden` and `garden_sub` are one. A `_sub` without a
 * main path is a camera of its own.
 */
export function pairCameras(items: readonly PathItem[]): Camera[] {
  const byName = new Map(items.map((item) => [item.name, item]));
  const isSub = ({ name }: PathItem) => name.endsWith(SUB) && byName.has(name.slice(0, -SUB.length));
  const mains = items.filter((item) => !isSub(item));
  const titles = titlesOf(mains);
  const byTitle = new Intl.Collator(language.value, { numeric: true }).compare;
  return mains
    .map((main) => ({
      name: main.name,
      title: titles.get(main.name) ?? main.name,
      main,
      sub: byName.get(main.name + SUB),
    }))
    .sort((a, b) => placeOf(a) - placeOf(b) || byTitle(a.title, b.title));
}

/** Adds a number to equal titles, such as `IP Camera 2`, by the order of the paths. */
function titlesOf(mains: readonly PathItem[]): ReadonlyMap<string, string> {
  const taken = new Set(mains.map(titleOf));
  const given = new Set<string>();
  const titles = new Map<string, string>();
  for (const main of [...mains].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const own = titleOf(main);
    let title = own;
    for (let number = 2; given.has(title) || (title !== own && taken.has(title)); number += 1) {
      title = `${own} ${number}`;
    }
    given.add(title);
    titles.set(main.name, title);
  }
  return titles;
}

const placeOf = ({ main }: Camera): number => main.order ?? Number.MAX_SAFE_INTEGER;

/** The box's own name for its demo camera. */
const DEMO_TITLE = 'Demo camera';

/** Its paths are not in the file, so it has no settings. */
export const isDemoCamera = ({ name, title }: Pick<PathItem, 'name' | 'title'>): boolean =>
  name === 'demo' && title?.trim() === DEMO_TITLE;

/** A name without a title is made readable: `front-door` becomes `Front door`. */
export function titleOf({ name, title }: Pick<PathItem, 'name' | 'title'>): string {
  const own = title?.trim();
  return isDemoCamera({ name, title }) ? liveWords.value.demoCamera : own || readableName(name);
}

export function readableName(name: string): string {
  const words = name.replace(/[-_]+/g, ' ').trim();
  return words === '' ? name : words.charAt(0).toUpperCase() + words.slice(1);
}

/** The path for a small tile: the sub stream, unless only the main stream can play. */
export const smallPath = ({ main, sub }: Camera): PathItem => (sub && (canPlay(sub) || !canPlay(main)) ? sub : main);

/** It is recorded, and the person may see that. */
export const hasRecordings = ({ main }: Camera): boolean => main.mayPlayback !== false && main.recording !== null;

/** Ready, or on demand; not while it or its box is off. */
export const canPlay = ({ configError, paused, privacy, ready, sourceOnDemand, box }: PathItem): boolean =>
  configError === null && !paused && !privacy && (ready || (sourceOnDemand && !box?.awaySince));

const VIDEO = new Map([
  ['H264', 'H.264'],
  ['H265', 'H.265'],
  ['AV1', 'AV1'],
  ['VP8', 'VP8'],
  ['VP9', 'VP9'],
  ['M-JPEG', 'M-JPEG'],
  ['MPEG-4 Video', 'MPEG-4'],
]);
/** MPEG-TS is not parsed. */
const MULTIPLEX = 'MPEG-TS';

/** `H.265`; undefined without video. */
export const videoCodec = (item: PathItem): string | undefined => {
  const label = item.tracks.find((track) => VIDEO.has(track));
  return label === undefined ? undefined : VIDEO.get(label);
};

const isSound = (track: string): boolean => !VIDEO.has(track) && track !== MULTIPLEX;

export const hasSound = (item: PathItem): boolean => item.tracks.some(isSound);

/** Audio only. */
export const isSoundAlone = (item: PathItem): boolean => item.tracks.length > 0 && item.tracks.every(isSound);

/** `2560 × 1440`, if known. */
export function pictureSize(item: PathItem): string | undefined {
  for (const { codecProps } of item.tracks2) {
    const { width, height } = codecProps ?? {};
    if (typeof width === 'number' && typeof height === 'number' && width > 0) {
      return `${width} × ${height}`;
    }
  }
  return undefined;
}
