import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { type RemotePath, remotePathOf } from '../../config/values/remote-path.ts';
import type { FeatureProblem } from '../contract.ts';
import type { Boxes, BoxItem } from './client/boxes.ts';

/** Pause before a path that is not on demand asks again. */
const AGAIN_MS = 30_000;

interface Refusal {
  readonly remote: RemotePath;
  readonly sinceMs: number;
}

/** Cameras that boxes do not show to this server, by the names of their paths here. */
export class UnsharedCameras {
  readonly #boxes: Pick<Boxes, 'item' | 'refresh'>;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #refused = new Map<string, Refusal>();

  constructor(boxes: Pick<Boxes, 'item' | 'refresh'>, clock: Pick<Clock, 'wallMs'>) {
    this.#boxes = boxes;
    this.#clock = clock;
  }

  /** The box plays the camera. */
  played(name: string): void {
    this.#refused.delete(name);
  }

  /** @returns the failure for people, or the given one if the camera is not refused and the box was not removed */
  refused(name: string, remote: RemotePath, failure: unknown): unknown {
    const { absence } = failure instanceof PerchError ? failure.context : {};
    const box = this.#boxes.item(remote.box);
    if (!box && failure instanceof PerchError && failure.code === 'notFound') {
      const context = { path: name, why: 'away', absence: 'boxUnknown', waitMs: AGAIN_MS };
      return new PerchError('unavailable', failure.message, context, failure);
    }
    if (!box || (absence !== 'password' && absence !== 'forbidden')) {
      return failure;
    }
    const { sinceMs = this.#clock.wallMs() } = this.#refused.get(name) ?? {};
    putBounded(this.#refused, name, { remote, sinceMs }, 8_000);
    // The pairing may have changed since the server asked, up to a minute ago.
    void this.#boxes.refresh(remote.box);
    // `away`: viewers that wait get the answer at once.
    const context = { path: name, why: 'away', absence: 'notShared', waitMs: AGAIN_MS };
    return new PerchError('unavailable', textOf(box, remote), context);
  }

  /** Those of paths on demand: the others have their own. */
  problems(config: Config): readonly FeatureProblem[] {
    return [...this.#refused].flatMap(([name, { remote, sinceMs }]) => {
      const box = this.#boxes.item(remote.box);
      const settings = resolvePath(config, name)?.settings;
      const isHere = settings?.sourceOnDemand === true && remotePathOf(settings.source)?.box === remote.box;
      const isShared = box?.live === true && box.cameras.some(({ path }) => path === remote.path);
      return box?.state !== 'connected' || !isHere || isShared
        ? []
        : [{ name, why: 'notShared', text: textOf(box, remote), since: new Date(sinceMs).toISOString() }];
    });
  }
}

const textOf = (box: Pick<BoxItem, 'name' | 'live'>, { path }: RemotePath): string =>
  `box '${box.name}' does not share ${box.live ? `'${path}'` : 'live video'}: change the pairing on the box (Settings, People, Servers)`;
