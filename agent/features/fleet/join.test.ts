import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { explain } from '../../base/errors.ts';
import type { CommandCall } from '../contract.ts';
import type { Member } from './bus/credential.ts';
import { CREDENTIAL_FILE } from './bus/credential-file.ts';
import { FleetAuthority } from './issue/authority.ts';
import { joinFleet } from './join.ts';

const BOX = { role: 'box', id: '1a2b3c4d5e6f7a8b' } as const;
const OTHER = '00000000000000b2';
const SERVER = { role: 'server', id: 'cloud' } as const;
const DATABASE = 'postgres://perch:x@127.0.0.1/perch';

interface Joining {
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Id of this Perch. */
  readonly box?: string;
  /** Whose credential this Perch has. */
  readonly former?: Member | 'damaged';
}

/** @returns what the command says */
async function joined(
  member: Member,
  { config = 'perch: own\n', env = {}, box, former }: Joining = {},
): Promise<string> {
  const { path, [Symbol.dispose]: remove } = temporaryFolder();
  onTestFinished(remove);
  const keys = await FleetAuthority.create(join(path, 'keys'), { natsURL: 'tls://nats.example', hosts: [] });
  const dataDir = join(path, 'data');
  mkdirSync(dataDir);
  if (box !== undefined) {
    writeFileSync(join(dataDir, 'servers.json'), JSON.stringify({ box, servers: [], revoked: [] }));
  }
  writeFileSync(join(path, 'perch.yml'), config);
  const file = join(dataDir, CREDENTIAL_FILE);
  if (former) {
    writeFileSync(file, former === 'damaged' ? '{' : JSON.stringify(await keys.issue(former)));
  }
  let said = '';
  const call = {
    ...{ words: ['join', '-', 'perch.yml'], dataDir, cwd: path, env, keys: async () => KEYS },
    write: (text: string) => {
      said += text;
    },
  };
  const credential = await keys.issue(member);
  const input = async function* () {
    yield JSON.stringify(credential);
  };
  const fault = await joinFleet(call as unknown as CommandCall, input()).catch(explain);
  expect(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined).toEqual(
    fault === 0 ? credential : undefined,
  );
  return fault === 0 ? said : String(fault);
}

test.for([
  ['a box', BOX, {}],
  ['a box that has its id', BOX, { box: BOX.id }],
  ['a server by server: yes', SERVER, { config: 'perch: own\nserver: yes\n' }],
  ['a server by its address', SERVER, { config: 'perch: own\nreplicaAddress: one.example:443\n' }],
  ['a server by its environment', SERVER, { env: { PERCH_DATABASEURL: DATABASE } }],
  [
    'a box that shows cameras of others',
    BOX,
    { config: `perch: own\npaths:\n  gate:\n    source: perch://${OTHER}/gate\n` },
  ],
  ['a box with server: yes', BOX, { config: 'perch: own\nserver: yes\n' }],
  ['a server by its paths', SERVER, { config: `perch: own\npaths:\n  gate:\n    source: perch://${BOX.id}/gate\n` }],
] as const)('the credential fits %s', async ([, member, given]) => {
  expect(await joined(member, given)).toContain(`This Perch is ${member.role}.${member.id} of the fleet`);
});

test.for([
  ['a server on a box', SERVER, {}, 'this Perch is no server: for a box use that of perch fleet box'],
  [
    'a server by a file that lacks it',
    SERVER,
    {},
    'perch.yml first, or name the file that has it: perch fleet join CREDENTIAL FILE.yml',
  ],
  [
    'a box on a server',
    BOX,
    { env: { PERCH_DATABASEURL: DATABASE } },
    'is a server (databaseURL): use that of perch fleet server',
  ],
  [
    'a box on a server with an address',
    BOX,
    { config: 'perch: own\nserver: yes\nreplicaAddress: one.example:443\n' },
    'is a server (replicaAddress): use that of perch fleet server',
  ],
  [
    'another box',
    BOX,
    { box: '00000000000000b2' },
    'this is box 00000000000000b2: use that of perch fleet box FOLDER 0',
  ],
] as const)('the credential of %s is rejected, and nothing is saved', async ([, member, given, reason]) => {
  expect(await joined(member, given)).toContain(reason);
});

test('a server that takes the credential of another one says who it was', async () => {
  const config = 'perch: own\nserver: yes\n';
  const first = await joined(SERVER, { config });
  expect(await joined(SERVER, { config, former: { role: 'server', id: 'two' } })).toBe(
    `${first}It was server.two: no two servers may have the same credential.\n`,
  );
  expect(await joined(SERVER, { config, former: SERVER })).toBe(first);
  expect(await joined(SERVER, { config, former: 'damaged' })).toBe(first);
});
