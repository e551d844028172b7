import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Each folder of agent/ and the folders it may import from. Read top to bottom: only downwards. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  config: ['base'],
  media: ['base'],
  stream: ['base', 'media'],
  transcode: ['base', 'media', 'stream'],
  sources: ['base', 'config', 'media', 'stream'],
  servers: ['base', 'config', 'media', 'stream'],
  record: ['base', 'config', 'media', 'stream'],
  paths: ['base', 'config', 'media', 'stream', 'sources', 'servers', 'record'],
  playback: ['base', 'config', 'media', 'record'],
  auth: ['base', 'config'],
  backup: ['base', 'config'],
  cameras: ['base', 'config', 'media'],
  hooks: ['base', 'config'],
  system: ['base'],
  tls: ['base', 'config'],
  http: ['base', 'config'],
  zlm: ['base', 'config'],
  webui: [],
};

/** Rooms whose folders are siblings: each protocol stands alone. */
const SIBLINGS = ['sources', 'servers'];

/** `agent/media/rtp/x.ts` is in room media, `system/health.ts` in room system. */
const partsOf = (path: string): readonly string[] => path.split('/').slice(path.startsWith('agent/') ? 1 : 0);
const roomOf = (path: string): string => partsOf(path)[0] ?? '';
const protocolOf = (path: string): string | undefined => (partsOf(path).length > 2 ? partsOf(path)[1] : undefined);
const rooms = /^(agent\/[^/]+|system|webui)\//;
const files = globSync('{agent/*,system,webui}/**/*.{ts,tsx}').filter(
  (file) => rooms.test(file) && !/\.test\.tsx?$/.test(file) && !file.includes('/dist/'),
);

const importsOf = (file: string): string[] => {
  const text = readFileSync(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((m) => m[1] ?? '');
  return specifiers.map((path) => normalize(`${dirname(file)}/${path}`));
};

test('there are files to check', () => {
  expect(files.length).toBeGreaterThan(5);
});

test.for(files)('%s imports only downwards', (file) => {
  const room = roomOf(file);
  expect(Object.keys(MAY_IMPORT)).toContain(room);
  const wrong = importsOf(file).filter((path) => roomOf(path) !== room && !MAY_IMPORT[room]?.includes(roomOf(path)));
  expect(wrong).toEqual([]);
});

test.for(files.filter((file) => SIBLINGS.includes(roomOf(file)) && protocolOf(file)))(
  '%s does not know its siblings',
  (file) => {
    const wrong = importsOf(file).filter(
      (path) => roomOf(path) === roomOf(file) && protocolOf(path) && protocolOf(path) !== protocolOf(file),
    );
    expect(wrong).toEqual([]);
  },
);
