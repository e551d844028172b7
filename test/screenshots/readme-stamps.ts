import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import type { House } from './house.ts';

const PAGE = join(import.meta.dirname, '../../webui');
export const README_PICTURES = join(import.meta.dirname, '../../docs/pictures');

/** A picture of README or the guide. */
export interface ReadmePicture {
  readonly file: string;
  /** Its views and their style, below `webui`. */
  readonly sources: readonly string[];
  readonly size: 'desktop' | 'phone';
  readonly theme: 'dark' | 'light';
  /** Undefined: it is filmed. */
  readonly place?: (house: House) => string;
  /** It is complete when this is there. */
  readonly sign: string;
  /** Pressed then. */
  readonly keys?: readonly string[];
}

const FRAME = ['app/app.tsx', 'style/shell.css', 'style/tokens.css'];
const GRID = ['pages/live.tsx', 'pages/live-grid.tsx', 'live/tile.tsx', 'live/tile-cell.tsx', 'style/live.css'];
const CAMERA = ['pages/camera.tsx', 'camera-view/rewind-strip.tsx', 'style/camera.css', 'style/camera-wide.css'];
const RECORDED = ['pages/recorded-camera.tsx', 'clips/events/day-list.tsx', 'timeline/draw.ts'];

export const PICTURES: readonly ReadmePicture[] = [
  {
    ...{ file: 'tour.webp', sources: [...FRAME, ...GRID, ...CAMERA, ...RECORDED, 'clips/clip-tools.tsx'] },
    ...{ size: 'desktop', theme: 'dark', sign: '' },
  },
  {
    ...{ file: 'live-desktop.webp', sources: [...FRAME, ...GRID], size: 'desktop', theme: 'dark' },
    ...{ place: () => '#/live', sign: '.tile.live .surface.playing' },
  },
  {
    ...{ file: 'live-phone.webp', sources: [...FRAME, ...GRID], size: 'phone', theme: 'dark' },
    ...{ place: () => '#/live', sign: '.tile.live .surface.playing' },
  },
  {
    ...{ file: 'camera-phone.webp', sources: [...FRAME, ...CAMERA, 'camera-view/ptz-controls.tsx'] },
    ...{ size: 'phone', theme: 'dark', sign: '.camera-view .surface.playing' },
    place: ({ cameras }) => `#/live/${cameras[2]}`,
  },
  {
    ...{ file: 'events-phone.webp', sources: [...FRAME, 'pages/events.tsx'], size: 'phone', theme: 'light' },
    ...{ place: () => '#/events', sign: '.events-page li canvas' },
  },
  {
    ...{ file: 'recordings-desktop.webp', sources: [...FRAME, ...RECORDED], size: 'desktop', theme: 'light' },
    place: ({ cameras, visitMs }) => `#/rec/${cameras[0]}?t=${new Date(visitMs).toISOString()}&all`,
    ...{ sign: '.day-list canvas', keys: [' '] },
  },
  {
    ...{ file: 'recordings-phone.webp', sources: [...FRAME, ...RECORDED], size: 'phone', theme: 'dark' },
    place: ({ cameras, visitMs }) => `#/rec/${cameras[0]}?t=${new Date(visitMs).toISOString()}`,
    ...{ sign: '.recorded', keys: [' '] },
  },
  {
    ...{ file: 'storage-phone.webp', sources: [...FRAME, 'pages/settings/storage/storage.tsx'], size: 'phone' },
    ...{ theme: 'light', place: () => '#/settings/storage', sign: '.settings-page .card .icon' },
  },
  {
    ...{ file: 'settings-desktop.webp', sources: [...FRAME, 'pages/settings/settings.tsx'] },
    ...{ size: 'desktop', theme: 'light', place: () => '#/settings/cameras', sign: '.settings-page .row' },
  },
  {
    ...{ file: 'modes-phone.webp', sources: [...FRAME, 'features/modes/modes-page.tsx'] },
    ...{ size: 'phone', theme: 'light', place: () => '#/settings/modes', sign: '.segment' },
  },
];

const STAMPS = 'stamps.json';

/** Of each picture, by its name. */
export const currentStamps = (): Readonly<Record<string, string>> =>
  Object.fromEntries(PICTURES.map(({ file, sources }) => [file, stampOf(sources)]));

/** Of the pictures when they were taken. */
export const storedStamps = (folder: string): Readonly<Record<string, string>> =>
  existsSync(join(folder, STAMPS)) ? JSON.parse(readFileSync(join(folder, STAMPS), 'utf8')) : {};

export function writeStamp(folder: string, { file, sources }: ReadmePicture): void {
  const stored = { ...storedStamps(folder), [file]: stampOf(sources) };
  writeFileSync(join(folder, STAMPS), `${JSON.stringify(stored, undefined, 2)}\n`);
}

const IMPORTED = /(\bfrom ?|\bimport\()"[^"]*"/g;

/** A hash of the sources without comments, line breaks and the places of what they import. */
function stampOf(sources: readonly string[]): string {
  const hash = createHash('sha256');
  for (const source of sources) {
    const loader = source.endsWith('.css') ? 'css' : source.endsWith('.tsx') ? 'tsx' : 'ts';
    const text = readFileSync(join(PAGE, source), 'utf8');
    const { code } = transformSync(text, { loader, minifyWhitespace: true, legalComments: 'none', jsx: 'preserve' });
    hash.update(code.replace(IMPORTED, '$1'));
  }
  return hash.digest('hex').slice(0, 16);
}
