import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import { isPerchId } from '../../../onvif/device/perch-camera.ts';

/** Name of the file in the data folder. */
export const ONVIF_FILE = 'onvif-device.json';
/** Maximum number of cameras, each with its own port: a Perch that searches takes as many from one address. */
export const MAX_CAMERAS = 128;

const Stored = Type.Object({
  /** Id of this Perch, which is part of the identities of its cameras. */
  id: Type.Refine(Type.String(), isPerchId),
  /** Offsets from the first port, by path. Offsets of removed cameras are kept until other cameras need them. */
  ports: Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: MAX_CAMERAS - 1 })),
});
type Stored = Static<typeof Stored>;

/** Undefined if the stored value is damaged. */
export const readDeviceFile = (stored: unknown): Stored | undefined => (Check(Stored, stored) ? stored : undefined);

/** Id and ports, which recorders store: neither changes with a restart. */
export class DeviceFile {
  readonly #document: StoredDocument<typeof Stored>;
  #id: string;
  #ports: ReadonlyMap<string, number>;

  static async open(dataDir: string, log: Logger): Promise<DeviceFile> {
    const document = new StoredDocument(join(dataDir, ONVIF_FILE), Stored, log);
    const known = await document.open(
      'the ports of the ONVIF device cannot be read: recorders may have to add the cameras again',
    );
    return new DeviceFile(document, known ?? { id: randomBytes(5).toString('hex'), ports: {} }, known !== undefined);
  }

  #isSaved: boolean;

  private constructor(document: StoredDocument<typeof Stored>, { id, ports }: Stored, isSaved: boolean) {
    this.#document = document;
    this.#id = id;
    this.#ports = new Map(Object.entries(ports));
    this.#isSaved = isSaved;
  }

  get id(): string {
    return this.#id;
  }

  /** Offsets for these cameras; cameras beyond the limit have none. Offsets are saved before they are used. */
  async assign(paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const ports = assignPorts(this.#ports, paths);
    if (ports !== this.#ports || !this.#isSaved) {
      await this.#document.save(() => ({ id: this.#id, ports: Object.fromEntries(ports) }));
      this.#ports = ports;
      this.#isSaved = true;
    }
    return new Map(paths.flatMap((path) => (ports.has(path) ? [[path, ports.get(path) ?? 0] as const] : [])));
  }
}

/** Known cameras keep their offset; a new one gets the lowest that was never used, else that of a removed camera. */
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

/** @throws PerchError badInput if the port would exceed 65535 */
export function portAt(first: number, offset: number): number {
  if (first + offset > 65_535) {
    throw new PerchError('badInput', `port ${first + offset} does not exist: choose a lower onvifAddress`);
  }
  return first + offset;
}
