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
