import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from '@nats-io/jwt';
import { nkeys } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { type Credential, type Member, readCredential } from '../bus/credential.ts';
import { CREDENTIAL_FILE } from '../bus/credential-file.ts';
import { checkMember } from '../check-member.ts';
import { FleetAuthority } from '../issue/authority.ts';
import { type HandOutPart, readBoxKeys, readBundle, readPart } from '../issue/bundle.ts';
import { BoxCredential } from './box-credential.ts';

const [BOX, OTHER] = ['00000000000000b1', '00000000000000b2'];

function folder(): string {
  const { path, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  return path;
}
const fleet = (hosts: readonly string[] = []) =>
  FleetAuthority.create(folder(), { natsURL: 'tls://nats.example', hosts });

const SERVER = 'server-1';

/** A box, and its parts as fleets sign them. */
function openBox() {
  const dataDir = folder();
  const check = (member: Member) => checkMember(member, { name: '', config: configOf('') }, BOX);
  const servers = new Set([SERVER]);
  const mayUse = ({ server = '' }: Credential) => servers.has(server);
  const open = () => new BoxCredential({ dataDir, check, mayUse, log: silentLogger });
  const box = open();
  const signed = async (keys: FleetAuthority, id = BOX, key?: string): Promise<HandOutPart> => {
    const boxes = [{ id, name: 'Shed', key: key ?? (await box.membership()).key }];
    const { bundle, refused } = await keys.issueBundle(boxes);
    expect([...refused]).toEqual([]);
    return { fleet: bundle.fleet, jwt: bundle.boxes[id] ?? '' };
  };
  const stored = () => readCredential(dataDir);
  return { box, dataDir, signed, stored, open, servers };
}

const rejected = (message: string) => ({ code: 'badInput', message: expect.stringContaining(message) });

test('a box keeps the seed, and takes a credential for its key', async () => {
  const { box, signed, stored, open, dataDir } = openBox();
  const keys = await fleet(['r1.example:443']);
  const { key } = await box.membership();
  expect(await open().membership()).toEqual({ key, account: null });
  const part = await signed(keys);
  await box.take(part, SERVER);
  const credential = await stored();
  expect(credential).toMatchObject({ natsURL: 'tls://nats.example', hosts: ['r1.example:443'], jwt: part.jwt });
  expect(nkeys.fromSeed(new TextEncoder().encode(credential?.seed)).getPublicKey()).toBe(key);
  expect(statSync(join(dataDir, CREDENTIAL_FILE)).mode & 0o777).toBe(0o600);
  expect(JSON.stringify(part)).not.toContain(credential?.seed);
  // The same again changes nothing, also after a restart.
  await open().take(part, SERVER);
  expect(await stored()).toEqual(credential);
});

test('the next credential has another key, and what is signed for a revoked one has the box make another one', async () => {
  const { box, signed, stored, open } = openBox();
  const keys = await fleet();
  const first = await box.membership();
  await box.take(await signed(keys), SERVER);
  const next = await box.membership();
  expect(next.account).toMatch(/^A/);
  expect(next.key).not.toBe(first.key);
  // Signed, and revoked before it is handed out.
  await signed(keys);
  await keys.revoke(BOX, Date.now());
  const notices = await Promise.all(
    [first, next].map(async ({ key }) => {
      const { bundle, refused } = await keys.issueBundle([{ id: BOX, name: '', key }]);
      expect(refused.get(BOX)).toContain('its key is revoked');
      const jwt = bundle.boxes[BOX] ?? '';
      expect(decode(jwt).exp).toBe(1);
      return { fleet: bundle.fleet, jwt };
    }),
  );
  const former = await stored();
  const revoked = rejected('its key is revoked, and this box has another one now');
  // That of the present credential says nothing of the next key.
  await expect(box.take(notices[0], SERVER)).rejects.toMatchObject(revoked);
  expect((await box.membership()).key).toBe(next.key);
  await expect(box.take(notices[1], SERVER)).rejects.toMatchObject(revoked);
  const later = await open().membership();
  expect([first.key, next.key]).not.toContain(later.key);
  await expect(box.take(notices[1], SERVER)).rejects.toMatchObject(rejected('the JWT is for key'));
  expect(await open().membership()).toEqual(later);
  expect(await stored()).toEqual(former);
  await box.take(await signed(keys), SERVER);
  expect((await stored())?.seed).not.toBe(former?.seed);
});

test('what is for another key or box, of another account or changed is rejected, and the credential stays', async () => {
  const { box, signed, stored } = openBox();
  const keys = await fleet();
  const part = await signed(keys);
  await box.take(part, SERVER);
  const before = await stored();
  const strangers = await fleet();
  const strange = await signed(strangers);
  const key = nkeys.createUser().getPublicKey();
  const server = { fleet: part.fleet, jwt: (await keys.issue({ role: 'server', id: 'cloud' })).jwt };
  const other = part.fleet.text.replace('nats.example', 'evil.example');
  for (const [given, message] of [
    [await signed(keys, BOX, key), `the JWT is for key ${key.slice(0, 8)}…, and this box has`],
    [await signed(keys, OTHER), `this is the credential of box ${OTHER}, and this is box ${BOX}`],
    [strange, 'this box belongs to the fleet of account'],
    [{ ...part, fleet: { ...part.fleet, text: other } }, 'did not sign the rest'],
    [{ ...part, fleet: strange.fleet }, 'did not sign the rest'],
    [{ ...part, jwt: `${part.jwt.slice(0, -8)}AAAAAAAA` }, 'the JWT is damaged'],
    [server, 'this Perch is no server'],
    [{}, 'this is not a credential of a bundle'],
  ] as const) {
    await expect(box.take(given, SERVER)).rejects.toMatchObject(rejected(message));
    expect(await stored()).toEqual(before);
  }
});

test('hosts of before are rejected, so a server cannot bring them back', async () => {
  const { box, signed, stored } = openBox();
  const keys = await fleet(['r1.example:443']);
  const former = await signed(keys);
  await keys.setHosts(['r2.example:443'], 1_800_000_000_000);
  await box.take(await signed(keys), SERVER);
  await expect(box.take(former, SERVER)).rejects.toMatchObject(rejected('older than the one that this box has'));
  expect((await stored())?.hosts).toEqual(['r2.example:443']);
});

test('a draft that a crash has left counts for nothing, and a key that a credential has is not offered again', async () => {
  const { box, dataDir, signed, stored, open } = openBox();
  const part = await signed(await fleet());
  const file = join(dataDir, CREDENTIAL_FILE);
  writeFileSync(`${file}.new`, '{"format":"perch-fl');
  expect(await stored()).toBeUndefined();
  const { key } = await box.membership();
  await box.take(part, SERVER);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ jwt: part.jwt });
  expect((await open().membership()).key).not.toBe(key);
});

test('mutated parts, bundles and files of keys are rejected in one sentence, unless what they say is the same', async () => {
  const { signed } = openBox();
  const part = await signed(await fleet(['r1.example:443']));
  const bundle = { format: 'perch-fleet-bundle', fleet: part.fleet, boxes: { [BOX]: part.jwt } };
  const { key } = await openBox().box.membership();
  const good = readPart(part);
  const next = random(71);
  const readers = [
    [JSON.stringify(part), (text: string) => expect(readPart(JSON.parse(text))).toEqual(good)],
    [JSON.stringify(bundle), (text: string) => expect(readBundle(text).bundle.fleet.text).toBe(part.fleet.text)],
    [
      JSON.stringify({ format: 'perch-fleet-keys', boxes: [{ id: BOX, name: 'Shed', key }] }),
      (text: string) => void readBoxKeys(text),
    ],
  ] as const;
  for (const [text, read] of readers) {
    for (let i = 0; i < byLength(200, 1_000); i += 1) {
      try {
        read(new TextDecoder().decode(mutate(new TextEncoder().encode(text), next)));
      } catch (error) {
        expect(error instanceof PerchError || error instanceof SyntaxError).toBe(true);
      }
    }
  }
});

test('a box whose key is that of another one, or damaged, gets no credential, and the others get theirs', async () => {
  const keys = await fleet();
  const key = nkeys.createUser().getPublicKey();
  const damaged = '00000000000000b3';
  const boxes = [
    ...[BOX, OTHER].map((id) => ({ id, name: '', key })),
    { id: damaged, name: '', key: `U${'A'.repeat(55)}` },
  ];
  const { bundle, refused } = await keys.issueBundle(boxes);
  expect(Object.keys(bundle.boxes)).toEqual([BOX]);
  expect(Object.fromEntries(refused)).toEqual({
    [OTHER]: `its key is that of box.${BOX}`,
    [damaged]: 'its key is damaged',
  });
});

test('without the right of its server a box has no credential, takes the same from another pairing, and may change fleets', async () => {
  const { box, signed, stored, servers } = openBox();
  const keys = await fleet();
  const part = await signed(keys);
  await box.take(part, SERVER);
  expect((await box.membership()).account).toMatch(/^A/);
  servers.clear();
  expect((await box.membership()).account).toBeNull();
  // The seed is still there.
  servers.add('server-2');
  await box.take(part, 'server-2');
  expect(await stored()).toMatchObject({ jwt: part.jwt, server: 'server-2' });
  const strange = await signed(await fleet());
  await expect(box.take(strange, 'server-2')).rejects.toMatchObject(rejected('belongs to the fleet of account'));
  servers.delete('server-2');
  servers.add('server-3');
  await box.take(strange, 'server-3');
  expect((await box.membership()).account).toMatch(/^A/);
});
