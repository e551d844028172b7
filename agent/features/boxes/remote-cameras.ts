import type { CameraCommands } from '../../http/api/cameras/camera-control.ts';
import type { ProtectionLookup } from '../../http/api/recordings/protected.ts';
import type { RecordingStore, StoreOffer } from '../../playback/stores/contract.ts';
import { loadLate } from '../../protocols/late.ts';
import type { RemoteCamerasDeps, RemoteParts } from './recordings/remote-parts.ts';
import { namesByBox, remoteOf } from './requests/remote-paths.ts';
import type { BoxSettings } from './requests/remote-settings.ts';
import type { RemoteCommands } from './requests/remote-steering.ts';

/** Recordings of paths with a source `perch://`. */
export class RemoteCameras implements StoreOffer {
  readonly #deps: RemoteCamerasDeps;
  #parts: Promise<RemoteParts> | undefined;

  constructor(deps: RemoteCamerasDeps) {
    this.#deps = deps;
  }

  /** Follows the events of the configured boxes. */
  async apply(): Promise<void> {
    const config = this.#deps.config();
    if (this.#parts || namesByBox(config).size > 0) {
      const { events, copies } = await this.#load();
      await events.apply(config);
      await copies.load();
    }
  }

  async close(): Promise<void> {
    const parts = await this.#parts?.catch(() => undefined);
    await parts?.copies.close();
    await parts?.events.close();
  }

  has(path: string): boolean {
    return remoteOf(this.#deps.config(), path) !== undefined;
  }

  names(): readonly string[] {
    return [...namesByBox(this.#deps.config()).values()].flatMap((ofBox) => [...ofBox.values()].flat());
  }

  async open(): Promise<RecordingStore> {
    return (await this.#load()).box;
  }

  /** Missing parts of a saved clip are copied from the box, which may delete its recordings. */
  get protection(): ProtectionLookup {
    const { protection } = this.#deps.recordings.space;
    return {
      list: () => protection.list(),
      setNote: (...asked) => protection.setNote(...asked),
      describe: async (id) => {
        const parts = await this.#parts;
        return { ...(await protection.describe(id)), copying: parts?.copies.stateOf(id) ?? null };
      },
      unprotect: async (id) => {
        await protection.unprotect(id);
        (await this.#parts)?.copies.remove(id);
      },
      protect: async (range) => {
        const made = await protection.protect(range);
        if (this.has(range.path)) {
          (await this.#load()).copies.add(made.id);
        }
        return made;
      },
    };
  }

  /** Sends commands to cameras of boxes; @param own those to cameras of this box */
  steering(own: CameraCommands): CameraCommands {
    const sent =
      <A extends readonly unknown[], R>(
        here: (path: string, ...rest: A) => Promise<R>,
        there: (commands: RemoteCommands) => (path: string, ...rest: A) => Promise<R>,
      ) =>
      async (path: string, ...rest: A): Promise<R> =>
        this.has(path) ? there((await this.#load()).steering)(path, ...rest) : here(path, ...rest);
    return {
      ...own,
      abilities: sent(own.abilities, ({ abilities }) => abilities),
      move: sent(own.move, ({ move }) => move),
      stop: sent(own.stop, ({ stop }) => stop),
      presets: sent(own.presets, ({ presets }) => presets),
      goToPreset: sent(own.goToPreset, ({ goToPreset }) => goToPreset),
      goHome: sent(own.goHome, ({ goHome }) => goHome),
      position: sent(own.position, ({ position }) => position),
      moveTo: sent(own.moveTo, ({ moveTo }) => moveTo),
      center: sent(own.center, ({ center }) => center),
      outputs: sent(own.outputs, ({ outputs }) => outputs),
      setOutput: sent(own.setOutput, ({ setOutput }) => setOutput),
    };
  }

  async settings(): Promise<BoxSettings> {
    return (await this.#load()).settings;
  }

  #load(): Promise<RemoteParts> {
    this.#parts ??= loadLate('cameras of other boxes', () => import('./recordings/remote-parts.ts')).then(
      ({ openRemoteParts }) => openRemoteParts(this.#deps),
    );
    return this.#parts;
  }
}
