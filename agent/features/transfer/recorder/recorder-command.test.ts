import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import type { Quirks } from '../../../../test/onvif-camera/quirks.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import type { CommandCall } from '../../contract.ts';
import { transfer } from '../feature.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const SECONDS = 20;

/** A recorder, and `perch import` of it or of another word. */
async function openCommand(quirks: Quirks = {}, pathKeys = 'recordDeleteAfter: 0s') {
  const card = filledCard({ fromMs: START_MS, seconds: SECONDS });
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const file = join(folder.path, 'perch.yml');
  const template = join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f');
  writeFileSync(file, `perch: own\nrecordPath: ${template}\npaths: { yard: { ${pathKeys} } }\n`);
  const address = camera.url.replace('http://', `onvif://${LOGIN.user}@`);
  const run = async (
    options: Readonly<Record<string, string>> = {},
    password: string | undefined = LOGIN.password,
    word = address,
  ) => {
    const written: string[] = [];
    const call: CommandCall = {
      ...{ words: [word], dataDir: join(folder.path, 'data'), file, cwd: folder.path, isTerminal: false },
      ...{ text: (option) => options[option], has: () => false, keys: async () => KEYS },
      env: password === '' ? {} : { PERCH_RECORDER_PASSWORD: password },
      write: (text) => void written.push(text),
      stopSignal: () => new AbortController().signal,
      withDocuments: (_, work) => work(),
      hold: () => ({ release: () => {} }),
    };
    const error = await transfer.commands?.[0]?.run(call).then(
      () => '',
      (cause: Error) => cause.message,
    );
    return { text: written.join(''), error };
  };
  return { camera, folder: folder.path, run };
}

test('a user name without a password in the environment is not sent', async () => {
  const { camera, run } = await openCommand();
  expect((await run({}, '')).error).toContain(
    "PERCH_RECORDER_PASSWORD is not set: export it with the password of 'admin'",
  );
  expect(camera.operations).toEqual([]);
});

test('a period without recordings is said to have none, and its options are rejected with a folder', async () => {
  const { folder, run } = await openCommand();
  const until = '2020-01-01T00:00:00Z';
  const none = 'the recorder has no recordings in this period';
  expect((await run({ path: 'yard', camera: 'Camera', until })).error).toContain(none);
  expect((await run({ until })).text).toContain(none);
  const other = await run({ path: 'yard', camera: 'Gate' });
  expect(other.error).toContain("the recorder has no channel 'Gate'; its channels are: 'Camera'");
  const withFolder = await run({ path: 'yard', until, rate: '1M' }, LOGIN.password, folder);
  expect(withFolder.error).toBe('--until and --rate of perch import are for onvif:// only: a folder is taken whole');
});

test('what was there already is counted, and what is older than the path keeps', async () => {
  const here = await openCommand();
  expect((await here.run({ path: 'yard' })).text).toMatch(/^1 recordings taken \(\d+ bytes\)\n$/);
  const again = '0 recordings taken (0 bytes), 0 min 20 s were there already\n';
  expect(await here.run({ path: 'yard' })).toEqual({ text: again, error: '' });
  const old = await openCommand({}, 'recordDeleteAfter: 1h');
  const text = '0 recordings taken (0 bytes), 0 min 20 s are older than recordDeleteAfter of the path\n';
  expect(await old.run({ path: 'yard' })).toEqual({ text, error: '' });
});
