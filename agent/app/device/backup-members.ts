import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DEVICES_FILE, readDevices, restoredDevices } from '../../auth/accounts/device-passwords.ts';
import { guestIds, restoredGuests } from '../../auth/accounts/guests.ts';
import { FACTOR_FILE } from '../../auth/accounts/second-factor.ts';
import { isKeyFile } from '../../auth/accounts/secret-key.ts';
import { sessionsOf } from '../../auth/accounts/sessions-file.ts';
import { readPeople, type StoredPerson } from '../../auth/accounts/users.ts';
import { readServers, restoredServers, SERVERS_FILE } from '../../auth/pairing/paired-servers.ts';
import type { Backup, Member } from '../../backup/document.ts';
import { checkParts, checkYamlParts } from '../../backup/parts.ts';
import { parseJson, readWhole, type Write } from '../../backup/staged.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { LAYOUTS_FILE, readLayouts } from '../../cameras/layouts.ts';
import type { BackupFile } from '../../features/contract.ts';
import { joinRanges, readRanges } from '../../record/retention/protected-ranges.ts';
import { readIssued } from '../../tls/own-certificate.ts';

/** The configuration, regardless of its file's name and folder. */
export const CONFIG = 'perch.yml';
export const USERS = 'users.json';
export const PROTECTED = 'protected.json';
export const GUESTS = 'guests.json';
const SESSIONS = 'sessions.json';
const KEY_FILE = 'secret.json';

/** Files of the data folder in a backup, without those of features, with checks that throw for damaged ones. */
const CHECKS: Readonly<Record<string, (text: string) => unknown>> = {
  [USERS]: (text) => readPeople(JSON.parse(text)),
  [GUESTS]: (text) => isTrue(guestIds(JSON.parse(text)) !== undefined),
  [DEVICES_FILE]: (text) => isTrue(readDevices(JSON.parse(text)) !== undefined),
  [SERVERS_FILE]: (text) => isTrue(readServers(JSON.parse(text)) !== undefined),
  [KEY_FILE]: (text) => isTrue(isKeyFile(JSON.parse(text))),
  [PROTECTED]: readRanges,
  [LAYOUTS_FILE]: (text) => readLayouts(JSON.parse(text)),
  'tls/authority.pem': (text) => isTrue(readIssued(text) !== undefined),
  'tls/server.pem': (text) => isTrue(readIssued(text) !== undefined),
};

/** The files of a backup. */
export class BackupMembers {
  readonly #checks: Readonly<Record<string, (text: string) => unknown>>;

  /** @param files of features */
  constructor(files: readonly BackupFile[]) {
    const added = files.map(({ name, isWhole }) => [name, (text: string) => isTrue(isWhole(text))] as const);
    this.#checks = { ...CHECKS, ...Object.fromEntries(added) };
  }

  get names(): ReadonlySet<string> {
    return new Set([CONFIG, ...Object.keys(this.#checks)]);
  }

  /**
   * Reads the existing files. Damaged ones are left out, since a restore would reject the backup.
   * @throws PerchError unavailable if users.json is damaged
   */
  async read(dataDir: string, log: Logger): Promise<readonly Member[]> {
    const members: Member[] = [];
    for (const name of Object.keys(this.#checks)) {
      const text = await readWhole(join(dataDir, name));
      if (text !== undefined && this.#isWhole(name, text, log)) {
        members.push({ name, text });
      }
    }
    return members;
  }

  #isWhole(name: string, text: string, log: Logger): boolean {
    try {
      this.#check(name, text);
      return true;
    } catch (cause) {
      if (name === USERS) {
        throw new PerchError('unavailable', `cannot back up: ${name} is damaged`, {}, cause);
      }
      log.error({ file: name }, 'damaged file left out of the backup');
      return false;
    }
  }

  /** Checks all but the configuration. @throws PerchError badInput that names the first damaged or missing one */
  check({ members }: Backup): void {
    for (const name of [CONFIG, USERS]) {
      if (memberText(members, name) === undefined) {
        throw new PerchError('badInput', `the backup has no ${name}`, { why: 'damaged' });
      }
    }
    for (const { name, text } of members) {
      try {
        this.#check(name, text);
      } catch (cause) {
        // A parser's message may contain a secret.
        const why = cause instanceof PerchError ? `: ${cause.message}` : '';
        throw new PerchError('badInput', `${name} of the backup is damaged${why}`, { why: 'damaged' }, cause);
      }
    }
  }

  #check(name: string, text: string): void {
    if (name.endsWith('.json')) {
      // The largest file has 200 guest links, each for 500 cameras.
      checkParts(text, 110_000);
    } else if (name === CONFIG) {
      // Some ten parts for each of thousands of paths.
      checkYamlParts(text, 50_000);
    }
    this.#checks[name]?.(text);
  }
}

export const memberText = (members: readonly Member[], name: string): string | undefined =>
  members.find((member) => member.name === name)?.text;

/** Differences between the people of a backup and now. */
interface PeopleChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** With another password, role or other rights. */
  readonly changed: readonly string[];
  readonly same: readonly string[];
  /** With the same password and role, whatever their rights. */
  readonly sameLogin: ReadonlySet<string>;
}

/** @param before of a `users.json`, or undefined before the first person */
export function peopleChange(before: string | undefined, after: string): PeopleChange {
  const [old, now] = [peopleIn(before), peopleIn(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const both = names.filter((name) => old.has(name) && now.has(name));
  const isSame = (name: string) => isDeepStrictEqual(old.get(name), now.get(name));
  return {
    added: names.filter((name) => !old.has(name)),
    removed: names.filter((name) => !now.has(name)),
    changed: both.filter((name) => !isSame(name)),
    same: both.filter(isSame),
    sameLogin: new Set(both.filter((name) => old.get(name)?.login === now.get(name)?.login)),
  };
}

type Counts = Record<'added' | 'removed' | 'same', number>;

/** Guest links. @param before of a `guests.json`, if there is one */
export function linksChange(before: string | undefined, after: string | undefined): Counts {
  const { guests } = restoredGuests(parseJson(before ?? ''), parseJson(after ?? ''));
  return countsOf(guestIds(parseJson(before ?? '')) ?? new Set(), guests);
}

/** Device passwords. @param before of a `device-passwords.json`, if there is one */
export function devicesChange(before: string | undefined, after: string | undefined): Counts {
  const [old, backup] = [devicesIn(before), devicesIn(after)];
  return countsOf(new Set(old?.devices.map(({ id }) => id)), restoredDevices(backup, old).devices);
}

const devicesIn = (text: string | undefined) => readDevices(parseJson(text ?? ''));

function countsOf(before: ReadonlySet<string>, restored: readonly { readonly id: string }[]): Counts {
  const same = restored.filter(({ id }) => before.has(id)).length;
  return { added: restored.length - same, removed: before.size - same, same };
}

/**
 * The writes of a restore: guest links are replaced; a secret or certificate that the backup lacks stays. Sessions and protected
 * recordings are merged at the next start.
 *
 * @param config the file of the configuration, absolute, and its text
 */
export function writesOf({ members }: Backup, config: Write): readonly Write[] {
  const links = memberText(members, GUESTS) === undefined ? [{ file: GUESTS, text: null }] : [];
  // Revocations of this box stay even if the backup has no device passwords.
  const devices = { file: DEVICES_FILE, text: memberText(members, DEVICES_FILE) ?? '{"devices":[],"revoked":[]}\n' };
  const others = members
    .filter(({ name }) => name !== CONFIG && name !== DEVICES_FILE)
    .map(({ name, text }) => ({ file: name, text }));
  // First, because the configuration may be on another disk, where the write may fail.
  return [config, ...links, devices, ...others];
}

/**
 * Keeps sessions of people whose password is the same, protections of recordings, and revocations. Another box's key cannot decrypt the
 * second factor, which is removed. Sessions and the second factor are written before the files that decide about them, so that a repeated
 * run gives the same result.
 */
export async function reviseWrites(
  dataDir: string,
  writes: readonly Write[],
  files: readonly BackupFile[],
): Promise<readonly Write[]> {
  const [first, ...others] = writes;
  const users = writes.find(({ file }) => file === USERS)?.text;
  if (!first || typeof users !== 'string') {
    return writes;
  }
  const { sameLogin } = peopleChange(await readWhole(join(dataDir, USERS)), users);
  const sessions = sessionsOf(parseJson((await readWhole(join(dataDir, SESSIONS))) ?? ''), sameLogin);
  const kept = await readWhole(join(dataDir, PROTECTED));
  const devices = await readWhole(join(dataDir, DEVICES_FILE));
  const servers = await readWhole(join(dataDir, SERVERS_FILE));
  const links = parseJson((await readWhole(join(dataDir, GUESTS))) ?? '');
  const written = (name: string) => writes.find(({ file }) => file === name)?.text ?? undefined;
  const now = (name: string) => readWhole(join(dataDir, name));
  const secrets = { backupSecret: written(KEY_FILE), secret: await now(KEY_FILE) };
  const restored = await Promise.all(
    files
      .filter((file) => file.restored)
      .map(async (file) => {
        const texts = { backup: written(file.name), now: await now(file.name), ...secrets };
        return { name: file.name, text: file.restored?.(texts) };
      }),
  );
  return [
    first,
    { file: SESSIONS, text: `${JSON.stringify(sessions, undefined, 2)}\n` },
    ...((await isOtherKey(dataDir, writes)) ? [{ file: FACTOR_FILE, text: null }] : []),
    ...restored.flatMap(({ name, text }) => (text === undefined ? [] : { file: name, text })),
    ...others.flatMap((write) => {
      if (restored.some(({ name }) => name === write.file)) {
        return [];
      }
      if (write.file === PROTECTED && write.text !== null) {
        return { ...write, text: joined(write.text, kept) };
      }
      if (write.file === GUESTS) {
        return { ...write, text: guestsText(links, write.text) };
      }
      if (write.file === SERVERS_FILE) {
        return { ...write, text: serversText(servers, write.text) };
      }
      return write.file === DEVICES_FILE ? { ...write, text: devicesText(devices, write.text) } : write;
    }),
  ];
}

async function isOtherKey(dataDir: string, writes: readonly Write[]): Promise<boolean> {
  const next = writes.find(({ file }) => file === KEY_FILE)?.text ?? undefined;
  const now = await readWhole(join(dataDir, KEY_FILE));
  return next !== undefined && !isDeepStrictEqual(parseJson(next), parseJson(now ?? ''));
}

/** Revoked device passwords stay revoked. @param now this box's file */
const devicesText = (now: string | undefined, text: string | null): string =>
  `${JSON.stringify(restoredDevices(devicesIn(text ?? undefined), devicesIn(now)), undefined, 2)}\n`;

/** Revoked pairings stay revoked. */
function serversText(now: string | undefined, text: string | null): string | null {
  const restored = readServers(parseJson(text ?? ''));
  const servers = restored && restoredServers(restored, readServers(parseJson(now ?? '')));
  return servers ? `${JSON.stringify(servers, undefined, 2)}\n` : text;
}

/** Revoked guest links stay revoked. */
const guestsText = (now: unknown, text: string | null): string =>
  `${JSON.stringify(restoredGuests(now, parseJson(text ?? '')), undefined, 2)}\n`;

/** @param kept what is currently protected */
export const joined = (text: string, kept: string | undefined): string =>
  joinRanges(kept === undefined ? [] : readRanges(kept), readRanges(text));

/** Empty if the file is damaged. */
function peopleIn(text: string | undefined): ReadonlyMap<string, StoredPerson> {
  try {
    return readPeople(parseJson(text ?? ''));
  } catch {
    return new Map();
  }
}

function isTrue(isGood: boolean): void {
  if (!isGood) {
    throw new PerchError('badInput', 'it has other contents');
  }
}
