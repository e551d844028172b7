import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { explainAccess } from '../../app/commands/explain-access.ts';

test('perch explain names a web hook that decides last, if it is called', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-explain-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'perch.yml'),
    'zlmOnPlay: http://127.0.0.1:1/on_play\nauthInternalUsers: [{user: any, permissions: [{action: read}, {action: publish}]}]\n',
  );
  const say = async (action: string) => {
    const words = ['-', action, 'door'];
    const options = { words, ip: '192.168.1.9', dataDir: folder, cwd: folder, env: {}, keys: KEYS };
    return (await explainAccess(options)).lines.join('\n');
  };
  expect(await say('read')).toContain('=> allowed\nnote: zlmOnPlay can also deny it, except for sessions of the page');
  expect(await say('publish')).not.toContain('zlmOn');
});
