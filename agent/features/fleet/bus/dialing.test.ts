import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { LinkedBoxes, type TrustedFleet } from '../../../auth/pairing/linked-boxes.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { FleetAuthority } from '../issue/authority.ts';
import { type Credential, credentialIn, readCredential } from './credential.ts';
import { takeOrders } from './dialing.ts';
import { HOSTS_HEADER, type HostList, headerOf } from './host-list.ts';
import { LEARNT_FILE, LearntHosts } from './learnt-hosts.ts';
import { newAnswerSubject } from './subjects.ts';

function newFolder(): string {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}

const NOW_MS = 1_800_000_000_000;

/** A fleet with these hosts. */
const fleetOf = (...hosts: readonly string[]): Promise<FleetAuthority> =>
  FleetAuthority.create(newFolder(), { natsURL: 'tls://nats.example', hosts });

const credentialOf = (fleet: FleetAuthority) => fleet.issue({ role: 'box', id: '00000000000000b1' });

/** The list of a server that has its credential now. */
async function listOf(fleet: FleetAuthority): Promise<HostList> {
  const { list } = await fleet.issue({ role: 'server', id: 'cloud' });
  return list as HostList;
}

/** A box on the bus, whose dialer obeys orders of trusted servers. An order is the id of its server. */
function boxOnBus(dataDir = newFolder()) {
  const links = new LinkedBoxes();
  const trusted = new Map<string, TrustedFleet | undefined>();
  links.dialer = {
    now: { run: 'run-7', timeS: 1_800_000_000 },
    trust: async (server, fleet) => void trusted.set(server, fleet),
    obey: async (server) => {
      if (!trusted.get(server)) {
        throw new PerchError('unauthorized', 'this box does not belong to that fleet', { why: 'unknown' });
      }
    },
  };
  const paired: { id: string }[] = [{ id: 'first' }];
  const learnt = new LearntHosts(dataDir, silentLogger);
  const deps = { links, servers: { list: () => paired as never }, learnt, log: silentLogger };
  let hear: (fault: undefined, message: object) => void = () => expect.fail('it takes no orders');
  const answers = new Map<string, (answer: unknown) => void>();
  const client = {
    publish: (reply: string, text: string) => answers.get(reply)?.(JSON.parse(text)),
    subscribe: (_: string, { callback }: { callback: typeof hear }) => {
      hear = callback;
    },
  };
  return {
    ...{ trusted, paired },
    hosts: () => trusted.get('first')?.replicas.map(({ address }) => address),
    join: (credential: Credential) => takeOrders({ client } as never, 'box', credential, deps),
    connect: async (fleet: FleetAuthority) => takeOrders({ client } as never, 'box', await credentialOf(fleet), deps),
    ask: (order: string, header?: string) =>
      new Promise<unknown>((resolve) => {
        const reply = newAnswerSubject('box', 'cloud');
        answers.set(reply, resolve);
        const headers = new Map(header === undefined ? [] : [[HOSTS_HEADER, header]]);
        hear(undefined, { data: new Uint8Array(9), string: () => order, headers, reply });
      }),
  };
}

test('a server that was paired after the box had connected is trusted when it asks', async () => {
  const { connect, ask, paired, trusted } = boxOnBus();
  await connect(await fleetOf('r1.example:443'));
  expect([...trusted.keys()]).toEqual(['first']);
  paired.push({ id: 'second' });
  expect(await ask('second')).toEqual({});
  expect(await ask('third')).toEqual({ error: expect.stringContaining('does not belong'), why: 'unknown' });
});

test('a credential without hosts ends the trust in those of a former one', async () => {
  const { connect, trusted } = boxOnBus();
  await connect(await fleetOf('r1.example:443'));
  expect(trusted.get('first')).toBeDefined();
  await connect(await fleetOf());
  expect(trusted.get('first')).toBeUndefined();
});

test('a box takes the later list of hosts that comes with an order, and none that is older', async () => {
  const fleet = await fleetOf();
  const { connect, ask, hosts } = boxOnBus();
  await connect(fleet);
  expect(await ask('first')).toMatchObject({ why: 'unknown' });
  await fleet.setHosts(['r1.example:443'], NOW_MS);
  const first = await listOf(fleet);
  await fleet.setHosts(['r1.example:443', 'r2.example:443'], NOW_MS);
  const second = await listOf(fleet);
  expect(await ask('first', headerOf(second))).toEqual({});
  expect(hosts()).toEqual(['r1.example:443', 'r2.example:443']);
  expect(await ask('first', headerOf(first))).toEqual({});
  expect(hosts()).toEqual(['r1.example:443', 'r2.example:443']);
  await fleet.setHosts(['r2.example:443'], NOW_MS);
  await ask('first', headerOf(await listOf(fleet)));
  expect(hosts()).toEqual(['r2.example:443']);
});

test('a box takes no list that the account of its fleet has not signed', async () => {
  const [fleet, other] = [await fleetOf('r1.example:443'), await fleetOf('evil.example:443')];
  const { connect, ask, hosts } = boxOnBus();
  await connect(fleet);
  await fleet.setHosts(['r1.example:443', 'r2.example:443'], NOW_MS);
  await other.setHosts(['evil.example:443'], NOW_MS);
  const signed = await listOf(fleet);
  const forged = [
    headerOf(await listOf(other)),
    headerOf({ ...signed, hosts: ['evil.example:443'] }),
    headerOf({ ...signed, hosts: [signed.hosts.join('\n')] }),
    headerOf({ ...signed, version: 9 }),
    headerOf({ ...signed, signature: 'A'.repeat(86) }),
    Buffer.from('{}').toString('base64url'),
    'x'.repeat(30_000),
  ];
  for (const header of forged) {
    expect(await ask('first', header)).toEqual({});
    expect(hosts()).toEqual(['r1.example:443']);
  }
});

/** As earlier versions issued it. */
const formerOf = ({ list: _, ...credential }: Credential, hosts: readonly string[]): Credential => ({
  ...credential,
  hosts: [...hosts],
});

test('a credential of before, whose hosts are not signed, keeps them until the box takes a signed list', async () => {
  const fleet = await fleetOf('r1.example:443');
  const { join: connect, ask, hosts } = boxOnBus();
  await connect(formerOf(await credentialOf(fleet), ['r1.example:443']));
  expect(hosts()).toEqual(['r1.example:443']);
  await fleet.setHosts(['r2.example:443'], NOW_MS);
  expect(await ask('first', headerOf(await listOf(fleet)))).toEqual({});
  expect(hosts()).toEqual(['r2.example:443']);
});

test('a learnt list holds after a restart, and with a credential that another process has saved meanwhile', async () => {
  const dataDir = newFolder();
  const fleet = await fleetOf('r1.example:443');
  const { connect, ask } = boxOnBus(dataDir);
  await connect(fleet);
  const replaced = await credentialOf(fleet);
  await credentialIn(dataDir).save(() => replaced);
  await fleet.setHosts(['r2.example:443'], NOW_MS);
  await ask('first', headerOf(await listOf(fleet)));
  expect(await readCredential(dataDir)).toEqual(replaced);
  const restarted = boxOnBus(dataDir);
  await restarted.join(replaced);
  expect(restarted.hosts()).toEqual(['r2.example:443']);
  // The list of another fleet counts for nothing, nor does a damaged file.
  await restarted.connect(await fleetOf('other.example:443'));
  expect(restarted.hosts()).toEqual(['other.example:443']);
  writeFileSync(join(dataDir, LEARNT_FILE), '{');
  await restarted.join(replaced);
  expect(restarted.hosts()).toEqual(['r1.example:443']);
});

test('boxes take the next list also after an older copy of the folder of the fleet was restored', async () => {
  const folder = newFolder();
  const fleet = await FleetAuthority.create(folder, { natsURL: 'tls://nats.example', hosts: ['r1.example:443'] });
  const { connect, ask, hosts } = boxOnBus();
  await connect(fleet);
  const older = await FleetAuthority.open(folder);
  await fleet.setHosts(['r2.example:443'], NOW_MS);
  await fleet.setHosts(['r3.example:443'], NOW_MS);
  await ask('first', headerOf(await listOf(fleet)));
  expect(hosts()).toEqual(['r3.example:443']);
  await older.setHosts(['r4.example:443'], NOW_MS + 60_000);
  await ask('first', headerOf(await listOf(older)));
  expect(hosts()).toEqual(['r4.example:443']);
});
