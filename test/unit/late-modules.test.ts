import { existsSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Without types, which are not loaded, and `import()`. */
const STATIC_IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;'"]*?\sfrom\s+)?'(\.[^']+)';/gm;
/** With types alone: `import { type A, type B }`. */
const ONLY_TYPES = /^(?:import|export)\s+\{\s*(?:type\s+\w+(?:\s+as\s+\w+)?,?\s*)+\}\s+from/;

const PACKAGE_IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;'"]*?\sfrom\s+)?'([^.'][^']*)';/gm;

function importsOf(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(STATIC_IMPORT);
  return [...found].flatMap(([text, path = '']) =>
    ONLY_TYPES.test(text) ? [] : [normalize(`${dirname(file)}/${path}`)],
  );
}

/** What Perch loads at each start: its commands load the app late. */
function loadedAtStart(): ReadonlySet<string> {
  const found = new Set(['agent/main.ts', 'agent/app/app.ts']);
  for (const file of found) {
    for (const path of /\.tsx?$/.test(file) ? importsOf(file) : []) {
      found.add(path);
    }
  }
  return found;
}

test('a box that does not use transfers of recordings loads their requests alone', () => {
  const requests = 'agent/recordings/copy/transfer-kind.ts';
  expect(existsSync(requests)).toBe(true);
  const loaded = [...loadedAtStart()].filter((file) => file.startsWith('agent/recordings/copy/'));
  expect(loaded.filter((file) => file !== requests)).toEqual([]);
});

/** What each box loads of a feature: its descriptor, and what a backup checks. */
const FIRST: Readonly<Record<string, readonly string[]>> = {
  acme: [
    ...[
      'acme',
      'acme-file',
      'challenge-port',
      'feature',
      'keys',
      'order/challenges',
      'order/failure',
      'renewal',
      'routes',
    ],
  ],
  archive: [
    ...['archive', 'archive-keys', 'archive-source', 'copies/archive-state', 'encryption/key-text', 'feature', 'keys'],
    ...['routes', 'same-disk', 'storage/failure', 'storage/settings'],
  ],
  away: ['away', 'feature', 'keys/away-file', 'keys/invitation', 'keys/server-invitations', 'routes'],
  boxes: [
    ...['box-paths', 'client/box-client', 'client/box-file', 'client/box-link', 'client/box-search', 'client/boxes'],
    ...['client/pinned-connection', 'client/stored-boxes', 'feature', 'fetch/fetch-request'],
    ...['many-boxes', 'remote-cameras', 'requests/remote-paths', 'routes', 'serving/paired-recording-routes'],
    ...['serving/paired-server-routes', 'serving/paired-settings-routes', 'serving/pairing'],
    ...['serving/recording-files', 'serving/schemas', 'shared-paths', 'source', 'unshared-cameras'],
  ],
  'camera-network': ['camera-network', 'feature', 'routes', 'time-server'],
  fleet: ['bus/credential-file', 'database/database-url', 'feature', 'fleet', 'hand-out/box-routes', 'keys'],
  mqtt: ['feature', 'keys', 'link/failure', 'link/retained-file', 'mqtt', 'mqtt-source', 'routes'],
  notify: [
    ...['channel-routes', 'channels/channel-fields', 'feature', 'lazy-notifications'],
    ...['push/push-fields', 'push/push-key', 'push/relays', 'routes', 'rules/notice', 'rules/rules'],
  ],
  transfer: ['feature', 'routes', 'run/folders', 'run/requests', 'transfers'],
  'onvif-device': ['feature', 'keys', 'onvif-device', 'routes', 'server/device-file'],
  zlm: [
    ...['api/call', 'api/calls', 'api/ffmpeg-sources', 'api/flow-watch', 'api/hook-auth'],
    ...['api/hooks', 'api/keys', 'api/media-items', 'api/proxies', 'api/pushers'],
    ...['api/secret', 'api/server-settings', 'api/stream-name', 'api/stream-watch'],
    ...['api/viewers', 'feature', 'zlm'],
  ],
};

/** Kinds of channels for notifications. */
const DESCRIPTORS = /^agent\/features\/notify\/channels\/kinds\/(?!send-)/;

test('of a feature, each box loads the files of its folder, and nothing below but what is named', () => {
  const byFeature = new Map<string, string[]>();
  for (const file of loadedAtStart()) {
    const [, name = '', path = ''] = /^agent\/features\/([\w-]+)\/(.+)\.ts$/.exec(file) ?? [];
    if (name !== '' && !DESCRIPTORS.test(file)) {
      byFeature.set(name, [...(byFeature.get(name) ?? []), path].sort());
    }
  }
  for (const [name, loaded] of byFeature) {
    expect(loaded, name).toEqual(FIRST[name] ?? loaded.filter((path) => !path.includes('/')));
  }
  expect(byFeature.size).toBeGreaterThan(0);
});

test('nor their libraries', () => {
  const files = [...loadedAtStart()].filter((file) => /\.tsx?$/.test(file));
  const names = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(PACKAGE_IMPORT)].map(([, name = '']) => name),
  );
  expect(names).toContain('fastify');
  expect(names.filter((name) => /^(?:mqtt|@nats-io|nodemailer|pg|web-push|aws4fetch|re2js)\b/.test(name))).toEqual([]);
  expect(names.filter((name) => /^(?:acme-client|mqtt|nodemailer|pg|web-push|aws4fetch|re2js)\b/.test(name))).toEqual(
    [],
  );
});

test('the modules of a start are found', () => {
  const loaded = loadedAtStart();
  expect(loaded.size).toBeGreaterThan(300);
  expect(loaded).toContain('agent/app/app.ts');
});
