import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildPage } from './build.ts';
import { LATER_ICONS } from './ui/icons/later-icons.ts';

/** All sizes are gzipped, and just above those of today. */
const MAX_FIRST_LOAD_BYTES = 46_500;
const MAX_FIRST_SCRIPT_BYTES = 36_300;
const MAX_FIRST_STYLE_BYTES = 6_040;
const MAX_PAGE_BYTES = 32_000;
/**
 * Each page loads what any two share, which all pages need only once: 9 kB more for the page opened first, 5 kB less
 * for all of them. `cameras.js` has the first start, too, which ends with adding cameras.
 */
const MAX_BYTES: Readonly<Record<string, number>> = {
  'camera.js': 46_000,
  'cameras.js': 68_500,
  'recordings.js': 68_500,
  'settings.js': 118_000,
  'zh-cn.js': 5_920,
  'zh-cn-settings.js': 22_500,
};
const MAX_SCRIPTS_BYTES = 284_000;
const MAX_WHOLE_BYTES = 303_400;
/** With hls.js, `<perch-video>` and the pages of API and players. */
const MAX_ALL_SCRIPTS_BYTES = 441_300;
const MAX_SCRIPTS = 16;
const MAX_ELEMENT_BYTES = 12_700;

let root: string;
let folder: string;
let page: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'perch-page-'));
  folder = join(root, 'dist');
  await buildPage(folder);
  page = await readFile(join(folder, 'index.html'), 'utf8');
});

afterAll(() => rm(root, { recursive: true }));

const namedIn = (text: string): string[] => [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1] ?? '');

test('the names of script, style and icon have a content hash', async () => {
  const names = namedIn(page).sort();
  expect(names.filter((name) => !name.startsWith('chunk-'))).toEqual([
    expect.stringMatching(/^app-[0-9A-Z]{8}\.css$/),
    'apple-180.png',
    expect.stringMatching(/^main-[0-9A-Z]{8}\.js$/),
    'manifest.webmanifest',
    expect.stringMatching(/^mark-[0-9A-F]{8}\.svg$/),
  ]);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(names));
});

/** Files loaded before the first tap: those that the page names, and static imports of its scripts. */
async function firstLoad(): Promise<Set<string>> {
  const files = new Set(['index.html', ...namedIn(page)]);
  for (const file of files) {
    const text = file.endsWith('.js') ? await readFile(join(folder, file), 'utf8') : '';
    for (const [, name] of text.matchAll(/(?:import|from)\s*"\.\/([^"]+)"/g)) {
      files.add(name ?? '');
    }
  }
  return files;
}

test('static imports of the first script are preloaded', async () => {
  const named = [...page.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(0);
  expect(named.length).toBeLessThan(5);
  const imported = [...(await firstLoad())].filter((file) => file.startsWith('chunk-'));
  expect(named.sort()).toEqual(imported.sort());
});

test('the first load is below its limit', async () => {
  let bytes = 0;
  for (const file of await firstLoad()) {
    bytes += gzipSync(await readFile(join(folder, file))).length;
  }
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(MAX_FIRST_LOAD_BYTES);
});

test('the scripts of shell and live are below their limit, and so is their style, with the inline one', async () => {
  const first = [...(await firstLoad())];
  expect(await bytesOf(first.filter((file) => file.endsWith('.js')))).toBeLessThan(MAX_FIRST_SCRIPT_BYTES);
  const [, inline = ''] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
  expect(inline).toContain('--accent');
  const style = await bytesOf(first.filter((file) => file.endsWith('.css')));
  expect(style + gzipSync(inline).length).toBeLessThan(MAX_FIRST_STYLE_BYTES);
});

test('the style of later pages is named in the page, but not loaded with it', async () => {
  const [, later = ''] = /<meta name="later-style" content="(later-[0-9A-Z]{8}\.css)">/.exec(page) ?? [];
  expect(await laterFiles()).toContain(later);
});

test('the first load draws no icon that loads later', async () => {
  const scripts = [...(await firstLoad())].filter((file) => file.endsWith('.js'));
  const texts = await Promise.all(scripts.map((file) => readFile(join(folder, file), 'utf8')));
  const drawn = [...texts.join('\n').matchAll(/\{name:"(\w+)"/g)].map(([, name]) => name);
  expect(drawn).toContain('arrange');
  expect(drawn.filter((name) => name !== undefined && name in LATER_ICONS)).toEqual([]);
});

/** Files that other programs use, the guide, and compressed copies. */
const OTHERS = /^perch-video|^hls\.min\.js|^near-live\.js|^api\.|^(?:icon|maskable)-|^remote-access\.txt$|\.gz$/;
const plainName = (file: string): string => file.replace(/-[0-9A-Z]{8}\./, '.');
const bytesOf = async (files: Iterable<string>): Promise<number> => {
  const sizes = [...files].map(async (file) => gzipSync(await readFile(join(folder, file))).length);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};

/** A script that comes later, and what it imports at once, without the first load. */
async function laterLoad(script: string): Promise<Set<string>> {
  const first = await firstLoad();
  const files = new Set([script]);
  for (const file of files) {
    for (const [, name = ''] of (await readFile(join(folder, file), 'utf8')).matchAll(
      /(?:import|from)\s*"\.\/([^"]+)"/g,
    )) {
      if (!first.has(name)) {
        files.add(name);
      }
    }
  }
  return files;
}

const laterFiles = async (): Promise<string[]> => {
  const first = await firstLoad();
  return (await readdir(folder)).filter((file) => !first.has(file) && !OTHERS.test(file));
};

test('later pages, hls.js and other languages load on demand', async () => {
  const names = (await laterFiles()).map(plainName).filter((name) => name !== 'chunk.js');
  expect(names.sort()).toEqual(
    [
      'grid',
      'login',
      'camera',
      'recordings',
      'cameras',
      'settings',
      'later-icons',
      'fallbacks',
      'shell-worker',
      'hls',
      'zh-cn',
      'zh-cn-settings',
    ]
      .map((name) => `${name}.js`)
      .concat('awake.mp4', 'later.css')
      .sort(),
  );
});

test('each later page is below the limit, and the larger ones and Chinese below their own', async () => {
  for (const file of (await laterFiles()).filter((name) => plainName(name) !== 'hls.js')) {
    const limit = MAX_BYTES[plainName(file)] ?? MAX_PAGE_BYTES;
    expect(await bytesOf(await laterLoad(file)), file).toBeLessThan(limit);
  }
});

test('all scripts of the page without hls.js are below their limit, also with style and the rest, and fewer than 16', async () => {
  const files = [...(await firstLoad()), ...(await laterFiles())].filter((file) => plainName(file) !== 'hls.js');
  const scripts = files.filter((file) => file.endsWith('.js'));
  expect(await bytesOf(scripts), 'MAX_SCRIPTS_BYTES').toBeLessThan(MAX_SCRIPTS_BYTES);
  expect(await bytesOf(files), 'MAX_WHOLE_BYTES').toBeLessThan(MAX_WHOLE_BYTES);
  expect(scripts.length).toBeLessThan(MAX_SCRIPTS);
});

test('all scripts that the box serves are below their limit', async () => {
  const scripts = (await readdir(folder)).filter((file) => file.endsWith('.js'));
  expect(await bytesOf(scripts), 'MAX_ALL_SCRIPTS_BYTES').toBeLessThan(MAX_ALL_SCRIPTS_BYTES);
});

test('near-live.js gives pages without modules the controller of live playback', async () => {
  const script = await readFile(join(folder, 'near-live.js'), 'utf8');
  const { NearLive } = new Function(
    `${script}; return perchNearLive`,
  )() as typeof import('./player/session/near-live.ts');
  expect(NearLive.prototype.onPlaylist).toBeTypeOf('function');
});

test.for(['perch-video.js', 'perch-video-hls.js'])(
  '%s has a name that stays, is below its limit and needs no other file',
  async (name) => {
    const script = await readFile(join(folder, name), 'utf8');
    expect(gzipSync(script).length).toBeLessThan(MAX_ELEMENT_BYTES);
    expect(script).not.toMatch(/\bimport\b|\brequire\b|preact/);
  },
);

test('scripts and style have .gz files', async () => {
  const names = await readdir(folder);
  const packed = names.filter((name) => /\.(?:js|css)$/.test(name));
  expect(packed).toContain('hls.min.js');
  for (const name of packed) {
    const zipped = await readFile(join(folder, `${name}.gz`));
    const plain = await readFile(join(folder, name));
    expect(gunzipSync(zipped).equals(plain), name).toBe(true);
    // A few lines hardly shrink.
    expect(zipped.length, name).toBeLessThan(plain.length < 4_000 ? plain.length + 30 : plain.length * 0.6);
  }
});

test('the service worker caches only the first load', async () => {
  const worker = await readFile(join(folder, 'shell-worker.js'), 'utf8');
  const kept = [...worker.matchAll(/"([\w-]+\.(?:js|css|svg))"/g)].map(([, name = '']) => name);
  const first = [...(await firstLoad())].filter((name) => /\.(?:js|css|svg)$/.test(name));
  expect(kept.sort()).toEqual(first.sort());
});

test('the page can be installed: its manifest names existing icons with their sizes', async () => {
  const { icons, start_url, display } = JSON.parse(await readFile(join(folder, 'manifest.webmanifest'), 'utf8'));
  expect([start_url, display]).toEqual(['./#/live', 'standalone']);
  for (const { src, sizes } of icons) {
    const png = await readFile(join(folder, src));
    // PNG §11.2.1: width and height stand first in the first chunk.
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, src).toBe(sizes);
  }
});

test('one style and one script are inline, which the box allows by their hashes', () => {
  expect(page.match(/<style\b[^>]*>/g)).toEqual(['<style>']);
  expect(page.match(/<script(?![^>]*\bsrc=)[^>]*>/g)).toEqual(['<script>']);
  const [, script = ''] = /<script>(.*?)<\/script>/s.exec(page) ?? [];
  // Old browsers are to understand it.
  expect(script).not.toMatch(/=>|`|\?\.|catch\s*\{/);
  expect(page.replace(/<(script|style)>.*?<\/\1>/gs, '')).not.toMatch(/\sstyle=|\son\w+=/);
});

test('the first paint needs only the page itself, below 14 kB', async () => {
  expect(page).toMatch(/<div id="app"><main><\/main><nav data-first[^>]*><svg/);
  expect(page.indexOf('<nav')).toBeLessThan(page.indexOf('rel="stylesheet"'));
  expect(Buffer.byteLength(page)).toBeLessThan(14_000);
});

test('two builds of the same sources are equal', async () => {
  const before = await readdir(folder);
  await buildPage(folder);
  expect(await readdir(folder)).toEqual(before);
  expect(await readFile(join(folder, 'index.html'), 'utf8')).toBe(page);
});
