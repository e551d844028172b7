import type { FastifyInstance } from 'fastify';
import { askedLinks, findBoxes } from '../../../system/mdns/find-boxes.ts';
import type { Config } from '../../config/load/load.ts';
import { remotePathOf } from '../../config/values/remote-path.ts';
import type { CameraCommands } from '../../http/api/cameras/camera-control.ts';
import type { ProtectionLookup } from '../../http/api/recordings/protected.ts';
import { verifySignatures } from '../../http/auth/signed-requests.ts';
import type { PathBox } from '../../paths/path-status.ts';
import type { SourceProtocol } from '../../protocols/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import type { TransferKind } from '../../recordings/copy/transfer-kind.ts';
import type { FeatureProblem, FeatureRoutes, Host, OpenFeature } from '../contract.ts';
import { BoxPaths } from './box-paths.ts';
import { jsonOf } from './client/box-client.ts';
import { Boxes } from './client/boxes.ts';
import type { BoxFetchesDeps } from './fetch/box-fetches.ts';
import { BoxLook, FetchRequest } from './fetch/fetch-request.ts';
import { RemoteCameras } from './remote-cameras.ts';
import { boxRoutes } from './routes.ts';
import { pairedRecordingRoutes } from './serving/paired-recording-routes.ts';
import { pairedServerRoutes } from './serving/paired-server-routes.ts';
import { pairedSettingsRoutes } from './serving/paired-settings-routes.ts';
import { Pairing } from './serving/pairing.ts';
import { OwnRecordingFiles } from './serving/recording-files.ts';
import { perchSource } from './source.ts';
import { UnsharedCameras } from './unshared-cameras.ts';

/** Recordings of paired boxes. */
const fetchKind = (deps: BoxFetchesDeps): TransferKind => ({
  kind: 'fetch',
  request: FetchRequest,
  look: BoxLook,
  load: async () => {
    const { BoxFetches } = await loadLate('fetching of recordings', () => import('./fetch/box-fetches.ts'));
    return new BoxFetches(deps);
  },
});

/** Both sides of a pairing: the servers that show cameras of this box, and the boxes whose cameras it shows. */
export class ManyBoxes implements OpenFeature {
  readonly sources: readonly SourceProtocol[];
  readonly routes: readonly FeatureRoutes[];
  readonly transfers: readonly TransferKind[];
  readonly store: RemoteCameras;
  readonly #boxes: Boxes;
  readonly #paths: BoxPaths;
  readonly #pairing: Pairing;
  readonly #unshared: UnsharedCameras;
  readonly #settings: () => Config;
  readonly #links: Host['boxLinks'];

  constructor(host: Host) {
    const { network, clock, servers } = host;
    this.#boxes = new Boxes({
      ...host,
      findBoxes:
        network &&
        (async (ids, signal) =>
          host.settings().mdns ? findBoxes(ids, askedLinks(network.interfaces), { clock, signal }) : new Map()),
    });
    this.#paths = new BoxPaths(this.#boxes, host, (id) => host.boxLinks.bus.carrier?.fault?.(id));
    this.#pairing = new Pairing(host);
    this.#links = host.boxLinks;
    host.boxLinks.pairings = {
      find: (box, server) => this.#boxes.linked(box, server),
      has: (box) => this.#boxes.isLinked(box),
      mayAdd: () => this.#boxes.mayAdd(),
      add: (box) => this.#boxes.addLinked(box),
      showCameras: (box) => this.#paths.addCameras(box, 'all'),
    };
    this.store = new RemoteCameras({ ...host, boxes: this.#boxes });
    this.transfers = [fetchKind({ ...host, boxes: this.#boxes })];
    this.#unshared = new UnsharedCameras(this.#boxes, clock);
    this.sources = [perchSource(this.#boxes, this.#unshared)];
    this.#settings = () => host.settings();
    this.routes = [
      {
        listener: 'main',
        mount: async (app, access) => {
          const wallMs = () => clock.wallMs();
          const may = (server: string, path: string) => servers.find(server)?.may('playback', path) === true;
          await app.register(pairedServerRoutes, { access, pairing: this.#pairing, wallMs });
          await app.register(pairedSettingsRoutes, { host });
          await app.register(pairedRecordingRoutes, { access, files: new OwnRecordingFiles(host), may });
        },
      },
      {
        listener: 'main',
        right: 'admin',
        mount: async (app) => boxRoutes(app, this.#paths, () => this.store.settings()),
      },
    ];
  }

  async begin(): Promise<void> {
    await this.#boxes.open();
    // Not earlier: what belongs to a box that is not listed is deleted.
    this.#links.asking = {
      list: () =>
        this.#boxes.list().map(({ id, name, state, sinceMs, fleet }) => ({
          ...{ id, name, sinceMs, isConnected: state === 'connected', mayHandOut: fleet },
        })),
      ask: async (box, method, path, body, signal) =>
        jsonOf(
          await this.#boxes.request(box, method, path, {
            ...{ signal, isShort: true, isBackground: true },
            ...(body !== undefined && { body }),
          }),
        ),
    };
  }

  started(): Promise<void> {
    return this.#paths.begin();
  }

  applied(): Promise<void> {
    this.#paths.changed();
    return this.store.apply();
  }

  async close(): Promise<void> {
    await this.#paths.close();
    await this.store.close();
    await this.#boxes.close();
  }

  authenticate(app: FastifyInstance): void {
    const { signatures, servers, connections } = this.#pairing;
    verifySignatures(app, { signatures, paired: servers }, connections);
  }

  steering(own: CameraCommands): CameraCommands {
    return this.store.steering(own);
  }

  get protection(): ProtectionLookup {
    return this.store.protection;
  }

  boxOf(source: string): (() => PathBox | undefined) | undefined {
    const remote = remotePathOf(source);
    return remote && (() => this.#boxes.presence(remote.box));
  }

  problems(): readonly FeatureProblem[] {
    return [...this.#paths.problems(), ...this.#unshared.problems(this.#settings())];
  }
}
