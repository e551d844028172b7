import type { PairedServers } from '../../auth/pairing/paired-servers.ts';
import { remotePathOf } from '../../config/values/remote-path.ts';
import type { PathBox } from '../../paths/path-status.ts';
import type { RemoteBoxes } from '../../protocols/contract.ts';
import { BoxPaths, type BoxPathsDeps } from './box-paths.ts';
import type { Boxes } from './client/boxes.ts';
import { remoteBoxes } from './client/rtsp-channel.ts';
import type { RemoteCamerasDeps } from './recordings/remote-parts.ts';
import { RemoteCameras } from './remote-cameras.ts';
import type { BoxClient } from './requests/box-requests.ts';

interface ManyBoxesDeps extends RemoteCamerasDeps, BoxPathsDeps {
  readonly boxes: Boxes;
  readonly pairedServers: PairedServers;
}

/** Both sides of a pairing: the servers that show cameras of this box, and the boxes whose cameras it shows. */
export class ManyBoxes {
  readonly servers: PairedServers;
  readonly paths: BoxPaths;
  /** Recordings of all cameras, here and on other boxes. */
  readonly recordings: RemoteCameras;
  /** Connections of `perch://` sources. */
  readonly channels: RemoteBoxes;
  /** Signed requests. */
  readonly client: BoxClient;
  readonly #boxes: Boxes;

  constructor(deps: ManyBoxesDeps) {
    this.servers = deps.pairedServers;
    this.paths = new BoxPaths(deps);
    this.recordings = new RemoteCameras(deps);
    this.channels = remoteBoxes(deps.boxes);
    this.#boxes = deps.boxes;
    this.client = deps.boxes;
  }

  /** For the status of a path. @returns undefined for a source that is not a camera of a box */
  boxOf(source: string): (() => PathBox | undefined) | undefined {
    const remote = remotePathOf(source);
    return remote && (() => this.#boxes.presence(remote.box));
  }

  async close(): Promise<void> {
    await this.recordings.close();
    await this.#boxes.close();
  }
}
