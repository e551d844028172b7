import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildPage } from './build.ts';

const FIRST_LOAD_LIMIT_BYTES = 60_000;
const ELEMENT_LIMIT_BYTES = 12_500;

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

test('the page names its script, style and icon by their content', async () => {
  const names = namedIn(page).sort();
  expect(names).toEqual([
    expect.stringMatching(/^app-[0-9A-Z]{8}\.css$/),
    expect.stringMatching(/^main-[0-9A-Z]{8}\.js$/),
    expect.stringMatching(/^mark-[0-9A-F]{8}\.svg$/),
  ]);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(names));
});

/** All that is loaded before anything is tapped: what the page names, and what its scripts import at once. */
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

test('the first load is below 60 kB gzipped', async () => {
  let bytes = 0;
  for (const file of await firstLoad()) {
    bytes += gzipSync(await readFile(join(folder, file))).length;
  }
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(FIRST_LOAD_LIMIT_BYTES);
});

test('hls.js and the other languages come only when they are needed', async () => {
  const first = await firstLoad();
  const others = /^perch-video|^hls\.min\.js|^near-live\.js|^api\.|\.gz$/;
  const later = (await readdir(folder)).filter((file) => !first.has(file) && !others.test(file));
  expect(later.map((file) => file.replace(/-[0-9A-Z]{8}\./, '.')).sort()).toEqual(['hls.js', 'zh-cn.js']);
});

test('near-live.js gives pages that are no modules what keeps their player near live', async () => {
  const script = await readFile(join(folder, 'near-live.js'), 'utf8');
  const { NearLive } = new Function(`${script}; return perchNearLive`)() as typeof import('./player/near-live.ts');
  expect(NearLive.prototype.onPlaylist).toBeTypeOf('function');
});

test.for(['perch-video.js', 'perch-video-hls.js'])(
  '%s has a name that stays, is below 12.5 kB gzipped and needs no other file',
  async (name) => {
    const script = await readFile(join(folder, name), 'utf8');
    expect(gzipSync(script).length).toBeLessThan(ELEMENT_LIMIT_BYTES);
    expect(script).not.toMatch(/\bimport\b|\brequire\b|preact/);
  },
);

test('every script and the style lie there packed as well', async () => {
  const names = await readdir(folder);
  const packed = names.filter((name) => /\.(?:js|css)$/.test(name));
  expect(packed).toContain('hls.min.js');
  for (const name of packed) {
    const zipped = await readFile(join(folder, `${name}.gz`));
    const plain = await readFile(join(folder, name));
    expect(gunzipSync(zipped).equals(plain), name).toBe(true);
    expect(zipped.length, name).toBeLessThan(plain.length * 0.6);
  }
});

test('nothing in the page is inline, as its security policy wants it', () => {
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
});

test('a second build of the same sources is the same', async () => {
  const before = await readdir(folder);
  await buildPage(folder);
  expect(await readdir(folder)).toEqual(before);
  expect(await readFile(join(folder, 'index.html'), 'utf8')).toBe(page);
});
