import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../../test/support/harness/loaded-config.ts';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import type { CommandCall } from '../../contract.ts';
import { LEFT_FILE, newKey } from '../keys/away-file.ts';
import { writeAwayInvitation } from '../keys/invitation.ts';
import { connectCommand, redeemLeft } from './left-invitation.ts';

const HOST = { log: silentLogger, clock: new FakeClock() };
const INVITATION = writeAwayInvitation({
  addresses: ['cloud.example:443'],
  key: newKey().key,
  secret: 'abcdefghijklmnopqrstuv',
  name: 'Cloud',
});

function callIn(dataDir: string, isRunning: boolean, options: Readonly<Record<string, string>> = {}) {
  const written: string[] = [];
  const call: Omit<CommandCall, 'file' | 'isTerminal'> = {
    words: [INVITATION],
    dataDir,
    cwd: dataDir,
    env: {},
    keys: async () => KEYS,
    text: (option) => options[option],
    has: (option) => option in options,
    hold: (hint) => {
      if (isRunning) {
        throw new PerchError('unavailable', hint);
      }
      return { release: () => {} };
    },
    write: (text) => void written.push(text),
    stopSignal: () => new AbortController().signal,
    withDocuments: (_, work) => work(),
  };
  return { call: call as CommandCall, written };
}

test('while Perch is off, the invitation is left for its next start, readable by it alone', async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'perch.yml'), 'perch: own\npaths: {garden: , door: }\n');
  const { call, written } = callIn(folder.path, false, { cameras: 'garden,door', talk: '', turn: '' });
  expect(await connectCommand(call, new FakeClock())).toBe(0);
  expect(written.join('')).toContain('connects to Cloud at its next start');
  expect(statSync(join(folder.path, LEFT_FILE)).mode & 0o777).toBe(0o600);
  const asked: (string | ServerRights)[] = [];
  await redeemLeft(folder.path, HOST, async (...given) => {
    asked.push(...given);
    return 'Cloud';
  });
  const rights = { live: true, recordings: true, talk: true, turn: true, switch: false, settings: false, fleet: false };
  expect(asked).toEqual([INVITATION, { cameras: ['garden', 'door'], ...rights }]);
  // It is redeemed once, and its secret is gone.
  expect(existsSync(join(folder.path, LEFT_FILE))).toBe(false);
});

test.for([
  [
    'a camera that it does not have',
    'paths: {garden: , door: , "~^yard": }',
    'gardn,door',
    /no camera 'gardn': it has 'door', 'garden'$/,
  ],
  ['a camera before it has any', 'perch: own', 'door', /no camera 'door': it has none$/],
  ['one that a pattern allows', 'paths: {"~^yard": }', 'yard/gate', undefined],
  ['one that may be published', 'paths: {all_others: }', 'gate', undefined],
  ['one while the configuration is invalid', 'paths: [', 'gate', undefined],
] as const)(
  'while Perch is off, its configuration says at once whether it may show %s',
  async ([, config, cameras, fault]) => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'perch.yml'), config);
    const { call } = callIn(folder.path, false, { cameras });
    const done = connectCommand(call, new FakeClock());
    await (fault ? expect(done).rejects.toThrow(fault) : expect(done).resolves.toBe(0));
    expect(existsSync(join(folder.path, LEFT_FILE))).toBe(fault === undefined);
  },
);

test.for([
  ['is tried again while the server cannot be reached', [0, 300_000, 599_999], 'unavailable', true, 1],
  ['is tried again while a camera may not be published yet', [0, 300_000, 599_999], 'unknownCamera', true, 1],
  ['is over after ten minutes', [0, 600_000], 'timeout', false, 2],
  ['is tried once by a box that was off for an hour', [3_600_000], 'unavailable', false, 1],
  ['is over at once when the server refuses it', [0], 'badInput', false, 1],
] as const)('an invitation that was left %s, and the log says why', async ([, tries, code, isKept, warnings]) => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const { call } = callIn(folder.path, false);
  await connectCommand(call, clock);
  const warned: object[] = [];
  const log = { ...silentLogger, warn: (context: object) => void warned.push(context) } as Logger;
  let asked = 0;
  for (const atMs of tries) {
    await clock.advance(atMs - clock.monoMs());
    await redeemLeft(folder.path, { log, clock }, () => {
      asked += 1;
      const [kind, context] = code === 'unknownCamera' ? (['badInput', { why: code }] as const) : ([code, {}] as const);
      return Promise.reject(new PerchError(kind, 'cloud.example:443: why', context));
    });
  }
  expect([asked, existsSync(join(folder.path, LEFT_FILE))]).toEqual([tries.length, isKept]);
  expect(warned).toEqual(Array.from({ length: warnings }, () => ({ cause: expect.stringContaining('why') })));
  if (isKept) {
    await redeemLeft(folder.path, { log, clock }, take);
    expect(existsSync(join(folder.path, LEFT_FILE))).toBe(false);
  }
});

async function take(): Promise<string> {
  return 'Cloud';
}

async function refuse(): Promise<string> {
  throw new PerchError('unavailable', 'cloud.example:443: no answer');
}

test.for([
  ['takes it', take, 'This box is connected to Cloud.'],
  ['cannot connect', refuse, 'no answer'],
] as const)('the command waits until a Perch that runs %s', async ([, redeem, said]) => {
  using folder = temporaryFolder();
  const clock = new FakeClock();
  const { call, written } = callIn(folder.path, true);
  const done = connectCommand(call, clock).catch((error: Error) => written.push(error.message));
  await expect.poll(() => existsSync(join(folder.path, LEFT_FILE))).toBe(true);
  await redeemLeft(folder.path, HOST, redeem);
  while (written.length === 0) {
    await clock.advance(200);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  expect(written[0]).toContain(said);
  expect(existsSync(join(folder.path, LEFT_FILE))).toBe(false);
});

test('an invitation is read from standard input, where no list of processes shows it', async () => {
  using folder = temporaryFolder();
  const { call } = callIn(folder.path, false);
  const input = Readable.from([INVITATION.slice(0, 50), `${INVITATION.slice(50)}\n`, 'more']);
  expect(await connectCommand({ ...call, words: ['-'] }, new FakeClock(), input)).toBe(0);
  let redeemed = '';
  await redeemLeft(folder.path, HOST, async (invitation) => {
    redeemed = invitation;
    return 'Cloud';
  });
  expect(redeemed).toBe(INVITATION);
});

test('a text that is no invitation is not left, and a damaged file is removed', async () => {
  using folder = temporaryFolder();
  const { call } = callIn(folder.path, true);
  await expect(connectCommand({ ...call, words: ['perch://invitation?at=a'] })).rejects.toThrow('not an invitation');
  expect(existsSync(join(folder.path, LEFT_FILE))).toBe(false);
  writeFileSync(join(folder.path, LEFT_FILE), '{"invitation":');
  await redeemLeft(folder.path, HOST, async () => 'never');
  expect(existsSync(join(folder.path, LEFT_FILE))).toBe(false);
});

test('a data folder that no Perch has is not made', async () => {
  using folder = temporaryFolder();
  const { call } = callIn(join(folder.path, 'perch-data'), false);
  await expect(connectCommand(call, new FakeClock())).rejects.toThrow(
    'perch-data does not exist: name the data folder',
  );
  expect(existsSync(join(folder.path, 'perch-data'))).toBe(false);
});
