import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { explain, PerchError } from '../base/errors.ts';
import { loadPrivate, savePrivate } from '../base/files/durable-file.ts';
import type { Logger } from '../base/log.ts';
import { isPerchId } from '../onvif/device/perch-camera.ts';

/** In the data folder. */
export const ONVIF_FILE = 'onvif-device.json';
/** Cameras with a port each; as many as a Perch that searches takes from one address. */
export const MAX_CAMERAS = 128;

interface Stored {
  /** Of this Perch in the identities of its cameras. */
  readonly id: string;
  /** Offsets to the first port, by path. Those of removed cameras stay until others need them. */
  readonly ports: Readonly<Record<string, number>>;
}

/** Undefined for a damaged one. */
export function readDeviceFile(stored: unknown): Stored | undefined {
  const { id, ports } = (stored ?? {}) as Partial<Stored>;
  const isWhole =
    typeof id === 'string' &&
    isPerchId(id) &&
    typeof ports === 'object' &&
    ports !== null &&
    Object.values(ports).every((offset) => Number.isInteger(offset) && offset >= 0 && offset < MAX_CAMERAS);
  return isWhole ? { id, ports } : undefined;
}

/** Identity and ports, which recorders store: both stay over restarts. */
export class DeviceFile {
  readonly #file: string;
  #id: string;
  #ports: ReadonlyMap<string, number>;

  static async open(dataDir: string, log: Logger): Promise<DeviceFile> {
    const file = join(dataDir, ONVIF_FILE);
    const stored = await loadPrivate(file).catch((error: unknown) => explain(error));
    const known = readDeviceFile(stored);
    if (stored !== undefined && !known) {
      log.error({ file }, 'the ports of the ONVIF device cannot be read: recorders may have to add the cameras again');
    }
    return new DeviceFile(file, known ?? { id: randomBytes(5).toString('hex'), ports: {} }, known !== undefined);
  }

  #isSaved: boolean;

  private constructor(file: string, { id, ports }: Stored, isSaved: boolean) {
    this.#file = file;
    this.#id = id;
    this.#ports = new Map(Object.entries(ports));
    this.#isSaved = isSaved;
  }

  get id(): string {
    return this.#id;
  }

  /** Offsets for these cameras; those beyond the limit have none. Saved before they are used. */
  async assign(paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const ports = assignPorts(this.#ports, paths);
    if (ports !== this.#ports || !this.#isSaved) {
      await savePrivate(this.#file, { id: this.#id, ports: Object.fromEntries(ports) });
      this.#ports = ports;
      this.#isSaved = true;
    }
    return new Map(paths.flatMap((path) => (ports.has(path) ? [[path, ports.get(path) ?? 0] as const] : [])));
  }
}

/** Known cameras keep their offset; new ones get the lowest that was never used, else that of a removed camera. */
function assignPorts(known: ReadonlyMap<string, number>, paths: readonly string[]): ReadonlyMap<string, number> {
  const added = paths.filter((path) => !known.has(path));
  if (added.length === 0) {
    return known;
  }
  const ports = new Map(known);
  for (const path of added) {
    const used = new Set(ports.values());
    const unused = Array.from({ length: MAX_CAMERAS }, (_, offset) => offset).find((offset) => !used.has(offset));
    const [removed] = [...ports].find(([other]) => !paths.includes(other)) ?? [];
    const offset = unused ?? (removed === undefined ? undefined : ports.get(removed));
    if (offset === undefined) {
      break;
    }
    if (unused === undefined && removed !== undefined) {
      ports.delete(removed);
    }
    ports.set(path, offset);
  }
  return ports;
}

/** @throws PerchError badInput beyond 65535 */
export function portAt(first: number, offset: number): number {
  if (first + offset > 65_535) {
    throw new PerchError('badInput', `port ${first + offset} does not exist: choose a lower onvifAddress`);
  }
  return first + offset;
}
