import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { WEBRTC_SESSION } from '../../../test/support/media/reader.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { closeDisabledPaths, webrtcPaths } from './protocol.ts';
import type { WebRtcServer } from './server/server.ts';

function load(text: string): Config {
  const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/d/%path/%s%f', cwd: '/', keys: KEYS });
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const CONFIG = load('paths: {open: {webrtc: yes}, shut: {webrtc: no}, ~^shut/: {webrtc: no}, all_others: }');

function askedTable() {
  const asked: string[] = [];
  const note = (path: string) => asked.push(path);
  const table = { open: note, mayPublish: note, publish: note, mayTalk: note, talk: note };
  return { asked, paths: webrtcPaths(table as unknown as PathTable, () => CONFIG) };
}

test.for([
  ['open', true],
  ['other', true],
  ['shut', false],
  ['shut/one', false],
] as const)('path %s over WebRTC: %s', async ([path, isServed]) => {
  const { asked, paths } = askedTable();
  const publisher = { kind: WEBRTC_SESSION, id: '1', query: '', onReplaced: () => {} } as const;
  const uses = [
    () => paths.open(path, ''),
    async () => paths.mayPublish(path, 'now'),
    async () => paths.publish(path, publisher),
    () => paths.mayTalk(path),
    () => paths.talk(path, () => {}),
  ];
  for (const use of uses) {
    const answer = await use().catch((error: unknown) => error);
    const refusal = { code: 'badInput', message: `path '${path}' is not served over WebRTC (webrtc: no)` };
    expect(answer instanceof Error ? { ...answer, message: answer.message } : undefined).toEqual(
      isServed ? undefined : expect.objectContaining(refusal),
    );
  }
  expect(asked).toEqual(isServed ? [path, path, path, path, path] : []);
});

test('sessions on a disabled path are ended, others continue', () => {
  const kicked: string[] = [];
  const list = () => [
    { id: '1', path: 'open' },
    { id: '2', path: 'shut' },
    { id: '3', path: 'shut/x' },
  ];
  closeDisabledPaths({ list, kick: (id: string) => kicked.push(id) > 0 } as unknown as WebRtcServer, CONFIG);
  expect(kicked).toEqual(['2', '3']);
});
