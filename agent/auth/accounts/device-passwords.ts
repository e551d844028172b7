import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { RevokedKey, UnsavedRevocations } from '../../base/files/unsaved-revocations.ts';
import type { Logger } from '../../base/log.ts';
import { damagedFile, type Problem } from '../../config/yaml/problem.ts';
import { coversPath } from './person.ts';
import type { SecretKey } from './secret-key.ts';
import { CameraSelection } from './users.ts';

const MAX_DEVICES = 100;
/** Maximum number of revoked ids, which are kept so that an older backup does not restore them. */
const MAX_REVOKED = 1_000;
const ID_BYTES = 12;
const MAX_DEVICE_NAME_CHARS = 64;
/** Characters of a password: no look-alikes and no capitals, because it may be typed with a remote control. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP_CHARS = 4;

const Id = Type.String({ pattern: '^[\\w-]{16}$' });
const Device = Type.Object({
  id: Id,
  name: Type.String({ minLength: 1, maxLength: MAX_DEVICE_NAME_CHARS }),
  user: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }),
  paths: CameraSelection,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  publish: Type.Boolean(),
  onvif: Type.Boolean(),
  /** Unix milliseconds. */
  created: Type.Number(),
  /** The password, encrypted with the key of secret.json; authenticates all fields above. */
  sealed: Type.String({ maxLength: 200 }),
});
type Stored = Static<typeof Device>;
const DevicesFile = Type.Object({
  devices: Type.Array(Device, { maxItems: MAX_DEVICES }),
  revoked: Type.Array(Id, { maxItems: MAX_REVOKED }),
});
type DevicesFile = Static<typeof DevicesFile>;

export const DEVICES_FILE = 'device-passwords.json';

interface DeviceRights {
  /** Path names; `all` includes future ones. A camera's sub stream (`door_sub`) is included. */
  readonly paths: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
  readonly publish: boolean;
  /** Whether the device may use ONVIF: watch live, get events and snapshots, and move cameras. */
  readonly onvif: boolean;
}

export interface NewDevice extends DeviceRights {
  /** Display name. */
  readonly name: string;
}

export interface DeviceItem extends NewDevice {
  readonly id: string;
  /** User name of the device's login. */
  readonly user: string;
  readonly createdMs: number;
}

/** A password, or a proof of one (HTTP Digest). */
interface DeviceProof {
  readonly password?: string | undefined;
  readonly proves?: ((password: string) => boolean) | undefined;
}

/** A device with its own password. */
export interface DeviceLogin {
  readonly name: string;
  readonly user: string;
  may(action: string, path: string): boolean;
  isRight(proof: DeviceProof): boolean;
}

/**
 * Passwords for players, recorders and publishers, in `device-passwords.json` of the data folder. They are generated and shown once.
 * Digest needs the password itself, so the file holds it encrypted with the key of `secret.json`; each check decrypts it.
 */
export class DevicePasswords {
  readonly #document: StoredDocument<typeof DevicesFile>;
  readonly #key: SecretKey;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Devices by user name. */
  #devices: ReadonlyMap<string, Stored> = new Map();
  #revoked: readonly string[] = [];
  #onRevoked: (user: string) => void = () => {};
  readonly #unsaved: UnsavedRevocations<typeof RevokedKey>;

  static async open(dataDir: string, key: SecretKey, clock: Clock, log: Logger): Promise<DevicePasswords> {
    const devices = new DevicePasswords(dataDir, key, clock, log);
    await devices.#load();
    return devices;
  }

  private constructor(dataDir: string, key: SecretKey, clock: Clock, log: Logger) {
    this.#document = new StoredDocument(join(dataDir, DEVICES_FILE), DevicesFile, log);
    this.#key = key;
    this.#clock = clock;
    this.#log = log;
    const save = (id: string) =>
      this.#change(
        (all) => all.filter((device) => device.id !== id),
        (revoked) => [...revoked.filter((one) => one !== id), id].slice(-MAX_REVOKED),
      );
    this.#unsaved = new UnsavedRevocations({ document: this.#document, schema: RevokedKey, save, log });
  }

  /** Why the stored passwords are lost; undefined: they are not. */
  get fault(): Problem | undefined {
    return damagedFile(this.#document);
  }

  /** The devices, newest first. */
  list(): readonly DeviceItem[] {
    return [...this.#devices.values()].map(deviceItem).reverse();
  }

  /** @param isTaken whether a person has this name @returns the password, which is not shown again */
  async add(
    request: NewDevice,
    isTaken: (user: string) => boolean,
  ): Promise<{ readonly item: DeviceItem; readonly password: string }> {
    const name = request.name.trim();
    if (name === '' || name.length > MAX_DEVICE_NAME_CHARS) {
      throw new PerchError('badInput', `the name of a device has 1 to ${MAX_DEVICE_NAME_CHARS} characters`);
    }
    const password = makePassword();
    let made: Stored | undefined;
    await this.#change((devices) => {
      if (devices.length >= MAX_DEVICES) {
        const message = `there are ${MAX_DEVICES} device passwords, which is the limit: revoke one`;
        throw new PerchError('badInput', message, { why: 'limit' });
      }
      const { paths, live, recordings, publish, onvif } = request;
      const terms = {
        id: randomBytes(ID_BYTES).toString('base64url'),
        name,
        user: freeName(name, (user) => isTaken(user) || devices.some((device) => device.user === user)),
        paths: paths === 'all' ? paths : [...new Set(paths)],
        live,
        recordings,
        publish,
        onvif,
        created: this.#clock.wallMs(),
      };
      made = { ...terms, sealed: this.#key.seal('devicePassword', password, termsOf(terms)) };
      return [...devices, made];
    });
    return { item: deviceItem(made as unknown as Stored), password };
  }

  /** @returns the revoked device @throws PerchError if that cannot be saved, so that it would work after a restart */
  async remove(id: string): Promise<DeviceItem | undefined> {
    const removed = [...this.#devices.values()].find((device) => device.id === id);
    if (removed) {
      await this.#unsaved.save(id, null).catch((error: unknown) => {
        if (this.#unsaved.has(id)) {
          this.#onRevoked(removed.user);
        }
        throw error;
      });
    }
    return removed && deviceItem(removed);
  }

  /** Called with the user name of each device whose password another server has revoked, or that can no longer be confirmed. */
  onRevoked(listener: (user: string) => void): void {
    this.#onRevoked = listener;
  }

  find(user: string): DeviceLogin | undefined {
    const device = this.#document.isCurrent ? this.#devices.get(user) : undefined;
    return device && !this.#unsaved.has(device.id)
      ? loginOf(device, (proof) => this.#isRight(device, proof))
      : undefined;
  }

  /** Reads the rights of devices in a data folder, without their passwords. Changes nothing. */
  static async read(dataDir: string): Promise<ReadonlyMap<string, DeviceLogin>> {
    const stored = await new StoredDocument(join(dataDir, DEVICES_FILE), DevicesFile).load();
    const devices = stored?.devices ?? [];
    return new Map(devices.map((device) => [device.user, loginOf(device, () => false)]));
  }

  /** Whether any device may do this. */
  anyMay(action: string, path: string): boolean {
    return [...this.#devices.values()].some((device) => mayDo(device, action, path));
  }

  #isRight(device: Stored, { password, proves }: DeviceProof): boolean {
    const known = this.#key.unseal('devicePassword', device.sealed, termsOf(device));
    if (known === undefined) {
      return false;
    }
    return proves ? proves(known) : timingSafeEqual(sha256(password ?? ''), sha256(known));
  }

  #take(stored: DevicesFile | undefined): void {
    const before = [...this.#devices.values()];
    this.#devices = byUser(stored?.devices ?? []);
    this.#revoked = stored?.revoked ?? [];
    for (const { id, user } of before) {
      if (this.#devices.get(user)?.id !== id) {
        this.#onRevoked(user);
      }
    }
  }

  async #load(): Promise<void> {
    this.#document.follow((stored) => this.#take(stored), {
      outdated: () => {
        for (const user of this.#devices.keys()) {
          this.#onRevoked(user);
        }
      },
      answers: () => this.#unsaved.saveAgain(),
    });
    const stored = await this.#document.open('device passwords cannot be read: create new ones');
    if (!stored) {
      return;
    }
    this.#devices = byUser(stored.devices);
    this.#revoked = stored.revoked;
    await this.#unsaved.open();
    const opens = (device: Stored) => this.#key.unseal('devicePassword', device.sealed, termsOf(device)) !== undefined;
    const lost = stored.devices.filter((device) => !opens(device)).map(({ name }) => name);
    if (lost.length > 0) {
      this.#log.error({ devices: lost }, 'device passwords do not fit secret.json: create new ones');
    }
  }

  /** Changes run in sequence; memory changes after the file. */
  #change(
    next: (devices: readonly Stored[]) => readonly Stored[],
    revoke: (revoked: readonly string[]) => readonly string[] = (revoked) => revoked,
  ): Promise<void> {
    return this.#document.change(async () => {
      const devices = next([...this.#devices.values()]);
      const revoked = revoke(this.#revoked);
      await this.#document.save(() => ({ devices, revoked }));
      this.#devices = byUser(devices);
      this.#revoked = revoked;
    });
  }
}

/** A `device-passwords.json` from a backup; undefined if damaged. */
export const readDevices = (stored: unknown): DevicesFile | undefined =>
  Check(DevicesFile, stored) ? stored : undefined;

/**
 * The device passwords after a restore: those of the backup except for those revoked since.
 * @param restored from the backup; undefined if it has none
 * @param kept of this box
 */
export function restoredDevices(restored: DevicesFile | undefined, kept: DevicesFile | undefined): DevicesFile {
  const revoked = [...new Set([...(restored?.revoked ?? []), ...(kept?.revoked ?? [])])].slice(-MAX_REVOKED);
  return { devices: (restored?.devices ?? []).filter(({ id }) => !revoked.includes(id)), revoked };
}

const loginOf = (device: Stored, isRight: DeviceLogin['isRight']): DeviceLogin => ({
  name: device.name,
  user: device.user,
  may: (action, path) => mayDo(device, action, path),
  isRight,
});

function mayDo({ paths, live, recordings, publish, onvif }: DeviceRights, action: string, path: string): boolean {
  const isGranted =
    (action === 'read' && (live || onvif)) ||
    (action === 'playback' && recordings) ||
    (action === 'publish' && publish) ||
    (action === 'onvif' && onvif);
  return isGranted && path !== '' && coversPath(paths, path);
}

/** A password of four groups of four characters, which are 80 bits. */
function makePassword(): string {
  const group = () => Array.from({ length: GROUP_CHARS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}

/** A user name that fits into any URL, made of the display name. */
function freeName(name: string, isTaken: (user: string) => boolean): string {
  const plain = name.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '');
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  const slug = words.slice(0, 24).replace(/-+$/, '') || 'device';
  for (let number = 1; ; number += 1) {
    const user = number === 1 ? slug : `${slug}-${number}`;
    // `any` is a wildcard in authInternalUsers.
    if (user !== 'any' && !isTaken(user)) {
      return user;
    }
  }
}

/** Additional authenticated data of the encryption, so that neither rights nor names in the file can be edited. */
function termsOf(device: Omit<Stored, 'sealed'>): string {
  const { id, name, user, paths, live, recordings, publish, onvif, created } = device;
  return JSON.stringify([id, name, user, paths, live, recordings, publish, onvif, created]);
}

const byUser = (devices: readonly Stored[]) => new Map(devices.map((device) => [device.user, device]));

const deviceItem = ({ sealed: _, created, ...device }: Stored): DeviceItem => ({ ...device, createdMs: created });

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
