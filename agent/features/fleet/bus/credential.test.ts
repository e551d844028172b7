import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { PerchError } from '../../../base/errors.ts';
import { FleetAuthority } from '../issue/authority.ts';
import { memberOf, readCredential } from './credential.ts';
import { CREDENTIAL_FILE } from './credential-file.ts';

const BOX = { role: 'box', id: '1a2b3c4d5e6f7a8b' } as const;
const fleetIn = (folder: string) => FleetAuthority.create(folder, { natsURL: 'tls://nats.example', hosts: [] });

test('a credential names its member and its account, and another account has another key', async () => {
  using one = temporaryFolder();
  using other = temporaryFolder();
  const [first, second] = await Promise.all([one, other].map(async ({ path }) => (await fleetIn(path)).issue(BOX)));
  const members = [first, second].map((credential) => memberOf(credential?.jwt ?? ''));
  expect(members).toEqual([expect.objectContaining(BOX), expect.objectContaining(BOX)]);
  expect(members[0]?.account).not.toBe(members[1]?.account);
});

test('programs of before, which require hosts and know no list, read a new credential', async () => {
  using folder = temporaryFolder();
  const fleet = await fleetIn(folder.path);
  expect(await fleet.issue(BOX)).toMatchObject({ hosts: [] });
  await fleet.setHosts(['r1.example:443'], 1_800_000_000_000);
  expect(await fleet.issue(BOX)).toMatchObject({ hosts: ['r1.example:443'], list: { hosts: ['r1.example:443'] } });
});

test('a mutated JWT is rejected in one sentence, unless what it says is the same', async () => {
  using folder = temporaryFolder();
  const { jwt } = await (await fleetIn(folder.path)).issue(BOX);
  const good = memberOf(jwt);
  const next = random(54);
  for (let i = 0; i < 1_000; i += 1) {
    const text = new TextDecoder().decode(mutate(new TextEncoder().encode(jwt), next));
    try {
      expect(memberOf(text)).toEqual(good);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('a credential that others may read is closed to them', async () => {
  using folder = temporaryFolder();
  const credential = await (await fleetIn(folder.path)).issue(BOX);
  const file = join(folder.path, CREDENTIAL_FILE);
  writeFileSync(file, JSON.stringify(credential));
  chmodSync(file, 0o644);
  expect(await readCredential(folder.path)).toEqual(credential);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  writeFileSync(file, '{"format":"perch-fleet"}');
  await expect(readCredential(folder.path)).rejects.toThrow(`${file} is damaged`);
});
