import { join } from 'node:path';
import Type from 'typebox';
import { putBounded } from '../../../base/bounded-map.ts';
import { endsWithin } from '../../../base/clock.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { camerasOf, isReady, isSubStream } from '../../../cameras/path-entries.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import type { Stream } from '../../../stream/stream.ts';
import type { FeatureProblem, Host } from '../../contract.ts';
import { type CameraHead, CameraPosition, type PositionSettings } from './camera-position.ts';
import { StoredPosition } from './stored-position.ts';

/** A stop of Perch waits this long for cameras that are being turned. */
const PATIENCE_MS = 3_000;

const Stored = Type.Object({
  cameras: Type.Array(Type.Object({ path: Type.String(), ...StoredPosition.properties })),
});

interface PositionsHost extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'config'> {
  readonly paths: Pick<Host['paths'], 'openStreams'>;
  readonly steering: Pick<Host['steering'], 'presets' | 'goToPreset' | 'goHome' | 'position' | 'moveTo' | 'steered'>;
}

/**
 * Turns each camera to where it should look: a person who steers it goes before the newest hold of a rule, that before the patrol, and
 * that before the guard position. A file of the data folder has the holds, so that cameras return after a restart.
 */
export class Positions {
  readonly #host: PositionsHost;
  readonly #settingsOf: (settings: PathSettings) => PositionSettings;
  readonly #document: StoredDocument<typeof Stored>;
  readonly #cameras = new Map<string, CameraPosition>();
  /** Read from the file, of paths whose settings have a fault: they count again when that is mended. */
  #restored = new Map<string, StoredPosition>();
  /** The streams of the cameras: another one begins after a restart of the camera. */
  readonly #streams = new Map<string, WeakRef<Stream>>();
  /** When a person has steered a camera last, also one that nothing has turned yet. */
  readonly #steeredMs = new Map<string, number>();
  #fault: string | undefined;
  #stopTicking: (() => void) | undefined;
  #stopListening = (): void => {};

  /** @param settingsOf its part of the settings of a path */
  constructor(host: PositionsHost, settingsOf: (settings: PathSettings) => PositionSettings) {
    this.#host = host;
    this.#settingsOf = settingsOf;
    this.#document = new StoredDocument(join(host.dataDir, 'positions.json'), Stored, host.log);
  }

  async begin(): Promise<void> {
    const stored = await this.#document.open('cameras that a rule has turned do not return');
    this.#fault = this.#document.fault;
    this.#restored = new Map(stored?.cameras.map(({ path, ...position }) => [path, position]));
    this.#stopListening = this.#host.steering.steered((path) => {
      // The expression of a path may fit any number of names.
      putBounded(this.#steeredMs, path, this.#host.clock.monoMs(), 500);
      this.#cameras.get(path)?.steered();
    });
  }

  async close(): Promise<void> {
    this.#stopListening();
    this.#stopTicking?.();
    this.#stopTicking = undefined;
    await endsWithin(this.#host.clock, PATIENCE_MS, this.settled());
    await this.#document.close();
  }

  /** Resolves when no call to a camera is under way. */
  async settled(): Promise<void> {
    await Promise.all([...this.#cameras.values()].map((camera) => camera.settled()));
  }

  /** Call when the configuration has changed. */
  apply(): void {
    const config = this.#host.config();
    const configured = new Map(camerasOf(config).map(({ name, settings }) => [name, this.#settingsOf(settings)]));
    for (const path of [...this.#cameras.keys(), ...this.#restored.keys()]) {
      const entry = config.paths.get(path);
      const camera = this.#cameras.get(path);
      if (entry && !isReady(entry) && camera) {
        camera.settings = { ...camera.settings, isOff: true };
      } else if (!configured.has(path) && (!entry || isReady(entry))) {
        this.#forget(path);
      }
    }
    for (const [path, settings] of configured) {
      const camera = this.#cameras.get(path);
      const restored = this.#restored.get(path);
      if (camera) {
        camera.settings = settings;
      } else if (restored || settings.ptzGuard !== '' || settings.ptzPatrol.length > 0) {
        this.#add(path, settings).restore(restored ?? { holds: [] });
      }
      this.#restored.delete(path);
    }
    this.streamOpened();
  }

  #forget(path: string): void {
    if (this.#restored.has(path) || this.#cameras.get(path)?.stored) {
      this.#host.log.warn({ path }, 'the camera stays where a rule has turned it: its path was removed');
    }
    this.#restored.delete(path);
    this.#cameras.delete(path);
    this.#streams.delete(path);
    void this.#save();
  }

  /** Call when a stream has begun: a camera that has restarted is turned again. */
  streamOpened(): void {
    for (const [path, stream] of this.#host.paths.openStreams()) {
      const camera = this.#cameras.get(path);
      if (camera && this.#streams.get(path)?.deref() !== stream) {
        this.#streams.set(path, new WeakRef(stream));
        camera.renew();
      }
    }
  }

  /**
   * Turns a camera to a preset, by name or token; afterwards it returns. Never rejects.
   * @param owner has one hold of a camera @param untilMs Unix milliseconds @returns why the camera does not turn now, or undefined
   */
  async hold(path: string, preset: string, owner: string, untilMs: number): Promise<string | undefined> {
    const config = this.#host.config();
    const settings = camerasOf(config).find(({ name }) => name === path)?.settings;
    if (!settings) {
      return isSubStream(path, config)
        ? 'it is a sub stream: name the path of its camera'
        : 'the path has no `camera` with its ONVIF address';
    }
    const camera = this.#cameras.get(path) ?? this.#add(path, this.#settingsOf(settings));
    return camera.hold(preset, owner, untilMs);
  }

  /** Ends a hold. */
  release(path: string, owner: string): void {
    this.#cameras.get(path)?.release(owner);
  }

  /** Perch turns the camera by itself, or has turned it a moment ago: what moves in its pictures is the picture. */
  isTurning(path: string): boolean {
    return this.#cameras.get(path)?.isTurning === true;
  }

  problems(): readonly FeatureProblem[] {
    const text = `${this.#fault}: positions.json could not be read; turn them back by hand`;
    const own = this.#fault === undefined ? [] : [{ why: 'damaged', text, since: null }];
    const others = [...this.#cameras].flatMap(([name, camera]) =>
      camera.problems().map((problem) => ({ name, ...problem })),
    );
    return [...own, ...others, ...this.#withoutCamera()];
  }

  /** Paths that have such settings, and no camera that Perch knows how to turn. */
  #withoutCamera(): readonly FeatureProblem[] {
    const config = this.#host.config();
    const text = 'Perch cannot turn the camera: the path has no `camera` with its ONVIF address';
    return [...config.paths.values()].flatMap(({ name, settings, pattern }) => {
      const isMeant = pattern === undefined && settings?.camera === undefined && !isSubStream(name, config);
      const { ptzGuard = '', ptzPatrol = [] } = isMeant && settings ? this.#settingsOf(settings) : {};
      return ptzGuard !== '' || ptzPatrol.length > 0 ? [{ name, why: 'noPtz', text, since: null }] : [];
    });
  }

  #add(path: string, settings: PositionSettings): CameraPosition {
    const { clock, log } = this.#host;
    const camera = new CameraPosition(settings, {
      head: this.#headOf(path),
      clock,
      steeredMs: this.#steeredMs.get(path),
      log: log.child({ path }),
      save: () => this.#save(),
    });
    this.#cameras.set(path, camera);
    this.#stopTicking ??= clock.eachSecond(() => {
      for (const one of this.#cameras.values()) {
        one.follow();
      }
    });
    return camera;
  }

  #headOf(path: string): CameraHead {
    const { steering } = this.#host;
    return {
      presets: () => steering.presets(path),
      goToPreset: (token) => steering.goToPreset(path, token),
      goHome: () => steering.goHome(path),
      position: () => steering.position(path),
      moveTo: (position) => steering.moveTo(path, position),
    };
  }

  #save(): Promise<unknown> {
    return this.#document.trySave(() => {
      const cameras = [...this.#cameras].flatMap(([path, { stored }]) => (stored ? [{ path, ...stored }] : []));
      return { cameras: [...cameras, ...[...this.#restored].map(([path, position]) => ({ path, ...position }))] };
    }, 'where cameras return after a restart cannot be saved');
  }
}
