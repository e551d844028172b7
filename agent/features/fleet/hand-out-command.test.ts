import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { systemClock } from '../../base/clock.ts';
import type { CommandCall } from '../contract.ts';
import { fleet } from './feature.ts';
import { bundleIn, type KnownBoxes, knownBoxesIn } from './hand-out/hand-outs.ts';
import { handOutCommand } from './hand-out-command.ts';
import { FleetAuthority } from './issue/authority.ts';
import { readBoxKeys } from './issue/bundle.ts';

const [YARD, BARN, SHED] = ['00000000000000b1', '00000000000000b2', '00000000000000b3'] as const;
const newKey = () => nkeys.createUser().getPublicKey();
const withKey = (name: string, account: string | null = null, error: string | null = null) => ({
  name,
  said: { key: newKey(), account, error },
});

/** A server that knows these boxes, and the keys of its fleet. */
async function openServer(boxes?: KnownBoxes) {
  const { path: cwd, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  const keys = await FleetAuthority.create(join(cwd, 'keys'), { natsURL: 'tls://nats.example', hosts: [] });
  const dataDir = join(cwd, 'data');
  if (boxes) {
    await knownBoxesIn(dataDir).save(() => ({ boxes }));
  }
  const files: (string | undefined)[] = [];
  const run = async (...given: readonly string[]) => {
    const said: string[] = [];
    const call = {
      ...{ words: given.filter((one) => one !== '--all'), dataDir, cwd },
      ...{ write: (text: string) => void said.push(text), has: () => given.includes('--all') },
      stopSignal: () => AbortSignal.abort(),
      withDocuments: ({ file }: CommandCall, work: () => Promise<unknown>) => {
        files.push(file);
        return work();
      },
    };
    const code = await handOutCommand(call as unknown as CommandCall, systemClock);
    return { code, text: said.join('') };
  };
  /** Signs as at this time. */
  const sign = async (name: string, wanted: Readonly<Record<string, string>>) => {
    const asked = Object.entries(wanted).map(([id, key]) => ({ id, name: '', key }));
    const { bundle } = await keys.issueBundle(asked);
    writeFileSync(join(cwd, name), JSON.stringify(bundle));
    return bundle.boxes;
  };
  const collected = (name: string) => readBoxKeys(readFileSync(join(cwd, name), 'utf8')).boxes.map(({ id }) => id);
  const stored = async () => (await bundleIn(dataDir).load())?.boxes;
  const know = (next: KnownBoxes) => knownBoxesIn(dataDir).save(() => ({ boxes: next }));
  return { run, sign, collected, stored, know, dataDir, keys, files };
}

const delivered = (jwt: string | undefined, refusal?: string) => ({
  delivered: { jwt: (jwt ?? '').slice(-24), ...(refusal !== undefined && { refusal }) },
});

test('a folder that is no data folder of a server is said to be none, and is not made', async () => {
  const { run, sign, dataDir } = await openServer();
  await sign('bundle.json', { [YARD]: newKey() });
  for (const words of [['boxes'], ['hand-out', 'bundle.json']]) {
    await expect(run(...words)).rejects.toThrow(`the data folder ${dataDir} does not exist`);
  }
  expect(existsSync(dataDir)).toBe(false);
});

test('a Perch without these boxes stores nothing for them', async () => {
  const { run, sign, stored } = await openServer({});
  await sign('bundle.json', { [YARD]: newKey() });
  expect(await run('hand-out', 'bundle.json')).toEqual({ code: 1, text: `${YARD}  : this Perch has no box ${YARD}\n` });
  expect(await stored()).toBeUndefined();
  await expect(run('boxes')).rejects.toThrow('has no boxes of a fleet: a server of the fleet');
});

test('boxes of a bundle that are not here stop no others; the exit code says whether all have joined or wait', async () => {
  const yard = withKey('Yard', 'AAAA');
  const { run, sign, stored, know } = await openServer({ [YARD]: yard });
  const jwts = await sign('bundle.yml', { [YARD]: newKey(), [BARN]: newKey() });
  const { code, text } = await run('hand-out', 'bundle.yml');
  expect(text).toBe(
    `Saved 1 credentials: each box gets its own now, or when it connects.\n${YARD}  Yard: waiting: it gets its credential when it connects\n${BARN}  : this Perch has no box ${BARN}\n`,
  );
  expect([code, await stored()]).toEqual([1, { [YARD]: jwts[YARD] }]);
  const one = await sign('bundle.json', { [YARD]: newKey() });
  expect((await run('hand-out', 'bundle.json')).code).toBe(0);
  await know({ [YARD]: { ...yard, ...delivered(one[YARD]) } });
  expect(await run('hand-out', 'bundle.json')).toMatchObject({
    code: 0,
    text: expect.stringContaining(': joined\n'),
  });
  await know({ [YARD]: { ...withKey('Yard', 'AAAA', 'rejected'), ...delivered(one[YARD]) } });
  expect(await run('hand-out', 'bundle.json')).toMatchObject({
    ...{ code: 1, text: expect.stringContaining('Yard: not on the bus: rejected\n') },
  });
  await know({ [YARD]: { ...yard, ...delivered(one[YARD], 'of another fleet') } });
  expect(await run('hand-out', 'bundle.json')).toMatchObject({
    ...{ code: 1, text: expect.stringContaining('Yard: refused: of another fleet\n') },
  });
});

test('an outdated bundle replaces no later one', async () => {
  const { run, sign, stored, keys } = await openServer({ [YARD]: withKey('Yard'), [BARN]: withKey('Barn') });
  const barn = (await sign('first.json', { [YARD]: newKey(), [BARN]: newKey() }))[BARN];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_000 });
  onTestFinished(() => void vi.useRealTimers());
  await keys.setHosts(['r1.example:443'], Date.now());
  const later = await sign('second.json', { [YARD]: newKey() });
  await run('hand-out', 'second.json');
  const { code, text } = await run('hand-out', 'first.json');
  expect(text).toContain(`${YARD}  Yard: outdated: it gets the later credential of another bundle\n`);
  expect([code, await stored()]).toEqual([1, { [YARD]: later[YARD], [BARN]: barn }]);
});

test('keys are collected of boxes that have not joined, of those that are named, or of all', async () => {
  const { run, collected, files } = await openServer({
    [YARD]: withKey('Yard', 'AAAA'),
    [BARN]: withKey('Barn'),
    [SHED]: { name: 'Shed', lacksRight: true },
  });
  const { text } = await run('boxes', 'perch.yml');
  expect(files).toEqual(['perch.yml']);
  expect(text).toContain(`${YARD}  Yard: joined\n${BARN}  Barn: no credential yet\n${SHED}  Shed: connected, does not`);
  expect((await run('boxes', 'keys.json')).text).toContain('keys.json has 1 public keys. Where the keys');
  expect(collected('keys.json')).toEqual([BARN]);
  await run('boxes', 'keys.json', 'Yard', BARN, 'perch.yml');
  expect(collected('keys.json')).toEqual([YARD, BARN]);
  await run('boxes', 'keys.json', '--all');
  expect(collected('keys.json')).toEqual([YARD, BARN]);
  expect(JSON.parse((await run('boxes', '-', 'Yard')).text).boxes).toHaveLength(1);
  await expect(run('boxes', 'keys.json', 'Yard', 'Attic')).rejects.toThrow('this Perch has no box Attic');
  await expect(run('boxes', 'other.json', 'Shed')).rejects.toThrow('none of these boxes has a key to sign');
});

test('a command without its file names what is missing', async () => {
  const [, command] = fleet.commands ?? [];
  await expect(command?.run({ words: ['hand-out'] } as unknown as CommandCall)).rejects.toThrow('needs BUNDLE');
});
