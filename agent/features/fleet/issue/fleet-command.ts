import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Check } from 'typebox/value';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { replaceFile } from '../../../base/files/durable-file.ts';
import { parseJson } from '../../../base/files/parse-json.ts';
import { checkSyntax } from '../../../config/schema/syntax.ts';
import type { CommandCall } from '../../contract.ts';
import { serversOf } from '../bus/connection.ts';
import { Credential, type Member, nameOf } from '../bus/credential.ts';
import { Hosts } from '../bus/host-list.ts';
import { FleetAuthority } from './authority.ts';
import { MAX_FILE_BYTES, oneLine, readBoxKeys } from './bundle.ts';
import { closeStreams, publishAccount } from './publish-account.ts';

/** What each NATS server includes. */
const CONFIG_FILE = 'fleet.conf';
const DEFAULT_STORE = '/var/lib/nats/perch-accounts';
const MAX_BYTES = 256 << 10;
/** The arguments of a start may follow. */
export const isConfigFile = (word: string): boolean => /\.ya?ml$/.test(word);

/** `perch fleet`. @returns the exit code @throws PerchError */
export async function fleetCommand(
  call: CommandCall,
  clock: Pick<Clock, 'wallMs'> = systemClock,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Promise<number> {
  const [word = '', place = '', third, ...more] = call.words.filter((one) => !isConfigFile(one));
  const folder = resolve(call.cwd, place);
  if (word === 'publish' && third === undefined) {
    return publish(call, await FleetAuthority.open(folder), clock.wallMs());
  }
  if (word === 'hosts' && third === undefined) {
    const { hosts } = await FleetAuthority.open(folder);
    call.write(`${hosts.length > 0 ? hosts.join(',') : 'The fleet has no hosts of servers.'}\n`);
    return 0;
  }
  if (third === undefined || (more.length > 0 && word !== 'box')) {
    const missing = call.text('keys') === undefined ? 'one more word' : 'BUNDLE';
    throw new PerchError('badInput', `perch fleet ${word} needs FOLDER and ${missing}: see perch --help`);
  }
  switch (word) {
    case 'create':
      return create(call, folder, third);
    case 'box': {
      const keys = call.text('keys');
      if (keys !== undefined) {
        return signKeys(call, folder, { keys: resolve(call.cwd, keys), bundle: resolve(call.cwd, third) });
      }
      const ids = third === '-' ? (await textOf(input)).trim().split(/\s+/) : [third, ...more];
      const members = [...new Set(ids)].map((id) => memberFrom(word, id));
      return issue(call, folder, members);
    }
    case 'server':
      return issue(call, folder, [memberFrom(word, third)]);
    case 'hosts':
      return changeHosts(call, folder, third, clock.wallMs());
    case 'revoke':
      return revoke(call, folder, third, clock.wallMs());
    default:
      throw new PerchError('badInput', `perch fleet does not know '${word.slice(0, 64)}'`);
  }
}

async function create(call: CommandCall, folder: string, url: string): Promise<number> {
  const pem = call.text('authority');
  const authority = pem === undefined ? undefined : await readText(resolve(call.cwd, pem));
  const hosts = hostsOf(call.text('hosts') ?? '');
  const natsURL = checkSyntax('natsUrl', url);
  if (natsURL === '') {
    throw new PerchError(
      'badInput',
      'the address of the NATS servers is missing: write for example tls://nats.example.com:4222',
    );
  }
  const keys = await FleetAuthority.create(folder, { natsURL, authority, hosts });
  const file = join(folder, CONFIG_FILE);
  // NATS servers read it as another user. It has public keys alone.
  await replaceFile(file, await keys.serverConfig(call.text('store') ?? DEFAULT_STORE), 0o644);
  call.write(
    `The keys of the fleet are in ${folder}: keep the folder, and give it to no box and no server.\n` +
      `Each NATS server includes ${file} in its configuration. When one runs: perch fleet publish ${folder}\n`,
  );
  return 0;
}

/** A box takes the list from any server that has it, so boxes need no new credential. */
async function changeHosts(call: CommandCall, folder: string, text: string, nowMs: number): Promise<number> {
  const hosts = hostsOf(text);
  if (hosts.length === 0) {
    throw new PerchError('badInput', 'name all servers of the fleet: HOST:PORT,HOST:PORT');
  }
  const keys = await FleetAuthority.open(folder);
  await keys.setHosts(hosts, nowMs);
  call.write(`Boxes may connect to ${hosts.join(', ')}, when a server that knows it asks them.\n`);
  const members = keys.servers.map((id) => ({ role: 'server', id }) as const);
  return issue(call, folder, members, keys);
}

/** @throws PerchError badInput: a box would take none of them */
function hostsOf(text: string): readonly string[] {
  const hosts = text
    .split(',')
    .map((one) => checkSyntax('boxAddress', one.trim()))
    .filter((one) => one !== '');
  const { length } = hosts;
  if (!Check(Hosts, hosts)) {
    throw new PerchError('badInput', `the list names ${length} servers: a box takes 32, of 300 characters each`);
  }
  return hosts;
}

async function issue(
  call: CommandCall,
  folder: string,
  members: readonly Member[],
  open?: FleetAuthority,
): Promise<number> {
  const keys = open ?? (await FleetAuthority.open(folder));
  for (const member of members) {
    const file = join(folder, `${member.role}-${member.id}.json`);
    await replaceFile(file, `${JSON.stringify(await keys.issue(member))}\n`, 0o600);
    call.write(
      `${file} is the credential of ${nameOf(member)}: perch fleet join ${file} on it, then delete the file.\n`,
    );
  }
  return 0;
}

/** Where the keys of the fleet are. The bundle has no secrets, and is of use to the boxes alone that have made the keys. */
async function signKeys(
  call: CommandCall,
  folder: string,
  files: { readonly keys: string; readonly bundle: string },
): Promise<number> {
  const { boxes } = readBoxKeys(await readText(files.keys, MAX_FILE_BYTES));
  const fleet = await FleetAuthority.open(folder);
  const { bundle, refused } = await fleet.issueBundle(boxes);
  for (const { id, name, key } of boxes) {
    const why = refused.get(id);
    call.write(`${id}  ${oneLine(name)}: ${why === undefined ? `signed ${key}` : `not signed: ${why}`}\n`);
  }
  if (Object.keys(bundle.boxes).length > 0) {
    await replaceFile(files.bundle, `${JSON.stringify(bundle)}\n`);
    call.write(`On a server: perch fleet hand-out ${files.bundle}\n`);
  }
  return refused.size === 0 ? 0 : 1;
}

async function revoke(call: CommandCall, folder: string, id: string, nowMs: number): Promise<number> {
  const keys = await FleetAuthority.open(folder);
  await keys.revoke(id, nowMs);
  call.write(`All credentials of ${id} that were issued so far are revoked.\n`);
  return publish(call, keys, nowMs);
}

/** One NATS server passes it on to its cluster. */
async function publish(call: CommandCall, keys: FleetAuthority, nowMs: number): Promise<number> {
  const failures: string[] = [];
  for (const server of serversOf(keys.natsURL)) {
    try {
      await publishAccount(server, keys, nowMs);
      call.write(`The NATS servers know it from now on (${server}).\n`);
      call.write(await closeStreams(server, keys, nowMs));
      return 0;
    } catch (error) {
      failures.push(explain(error));
    }
  }
  const remedy = 'each has to include fleet.conf of FOLDER; run perch fleet publish FOLDER when one answers';
  throw new PerchError('unavailable', `no NATS server knows it yet: ${failures.join('; ')}: ${remedy}`);
}

function memberFrom(role: Member['role'], id: string): Member {
  const isValid = role === 'box' ? /^[0-9a-f]{16}$/.test(id) : /^[a-z0-9][a-z0-9-]{0,31}$/.test(id);
  if (!isValid) {
    const wanted =
      role === 'box'
        ? 'the id of a box has 16 digits of 0-9 and a-f'
        : 'the name of a server has at most 32 of a-z, 0-9 and -';
    throw new PerchError('badInput', `'${id.slice(0, 64)}': ${wanted}`);
  }
  return { role, id };
}

/** The credential that the second word names; `-`: standard input. @throws PerchError */
export async function readCredentialOf(
  { words, cwd }: CommandCall,
  input: AsyncIterable<Uint8Array | string>,
): Promise<Credential> {
  const [, place = ''] = words;
  return credentialOf(place === '-' ? await textOf(input) : await readText(resolve(cwd, place)));
}

/** @throws PerchError badInput that does not show the text, which has a key */
function credentialOf(text: string): Credential {
  const value = parseJson(text);
  if (!Check(Credential, value)) {
    throw new PerchError(
      'badInput',
      'this is not a credential of a fleet: perch fleet box or perch fleet server issues one',
    );
  }
  return value;
}

/** @throws PerchError */
export async function readText(file: string, maxBytes = MAX_BYTES): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > maxBytes) {
      throw new PerchError('badInput', `${file} is larger than ${maxBytes} bytes`);
    }
    return text;
  } catch (cause) {
    throw cause instanceof PerchError ? cause : new PerchError('notFound', `${file} cannot be read`, { file }, cause);
  }
}

export async function textOf(input: AsyncIterable<Uint8Array | string>, maxBytes = MAX_BYTES): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += chunk.toString();
    if (text.length > maxBytes) {
      throw new PerchError('badInput', `standard input is larger than ${maxBytes} bytes`);
    }
  }
  return text;
}
