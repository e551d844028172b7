import { hostname } from 'node:os';
import { PerchError } from '../../base/errors.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { MAX_CAMERAS, type OfferedCamera, type SharedPath, type StoredBox } from './client/box-file.ts';
import type { Boxes, BoxItem } from './client/boxes.ts';
import type { BoxAnswer, BoxControl, CamerasWanted } from './routes.ts';
import {
  isPathName,
  newPath,
  pathKey,
  pathsHere,
  SharedPaths,
  type SharedPathsHost,
  withoutBox,
} from './shared-paths.ts';

/** A larger offset of a box's clock is a problem: on a timeline of both, recordings of the same moment are shown at different times. */
const MAX_CLOCK_OFFSET_S = 2;

const SUB_SUFFIX = '_sub';

/** The server's side of a pairing: boxes, and the paths of their cameras in the configuration. */
export class BoxPaths implements BoxControl {
  readonly #boxes: Boxes;
  readonly #host: Pick<Host, 'settings' | 'revise' | 'clock'>;
  readonly #shared: SharedPaths;
  readonly #linkFault: (id: string) => string | undefined;

  /** @param linkFault why a box that is on the bus of a fleet does not connect to this server */
  constructor(boxes: Boxes, host: SharedPathsHost, linkFault: (id: string) => string | undefined = () => undefined) {
    this.#boxes = boxes;
    this.#host = host;
    this.#linkFault = linkFault;
    this.#shared = new SharedPaths(boxes, host);
    boxes.onChange(() => this.#shared.changed());
  }

  /** Call this once the first configuration is in force. */
  begin(): Promise<void> {
    return this.#shared.begin();
  }

  /** Paths of this server have changed. */
  changed(): void {
    this.#shared.changed();
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  list(): readonly BoxAnswer[] {
    const here = pathsHere(this.#host.settings());
    return this.#boxes
      .list()
      .map((box) => cameraJson(box.error === undefined ? { ...box, error: this.#linkFault(box.id) } : box, here));
  }

  problems(): readonly FeatureProblem[] {
    const ofBoxes = this.list().flatMap(({ name, state, since, error, clockOffset }) => [
      ...(state === 'refused' ? [{ name, why: state, text: error ?? state, since }] : []),
      ...(clockOffset !== null && Math.abs(clockOffset) > MAX_CLOCK_OFFSET_S
        ? [{ name, why: 'clock', text: clockText(clockOffset), since: null }]
        : []),
    ]);
    return [...ofBoxes, ...this.#shared.problems()];
  }

  async add(invitation: string, cameras: CamerasWanted): Promise<BoxAnswer> {
    const { boxName } = this.#host.settings();
    const box = await this.#boxes.add(invitation, boxName === 'perch' ? hostname() : boxName);
    await this.#addPaths(box, cameras);
    return cameraJson(box, pathsHere(this.#host.settings()));
  }

  async addCameras(id: string, cameras: CamerasWanted): Promise<void> {
    await this.#boxes.refresh(id);
    const box = this.#boxes.item(id);
    if (box) {
      await this.#addPaths(box, cameras);
    }
  }

  async #addPaths(box: BoxItem, cameras: CamerasWanted): Promise<void> {
    const { id } = box;
    const unknown = cameras === 'all' ? undefined : cameras.find((path) => !box.cameras.some((it) => it.path === path));
    if (unknown !== undefined) {
      throw new PerchError('badInput', `box '${box.name}' does not offer '${unknown}'`);
    }
    const isWanted = (path: string) => cameras === 'all' || cameras.includes(path) || cameras.includes(mainOf(path));
    if (this.#boxes.isShared) {
      return this.#sharePaths(id, isWanted);
    }
    await this.#host.revise((config) => {
      const here = pathsHere(config);
      const names = newNames(box, {
        isWanted,
        nameOf: (path) => here.get(pathKey({ box: id, path })),
        isFree: (name) => !config.paths.has(name),
      });
      return box.cameras.flatMap(({ path, name: title }) => {
        const name = names.get(path);
        return name === undefined ? [] : [newPath(id, path, name, title)];
      });
    });
  }

  /** Every server of the database takes them from there, this one at once. */
  async #sharePaths(id: string, isWanted: (path: string) => boolean): Promise<void> {
    const { paths: before = [] } = this.#boxes.shared?.find((box) => box.id === id) ?? {};
    const addedMs = Math.max(this.#host.clock.wallMs(), ...before.map(({ added }) => added + 1));
    await this.#boxes.sharePaths(id, (box, taken) => {
      const config = this.#host.settings();
      const here = pathsHere(config);
      const shared = new Map((box.paths ?? []).map((one) => [one.path, one]));
      const isHere = (path: string) => here.has(pathKey({ box: id, path }));
      const nameOf = (path: string) => shared.get(path)?.name ?? here.get(pathKey({ box: id, path }));
      const own = new Set([...shared.values()].map(({ name }) => name));
      const isFree = (name: string) => !config.paths.has(name) && !taken.has(name) && !own.has(name);
      const names = newNames(box, { isWanted, nameOf, isFree });
      const offered = new Set(box.cameras.map(({ path }) => path));
      const ofOffered = box.cameras.flatMap(({ path }): SharedPath[] => {
        const [known, name = names.get(path)] = [shared.get(path), nameOf(path)];
        if (!isWanted(path) || (known && isHere(path))) {
          return known ? [known] : [];
        }
        // A name that another box has at the servers stays that of this one alone.
        return name === undefined || taken.has(name) ? [] : [{ path, name, added: addedMs }];
      });
      // What the box does not offer at present, it may offer again.
      return [...[...shared.values()].filter(({ path }) => !offered.has(path)), ...ofOffered].slice(-MAX_CAMERAS);
    });
    await this.#shared.take();
  }

  rename(id: string, name: string): void {
    this.#boxes.rename(id, name);
  }

  setAddresses(id: string, addresses: readonly string[]): void {
    this.#boxes.setAddresses(id, addresses);
  }

  async remove(id: string): Promise<boolean> {
    if (!this.#boxes.item(id)) {
      return false;
    }
    await this.#host.revise((config) => withoutBox(config, id));
    return this.#boxes.remove(id);
  }
}

interface Naming {
  isWanted(path: string): boolean;
  /** The name that the box's path has. */
  nameOf(path: string): string | undefined;
  isFree(name: string): boolean;
}

/** Names for cameras that have none yet, by path on the box. */
function newNames(
  { name: boxName, cameras }: Pick<StoredBox, 'name'> & { readonly cameras: readonly OfferedCamera[] },
  { isWanted, nameOf, isFree }: Naming,
): ReadonlyMap<string, string> {
  const missing = cameras.filter(({ path }) => isPathName(path) && isWanted(path) && nameOf(path) === undefined);
  const groups = [...Map.groupBy(missing, ({ path }) => mainOf(path))];
  return new Map(
    groups.flatMap(([main, group]) => {
      // A sub stream that is offered later gets the prefix of its camera.
      const known = prefixOf(nameOf(main), main);
      const areFree = (prefix: string) => group.every(({ path }) => isFree(prefix + path));
      const prefix = known !== undefined && areFree(known) ? known : freePrefix(boxName, areFree);
      return group.map(({ path }): [string, string] => [path, prefix + path]);
    }),
  );
}

const mainOf = (path: string): string => (path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : path);

/** The prefix of a path's name here, or undefined if the name differs in more than a prefix, or there is no such path. */
const prefixOf = (here: string | undefined, path: string): string | undefined =>
  here?.endsWith(path) ? here.slice(0, -path.length) : undefined;

/** An empty prefix, or `BOX/` if other paths already have the names. */
function freePrefix(box: string, isFree: (prefix: string) => boolean): string {
  const slug = box.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '') || 'box';
  for (let number = 0; ; number += 1) {
    const prefix = number === 0 ? '' : `${slug}${number === 1 ? '' : `-${number}`}/`;
    if (isFree(prefix)) {
      return prefix;
    }
  }
}

const cameraJson = (
  { sinceMs, error, seenMs, clockOffsetMs, cameras, ...box }: BoxItem,
  here: ReadonlyMap<string, string>,
): BoxAnswer => ({
  ...box,
  since: new Date(sinceMs).toISOString(),
  error: error ?? null,
  seen: seenMs === 0 ? null : new Date(seenMs).toISOString(),
  clockOffset: clockOffsetMs === undefined ? null : Math.round(clockOffsetMs / 100) / 10,
  addresses: [...box.addresses],
  cameras: cameras.map((camera) => ({
    ...camera,
    here: here.get(pathKey({ box: box.id, path: camera.path })) ?? null,
  })),
});

const clockText = (offset: number): string =>
  `its clock is ${Math.abs(offset)} s ${offset > 0 ? 'ahead of' : 'behind'} the clock here: its recordings and events have other times than those of this server; enable time synchronisation on both`;
