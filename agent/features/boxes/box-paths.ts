import { hostname } from 'node:os';
import { PerchError } from '../../base/errors.ts';
import type { Config } from '../../config/load/load.ts';
import { isCatchAll, isStreamPath } from '../../config/values/path-name.ts';
import { type RemotePath, remotePathOf, sourceOf } from '../../config/values/remote-path.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import type { Boxes, BoxItem } from './client/boxes.ts';
import type { BoxAnswer, BoxControl, CamerasWanted } from './routes.ts';

/** A larger offset of a box's clock is a problem: on a timeline of both, recordings of the same moment are shown at different times. */
const MAX_CLOCK_OFFSET_S = 2;

const SUB_SUFFIX = '_sub';

/** The server's side of a pairing: boxes, and the paths of their cameras in the configuration. */
export class BoxPaths implements BoxControl {
  readonly #boxes: Boxes;
  readonly #host: Pick<Host, 'settings' | 'revise'>;
  readonly #linkFault: (id: string) => string | undefined;

  /** @param linkFault why a box that is on the bus of a fleet does not connect to this server */
  constructor(
    boxes: Boxes,
    host: Pick<Host, 'settings' | 'revise'>,
    linkFault: (id: string) => string | undefined = () => undefined,
  ) {
    this.#boxes = boxes;
    this.#host = host;
    this.#linkFault = linkFault;
  }

  list(): readonly BoxAnswer[] {
    const here = pathsHere(this.#host.settings());
    return this.#boxes
      .list()
      .map((box) => cameraJson(box.error === undefined ? { ...box, error: this.#linkFault(box.id) } : box, here));
  }

  problems(): readonly FeatureProblem[] {
    return this.list().flatMap(({ name, state, since, error, clockOffset }) => [
      ...(state === 'refused' ? [{ name, why: state, text: error ?? state, since }] : []),
      ...(clockOffset !== null && Math.abs(clockOffset) > MAX_CLOCK_OFFSET_S
        ? [{ name, why: 'clock', text: clockText(clockOffset), since: null }]
        : []),
    ]);
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
    // A name of the box must not become a pattern here.
    const isName = (path: string) => isStreamPath(path) && !isCatchAll(path);
    const isWanted = (path: string) => cameras === 'all' || cameras.includes(path) || cameras.includes(mainOf(path));
    await this.#host.revise((config) => {
      const here = pathsHere(config);
      const nameHere = (path: string) => here.get(remotePathKey({ box: id, path }));
      const missing = box.cameras.filter(({ path }) => isName(path) && isWanted(path) && nameHere(path) === undefined);
      return [...Map.groupBy(missing, ({ path }) => mainOf(path))].flatMap(([main, group]) => {
        // A sub stream that is offered later gets the prefix of its camera.
        const known = prefixOf(nameHere(main), main);
        const isFree = (prefix: string) => group.every(({ path }) => !config.paths.has(prefix + path));
        const prefix = known !== undefined && isFree(known) ? known : freePrefix(box.name, isFree);
        return group.map(({ path, name }) => ({
          keyPath: ['paths', prefix + path],
          value: {
            source: sourceOf({ box: id, path }),
            sourceOnDemand: true,
            ...(name !== null && { camera: { name } }),
          },
        }));
      });
    });
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
    await this.#host.revise((config) =>
      [...config.paths].flatMap(([name, { settings }]) =>
        remotePathOf(settings?.source ?? '')?.box === id ? [{ keyPath: ['paths', name], value: undefined }] : [],
      ),
    );
    return this.#boxes.remove(id);
  }
}

const remotePathKey = ({ box, path }: RemotePath): string => `${box} ${path}`;

/** Names of the local paths, by box and path there. */
function pathsHere({ paths }: Pick<Config, 'paths'>): ReadonlyMap<string, string> {
  const here = new Map<string, string>();
  for (const [name, { settings }] of paths) {
    const remote = remotePathOf(settings?.source ?? '');
    if (remote) {
      here.set(remotePathKey(remote), name);
    }
  }
  return here;
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
  {
    id,
    name,
    version,
    state,
    sinceMs,
    error,
    seenMs,
    clockOffsetMs,
    addresses,
    linked,
    live,
    recordings,
    talk,
    turn,
    switch: switches,
    settings,
    cameras,
  }: BoxItem,
  here: ReadonlyMap<string, string>,
): BoxAnswer => ({
  id,
  name,
  version,
  state,
  live,
  recordings,
  talk,
  turn,
  switch: switches,
  settings,
  since: new Date(sinceMs).toISOString(),
  error: error ?? null,
  seen: seenMs === 0 ? null : new Date(seenMs).toISOString(),
  clockOffset: clockOffsetMs === undefined ? null : Math.round(clockOffsetMs / 100) / 10,
  addresses: [...addresses],
  linked,
  cameras: cameras.map((camera) => ({
    ...camera,
    here: here.get(remotePathKey({ box: id, path: camera.path })) ?? null,
  })),
});

const clockText = (offset: number): string =>
  `its clock is ${Math.abs(offset)} s ${offset > 0 ? 'ahead of' : 'behind'} the clock here: its recordings and events have other times than those of this server; enable time synchronisation on both`;
