import { expect, onTestFinished, test, vi } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import type { CommandCall } from '../../features/contract.ts';
import { withDocuments } from './documents.ts';

test('a command with a configuration that cannot be read says that it uses files', async () => {
  const printed: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  const call = { dataDir: '/no-data', cwd: '/', env: {}, file: '/no/such.yml', keys: async () => KEYS };
  expect(await withDocuments(call as unknown as CommandCall, async () => 'done')).toBe('done');
  write.mockRestore();
  expect(printed).toEqual([
    expect.stringMatching(/cannot be read: files are used, and no database.*such\.yml does not exist/),
  ]);
});
