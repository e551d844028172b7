import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { App } from '../../agent/app/app.ts';
import { FEATURES } from '../../agent/app/features/table.ts';
import { systemClock } from '../../agent/base/clock.ts';
import { createLogger } from '../../agent/base/log.ts';
import { toy } from '../support/toy-feature/feature.ts';

const QUIET = 'address: 127.0.0.1:0\nrtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: no\n';
const USERS = 'authInternalUsers: [{user: any, permissions: [{action: api}]}]\n';

/** Perch with one more feature than its own. */
async function openApp(config: string) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-toy-feature-'));
  writeFileSync(join(folder, 'perch.yml'), QUIET + USERS + config);
  const lines: string[] = [];
  const app = await App.start({
    version: '0',
    dataDir: join(folder, 'data'),
    cwd: folder,
    env: {},
    pageFolder: folder,
    clock: systemClock,
    log: createLogger('info', (line) => lines.push(line)),
    discovery: { only: [] },
    features: [...FEATURES, toy],
  });
  onTestFinished(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${app.mainPort}${path}`, init);
  const patch = (path: string, body: object) => ask(path, { method: 'PATCH', body: JSON.stringify(body) });
  return { app, lines, ask, patch, json: async (path: string) => (await ask(path)).json() };
}

test('a feature has keys, routes, a component and problems by its line in the table', async () => {
  const { json, ask, lines } = await openApp('toy: yes\ntoyToken: secret\npaths: {door: {toyColour: blue}}\n');
  expect(await json('/v3/config/global/get')).toMatchObject({ toy: true, toyToken: '<redacted>' });
  expect(await json('/v3/config/paths/get/door')).toMatchObject({ toyColour: 'blue' });
  expect(lines.join('')).toContain('toy opened');
  expect(await json('/v3/toys/list')).toEqual(['door']);
  expect((await json('/v3/problems/list')).items).toContainEqual({
    ...{ kind: 'toy', name: null, why: 'open', text: 'the toy is open', since: null },
  });
  const document = JSON.stringify(await json('/v3/openapi.json'));
  for (const part of ['"/v3/toys/list"', '"toyColour"', 'Token of the toy.']) {
    expect(document).toContain(part);
  }
  // There is no owner yet.
  expect((await ask('/v3/toy')).status).toBe(401);
});

test('its rules and keywords apply', async () => {
  const { patch, json } = await openApp('paths: {door: {}}\n');
  expect((await patch('/v3/config/global/patch', { toy: true })).status).toBe(400);
  expect((await patch('/v3/config/global/patch', { toy: true, toyToken: 'abc' })).status).toBe(200);
  expect(await json('/v3/config/global/get')).toMatchObject({ toy: true, toyToken: '<redacted>' });
});
